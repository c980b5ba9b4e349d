/* lazy_timer -- a timer that is set anew with each request and seldom fires.  Setting it
 * later, or clearing it, leaves its place in the heap of timers as it is: when that comes
 * too early, the callback sees it by lazy_timer_fired() and the timer waits for the rest.
 *
 *     static void on_timer(void *arg)
 *     {
 *         if (!lazy_timer_fired(loop, &x->timer, on_timer, x))
 *             return;
 *         ...
 *
 * Times are those of evloop_now_ms(), so that no clock is read.  Thread: loop. */
#ifndef LARS_GATEWAY_LAZY_TIMER_H
#define LARS_GATEWAY_LAZY_TIMER_H

#include "net/evloop.h"

struct lazy_timer { /* only lazy_timer.c uses the fields; zeroed = not set */
    struct evtimer timer;
    uint64_t due_ms; /* 0 = not set */
};

/* Call <fn> with <arg> in <ms> or later.  A timer has one <fn> and one <arg> for life.
 * Returns 0; -ENOMEM. */
int lazy_timer_set(struct evloop *l, struct lazy_timer *t, uint32_t ms, evloop_fn *fn,
                   void *arg);
void lazy_timer_clear(struct lazy_timer *t); /* <fn> may be called, and is not due then */
void lazy_timer_fini(struct evloop *l, struct lazy_timer *t); /* <fn> is not called */

/* In <fn>: the time is over, and the timer is no longer set. */
bool lazy_timer_fired(struct evloop *l, struct lazy_timer *t, evloop_fn *fn, void *arg);

#endif
