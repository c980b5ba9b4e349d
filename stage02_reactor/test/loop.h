/* loop.h -- run an event loop inside a test until a condition holds. */
#ifndef LARS_TEST_LOOP_H
#define LARS_TEST_LOOP_H

#include "net/evloop.h"
#include "t.h"

static inline void loop_stop(void *arg)
{
    evloop_stop(arg);
}

/* Run the loop for about a millisecond: it handles the events that are pending. */
static inline void loop_turn(struct evloop *l)
{
    struct evtimer tick = {0};

    assert_int_equal(evloop_set_timer(l, &tick, 1, loop_stop, l), 0);
    assert_int_equal(evloop_run(l), 0);
    evloop_clear_timer(l, &tick);
}

#define LOOP_UNTIL(l, cond)                                                              \
    do {                                                                                 \
        uint64_t end_ = t_now_ms() + t_deadline_ms();                                    \
        while (!(cond)) {                                                                \
            if (t_now_ms() > end_)                                                       \
                fail_msg("not true within %d ms: %s", t_deadline_ms(), #cond);           \
            loop_turn(l);                                                                \
        }                                                                                \
    } while (0)

#endif
