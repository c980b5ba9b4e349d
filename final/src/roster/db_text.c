/* Without an arbiter the votes of the two rooms differ: pc.weight, in the options of
 * Galera.  zone.ini then names no arbiter, which zone-db would ask before a new cluster.
 *
 * lars_fence may stop a database, so only operators' machines may connect as it: the
 * script makes it locked for each client, and here it gets a password for those. */
#include "roster/db_text.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "roster/roster_check.h"

void db_text_no_arbiter(const struct roster *r, char out[ROSTER_NAME_LEN])
{
    unsigned i;

    snprintf(out, ROSTER_NAME_LEN, "none");
    for (i = 1; roster_zone_number(r, out) != 0; i++)
        snprintf(out, ROSTER_NAME_LEN, "none%u", i);
}

/* Where the line that begins with <start> is in <text>; NULL = there is none. */
static char *line_of(char *text, const char *start)
{
    size_t len = strlen(start);
    char *line;

    for (line = text; line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, start, len) == 0)
            return line;
    }
    return NULL;
}

/* *text with <between> instead of its <cut> bytes at <at>. */
static int replace(char **text, size_t at, size_t cut, const char *between)
{
    char *made = NULL;
    size_t len;
    FILE *to = open_memstream(&made, &len);

    if (!to)
        return -ENOMEM;
    fprintf(to, "%.*s%s%s", (int)at, *text, between, *text + at + cut);
    if (fclose(to) != 0) {
        free(made);
        return -ENOMEM;
    }
    explicit_bzero(*text, strlen(*text));
    free(*text);
    *text = made;
    return 0;
}

static int set_weight(char **text, uint32_t weight)
{
    static const char start[] = "wsrep_provider_options = \"";
    char *line = line_of(*text, start), option[40];

    if (!line)
        return -EINVAL;
    snprintf(option, sizeof(option), "pc.weight=%u;", weight);
    return replace(text, (size_t)(line - *text) + sizeof(start) - 1, 0, option);
}

static int remove_arbiter(char **text)
{
    char *line = line_of(*text, "arbiter =");

    if (!line)
        return -EINVAL;
    return replace(text, (size_t)(line - *text), strcspn(line, "\n"), "arbiter =");
}

static int unlock_fence(char **text, const struct host_conf_source *from)
{
    const struct roster *r = from->r;
    char line[200];
    unsigned i;
    int rc = 0;

    for (i = 0; i < r->n_operators && rc == 0; i++) {
        snprintf(line, sizeof(line),
                 "ALTER USER %s@'%s' IDENTIFIED BY '%s' ACCOUNT UNLOCK;\n",
                 host_conf_user[HOST_CONF_FENCE], r->operator[i],
                 from->password[HOST_CONF_FENCE]);
        rc = replace(text, strlen(*text), 0, line);
        explicit_bzero(line, sizeof(line));
    }
    return rc;
}

int db_text_change(const struct host_conf_source *from, const struct roster_host *h,
                   const char *name, char **text)
{
    bool weight = from->r->quorum == ROSTER_QUORUM_WEIGHT;

    if (strcmp(name, "setup.sql") == 0)
        return unlock_fence(text, from);
    if (weight && strcmp(name, "db.cnf") == 0)
        return set_weight(text, roster_check_weight(from->r, h));
    if (weight && strcmp(name, "zone.ini") == 0)
        return remove_arbiter(text);
    return 0;
}
