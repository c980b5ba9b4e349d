/* A loop that works shows more load than one that waits. */
#include "base/mono.h"
#include "gateway/loop_load.h"
#include "t.h"

static struct evloop *loop;
static struct evloop_call call;
static struct evtimer timer;
static uint32_t result;

static void on_load(uint32_t permille, void *arg)
{
    (void)arg;
    result = permille;
    evloop_stop(loop);
}

static void work(void *arg) /* 20 ms of processor time, again and again */
{
    uint64_t end = mono_us() + 20000;

    (void)arg;
    while (mono_us() < end)
        continue;
    evloop_set_timer(loop, &timer, 0, work, NULL);
}

static uint32_t measure(bool busy)
{
    struct loop_load m;

    assert_int_equal(evloop_create(&loop), 0);
    assert_int_equal(loop_load_start(&m, loop, on_load, NULL), 0);
    if (busy)
        evloop_defer(loop, &call, work, NULL);
    assert_int_equal(evloop_run(loop), 0);
    assert_int_equal(loop_load_permille(&m), result);
    loop_load_stop(&m);
    evloop_clear_timer(loop, &timer);
    evloop_destroy(loop);
    return result;
}

static void t_the_load_is_the_processor_time_of_the_loop(void **state)
{
    uint32_t waiting, busy;

    (void)state;
    waiting = measure(false);
    busy = measure(true);
    assert_in_range(waiting, 0, 100);
    assert_in_range(busy, waiting + 1, 1000);
}

T_MAIN(T(t_the_load_is_the_processor_time_of_the_loop))
