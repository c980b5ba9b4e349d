/* evtimer -- timers in a binary heap, ordered by when they are due.
 * Adding, moving and removing cost O(log n), asking for the earliest O(1): 100,000 idle
 * timeouts cost 17 comparisons each when they change and nothing while they wait.
 * Source: Cormen et al., Introduction to Algorithms, ch. 6.  Thread: the owner's. */
#ifndef LARS_NET_EVTIMER_H
#define LARS_NET_EVTIMER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef void evtimer_fn(void *arg);

/* Lives inside the object it belongs to, so that arming allocates no timer.  Zeroed =
 * not armed.  The fields are evtimer.c's. */
struct evtimer {
    uint64_t due_us;                      /* monotonic */
    evtimer_fn *fn;
    void *arg;
    size_t pos;                           /* place in the heap + 1; 0 = not armed */
};

/* Zeroed = empty. */
struct evtimer_heap {
    struct evtimer **at;
    size_t n, cap;
};

/* Arm <t>, or move it when it is armed already.  Borrows <t> until it fires or is
 * removed. Returns 0; -ENOMEM (only when <t> was not armed: moving cannot fail). */
int evtimer_heap_set(struct evtimer_heap *h, struct evtimer *t, uint64_t due_us,
                     evtimer_fn *fn, void *arg);

void evtimer_heap_remove(struct evtimer_heap *h, struct evtimer *t); /* not armed: fine */

/* The earliest timer, or NULL. */
struct evtimer *evtimer_heap_first(const struct evtimer_heap *h);

bool evtimer_is_armed(const struct evtimer *t);

void evtimer_heap_fini(struct evtimer_heap *h); /* disarms what is left */

#endif
