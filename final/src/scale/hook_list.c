/* A list is believed as a whole or not at all: half a list would look like nodes that
 * have gone, and their rows would leave the route.
 *
 * Rejected: JSON.  A shell script prints lines without a library.
 * Rejected: taking two lines of one ID for one node.  A program that prints them is wrong
 * about something, and which of their states holds is not known. */
#include "scale/hook_list.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIELDS 4
#define LINE_MAX_LEN 200

struct id { /* of a line, in the text */
    const char *at;
    size_t len;
};

static bool take_state(const char *text, enum hook_node_state *out)
{
    static const char *const names[] = {"starting", "ready", "stopping"};
    int i;

    for (i = HOOK_NODE_STARTING; i <= HOOK_NODE_STOPPING; i++)
        if (strcmp(names[i], text) == 0) {
            *out = (enum hook_node_state)i;
            return true;
        }
    return false;
}

static bool take_port(const char *text, uint32_t *out)
{
    char *end;

    *out = (uint32_t)strtoul(text, &end, 10);
    return text[0] >= '1' && text[0] <= '9' && strlen(text) <= 5 && *end == '\0' &&
           *out <= UINT16_MAX;
}

static bool take_address(const char *address, const char *port, struct hook_node *n)
{
    struct in_addr a;

    if (n->state == HOOK_NODE_STARTING && strcmp(address, "-") == 0 &&
        strcmp(port, "-") == 0)
        return true;
    if (inet_pton(AF_INET, address, &a) != 1 || a.s_addr == 0)
        return false;
    n->ip = ntohl(a.s_addr);
    return take_port(port, &n->port);
}

/* Changes <line>. */
static bool take_line(char *line, struct hook_node *n)
{
    char *field[FIELDS + 1], *rest = NULL;
    int i = 0;

    for (field[0] = strtok_r(line, " \t", &rest); field[i] && i < FIELDS;)
        field[++i] = strtok_r(NULL, " \t", &rest);
    *n = (struct hook_node){0};
    return i == FIELDS && !field[FIELDS] && take_state(field[3], &n->state) &&
           take_address(field[1], field[2], n);
}

const struct hook_node *hook_list_find(const struct hook_list *l, uint32_t ip,
                                       uint32_t port)
{
    size_t i;

    for (i = 0; i < l->n; i++)
        if (l->at[i].ip == ip && l->at[i].port == port)
            return &l->at[i];
    return NULL;
}

static int add(struct hook_list *l, const struct hook_node *n, char why[HOOK_LIST_WHY])
{
    if (l->n == HOOK_NODES_MAX) {
        snprintf(why, HOOK_LIST_WHY, "it lists more than %d nodes", HOOK_NODES_MAX);
        return -EINVAL;
    }
    if (n->port != 0 && hook_list_find(l, n->ip, n->port)) {
        snprintf(why, HOOK_LIST_WHY, "line %zu lists an address a second time", l->n + 1);
        return -EINVAL;
    }
    l->at[l->n++] = *n;
    l->n_in[n->state]++;
    return 0;
}

/* Remember the ID of the line at <line>, which is right. */
static int add_id(struct id id[HOOK_NODES_MAX], size_t n, const char *line,
                  char why[HOOK_LIST_WHY])
{
    struct id x = {.at = line + strspn(line, " \t")};
    size_t i;

    x.len = strcspn(x.at, " \t");
    for (i = 0; i < n; i++)
        if (id[i].len == x.len && memcmp(id[i].at, x.at, x.len) == 0) {
            snprintf(why, HOOK_LIST_WHY,
                     "line %zu lists the ID of line %zu a second time", n + 1, i + 1);
            return -EINVAL;
        }
    id[n] = x;
    return 0;
}

int hook_list_parse(const char *text, struct hook_list *out, char why[HOOK_LIST_WHY])
{
    char line[LINE_MAX_LEN];
    struct id id[HOOK_NODES_MAX];
    struct hook_node node;
    int rc = 0;

    *out = (struct hook_list){0};
    while (*text && rc == 0) {
        size_t len = strcspn(text, "\n");

        memcpy(line, text, len < sizeof(line) ? len : 0);
        line[len < sizeof(line) ? len : 0] = '\0';
        if (text[len] == '\0' || !take_line(line, &node)) {
            snprintf(why, HOOK_LIST_WHY,
                     "line %zu of its output is not ID ADDRESS PORT "
                     "starting|ready|stopping",
                     out->n + 1);
            return -EINVAL;
        }
        rc = add(out, &node, why);
        if (rc == 0)
            rc = add_id(id, out->n - 1, text, why);
        text += len + 1;
    }
    return rc;
}
