/* The guard is a struct db in front of another one, so the poller needs no case for it:
 * it loads routes, and gets those that may be served.
 *
 * Invariant: <good> is what was passed on last.  Every load is compared with it, and the
 * held modules of a load are replaced by those of <good>.
 *
 * Changes are passed on as changes only while no module is held.  As long as one is, the
 * guard answers -EAGAIN to them, every load is of everything, and all modules are judged
 * together: slow and simple, for a state that an operator has been called for.
 *
 * Rejected: holding in the agents.  They must believe an empty route once DNSService
 * sends it; otherwise a module could never be removed. */
#include "dns/removal_guard.h"

#include <errno.h>
#include <pthread.h>
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
    struct db db;                     /* first, so that a db can be cast to its guard */
    struct db *inner;                 /* owned */
    struct removal_guard_config cfg;
    char *file;
    struct route_table *good;         /* NULL = nothing passed yet, and no file */
    struct holds *holds;
    struct route_snapshot *snapshot;
    bool loaded;                      /* the database has answered */
    _Atomic uint64_t n_held, stale;
    pthread_mutex_t lock;             /* guards what follows, for removal_guard_holds() */
    struct hold *held;                /* a copy of what <holds> has; owned */
    size_t n_copied;
};

static int append_route(struct db_rows *rows, const struct route *r)
{
    uint32_t i;
    int rc = 0;

    for (i = 0; i < r->n_node && rc == 0; i++)
        rc = db_rows_add_node(rows, r->modid, r->cmdid, &r->node[i]);
    return rc;
}

/* Fill <rows> with the modules of <t>, and for those held, with what <good> has. */
static int fill_rows(struct removal_guard *g, struct db_rows *rows,
                     const struct route_table *t)
{
    size_t i;
    int rc = 0;

    rows->n = 0;
    for (i = 0; i < route_table_n_modules(t) && rc == 0; i++) {
        const struct route *r = route_table_at(t, i);

        if (!holds_has(g->holds, r->modid, r->cmdid))
            rc = append_route(rows, r);
    }
    for (i = 0; i < holds_n(g->holds) && rc == 0; i++) {
        const struct hold *h = holds_at(g->holds, i);

        rc = append_route(rows, route_table_find(g->good, h->modid, h->cmdid));
    }
    return rc;
}

/* Without memory the copy before stays. */
static void copy_holds(struct removal_guard *g)
{
    size_t n = holds_n(g->holds), i;
    struct hold *copy = calloc(n + 1, sizeof(*copy)), *old;

    for (i = 0; copy && i < n; i++)
        copy[i] = *holds_at(g->holds, i);
    if (!copy)
        return;
    pthread_mutex_lock(&g->lock);
    old = g->held;
    g->held = copy;
    g->n_copied = n;
    pthread_mutex_unlock(&g->lock);
    free(old);
}

size_t removal_guard_holds(const struct db *guard, struct hold *out, size_t max)
{
    struct removal_guard *g = (struct removal_guard *)(uintptr_t)guard;
    size_t n;

    pthread_mutex_lock(&g->lock);
    n = g->n_copied < max ? g->n_copied : max;
    if (n > 0)
        memcpy(out, g->held, n * sizeof(*out));
    pthread_mutex_unlock(&g->lock);
    return n;
}

static void log_holds(struct removal_guard *g, uint64_t version)
{
    size_t i, n = holds_n(g->holds);

    for (i = 0; n != g->n_held && i < n; i++) {
        const struct hold *h = holds_at(g->holds, i);

        LOG_ERROR("route.held",
                  "modid=%u cmdid=%u nodes=%u gone=%u version=%llu: the previous nodes "
                  "are served; mend: larsctl route confirm %u %u, or add the nodes "
                  "again",
                  h->modid, h->cmdid, h->had, h->gone, (unsigned long long)version,
                  h->modid, h->cmdid);
    }
    if (n < g->n_held)
        LOG_INFO("route.released", "still_held=%zu", n);
    g->n_held = n;
}

/* <next> is what is passed on from now on.  Takes <next>. */
static void set_good(struct removal_guard *g, struct route_table *next)
{
    if (!g->good || !route_table_equal(g->good, next))
        route_snapshot_put(g->snapshot, next);
    route_table_unref(g->good);
    g->good = next;
}

/* In <out> and *<t>, replace the held modules by those of <good>.  0 or -errno. */
static int replace_held(struct removal_guard *g, struct db_rows *out,
                        struct route_table **t)
{
    uint64_t version = route_table_version(*t);
    struct route_table *mixed;
    int rc = fill_rows(g, out, *t);

    if (rc == 0)
        rc = route_table_create(&mixed, out->at, out->n, version);
    if (rc < 0)
        return rc;
    route_table_unref(*t);
    *t = mixed;
    return 0;
}

static int judge_change(struct removal_guard *g, const struct route_table *next)
{
    return g->good ? holds_judge(g->holds, g->good, next, g->cfg.confirmed, g->cfg.arg)
                   : 0;
}

static int fail_with(struct removal_guard *g, int rc)
{
    snprintf(g->db.error, sizeof(g->db.error), "%s", db_error(g->inner));
    return rc;
}

/* While the database has never answered, pass on the routes of the file, once.  Returns
 * 0, or <why>, the error of the database. */
static int load_from_file(struct removal_guard *g, struct db_rows *out, uint64_t *version,
                          int why)
{
    int rc;

    if (g->loaded || g->stale || !g->good)
        return fail_with(g, why);
    rc = fill_rows(g, out, g->good);
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

static int guard_load_all(struct db *db, struct db_rows *out, uint64_t *version)
{
    struct removal_guard *g = (struct removal_guard *)db;
    struct route_table *t;
    int rc = db_load_all(g->inner, out, version);

    if (rc < 0)
        return load_from_file(g, out, version, rc);
    rc = route_table_create(&t, out->at, out->n, *version);
    if (rc < 0)
        return rc;
    rc = judge_change(g, t);
    if (rc > 0)
        rc = replace_held(g, out, &t);
    if (rc < 0) {
        route_table_unref(t);
        return fail_with(g, rc);
    }
    log_holds(g, *version);
    copy_holds(g);
    set_good(g, t);
    g->loaded = true;
    g->stale = 0;
    return 0;
}

static int guard_load_changes(struct db *db, uint64_t since, struct db_rows *changed,
                              struct db_rows *out, uint64_t *version)
{
    struct removal_guard *g = (struct removal_guard *)db;
    struct route_table *next;
    int rc;

    if (!g->good || g->n_held > 0)
        return -EAGAIN;
    rc = db_load_changes(g->inner, since, changed, out, version);
    if (rc < 0)
        return fail_with(g, rc);
    rc = route_table_update(&next, g->good, changed->at, changed->n, out->at, out->n,
                            *version);
    if (rc < 0)
        return rc;
    rc = judge_change(g, next);
    if (rc != 0) {
        route_table_unref(next);
        return rc < 0 ? fail_with(g, rc) : -EAGAIN; /* the full load replaces and
                                                 * logs */
    }
    set_good(g, next);
    return 0;
}

static int guard_version(struct db *db, uint64_t *version)
{
    struct removal_guard *g = (struct removal_guard *)db;
    int rc = db_version(g->inner, version);

    return rc < 0 ? fail_with(g, rc) : 0;
}

static void guard_close(struct db *db)
{
    struct removal_guard *g = (struct removal_guard *)db;

    route_snapshot_stop(g->snapshot);
    db_close(g->inner);
    if (g->cfg.close)
        g->cfg.close(g->cfg.arg);
    route_table_unref(g->good);
    holds_destroy(g->holds);
    pthread_mutex_destroy(&g->lock);
    free(g->held);
    free(g->file);
    free(g);
}

static const struct db_ops guard_ops = {guard_version, guard_load_all, guard_load_changes,
                                        guard_close};

/* Returns 0, also when there is no file or a damaged one; -ENOMEM. */
static int read_good_file(struct removal_guard *g)
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
        LOG_ERROR("route.file", "file=%s err=%s: damaged, not used", g->file,
                  err_str(rc));
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
    pthread_mutex_init(&g->lock, NULL);
    g->db.ops = &guard_ops;
    g->inner = db;
    g->cfg = *cfg;
    g->file = strdup(cfg->file);
    rc = g->file ? holds_create(&g->holds) : -ENOMEM;
    if (rc == 0)
        rc = read_good_file(g);
    if (rc == 0)
        rc = route_snapshot_start(&g->snapshot, cfg->file, cfg->write_ms);
    if (rc < 0) {
        guard_close(&g->db);
        return rc;
    }
    *out = &g->db;
    return 0;
}

void removal_guard_stat(const struct db *guard, struct removal_guard_stat *out)
{
    const struct removal_guard *g = (const struct removal_guard *)guard;

    struct route_snapshot_stat st;

    route_snapshot_stat(g->snapshot, &st);
    *out = (struct removal_guard_stat){g->n_held, st.n_written, st.n_fail, g->stale};
}
