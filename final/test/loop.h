/* loop.h -- drive an event loop from a test: turn it until something holds. */
#ifndef LARS_TEST_LOOP_H
#define LARS_TEST_LOOP_H

#include "net/evloop.h"
#include "t.h"

static inline void loop_stop(void *arg)
{
    evloop_stop(arg);
}

/* Turns until the loop has been quiet for a millisecond, or once when it is busy. */
static inline void loop_turn(struct evloop *l)
{
    struct evtimer tick = {0};

    assert_int_equal(evloop_set_timer(l, &tick, 1, loop_stop, l), 0);
    assert_int_equal(evloop_run(l), 0);
    evloop_clear_timer(l, &tick);
}

#define LOOP_UNTIL(l, cond)                                                              \
    do {                                                                                 \
        uint64_t end_ = t_now_ms() + T_DEADLINE_MS;                                      \
        while (!(cond)) {                                                                \
            if (t_now_ms() > end_)                                                       \
                fail_msg("never true: %s", #cond);                                       \
            loop_turn(l);                                                                \
        }                                                                                \
    } while (0)

#endif
