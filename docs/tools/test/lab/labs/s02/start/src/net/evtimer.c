/* A binary heap in an array.  Each timer stores its own index, so that moving or removing
 * it needs no search.
 *
 * Invariant: at[i]->due_us <= at[2i+1]->due_us and at[2i+2]->due_us, and at[i]->pos is
 * i + 1 for every timer in the heap. */
#include "net/evtimer.h"

#include <errno.h>
#include <stdlib.h>

int evtimer_heap_set(struct evtimer_heap *h, struct evtimer *t, uint64_t due_us,
                     evtimer_fn *fn, void *arg)
{
    /* Steps:
     * 1. A timer that is not armed goes to the end of the array.  When the array is full,
     *    make it twice as large (64 at first); -ENOMEM when that fails.
     * 2. Store the time, the function and its argument.
     * 3. Move the timer up while its parent is due later, then down while a child is due
     *    earlier.  Every move writes the index of the timer that was moved. */
    /* begin evtimer_heap_set */
    (void)h, (void)t, (void)due_us, (void)fn, (void)arg;
    return -ENOSYS;
    /* end evtimer_heap_set */
}

void evtimer_heap_remove(struct evtimer_heap *h, struct evtimer *t)
{
    /* Steps:
     * 1. A timer that is not armed is left alone.
     * 2. The last timer of the array takes the place of the removed one.
     * 3. It may belong higher or lower: restore the invariant. */
    /* begin evtimer_heap_remove */
    (void)h, (void)t;
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
    /* Steps: mark each timer that is left as not armed; release the array. */
    /* begin evtimer_heap_fini */
    (void)h;
    /* end evtimer_heap_fini */
}
