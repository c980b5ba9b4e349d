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
    /* begin row_queue_create */
    /* Allocate an empty queue that remembers <max>. */
    (void)out;
    (void)max;
    return -ENOSYS;
    /* end row_queue_create */
}

void row_queue_destroy(struct row_queue *p)
{
    /* begin row_queue_destroy */
    /* Free every row that still waits, then the queue.  NULL is fine. */
    (void)p;
    /* end row_queue_destroy */
}

int row_queue_put(struct row_queue *p, const struct status_row *row)
{
    /* begin row_queue_put */
    /* 1. Find the waiting row of this key: HASH_FIND with KEY_SIZE bytes of <row>.
     * 2. When there is one: overwrite it where it stands, keep its place, return 0.
     *    This works in a full queue too.
     * 3. When there is none and <max> keys wait: return -ENOBUFS.
     * 4. Otherwise add a copy at the end and return 1.  When HASH_ADD finds no memory,
     *    hh.tbl of the item is NULL: free the item and return -ENOMEM. */
    (void)p;
    (void)row;
    return -ENOSYS;
    /* end row_queue_put */
}

size_t row_queue_take(struct row_queue *p, struct status_row *out, size_t n)
{
    /* begin row_queue_take */
    /* Move the first <n> rows, or all when fewer wait, to <out>: copy, remove from the
     * table, free.  HASH_ITER visits the items in the order in which they were added. */
    (void)p;
    (void)out;
    (void)n;
    return 0;
    /* end row_queue_take */
}

size_t row_queue_n(const struct row_queue *p)
{
    /* begin row_queue_n */
    /* HASH_COUNT() gives the number of keys. */
    (void)p;
    return 0;
    /* end row_queue_n */
}
