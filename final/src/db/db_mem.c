/* The rows, the version and the list of changes are kept under one lock, so each load is
 * a snapshot.  Loads search the arrays from end to end: tests and samples have few rows.
 *
 * Invariant: the list of changes has exactly one entry for each version, as the triggers
 * of the real database guarantee, so the poller behaves the same with both.
 * Rejected: a database of its own for every test, which takes seconds to start. */
#include "db/db_mem.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

struct change {
    uint64_t version;
    uint32_t modid, cmdid;
};

struct db_mem {
    struct db db;
    pthread_mutex_t lock;             /* guards the fields below */
    struct db_rows rows;
    uint64_t version;
    struct change *change;
    size_t n_change, cap_change;
    bool down;
};

static int check_up(struct db_mem *m)
{
    if (!m->down)
        return 0;
    snprintf(m->db.error, sizeof(m->db.error), "the database in memory is down");
    return -ENOTCONN;
}

static int mem_version(struct db *db, uint64_t *version)
{
    struct db_mem *m = (struct db_mem *)db;
    int rc;

    pthread_mutex_lock(&m->lock);
    rc = check_up(m);
    if (rc == 0)
        *version = m->version;
    pthread_mutex_unlock(&m->lock);
    return rc;
}

static int copy_row(struct db_rows *out, const struct route_row *r)
{
    return db_rows_add_node(out, r->modid, r->cmdid, &r->node);
}

static int mem_load_all(struct db *db, struct db_rows *out, uint64_t *version)
{
    struct db_mem *m = (struct db_mem *)db;
    size_t i;
    int rc;

    pthread_mutex_lock(&m->lock);
    rc = check_up(m);
    for (i = 0; rc == 0 && i < m->rows.n; i++)
        rc = copy_row(out, &m->rows.at[i]);
    if (rc == 0)
        *version = m->version;
    pthread_mutex_unlock(&m->lock);
    return rc;
}

static bool has_changed(const struct db_mem *m, uint64_t since, uint32_t modid,
                        uint32_t cmdid)
{
    size_t i;

    for (i = 0; i < m->n_change; i++)
        if (m->change[i].version > since && m->change[i].modid == modid &&
            m->change[i].cmdid == cmdid)
            return true;
    return false;
}

static int mem_load_changes(struct db *db, uint64_t since, struct db_rows *changed,
                            struct db_rows *out, uint64_t *version)
{
    struct db_mem *m = (struct db_mem *)db;
    size_t i;
    int rc;

    pthread_mutex_lock(&m->lock);
    rc = check_up(m);
    if (rc == 0 && since > m->version)
        rc = -EAGAIN;
    for (i = 0; rc == 0 && i < m->n_change; i++)
        if (m->change[i].version > since)
            rc = db_rows_add(changed, m->change[i].modid, m->change[i].cmdid, 0, 1);
    for (i = 0; rc == 0 && i < m->rows.n; i++)
        if (has_changed(m, since, m->rows.at[i].modid, m->rows.at[i].cmdid))
            rc = copy_row(out, &m->rows.at[i]);
    if (rc == 0)
        *version = m->version;
    pthread_mutex_unlock(&m->lock);
    return rc;
}

static void mem_close(struct db *db)
{
    struct db_mem *m = (struct db_mem *)db;

    db_rows_free(&m->rows);
    free(m->change);
    pthread_mutex_destroy(&m->lock);
    free(m);
}

static const struct db_ops mem_ops = {mem_version, mem_load_all, mem_load_changes,
                                      mem_close};

int db_mem_create(struct db **out)
{
    struct db_mem *m = calloc(1, sizeof(*m));

    if (!m)
        return -ENOMEM;
    m->db.ops = &mem_ops;
    pthread_mutex_init(&m->lock, NULL);
    *out = &m->db;
    return 0;
}

/* The caller holds the lock. */
static int note_change(struct db_mem *m, uint32_t modid, uint32_t cmdid)
{
    size_t cap = m->cap_change ? m->cap_change * 2 : 64;
    struct change *at;

    if (m->n_change == m->cap_change) {
        at = realloc(m->change, cap * sizeof(*at));
        if (!at)
            return -ENOMEM;
        m->change = at;
        m->cap_change = cap;
    }
    m->change[m->n_change++] = (struct change){++m->version, modid, cmdid};
    return 0;
}

int db_mem_add(struct db *db, uint32_t modid, uint32_t cmdid, uint32_t ip, uint32_t port)
{
    struct db_mem *m = (struct db_mem *)db;
    int rc;

    pthread_mutex_lock(&m->lock);
    rc = db_rows_add(&m->rows, modid, cmdid, ip, port);
    if (rc == 0)
        rc = note_change(m, modid, cmdid);
    pthread_mutex_unlock(&m->lock);
    return rc;
}

int db_mem_remove(struct db *db, uint32_t modid, uint32_t cmdid, uint32_t ip,
                  uint32_t port)
{
    struct db_mem *m = (struct db_mem *)db;
    size_t i, n;
    int rc = -ENOENT;

    pthread_mutex_lock(&m->lock);
    for (i = n = 0; i < m->rows.n; i++) {
        const struct route_row *r = &m->rows.at[i];

        if (r->modid == modid && r->cmdid == cmdid && r->node.ip == ip &&
            r->node.port == port)
            rc = 0;
        else
            m->rows.at[n++] = *r;
    }
    m->rows.n = n;
    if (rc == 0)
        rc = note_change(m, modid, cmdid);
    pthread_mutex_unlock(&m->lock);
    return rc;
}

void db_mem_set_down(struct db *db, bool down)
{
    struct db_mem *m = (struct db_mem *)db;

    pthread_mutex_lock(&m->lock);
    m->down = down;
    pthread_mutex_unlock(&m->lock);
}

void db_mem_truncate(struct db *db)
{
    struct db_mem *m = (struct db_mem *)db;

    pthread_mutex_lock(&m->lock);
    m->rows.n = 0;
    pthread_mutex_unlock(&m->lock);
}
