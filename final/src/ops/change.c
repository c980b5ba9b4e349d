/* Values come as text, from the arguments of larsctl and from the JSON of the console, so
 * there is one place that knows which values are right.
 *
 * Rejected: operations as SQL.  The effect would be known only after they ran, and a
 * preview would have to run them and roll back, with the locks of a real change. */
#include "ops/change.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"
#include "lb/policies.h"

#define POLICY_NUMBER_MAX 86400000u /* a day in milliseconds */
#define POLICY_INFLIGHT_MAX 1000000u /* more than a host has ports for */
#define POLICY_TARGET_MAX 3600000u /* an hour in milliseconds */

static void host_text(uint32_t ip, char out[16])
{
    snprintf(out, 16, "%u.%u.%u.%u", ip >> 24, ip >> 16 & 255, ip >> 8 & 255, ip & 255);
}

/* Returns 0, or -EINVAL with a sentence in <why>. */
static int check_text(const char *key, const char *value, size_t max,
                      char why[CHANGE_WHY])
{
    if (!utf8_is_whole(value))
        snprintf(why, CHANGE_WHY, "%s: it is not a text in UTF-8", key);
    else if (utf8_length(value) > max)
        snprintf(why, CHANGE_WHY, "%s: it has more than %zu characters", key, max);
    else
        return 0;
    return -EINVAL;
}

static int set_text(char *to, size_t size, const char *key, const char *value, size_t max,
                    char why[CHANGE_WHY])
{
    int rc = check_text(key, value, max, why);

    if (rc == 0)
        snprintf(to, size, "%s", value);
    return rc;
}

static int set_number(uint32_t *to, const char *key, const char *value, uint32_t max,
                      char why[CHANGE_WHY])
{
    unsigned long long v;
    char *end;

    errno = 0;
    v = strtoull(value, &end, 10);
    if (value[0] < '0' || value[0] > '9' || *end != '\0' || errno != 0 || v > max) {
        snprintf(why, CHANGE_WHY, "%s: \"%.60s\" is not a number from 0 to %u", key,
                 value, max);
        return -EINVAL;
    }
    *to = (uint32_t)v;
    return 0;
}

static int set_state(struct node_row *r, const char *key, const char *value,
                     char why[CHANGE_WHY])
{
    if (!node_row_is_state(value)) {
        snprintf(why, CHANGE_WHY, "%s: \"%.60s\" is not up or drained", key, value);
        return -EINVAL;
    }
    snprintf(r->state, sizeof(r->state), "%s", value);
    return 0;
}

static int set_rule(struct change_policy *p, const char *value, char why[CHANGE_WHY])
{
    char names[100];

    if (value[0] && policies_find(value) < 0) {
        snprintf(why, CHANGE_WHY, "rule: \"%.40s\" is none of %s", value,
                 policies_names(names, sizeof(names)));
        return -EINVAL;
    }
    snprintf(p->rule, sizeof(p->rule), "%s", value);
    return 0;
}

static int set_probe(struct change_policy *p, const char *value, char why[CHANGE_WHY])
{
    if (!msg_module_meta_is_probe(value) || strlen(value) >= sizeof(p->probe)) {
        snprintf(why, CHANGE_WHY,
                 "probe: \"%.70s\" is neither a path such as /healthz nor echo; leave it "
                 "empty for TCP",
                 value);
        return -EINVAL;
    }
    snprintf(p->probe, sizeof(p->probe), "%s", value);
    return 0;
}

static int set_node_field(struct change_op *op, const char *key, const char *value,
                          char why[CHANGE_WHY])
{
    struct node_row *r = &op->node;

    if (strcmp(key, "zone") == 0) {
        op->fields |= CHANGE_F_ZONE;
        return set_text(r->zone, sizeof(r->zone), key, value, NODE_ROW_ZONE, why);
    }
    if (strcmp(key, "weight") == 0) {
        op->fields |= CHANGE_F_WEIGHT;
        return set_number(&r->weight, key, value, NODE_ROW_WEIGHT_MAX, why);
    }
    if (strcmp(key, "state") == 0) {
        op->fields |= CHANGE_F_STATE;
        return set_state(r, key, value, why);
    }
    snprintf(why, CHANGE_WHY, "\"%.60s\" is not zone, weight or state", key);
    return -EINVAL;
}

static int set_policy_field(struct change_op *op, const char *key, const char *value,
                            char why[CHANGE_WHY])
{
    struct change_policy *p = &op->policy;
    const struct {
        const char *key;
        uint32_t *to, max;
        unsigned field;
    } numbers[] = {
        {"timeout_ms", &p->timeout_ms, POLICY_NUMBER_MAX, CHANGE_F_TIMEOUT_MS},
        {"slow_ms", &p->slow_ms, POLICY_NUMBER_MAX, CHANGE_F_SLOW_MS},
        {"node_rps", &p->node_rps, POLICY_NUMBER_MAX, CHANGE_F_NODE_RPS},
        {"node_inflight", &p->node_inflight, POLICY_INFLIGHT_MAX, CHANGE_F_NODE_INFLIGHT},
        {"target_ms", &p->target_ms, POLICY_TARGET_MAX, CHANGE_F_TARGET_MS}};
    size_t i;

    for (i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
        if (strcmp(key, numbers[i].key) == 0) {
            op->fields |= numbers[i].field;
            return set_number(numbers[i].to, key, value, numbers[i].max, why);
        }
    if (strcmp(key, "rule") == 0) {
        op->fields |= CHANGE_F_RULE;
        return set_rule(p, value, why);
    }
    if (strcmp(key, "probe") == 0) {
        op->fields |= CHANGE_F_PROBE;
        return set_probe(p, value, why);
    }
    snprintf(why, CHANGE_WHY,
             "\"%.60s\" is not rule, probe, timeout_ms, slow_ms, node_rps, node_inflight "
             "or target_ms",
             key);
    return -EINVAL;
}

int change_set_field(struct change_op *op, const char *key, const char *value,
                     char why[CHANGE_WHY])
{
    return op->verb == CHANGE_POLICY ? set_policy_field(op, key, value, why)
                                     : set_node_field(op, key, value, why);
}

int change_set_names(struct change_op *op, const char *name, const char *command,
                     char why[CHANGE_WHY])
{
    int rc = name ? check_text("NAME", name, CHANGE_NAME_CHARACTERS, why) : 0;

    if (rc == 0 && command)
        rc = check_text("COMMAND", command, CHANGE_NAME_CHARACTERS, why);
    if (rc < 0)
        return rc;
    op->name = name;
    op->command = command;
    return 0;
}

/* --- applying ----------------------------------------------------------------------- */

static void copy_fields(struct node_row *to, const struct change_op *op)
{
    if (op->fields & CHANGE_F_WEIGHT)
        to->weight = op->node.weight;
    if (op->fields & CHANGE_F_ZONE)
        memcpy(to->zone, op->node.zone, sizeof(to->zone));
    if (op->fields & CHANGE_F_STATE)
        memcpy(to->state, op->node.state, sizeof(to->state));
}

static bool same_module(const struct node_row *a, const struct node_row *b)
{
    return a->modid == b->modid && a->cmdid == b->cmdid;
}

static int apply_to_node(const struct change_op *op, struct node_rows *rows,
                         char why[CHANGE_WHY])
{
    size_t i = node_row_find(rows, &op->node);
    bool there = i < rows->n && node_row_cmp(&rows->at[i], &op->node) == 0;
    struct node_row fresh = {.weight = 100, .state = "up"};
    const char *wrong;
    char host[16];

    if (there == (op->verb == CHANGE_ADD)) {
        host_text(op->node.ip, host);
        snprintf(why, CHANGE_WHY, "%s:%u is %s a node of %u/%u", host, op->node.port,
                 there ? "already" : "not", op->node.modid, op->node.cmdid);
        return -EINVAL;
    }
    if (op->verb == CHANGE_REMOVE) {
        node_row_remove(rows, i);
        return 0;
    }
    if (op->verb == CHANGE_SET) {
        copy_fields(&rows->at[i], op);
        return 0;
    }
    fresh.modid = op->node.modid;
    fresh.cmdid = op->node.cmdid;
    fresh.ip = op->node.ip;
    fresh.port = op->node.port;
    copy_fields(&fresh, op);
    wrong = node_row_wrong(&fresh);
    if (wrong) {
        snprintf(why, CHANGE_WHY, "%s", wrong);
        return -EINVAL;
    }
    return node_row_insert(rows, i, &fresh);
}

/* A drain takes the nodes of a zone that are up, its return takes these and no others:
 * what an operator has drained one by one stays so. */
static void set_state_in_zone(struct node_row *r, const char *state)
{
    bool drain = strcmp(state, "up") != 0;

    if (strcmp(r->state, drain ? "up" : NODE_ROW_ZONE_DRAINED) == 0)
        snprintf(r->state, sizeof(r->state), "%s", drain ? NODE_ROW_ZONE_DRAINED : "up");
}

/* The state of every row that <op>, of a host or a zone, is about. */
static int apply_to_many(const struct change_op *op, struct node_rows *rows,
                         char why[CHANGE_WHY])
{
    bool zone = op->verb == CHANGE_ZONE;
    char host[16];
    size_t i, n = 0;

    if (!node_row_is_state(op->node.state)) {
        snprintf(why, CHANGE_WHY, "%s", NODE_ROW_WRONG_STATE);
        return -EINVAL;
    }
    if (zone && !op->node.zone[0]) {
        snprintf(why, CHANGE_WHY,
                 "the zone has no name; name nodes without a zone one by one, or by "
                 "their host");
        return -EINVAL;
    }
    for (i = 0; i < rows->n; i++) {
        struct node_row *r = &rows->at[i];
        bool is_meant = zone ? strcmp(r->zone, op->node.zone) == 0 : r->ip == op->node.ip;

        if (!is_meant)
            continue;
        if (zone)
            set_state_in_zone(r, op->node.state);
        else
            memcpy(r->state, op->node.state, sizeof(r->state));
        n++;
    }
    if (n > 0 || (zone && strcmp(op->node.state, "up") == 0))
        return 0; /* a zone can be drained and have lost its nodes since */
    host_text(op->node.ip, host);
    snprintf(why, CHANGE_WHY, "no node is in %.130s", zone ? op->node.zone : host);
    return -EINVAL;
}

static int apply_to_module(const struct change_op *op, struct node_rows *rows,
                           char why[CHANGE_WHY])
{
    struct node_row first = {.modid = op->node.modid, .cmdid = op->node.cmdid};
    size_t i = node_row_find(rows, &first), end;

    if (i == rows->n || !same_module(&rows->at[i], &first)) {
        snprintf(why, CHANGE_WHY, "there is no module %u/%u", first.modid, first.cmdid);
        return -EINVAL;
    }
    if (op->verb != CHANGE_REMOVE_MODULE)
        return 0;
    end = node_row_module_end(rows, i);
    memmove(&rows->at[i], &rows->at[end], (rows->n - end) * sizeof(*rows->at));
    rows->n -= end - i;
    return 0;
}

static int apply_one(const struct change_op *op, struct node_rows *rows,
                     char why[CHANGE_WHY])
{
    switch (op->verb) {
    case CHANGE_ADD:
    case CHANGE_SET:
    case CHANGE_REMOVE:
        return apply_to_node(op, rows, why);
    case CHANGE_HOST:
    case CHANGE_ZONE:
        return apply_to_many(op, rows, why);
    case CHANGE_REMOVE_MODULE:
    case CHANGE_NAME:
    case CHANGE_POLICY:
        return apply_to_module(op, rows, why);
    case CHANGE_NO_POLICY:
    case CHANGE_CONFIRM:
        return 0;
    }
    return -EINVAL;
}

int change_apply(const struct change_op *op, size_t n, struct node_rows *rows,
                 char why[CHANGE_WHY], size_t *bad)
{
    int rc = 0;
    size_t i;

    for (i = 0; i < n && rc == 0; i++) {
        *bad = i;
        rc = apply_one(&op[i], rows, why);
    }
    return rc;
}
