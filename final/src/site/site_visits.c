/* A table under a lock: the loop adds one for each visit, and the thread with the
 * database takes them out.  Those that it has taken wait until it has written them.
 *
 * Rejected: a statement for each visit.  The database would see every visitor, and the
 * site would depend on it. */
#include "site/site_visits.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

struct entry {
    char key[SITE_VISITS_ID_MAX + 12];
    struct site_visit is;
    UT_hash_handle hh;
};

struct site_visits {
    pthread_mutex_t lock;
    struct entry *by_key; /* guarded by lock */
    uint64_t n; /* guarded by lock; with those that are taken and not written */
};

int site_visits_create(struct site_visits **out)
{
    struct site_visits *v = calloc(1, sizeof(*v));

    if (!v)
        return -ENOMEM;
    pthread_mutex_init(&v->lock, NULL);
    *out = v;
    return 0;
}

void site_visits_destroy(struct site_visits *v)
{
    struct entry *e, *next;

    if (!v)
        return;
    HASH_ITER(hh, v->by_key, e, next)
    {
        HASH_DEL(v->by_key, e);
        free(e);
    }
    pthread_mutex_destroy(&v->lock);
    free(v);
}

/* The caller holds the lock. */
static int add(struct site_visits *v, uint32_t year, const char *id, uint64_t n)
{
    struct entry *e;
    char key[sizeof(e->key)];

    snprintf(key, sizeof(key), "%u/%.32s", year, id);
    HASH_FIND_STR(v->by_key, key, e);
    if (!e && HASH_COUNT(v->by_key) >= SITE_VISITS_KEYS)
        return -ENOSPC;
    if (!e) {
        e = calloc(1, sizeof(*e));
        if (!e)
            return -ENOMEM;
        memcpy(e->key, key, sizeof(key));
        e->is.year = year;
        snprintf(e->is.id, sizeof(e->is.id), "%s", id);
        HASH_ADD_STR(v->by_key, key, e);
    }
    e->is.n += n;
    v->n += n;
    return 0;
}

int site_visits_add(struct site_visits *v, uint32_t year, const char *id, uint64_t n)
{
    int rc;

    pthread_mutex_lock(&v->lock);
    rc = add(v, year, id, n);
    pthread_mutex_unlock(&v->lock);
    return rc;
}

size_t site_visits_take(struct site_visits *v, struct site_visit *out, size_t max)
{
    struct entry *e, *next;
    size_t n = 0;

    pthread_mutex_lock(&v->lock);
    HASH_ITER(hh, v->by_key, e, next)
    {
        if (n == max)
            break;
        out[n++] = e->is;
        HASH_DEL(v->by_key, e);
        free(e);
    }
    pthread_mutex_unlock(&v->lock);
    return n;
}

void site_visits_written(struct site_visits *v, const struct site_visit *visit, size_t n)
{
    size_t i;

    pthread_mutex_lock(&v->lock);
    for (i = 0; i < n; i++)
        v->n -= visit[i].n;
    pthread_mutex_unlock(&v->lock);
}

uint64_t site_visits_waiting(struct site_visits *v)
{
    uint64_t n;

    pthread_mutex_lock(&v->lock);
    n = v->n;
    pthread_mutex_unlock(&v->lock);
    return n;
}
