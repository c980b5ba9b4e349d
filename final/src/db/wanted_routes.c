/* The same loads as DNSService makes, so both see the same rows in the same way. */
#include "db/wanted_routes.h"

#include <errno.h>
#include <stdlib.h>

#include "route/routedelta.h"

struct wanted_routes {
    struct db *db;                    /* owned */
    struct route_table *table;        /* NULL before the first load */
};

int wanted_routes_create(struct wanted_routes **out, struct db *db)
{
    struct wanted_routes *w = calloc(1, sizeof(*w));

    if (!w) {
        db_close(db);
        return -ENOMEM;
    }
    w->db = db;
    *out = w;
    return 0;
}

void wanted_routes_destroy(struct wanted_routes *w)
{
    if (!w)
        return;
    db_close(w->db);
    route_table_unref(w->table);
    free(w);
}

static void set_table(struct wanted_routes *w, struct route_table *t)
{
    route_table_unref(w->table);
    w->table = t;
}

static int load_all(struct wanted_routes *w)
{
    struct db_rows rows = {0};
    struct route_table *t;
    uint64_t version;
    int rc = db_load_all(w->db, &rows, &version);

    if (rc == 0)
        rc = route_table_create(&t, rows.at, rows.n, version);
    if (rc == 0)
        set_table(w, t);
    db_rows_free(&rows);
    return rc;
}

static int load_changes(struct wanted_routes *w)
{
    struct db_rows rows = {0}, changed = {0};
    struct route_table *t;
    uint64_t version;
    int rc = db_load_changes(w->db, route_table_version(w->table), &changed, &rows,
                             &version);

    if (rc == 0)
        rc = route_table_update(&t, w->table, changed.at, changed.n, rows.at, rows.n,
                                version);
    if (rc == 0)
        set_table(w, t);
    db_rows_free(&rows);
    db_rows_free(&changed);
    return rc;
}

int wanted_routes_refresh(struct wanted_routes *w)
{
    uint64_t version;
    int rc = db_version(w->db, &version);

    if (rc < 0)
        return rc;
    if (w->table && version == route_table_version(w->table))
        return 0;
    rc = w->table ? load_changes(w) : -EAGAIN;
    return rc == -EAGAIN ? load_all(w) : rc;
}

uint64_t wanted_routes_sum(const struct wanted_routes *w, uint32_t modid, uint32_t cmdid)
{
    const struct route *r = w->table ? route_table_find(w->table, modid, cmdid) : NULL;

    return r ? routedelta_sum(r->node, r->n_node) : routedelta_sum(NULL, 0);
}
