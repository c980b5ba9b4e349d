/* export and import.  Import makes the routes of the database those of the file: it reads
 * the whole file, then compares it with the rows, which it locks, and writes only what
 * differs, in one transaction.  A bad line changes nothing, and an import of what export
 * wrote changes nothing, so that agents get no update without need.
 *
 * Rejected: DELETE of all rows and INSERT of the file.  Every module would change, and
 * the removal guard of lars-dnsd would see a mass removal. */
#include "ctl/cmd_files.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LINE_MAX_LEN 1000

static int export_routes(struct ctl *c, int argc, char **argv)
{
    enum table_format f = c->format;
    int code;

    (void)argc;
    (void)argv;
    c->format = f == TABLE_TEXT ? TABLE_CSV : f;
    code = ctl_print(c, "modid# cmdid# node zone weight# state",
                     "SELECT modid, cmdid, CONCAT(INET_NTOA(serverip), ':', serverport), "
                     "zone, weight, state FROM RouteData "
                     "ORDER BY modid, cmdid, serverip, serverport");
    c->format = f;
    return code;
}

/* One node of one module: a line of the file, or a row of the database. */
struct row {
    uint32_t modid, cmdid, ip, port, weight;
    char zone[33], state[9];
};

struct rows {
    struct row *at;
    size_t n, cap;
};

static int add_row(struct rows *rows, const struct row *r)
{
    size_t cap = rows->cap ? rows->cap * 2 : 256;
    struct row *at;

    if (rows->n == rows->cap) {
        at = realloc(rows->at, cap * sizeof(*at));
        if (!at)
            return -ENOMEM;
        rows->at = at;
        rows->cap = cap;
    }
    rows->at[rows->n++] = *r;
    return 0;
}

/* By module, then by node. */
static int cmp_row(const void *pa, const void *pb)
{
    const struct row *a = pa, *b = pb;

    if (a->modid != b->modid)
        return a->modid < b->modid ? -1 : 1;
    if (a->cmdid != b->cmdid)
        return a->cmdid < b->cmdid ? -1 : 1;
    if (a->ip != b->ip)
        return a->ip < b->ip ? -1 : 1;
    return a->port < b->port ? -1 : a->port > b->port;
}

/* Cut <line> at its commas.  Returns whether there are exactly six words. */
static bool split_line(char *line, char *word[6])
{
    size_t i;

    line[strcspn(line, "\r\n")] = '\0';
    for (i = 0; i < 6; i++) {
        word[i] = strsep(&line, ",");
        if (!word[i])
            return false;
    }
    return line == NULL;
}

/* modid,cmdid,node,zone,weight,state.  Returns 0, or CTL_USAGE after a line on standard
 * error. */
static int parse_line(char *line, struct row *r)
{
    char *word[6];
    int code;

    if (!split_line(line, word))
        return ctl_say(CTL_USAGE, "a line must be modid,cmdid,node,zone,weight,state");
    code = ctl_module(word, &r->modid, &r->cmdid);
    if (code == 0)
        code = ctl_node(word[2], &r->ip, &r->port);
    if (code == 0)
        code = ctl_u32(word[4], "weight", 10000, &r->weight);
    if (code == 0 && strcmp(word[5], "up") != 0 && strcmp(word[5], "drained") != 0)
        code = ctl_say(CTL_USAGE, "state: \"%s\" is not up or drained", word[5]);
    if (code == 0 && strlen(word[3]) >= sizeof(r->zone))
        code = ctl_say(CTL_USAGE, "zone: \"%s\" is longer than 32", word[3]);
    if (code != 0)
        return code;
    snprintf(r->zone, sizeof(r->zone), "%s", word[3]);
    snprintf(r->state, sizeof(r->state), "%s", word[5]);
    return 0;
}

/* Returns an exit code. */
static int read_lines(FILE *f, const char *path, struct rows *rows)
{
    char line[LINE_MAX_LEN];
    unsigned n = 0;
    struct row r;

    while (fgets(line, sizeof(line), f)) {
        n++;
        if (n == 1 && strncmp(line, "modid", 5) == 0)
            continue;                 /* the names of the columns */
        if (parse_line(line, &r) != 0)
            return ctl_say(CTL_USAGE, "%s:%u: this line is wrong; nothing was changed",
                           path, n);
        if (add_row(rows, &r) < 0)
            return ctl_say(CTL_FAILED, "out of memory");
    }
    if (rows->n > 0)
        qsort(rows->at, rows->n, sizeof(*rows->at), cmp_row);
    return CTL_OK;
}

static int read_file(const char *path, struct rows *rows)
{
    bool is_stdin = strcmp(path, "-") == 0;
    FILE *f = is_stdin ? stdin : fopen(path, "re");
    int code;

    if (!f)
        return ctl_say(CTL_USAGE, "%s: %s", path, strerror(errno));
    code = read_lines(f, path, rows);
    if (!is_stdin)
        fclose(f);
    return code;
}

/* The rows of the database, locked until the transaction ends.  Returns 0 or -errno. */
static int read_routes(struct ctl *c, struct rows *rows)
{
    struct table *t;
    size_t i;
    int rc = table_create(&t, "modid cmdid ip port weight zone state");

    if (rc < 0)
        return rc;
    rc =
        ctldb_table(c->db, t,
                    "SELECT modid, cmdid, serverip, serverport, weight, zone, state FROM "
                    "RouteData ORDER BY modid, cmdid, serverip, serverport FOR UPDATE");
    for (i = 0; rc == 0 && i < table_n_rows(t); i++) {
        struct row r;

        r.modid = (uint32_t)strtoul(table_cell(t, i, 0), NULL, 10);
        r.cmdid = (uint32_t)strtoul(table_cell(t, i, 1), NULL, 10);
        r.ip = (uint32_t)strtoul(table_cell(t, i, 2), NULL, 10);
        r.port = (uint32_t)strtoul(table_cell(t, i, 3), NULL, 10);
        r.weight = (uint32_t)strtoul(table_cell(t, i, 4), NULL, 10);
        snprintf(r.zone, sizeof(r.zone), "%s", table_cell(t, i, 5));
        snprintf(r.state, sizeof(r.state), "%.8s", table_cell(t, i, 6));
        rc = add_row(rows, &r);
    }
    table_destroy(t);
    return rc;
}

#define WHERE_NODE "WHERE modid = %u AND cmdid = %u AND serverip = %u AND serverport = %u"

static int delete_row(struct ctl *c, const struct row *r)
{
    return ctldb_run(c->db, "DELETE FROM RouteData " WHERE_NODE, r->modid, r->cmdid,
                     r->ip, r->port);
}

static int insert_row(struct ctl *c, const struct row *r)
{
    return ctldb_run(c->db,
                     "INSERT INTO RouteData (modid, cmdid, serverip, serverport, weight, "
                     "zone, state) VALUES (%u, %u, %u, %u, %u, %s, %s)",
                     r->modid, r->cmdid, r->ip, r->port, r->weight, r->zone, r->state);
}

static int update_row(struct ctl *c, const struct row *r)
{
    return ctldb_run(
        c->db, "UPDATE RouteData SET weight = %u, zone = %s, state = %s " WHERE_NODE,
        r->weight, r->zone, r->state, r->modid, r->cmdid, r->ip, r->port);
}

struct diff {
    unsigned gone, added, changed;
};

/* Both lists are sorted, so one pass finds what differs.  Without <apply> it only counts.
 * Returns 0 or -errno. */
static int merge_rows(struct ctl *c, const struct rows *has, const struct rows *want,
                      bool apply, struct diff *d)
{
    size_t i = 0, k = 0;
    int rc = 0;

    *d = (struct diff){0};
    while (rc == 0 && (i < has->n || k < want->n)) {
        const struct row *h = &has->at[i], *w = &want->at[k];
        int order = i == has->n ? 1 : k == want->n ? -1 : cmp_row(h, w);

        i += order <= 0;
        k += order >= 0;
        if (order < 0) {
            d->gone++;
            rc = apply ? delete_row(c, h) : 0;
        } else if (order > 0) {
            d->added++;
            rc = apply ? insert_row(c, w) : 0;
        } else if (h->weight != w->weight || strcmp(h->zone, w->zone) != 0 ||
                   strcmp(h->state, w->state) != 0) {
            d->changed++;
            rc = apply ? update_row(c, w) : 0;
        }
    }
    return rc;
}

/* All changes are one transaction.  Returns an exit code. */
static int apply_import(struct ctl *c, const struct rows *want)
{
    struct rows has = {0};
    struct diff d = {0};
    int rc = ctldb_run(c->db, "SET @lars_confirmed = 1"), code = CTL_OK;

    if (rc == 0)
        rc = ctldb_run(c->db, "START TRANSACTION");
    if (rc == 0)
        rc = read_routes(c, &has);
    if (rc == 0)
        rc = merge_rows(c, &has, want, false, &d);
    if (rc == 0 && d.gone > 0 && !c->yes)
        code = ctl_say(CTL_NEEDS_YES,
                       "this would remove %u of %zu nodes, add %u and change %u; give -y "
                       "to do it",
                       d.gone, has.n, d.added, d.changed);
    if (rc == 0 && code == CTL_OK)
        rc = merge_rows(c, &has, want, true, &d);
    if (rc == 0)
        rc = code == CTL_OK ? ctldb_commit_routes(c->db) : ctldb_run(c->db, "ROLLBACK");
    free(has.at);
    if (rc < 0)
        return ctl_db_failed(c, rc);
    if (code == CTL_OK)
        fprintf(stderr, "removed %u, added %u, changed %u\n", d.gone, d.added, d.changed);
    return code;
}

static int import_routes(struct ctl *c, int argc, char **argv)
{
    struct rows want = {0};
    int code = read_file(argv[0], &want);

    (void)argc;
    if (code == CTL_OK)
        code = apply_import(c, &want);
    free(want.at);
    return code;
}

const struct ctl_cmd cmd_files[] = {
    {"export", "", "", 0, 0, "Print all routes as CSV.", export_routes,
     "With -o json the routes are printed as JSON."},
    {"import", "", "FILE", 1, 1, "Make the routes those of a CSV file; - reads stdin.",
     import_routes,
     "The file has the form that export writes: modid,cmdid,node,zone,weight,state. "
     "Nodes that are not in it are removed; that needs -y. A wrong line changes "
     "nothing."},
    {NULL, NULL, NULL, 0, 0, NULL, NULL, NULL}};
