/* The difference is written in batches of many rows: the triggers lock the version of the
 * routes from the first change to the COMMIT, and all other writers wait for it.  Rows
 * that stay as they are are not written, so that agents get no update without need.
 *
 * Rejected: one statement for each operation.  A drain of a zone or an import would be
 * thousands of round trips under that lock. */
#include "ops/route_rows.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BATCH_ROWS 500 /* a statement is below 1 MiB, the usual limit */

#define ROWS                                                                             \
    "SELECT modid, cmdid, serverip, serverport, weight, zone, state, id FROM RouteData"
#define IN_ORDER " ORDER BY modid, cmdid, serverip, serverport"

static uint32_t number_of(const char *text)
{
    return text ? (uint32_t)strtoul(text, NULL, 10) : 0;
}

static int take_row(char **at, void *arg)
{
    struct node_row r = {number_of(at[0]),
                         number_of(at[1]),
                         number_of(at[2]),
                         number_of(at[3]),
                         number_of(at[4]),
                         number_of(at[7]),
                         "",
                         ""};

    snprintf(r.zone, sizeof(r.zone), "%s", at[5] ? at[5] : "");
    snprintf(r.state, sizeof(r.state), "%s", at[6] ? at[6] : "");
    return node_row_add(arg, &r);
}

static int add_condition(struct buf *b, const struct change_op *op)
{
    if (op->verb == CHANGE_ZONE)
        return sqldb_append(b,
                            "(modid, cmdid) IN (SELECT modid, cmdid FROM RouteData WHERE "
                            "zone = %s)",
                            op->node.zone);
    if (op->verb == CHANGE_HOST)
        return sqldb_append(b,
                            "(modid, cmdid) IN (SELECT modid, cmdid FROM RouteData WHERE "
                            "serverip = %u)",
                            op->node.ip);
    return sqldb_append(b, "(modid = %u AND cmdid = %u)", op->node.modid, op->node.cmdid);
}

/* A change of 500 nodes of one module names it once. */
static bool is_repeated(const struct change_op *op, size_t i)
{
    bool of_module = op[i].verb != CHANGE_ZONE && op[i].verb != CHANGE_HOST;

    return i > 0 && of_module && op[i - 1].verb != CHANGE_ZONE &&
           op[i - 1].verb != CHANGE_HOST && op[i].node.modid == op[i - 1].node.modid &&
           op[i].node.cmdid == op[i - 1].node.cmdid;
}

int route_rows_read(struct sqldb *db, const struct change_op *op, size_t n, bool lock,
                    struct node_rows *out)
{
    struct buf b = {0};
    size_t i;
    int rc = sqldb_append(&b, ROWS);

    for (i = 0; rc == 0 && i < n; i++) {
        if (is_repeated(op, i))
            continue;
        rc = sqldb_append(&b, i == 0 ? " WHERE " : " OR ");
        if (rc == 0)
            rc = add_condition(&b, &op[i]);
    }
    if (rc == 0)
        rc = sqldb_append(&b, lock ? IN_ORDER " FOR UPDATE" : IN_ORDER);
    if (rc == 0)
        rc = sqldb_each_text(db, take_row, out, &b);
    buf_free(&b);
    return rc;
}

int route_rows_in_service(struct sqldb *db, uint64_t *n)
{
    return sqldb_number(
        db, n, "SELECT COUNT(*) FROM RouteData WHERE state = 'up' AND weight > 0");
}

/* --- load --------------------------------------------------------------------------- */

static int take_load(char **at, void *arg)
{
    struct plan_load l = {number_of(at[0]), number_of(at[1]), number_of(at[2]),
                          number_of(at[3]), at[4] ? strtoull(at[4], NULL, 10) : 0};

    plan_add_load(arg, &l);
    return 0;
}

static int take_out(char **at, void *arg)
{
    plan_add_out(arg, number_of(at[0]), number_of(at[1]), number_of(at[2]),
                 number_of(at[3]));
    return 0;
}

static int take_capacity(char **at, void *arg)
{
    plan_set_capacity(arg, number_of(at[0]), number_of(at[1]), number_of(at[2]));
    return 0;
}

/* The modules of the plan as a condition; of very many, all modules, because rows of
 * others are left out later. */
static int add_modules(struct buf *b, const struct plan *p)
{
    size_t i;
    int rc = 0;

    if (p->n_module > CHANGE_OPS_MAX)
        return sqldb_append(b, "1");

    for (i = 0; rc == 0 && i < p->n_module; i++)
        rc = sqldb_append(b,
                          i == 0 ? "(modid = %u AND cmdid = %u)"
                                 : " OR (modid = %u AND cmdid = %u)",
                          p->module[i].modid, p->module[i].cmdid);
    return rc;
}

static int add_out(struct sqldb *db, struct plan *p)
{
    struct buf b = {0};
    int rc = sqldb_append(&b, "SELECT DISTINCT modid, cmdid, ip, port FROM AgentNode n "
                              "JOIN Service v ON v.name = n.agent AND v.seen_at > NOW(3) "
                              "- INTERVAL 6 SECOND WHERE n.state IN (1, 2) AND (");

    if (rc == 0)
        rc = add_modules(&b, p);
    if (rc == 0)
        rc = sqldb_append(&b, ")");
    if (rc == 0)
        rc = sqldb_each_text(db, take_out, p, &b);
    buf_free(&b);
    return rc;
}

int route_rows_add_load(struct sqldb *db, struct plan *p)
{
    struct buf b = {0};
    int rc;

    if (p->n_module == 0)
        return 0;
    rc = sqldb_append(&b, "SELECT modid, cmdid, ip, port, SUM(succ + err) FROM "
                          "CallSecond WHERE at BETWEEN UNIX_TIMESTAMP() - 62 AND "
                          "UNIX_TIMESTAMP() - 3 AND (");
    if (rc == 0)
        rc = add_modules(&b, p);
    if (rc == 0)
        rc = sqldb_append(&b, ") GROUP BY modid, cmdid, ip, port");
    if (rc == 0)
        rc = sqldb_each_text(db, take_load, p, &b);
    buf_consume(&b, b.len);
    if (rc == 0)
        rc = sqldb_append(&b, "SELECT m.modid, m.cmdid, COALESCE(NULLIF(p.node_rps, 0), "
                              "c.rps, 0) FROM (SELECT DISTINCT modid, cmdid FROM "
                              "RouteData WHERE ");
    if (rc == 0)
        rc = add_modules(&b, p);
    if (rc == 0) /* what was measured on the slowest class of hosts */
        rc = sqldb_append(&b, ") m LEFT JOIN ModulePolicy p ON p.modid = m.modid AND "
                              "p.cmdid = m.cmdid LEFT JOIN (SELECT modid, cmdid, "
                              "CAST(MIN(rps * factor) AS UNSIGNED) AS rps FROM Capacity "
                              "GROUP BY modid, cmdid) c ON c.modid = m.modid AND "
                              "c.cmdid = m.cmdid");
    if (rc == 0)
        rc = sqldb_each_text(db, take_capacity, p, &b);
    buf_free(&b);
    return rc < 0 ? rc : add_out(db, p);
}

/* --- writing ------------------------------------------------------------------------ */

/* Statements of many rows: one that deletes, one that adds and changes. */
struct batch {
    struct sqldb *db;
    struct buf gone, put;
    unsigned n_gone, n_put; /* rows of the two that are not yet run */
};

/* Run what <b> holds, followed by <end>; none when *<n> is 0. */
static int run_batch(struct sqldb *db, struct buf *b, unsigned *n, const char *end)
{
    int rc = *n == 0 ? 0 : buf_append(b, end, strlen(end));

    if (rc == 0 && *n > 0)
        rc = sqldb_each_text(db, NULL, NULL, b);
    buf_consume(b, b->len);
    *n = 0;
    return rc;
}

static int run_gone(struct batch *b)
{
    return run_batch(b->db, &b->gone, &b->n_gone, ")");
}

static int run_put(struct batch *b)
{
    return run_batch(b->db, &b->put, &b->n_put,
                     " ON DUPLICATE KEY UPDATE weight = VALUES(weight), zone = "
                     "VALUES(zone), state = VALUES(state)");
}

static int delete_row(struct batch *b, const struct node_row *r)
{
    int rc =
        sqldb_append(&b->gone,
                     b->n_gone == 0 ? "DELETE FROM RouteData WHERE id IN (%u" : ",%u",
                     r->number);

    if (rc == 0 && ++b->n_gone == BATCH_ROWS)
        rc = run_gone(b);
    return rc;
}

/* Insert the row, or change that with the number <id>; 0 = it is new. */
static int put_row(struct batch *b, const struct node_row *r, uint32_t id)
{
    int rc = sqldb_append(&b->put, b->n_put == 0
                                       ? "INSERT INTO RouteData (id, modid, cmdid, "
                                         "serverip, serverport, weight, zone, state) "
                                         "VALUES "
                                       : ",");

    if (rc == 0)
        rc = sqldb_append(&b->put, "(%u, %u, %u, %u, %u, %u, %s, %s)", id, r->modid,
                          r->cmdid, r->ip, r->port, r->weight, r->zone, r->state);
    if (rc == 0 && ++b->n_put == BATCH_ROWS)
        rc = run_put(b);
    return rc;
}

static int write_row(const struct node_row *old, const struct node_row *fresh, void *arg)
{
    return fresh ? put_row(arg, fresh, old ? old->number : 0) : delete_row(arg, old);
}

int route_rows_write(struct sqldb *db, const struct plan *p)
{
    struct batch b = {.db = db};
    int rc = plan_each(p, write_row, &b);

    if (rc == 0)
        rc = run_gone(&b);
    if (rc == 0)
        rc = run_put(&b);
    buf_free(&b.gone);
    buf_free(&b.put);
    return rc;
}
