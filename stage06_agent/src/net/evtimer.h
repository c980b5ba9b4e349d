/* evtimer -- timers in a binary heap, ordered by the time they are due.
 * Adding, moving and removing a timer costs O(log n), finding the earliest O(1).  With
 * 100,000 timers a change passes at most 17 levels, and waiting timers cost nothing.
 * Source: Cormen et al., Introduction to Algorithms, ch. 6.  Thread: the owner's. */
#ifndef LARS_NET_EVTIMER_H
#define LARS_NET_EVTIMER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef void evtimer_fn(void *arg);

/* A member of the object that it belongs to, so that arming it allocates no timer.
 * Zeroed = not armed.  Only evtimer.c writes the fields. */
struct evtimer {
    uint64_t due_us;                      /* monotonic */
    evtimer_fn *fn;
    void *arg;
    size_t pos;                           /* index in the heap + 1; 0 = not armed */
};

/* Zeroed = empty. */
struct evtimer_heap {
    struct evtimer **at;
    size_t n, cap;
};

/* Arm <t> for <due_us>, or move it when it is armed already.  Borrows <t> until it is
 * removed.  Returns 0; -ENOMEM, which cannot happen when <t> is armed. */
int evtimer_heap_set(struct evtimer_heap *h, struct evtimer *t, uint64_t due_us,
                     evtimer_fn *fn, void *arg);

void evtimer_heap_remove(struct evtimer_heap *h, struct evtimer *t); /* not armed: fine */

/* The earliest timer, or NULL. */
struct evtimer *evtimer_heap_first(const struct evtimer_heap *h);

bool evtimer_is_armed(const struct evtimer *t);

void evtimer_heap_fini(struct evtimer_heap *h); /* disarms all timers */

#endif
