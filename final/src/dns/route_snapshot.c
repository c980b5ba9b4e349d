#include "dns/route_snapshot.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/deadline.h"
#include "base/err.h"
#include "base/log.h"
#include "route/routefile.h"

#define LOG_GAP_MS 60000

struct route_snapshot {
    char *path;
    uint32_t gap_ms;
    pthread_t thread;
    pthread_mutex_t lock;             /* guards next, stop */
    pthread_cond_t wake;
    struct route_table *next;         /* to be written; NULL = nothing is */
    bool stop;
    _Atomic uint64_t n_written, n_fail;
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

/* The next one; NULL when it is time to stop and nothing is left. */
static struct route_table *take(struct route_snapshot *k)
{
    struct route_table *t;

    pthread_mutex_lock(&k->lock);
    while (!k->stop && !k->next)
        pthread_cond_wait(&k->wake, &k->lock);
    t = k->next;
    k->next = NULL;
    pthread_mutex_unlock(&k->lock);
    return t;
}

/* It could not be written: again later, unless there is a newer one.  Takes <t>. */
static void put_back(struct route_snapshot *k, struct route_table *t)
{
    pthread_mutex_lock(&k->lock);
    if (!k->next && !k->stop) {
        k->next = t;
        t = NULL;
    }
    pthread_mutex_unlock(&k->lock);
    route_table_unref(t);
}

static void *run(void *arg)
{
    struct route_snapshot *k = arg;
    struct route_table *t;

    while ((t = take(k))) {
        int rc = write_table(k->path, t);

        if (rc == 0) {
            k->n_written++;
            route_table_unref(t);
        } else {
            k->n_fail++;
            LOG_EVERY(LOG_GAP_MS, LOG_LEVEL_WARN, "route.file",
                      "file=%s err=%s: the old one stays", k->path, err_str(rc));
            put_back(k, t);
        }
        deadline_pause(&k->wake, &k->lock, &k->stop, k->gap_ms);
    }
    return NULL;
}

static void release(struct route_snapshot *k)
{
    pthread_cond_destroy(&k->wake);
    pthread_mutex_destroy(&k->lock);
    free(k->path);
    free(k);
}

int route_snapshot_start(struct route_snapshot **out, const char *path, uint32_t gap_ms)
{
    struct route_snapshot *k = calloc(1, sizeof(*k));
    int rc;

    if (!k)
        return -ENOMEM;
    pthread_mutex_init(&k->lock, NULL);
    deadline_cond_init(&k->wake);
    k->gap_ms = gap_ms;
    k->path = strdup(path);
    rc = k->path ? pthread_create(&k->thread, NULL, run, k) : ENOMEM;
    if (rc != 0) {
        release(k);
        return -rc;
    }
    *out = k;
    return 0;
}

void route_snapshot_stop(struct route_snapshot *k)
{
    if (!k)
        return;
    pthread_mutex_lock(&k->lock);
    k->stop = true;
    pthread_cond_signal(&k->wake);
    pthread_mutex_unlock(&k->lock);
    pthread_join(k->thread, NULL);
    release(k);
}

void route_snapshot_put(struct route_snapshot *k, struct route_table *t)
{
    struct route_table *old;

    pthread_mutex_lock(&k->lock);
    old = k->next;
    k->next = route_table_ref(t);
    pthread_cond_signal(&k->wake);
    pthread_mutex_unlock(&k->lock);
    route_table_unref(old);
}

void route_snapshot_stat(const struct route_snapshot *k, struct route_snapshot_stat *out)
{
    *out = (struct route_snapshot_stat){k->n_written, k->n_fail};
}
