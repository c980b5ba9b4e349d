/* What passed is kept as a route table, <good>: tables share what stays the same, and
 * it is all that a hold needs.  A change is loaded as a change only while nothing is
 * held; with a hold every load is of everything, and all modules are judged together.
 * That is slow and simple, for a state that a person is called for. */
#include "dns/removal_guard.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "dns/route_snapshot.h"
#include "route/routefile.h"

struct removal_guard {
    struct db db;                     /* first: we are one */
    struct db *inner;
    struct removal_guard_config cfg;
    char *file;
    struct route_table *good;         /* NULL = nothing passed yet, and no file */
    struct holds *holds;
    struct route_snapshot *keep;
    bool loaded;                      /* the database has answered */
    _Atomic uint64_t n_held, stale;
};

/* Append the nodes of <r>. */
static int add_route(struct db_rows *rows, const struct route *r)
{
    uint32_t i;
    int rc = 0;

    for (i = 0; i < r->n_node && rc == 0; i++)
        rc = db_rows_add_node(rows, r->modid, r->cmdid, &r->node[i]);
    return rc;
}

/* All of <t> but the held modules, which are as in <good>. */
static int mix(struct removal_guard *g, struct db_rows *rows, const struct route_table *t)
{
    size_t i;
    int rc = 0;

    rows->n = 0;
    for (i = 0; i < route_table_n_modules(t) && rc == 0; i++) {
        const struct route *r = route_table_at(t, i);

        if (!holds_has(g->holds, r->modid, r->cmdid))
            rc = add_route(rows, r);
    }
    for (i = 0; i < holds_n(g->holds) && rc == 0; i++) {
        const struct hold *h = holds_at(g->holds, i);

        rc = add_route(rows, route_table_find(g->good, h->modid, h->cmdid));
    }
    return rc;
}

static void say_held(struct removal_guard *g, uint64_t version)
{
    size_t i, n = holds_n(g->holds);

    for (i = 0; n != g->n_held && i < n; i++) {
        const struct hold *h = holds_at(g->holds, i);

        LOG_ERROR("route.held",
                  "modid=%u cmdid=%u nodes=%u gone=%u version=%llu: the old nodes are "
                  "served; mend: larsctl route confirm %u %u, or put them back",
                  h->modid, h->cmdid, h->had, h->gone, (unsigned long long)version,
                  h->modid, h->cmdid);
    }
    if (n < g->n_held)
        LOG_INFO("route.released", "still_held=%zu", n);
    g->n_held = n;
}

/* Takes <next>: it is what passed, from now on. */
static void set_good(struct removal_guard *g, struct route_table *next)
{
    if (!g->good || !route_table_equal(g->good, next))
        route_snapshot_put(g->keep, next);
    route_table_unref(g->good);
    g->good = next;
}

/* Replace <out> and *<t> by what may pass of them.  0 or -errno. */
static int pass_what_may(struct removal_guard *g, struct db_rows *out,
                         struct route_table **t)
{
    uint64_t version = route_table_version(*t);
    struct route_table *mixed;
    int rc = mix(g, out, *t);

    if (rc == 0)
        rc = route_table_create(&mixed, out->at, out->n, version);
    if (rc < 0)
        return rc;
    route_table_unref(*t);
    *t = mixed;
    return 0;
}

static int judge(struct removal_guard *g, const struct route_table *next)
{
    return g->good ? holds_judge(g->holds, g->good, next, g->cfg.confirmed, g->cfg.arg)
                   : 0;
}

static int fail(struct removal_guard *g, int rc)
{
    snprintf(g->db.error, sizeof(g->db.error), "%s", db_error(g->inner));
    return rc;
}

/* The routes of the file, once, while the database has never answered. */
static int serve_file(struct removal_guard *g, struct db_rows *out, uint64_t *version,
                      int why)
{
    int rc;

    if (g->loaded || g->stale || !g->good)
        return fail(g, why);
    rc = mix(g, out, g->good);
    if (rc < 0)
        return rc;
    *version = route_table_version(g->good);
    g->stale = 1;
    LOG_WARN("route.last_known_good",
             "file=%s version=%llu modules=%zu nodes=%zu: served without the database: "
             "%s",
             g->file, (unsigned long long)*version, route_table_n_modules(g->good),
             route_table_n_nodes(g->good), db_error(g->inner));
    return 0;
}

static int g_load_all(struct db *db, struct db_rows *out, uint64_t *version)
{
    struct removal_guard *g = (struct removal_guard *)db;
    struct route_table *t;
    int rc = db_load_all(g->inner, out, version);

    if (rc < 0)
        return serve_file(g, out, version, rc);
    rc = route_table_create(&t, out->at, out->n, *version);
    if (rc < 0)
        return rc;
    rc = judge(g, t);
    if (rc > 0)
        rc = pass_what_may(g, out, &t);
    if (rc < 0) {
        route_table_unref(t);
        return fail(g, rc);
    }
    say_held(g, *version);
    set_good(g, t);
    g->loaded = true;
    g->stale = 0;
    return 0;
}

static int g_load_changes(struct db *db, uint64_t since, struct db_rows *changed,
                          struct db_rows *out, uint64_t *version)
{
    struct removal_guard *g = (struct removal_guard *)db;
    struct route_table *next;
    int rc;

    if (!g->good || g->n_held > 0)
        return -EAGAIN;
    rc = db_load_changes(g->inner, since, changed, out, version);
    if (rc < 0)
        return fail(g, rc);
    rc = route_table_update(&next, g->good, changed->at, changed->n, out->at, out->n,
                            *version);
    if (rc < 0)
        return rc;
    rc = judge(g, next);
    if (rc != 0) {
        route_table_unref(next);
        return rc < 0 ? fail(g, rc) : -EAGAIN; /* the full load mixes, and says so */
    }
    set_good(g, next);
    return 0;
}

static int g_version(struct db *db, uint64_t *version)
{
    struct removal_guard *g = (struct removal_guard *)db;
    int rc = db_version(g->inner, version);

    return rc < 0 ? fail(g, rc) : 0;
}

static void g_close(struct db *db)
{
    struct removal_guard *g = (struct removal_guard *)db;

    route_snapshot_stop(g->keep);
    db_close(g->inner);
    if (g->cfg.close)
        g->cfg.close(g->cfg.arg);
    route_table_unref(g->good);
    holds_destroy(g->holds);
    free(g->file);
    free(g);
}

static const struct db_ops guard_ops = {g_version, g_load_all, g_load_changes, g_close};

/* 0, also without a file or with a bad one; -ENOMEM. */
static int read_file(struct removal_guard *g)
{
    struct route_row *row = NULL;
    uint64_t version;
    size_t n;
    int rc = routefile_read(g->file, &row, &n, &version);

    if (rc == 0) {
        rc = route_table_create(&g->good, row, n, version);
        free(row);
        return rc;
    }
    if (rc != -ENOENT)
        LOG_ERROR("route.file", "file=%s err=%s: not used", g->file, err_str(rc));
    return rc == -ENOMEM ? rc : 0;
}

int removal_guard_create(struct db **out, struct db *db,
                         const struct removal_guard_config *cfg)
{
    struct removal_guard *g = calloc(1, sizeof(*g));
    int rc;

    if (!g) {
        db_close(db);
        if (cfg->close)
            cfg->close(cfg->arg);
        return -ENOMEM;
    }
    g->db.ops = &guard_ops;
    g->inner = db;
    g->cfg = *cfg;
    g->file = strdup(cfg->file);
    rc = g->file ? holds_create(&g->holds) : -ENOMEM;
    if (rc == 0)
        rc = read_file(g);
    if (rc == 0)
        rc = route_snapshot_start(&g->keep, cfg->file, cfg->write_ms);
    if (rc < 0) {
        g_close(&g->db);
        return rc;
    }
    *out = &g->db;
    return 0;
}

void removal_guard_stat(const struct db *guard, struct removal_guard_stat *out)
{
    const struct removal_guard *g = (const struct removal_guard *)guard;

    struct route_snapshot_stat st;

    route_snapshot_stat(g->keep, &st);
    *out = (struct removal_guard_stat){g->n_held, st.n_written, st.n_fail, g->stale};
}
