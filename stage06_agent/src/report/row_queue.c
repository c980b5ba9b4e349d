/* A hash table (uthash) finds the waiting row of a key.  uthash also keeps its items in
 * the order in which they were added, so the same table is the queue.
 *
 * Invariant: there is at most one row for each key, and at most <max> rows.
 * Rejected: a list of all rows, which grows without limit while the database is slow;
 * dropping the oldest row when the queue is full, because a new key would then push out
 * the totals of another node. */
#include "report/row_queue.h"

#include <errno.h>
#include <stdlib.h>

#define HASH_NONFATAL_OOM 1           /* without it uthash calls exit() */
#include <uthash.h>

#define KEY_SIZE offsetof(struct status_row, succ)

struct item {
    struct status_row row;            /* its first KEY_SIZE bytes are the key */
    UT_hash_handle hh;
};

struct row_queue {
    struct item *items;               /* hash table, in the order of insertion */
    size_t max;
};

int row_queue_create(struct row_queue **out, size_t max)
{
    struct row_queue *p = calloc(1, sizeof(*p));

    if (!p)
        return -ENOMEM;
    p->max = max;
    *out = p;
    return 0;
}

void row_queue_destroy(struct row_queue *p)
{
    struct item *it, *next;

    if (!p)
        return;
    HASH_ITER(hh, p->items, it, next)
    {
        HASH_DEL(p->items, it);
        free(it);
    }
    free(p);
}

int row_queue_put(struct row_queue *p, const struct status_row *row)
{
    struct item *it = NULL;

    HASH_FIND(hh, p->items, row, KEY_SIZE, it);
    if (it) {
        it->row = *row;
        return 0;
    }
    if (HASH_COUNT(p->items) >= p->max)
        return -ENOBUFS;
    it = calloc(1, sizeof(*it));
    if (!it)
        return -ENOMEM;
    it->row = *row;
    HASH_ADD(hh, p->items, row, KEY_SIZE, it);
    if (it->hh.tbl)
        return 1;
    free(it);                         /* no memory left for the hash table */
    return -ENOMEM;
}

size_t row_queue_take(struct row_queue *p, struct status_row *out, size_t n)
{
    struct item *it, *next;
    size_t k = 0;

    HASH_ITER(hh, p->items, it, next)
    {
        if (k == n)
            break;
        out[k++] = it->row;
        HASH_DEL(p->items, it);
        free(it);
    }
    return k;
}

size_t row_queue_n(const struct row_queue *p)
{
    return HASH_COUNT(p->items);
}
