/* The file is written by a thread of its own, because a million nodes take half a second
 * and the poller must not stand still for so long.  Tables that come while one is being
 * written replace each other: only the newest matters.
 *
 * Invariant: the table that was put last is in the file when route_snapshot_stop()
 * returns, unless the disk refused it; an older one never replaces a newer one, because a
 * table whose write failed goes back to the queue only while the queue is empty. */
#include "dns/route_snapshot.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "base/worker.h"
#include "route/routefile.h"

#define LOG_GAP_MS 60000

struct route_snapshot {
    char *path;
    uint32_t gap_ms;
    _Atomic uint64_t n_written, n_fail;
    struct worker *worker;            /* its lock guards what follows */
    struct route_table *next;         /* to be written; NULL = nothing is */
};

static int write_table(const char *path, const struct route_table *t)
{
    size_t n = 0, i;
    struct route_row *row = calloc(route_table_n_nodes(t) + 1, sizeof(*row));
    uint32_t k;
    int rc;

    if (!row)
        return -ENOMEM;
    for (i = 0; i < route_table_n_modules(t); i++) {
        const struct route *r = route_table_at(t, i);

        for (k = 0; k < r->n_node; k++)
            row[n++] = (struct route_row){r->modid, r->cmdid, r->node[k]};
    }
    rc = routefile_write(path, row, n, route_table_version(t));
    free(row);
    return rc;
}

/* The next table; NULL when it is time to stop and none is left. */
static struct route_table *take_table(struct route_snapshot *k)
{
    struct route_table *t;

    worker_lock(k->worker);
    while (!worker_is_stopping(k->worker) && !k->next)
        worker_wait(k->worker);
    t = k->next;
    k->next = NULL;
    worker_unlock(k->worker);
    return t;
}

/* Try <t> again later, unless a newer table waits.  Takes <t>. */
static void put_back(struct route_snapshot *k, struct route_table *t)
{
    worker_lock(k->worker);
    if (!k->next && !worker_is_stopping(k->worker)) {
        k->next = t;
        t = NULL;
    }
    worker_unlock(k->worker);
    route_table_unref(t);
}

static void route_snapshot_main(void *arg)
{
    struct route_snapshot *k = arg;
    struct route_table *t;

    while ((t = take_table(k))) {
        int rc = write_table(k->path, t);

        if (rc == 0) {
            k->n_written++;
            LOG_DEBUG("route.file", "file=%s version=%llu: written", k->path,
                      (unsigned long long)route_table_version(t));
            route_table_unref(t);
        } else {
            k->n_fail++;
            LOG_EVERY(LOG_GAP_MS, LOG_LEVEL_WARN, "route.file",
                      "file=%s err=%s: not written, the previous file stays", k->path,
                      err_str(rc));
            put_back(k, t);
        }
        worker_pause(k->worker, k->gap_ms);
    }
}

int route_snapshot_start(struct route_snapshot **out, const char *path, uint32_t gap_ms)
{
    struct route_snapshot *k = calloc(1, sizeof(*k));
    int rc;

    if (!k)
        return -ENOMEM;
    k->gap_ms = gap_ms;
    k->path = strdup(path);
    rc = k->path ? worker_create(&k->worker) : -ENOMEM;
    if (rc == 0)
        rc = worker_start(k->worker, route_snapshot_main, k);
    if (rc < 0)
        route_snapshot_stop(k);
    else
        *out = k;
    return rc;
}

void route_snapshot_stop(struct route_snapshot *k)
{
    if (!k)
        return;
    worker_destroy(k->worker);
    free(k->path);
    free(k);
}

void route_snapshot_put(struct route_snapshot *k, struct route_table *t)
{
    struct route_table *old;

    worker_lock(k->worker);
    old = k->next;
    k->next = route_table_ref(t);
    worker_wake(k->worker);
    worker_unlock(k->worker);
    route_table_unref(old);
}

void route_snapshot_stat(const struct route_snapshot *k, struct route_snapshot_stat *out)
{
    *out = (struct route_snapshot_stat){k->n_written, k->n_fail};
}
