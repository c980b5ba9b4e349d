/* export and import.  Import makes the routes of the database those of the file: it reads
 * the whole file, then compares it with the rows, which it locks, and writes only what
 * differs, in one transaction.  A bad line changes nothing, and an import of what export
 * wrote changes nothing, so that agents get no update without need.
 *
 * The differences are written in batches of many rows: the triggers lock the version of
 * the routes from the first change to the COMMIT, and all other writers wait for it.
 *
 * Rejected: DELETE of all rows and INSERT of the file.  Every module would change, and
 * the removal guard of lars-dnsd would see a mass removal. */
#include "ctl/cmd_files.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/route_csv.h"

#define N_CELLS 6 /* modid,cmdid,node,zone,weight,state */
#define BATCH_ROWS 500 /* a statement is below 1 MiB, the usual limit */

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

/* The rows of the database, locked until the transaction ends.  Returns 0 or -errno. */
static int read_routes(struct ctl *c, struct route_csv *rows)
{
    struct table *t;
    size_t i;
    int rc = table_create(&t, "modid cmdid ip port weight zone state id");

    if (rc < 0)
        return rc;
    rc = ctldb_table(c->db, t,
                     "SELECT modid, cmdid, serverip, serverport, weight, zone, state, id "
                     "FROM RouteData ORDER BY modid, cmdid, serverip, serverport FOR "
                     "UPDATE");
    for (i = 0; rc == 0 && i < table_n_rows(t); i++) {
        struct route_csv_row r;

        r.modid = (uint32_t)strtoul(table_cell(t, i, 0), NULL, 10);
        r.cmdid = (uint32_t)strtoul(table_cell(t, i, 1), NULL, 10);
        r.ip = (uint32_t)strtoul(table_cell(t, i, 2), NULL, 10);
        r.port = (uint32_t)strtoul(table_cell(t, i, 3), NULL, 10);
        r.weight = (uint32_t)strtoul(table_cell(t, i, 4), NULL, 10);
        snprintf(r.zone, sizeof(r.zone), "%s", table_cell(t, i, 5));
        snprintf(r.state, sizeof(r.state), "%s", table_cell(t, i, 6));
        r.number = (unsigned)strtoul(table_cell(t, i, 7), NULL, 10);
        rc = route_csv_add(rows, &r);
    }
    table_destroy(t);
    return rc;
}

/* Statements of many rows: one that deletes, one that adds and changes. */
struct batch {
    struct ctl *c;
    struct buf gone, put;
    unsigned n_gone, n_put; /* rows of the two that are not yet run */
};

/* Run what <b> holds, followed by <end>; none when *<n> is 0.  Returns 0 or -errno. */
static int run_batch(struct ctl *c, struct buf *b, unsigned *n, const char *end)
{
    int rc = *n == 0 ? 0 : buf_append(b, end, strlen(end) + 1);

    if (rc == 0 && *n > 0)
        rc = ctldb_run_text(c->db, buf_bytes(b));
    buf_consume(b, b->len);
    *n = 0;
    return rc;
}

static int run_gone(struct batch *b)
{
    return run_batch(b->c, &b->gone, &b->n_gone, ")");
}

static int run_put(struct batch *b)
{
    return run_batch(b->c, &b->put, &b->n_put,
                     " ON DUPLICATE KEY UPDATE weight = VALUES(weight), zone = "
                     "VALUES(zone), state = VALUES(state)");
}

static int delete_row(struct batch *b, const struct route_csv_row *r)
{
    int rc =
        b->n_gone == 0
            ? ctldb_append(&b->gone, "DELETE FROM RouteData WHERE id IN (%u", r->number)
            : ctldb_append(&b->gone, ",%u", r->number);

    if (rc == 0 && ++b->n_gone == BATCH_ROWS)
        rc = run_gone(b);
    return rc;
}

/* Insert the row, or change that with the number <id>; 0 = it is new. */
static int put_row(struct batch *b, const struct route_csv_row *r, unsigned id)
{
    int rc = b->n_put == 0
                 ? ctldb_append(&b->put, "INSERT INTO RouteData (id, modid, cmdid, "
                                         "serverip, serverport, weight, zone, state) "
                                         "VALUES ")
                 : ctldb_append(&b->put, ",");

    if (rc == 0)
        rc = ctldb_append(&b->put, "(%u, %u, %u, %u, %u, %u, %s, %s)", id, r->modid,
                          r->cmdid, r->ip, r->port, r->weight, r->zone, r->state);
    if (rc == 0 && ++b->n_put == BATCH_ROWS)
        rc = run_put(b);
    return rc;
}

/* What larsctl does not write into the database; NULL = the row is as it should be. */
static const char *what_is_odd(const struct route_csv_row *r)
{
    if (r->modid == 0 && r->cmdid == 0)
        return "there is no module 0 0; MODID or CMDID must be above 0";
    if (r->ip == 0 || r->port == 0 || r->port > UINT16_MAX)
        return "the node is not like 10.0.0.1:80";
    if (r->weight > CTL_WEIGHT_MAX)
        return "the weight is not a number from 0 to 10000";
    if (strcmp(r->state, "up") != 0 && strcmp(r->state, "drained") != 0)
        return "the state is not up or drained";
    return NULL;
}

static bool in_service(const struct route_csv_row *r)
{
    return strcmp(r->state, "up") == 0 && r->weight > 0;
}

struct diff {
    unsigned gone, added, changed;
    unsigned had, left, drained; /* nodes in service before and after; changed rows
                                       * that are no longer in service */
};

/* Count the pair; either may be NULL.  Returns 0, or CTL_USAGE after a line on standard
 * error. */
static int count_pair(struct diff *d, const struct route_csv_row *h,
                      const struct route_csv_row *w)
{
    bool same = h && w && h->weight == w->weight && strcmp(h->zone, w->zone) == 0 &&
                strcmp(h->state, w->state) == 0;
    const char *odd = w && !same ? what_is_odd(w) : NULL;

    if (odd)
        return ctl_say(CTL_USAGE, "line %u: %s; nothing was changed", w->number, odd);
    d->gone += h && !w;
    d->added += w && !h;
    d->changed += h && w && !same;
    d->had += h && in_service(h);
    d->left += w && in_service(w);
    d->drained += h && w && in_service(h) && !in_service(w);
    return 0;
}

static int write_pair(struct batch *b, const struct route_csv_row *h,
                      const struct route_csv_row *w)
{
    if (!w)
        return delete_row(b, h);
    if (h && h->weight == w->weight && strcmp(h->zone, w->zone) == 0 &&
        strcmp(h->state, w->state) == 0)
        return 0;
    return put_row(b, w, h ? h->number : 0);
}

/* Both lists are sorted, so one pass finds what differs.  Without <b> the pairs are
 * counted in <d>, with it they are written.  Returns 0, CTL_USAGE or -errno. */
static int merge_rows(const struct route_csv *has, const struct route_csv *want,
                      struct diff *d, struct batch *b)
{
    size_t i = 0, k = 0;
    int rc = 0;

    while (rc == 0 && (i < has->n || k < want->n)) {
        int order = i == has->n    ? 1
                    : k == want->n ? -1
                                   : route_csv_cmp(&has->at[i], &want->at[k]);
        const struct route_csv_row *h = order <= 0 ? &has->at[i++] : NULL;
        const struct route_csv_row *w = order >= 0 ? &want->at[k++] : NULL;

        rc = b ? write_pair(b, h, w) : count_pair(d, h, w);
    }
    return rc;
}

/* Returns 0 or -errno. */
static int write_rows(struct ctl *c, const struct route_csv *has,
                      const struct route_csv *want)
{
    struct batch b = {.c = c};
    int rc = merge_rows(has, want, NULL, &b);

    if (rc == 0)
        rc = run_gone(&b);
    if (rc == 0)
        rc = run_put(&b);
    buf_free(&b.gone);
    buf_free(&b.put);
    return rc;
}

/* May the difference be written?  Returns an exit code. */
static int ask_for_yes(const struct ctl *c, const struct diff *d, size_t n, bool all)
{
    if (d->had > 0 && d->left == 0 && !all)
        return ctl_say(
            CTL_NEEDS_YES,
            "this would leave no node in service of the %u that are; to do it: "
            "larsctl -y import FILE remove-all",
            d->had);
    if (d->gone + d->drained > 0 && !c->yes)
        return ctl_say(
            CTL_NEEDS_YES,
            "this would remove %u of %zu nodes, add %u and change %u, of which "
            "%u get no new calls; give -y to do it",
            d->gone, n, d->added, d->changed, d->drained);
    return CTL_OK;
}

/* All changes are one transaction.  Returns an exit code. */
static int apply_import(struct ctl *c, const struct route_csv *want, bool all)
{
    struct route_csv has = {0};
    struct diff d = {0};
    int rc = ctldb_run(c->db, "SET @lars_confirmed = 1"), code = CTL_OK;

    if (rc == 0)
        rc = ctldb_run(c->db, "START TRANSACTION");
    if (rc == 0)
        rc = read_routes(c, &has);
    if (rc == 0)
        code = merge_rows(&has, want, &d, NULL);
    if (rc == 0 && code == CTL_OK)
        code = ask_for_yes(c, &d, has.n, all);
    if (rc == 0 && code == CTL_OK)
        rc = write_rows(c, &has, want);
    if (rc == 0)
        rc = code == CTL_OK ? ctldb_commit_routes(c->db) : ctldb_run(c->db, "ROLLBACK");
    route_csv_free(&has);
    if (rc < 0)
        return ctl_db_failed(c, rc);
    if (code == CTL_OK)
        fprintf(stderr, "removed %u, added %u, changed %u\n", d.gone, d.added, d.changed);
    return code;
}

static int import_routes(struct ctl *c, int argc, char **argv)
{
    bool all = argc > 1 && strcmp(argv[1], "remove-all") == 0;
    struct route_csv want = {0};
    int code;

    if (argc > 1 && !all)
        return ctl_say(CTL_USAGE, "\"%s\" is not remove-all", argv[1]);
    code = route_csv_read(argv[0], &want, all);
    if (code == CTL_OK)
        code = apply_import(c, &want, all);
    route_csv_free(&want);
    return code;
}

const struct ctl_cmd cmd_files[] = {
    {"export", "", "", 0, 0, "Print all routes as CSV.", export_routes,
     "With -o json the routes are printed as JSON."},
    {"import", "", "FILE [remove-all]", 1, 2,
     "Make the routes those of a CSV file; - reads stdin.", import_routes,
     "The file has the form that export writes: modid,cmdid,node,zone,weight,state. "
     "Nodes that are not in it are removed; that needs -y, and so does a line that "
     "drains a node. An import that leaves no node in service needs the word remove-all "
     "as well, and a file without routes is refused without it. A wrong line changes "
     "nothing."},
    {NULL, NULL, NULL, 0, 0, NULL, NULL, NULL}};
