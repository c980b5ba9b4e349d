/* A binary heap in an array.  Each timer stores its own index, so that moving or removing
 * it needs no search.
 *
 * Invariant: at[i]->due_us <= at[2i+1]->due_us and at[2i+2]->due_us, and at[i]->pos is
 * i + 1 for every timer in the heap.
 * Rejected: a sorted list, in which inserting costs O(n); a timer wheel, which is cheaper
 * but rounds every time to its tick. */
#include "net/evtimer.h"

#include <errno.h>
#include <stdlib.h>

static void put(struct evtimer_heap *h, size_t i, struct evtimer *t)
{
    /* Store <t> at index <i> and note the place in the timer: t->pos is i + 1. */
    /* begin put */
    (void)h;
    (void)i;
    (void)t;
    /* end put */
}

/* Move the timer at <i> up or down until the invariant holds again. */
static void sift(struct evtimer_heap *h, size_t i)
{
    /* 1. Up: while the parent, at (i - 1) / 2, is due later, move the parent to <i> by
     *    put().
     * 2. Down: take the earlier of the children at 2i + 1 and 2i + 2, if they exist;
     *    while it is due earlier, move it up to <i>.
     * 3. put() the timer where it has found its place. */
    /* begin sift */
    (void)h;
    (void)i;
    (void)put;
    /* end sift */
}

int evtimer_heap_set(struct evtimer_heap *h, struct evtimer *t, uint64_t due_us,
                     evtimer_fn *fn, void *arg)
{
    /* 1. Not armed (pos is 0): grow the array when it is full (first 64, then double;
     *    -ENOMEM leaves the heap as it was), then put() the timer at the end.
     * 2. Armed or not: store due_us, fn and arg, then sift() from its place. */
    /* begin evtimer_heap_set */
    (void)h;
    (void)t;
    (void)due_us;
    (void)fn;
    (void)arg;
    (void)sift;
    return -ENOSYS;
    /* end evtimer_heap_set */
}

void evtimer_heap_remove(struct evtimer_heap *h, struct evtimer *t)
{
    /* 1. Not armed: return.
     * 2. Mark it as not armed.  The last timer of the array takes its place, unless it
     *    is the last one itself.
     * 3. sift() from there: the timer that moved may have to go up or down. */
    /* begin evtimer_heap_remove */
    (void)h;
    (void)t;
    /* end evtimer_heap_remove */
}

struct evtimer *evtimer_heap_first(const struct evtimer_heap *h)
{
    /* begin evtimer_heap_first */
    (void)h;
    return NULL;
    /* end evtimer_heap_first */
}

bool evtimer_is_armed(const struct evtimer *t)
{
    /* begin evtimer_is_armed */
    (void)t;
    return false;
    /* end evtimer_is_armed */
}

void evtimer_heap_fini(struct evtimer_heap *h)
{
    /* Mark every timer as not armed, free the array, leave an empty heap. */
    /* begin evtimer_heap_fini */
    (void)h;
    /* end evtimer_heap_fini */
}
