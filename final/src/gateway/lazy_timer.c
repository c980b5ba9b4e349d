/* Each request of a connection sets its timers several times, and almost all of them are
 * cleared again.  In the heap each of these changes costs a reading of the clock and a
 * walk through the heap; here it is a store.  In exchange a timer fires too early, at
 * most once in the time that it was first set for.
 *
 * Invariant: while due_ms is set, the timer in the heap is due at that time or earlier.
 * Rejected: a timing wheel beside the loop's heap.  It would have a tick, and an idle
 * gateway would wake for it. */
#include "gateway/lazy_timer.h"

int lazy_timer_set(struct evloop *l, struct lazy_timer *t, uint32_t ms, evloop_fn *fn,
                   void *arg)
{
    /* The loop has read the clock a part of a millisecond ago, or more. */
    t->due_ms = evloop_now_ms(l) + ms + 1;
    if (evtimer_is_armed(&t->timer) && t->timer.due_us <= t->due_ms * 1000)
        return 0;
    return evloop_set_timer(l, &t->timer, ms, fn, arg);
}

void lazy_timer_clear(struct lazy_timer *t)
{
    t->due_ms = 0;
}

void lazy_timer_fini(struct evloop *l, struct lazy_timer *t)
{
    t->due_ms = 0;
    evloop_clear_timer(l, &t->timer);
}

bool lazy_timer_fired(struct evloop *l, struct lazy_timer *t, evloop_fn *fn, void *arg)
{
    uint64_t now = evloop_now_ms(l);

    if (t->due_ms == 0)
        return false;
    /* Without memory for the rest of the time it is over now. */
    if (now < t->due_ms &&
        evloop_set_timer(l, &t->timer, (uint32_t)(t->due_ms - now), fn, arg) == 0)
        return false;
    t->due_ms = 0;
    return true;
}
