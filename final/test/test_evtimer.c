/* The heap of timers, also against a plain array that is searched. */
#include "t.h"

#include "net/evtimer.h"

static void nothing(void *arg)
{
    (void)arg;
}

static void t_heap_gives_timers_in_order_of_time(void **state)
{
    static const uint64_t due[] = {50, 10, 40, 10, 30, 20, 60, 0};
    struct evtimer_heap h = {0};
    struct evtimer t[8] = {{0}};
    uint64_t last = 0;
    int i;

    (void)state;
    assert_null(evtimer_heap_first(&h));
    for (i = 0; i < 8; i++)
        assert_int_equal(evtimer_heap_set(&h, &t[i], due[i] + LAB_ID, nothing, NULL), 0);
    for (i = 0; i < 8; i++) {
        struct evtimer *first = evtimer_heap_first(&h);

        assert_true(first->due_us >= last);
        last = first->due_us;
        evtimer_heap_remove(&h, first);
        assert_false(evtimer_is_armed(first));
    }
    assert_int_equal(last, 60 + LAB_ID);
    assert_null(evtimer_heap_first(&h));
    evtimer_heap_fini(&h);
}

static void t_heap_set_moves_an_armed_timer(void **state)
{
    struct evtimer_heap h = {0};
    struct evtimer a = {0}, b = {0};

    (void)state;
    evtimer_heap_set(&h, &a, 10, nothing, NULL);
    evtimer_heap_set(&h, &b, 20, nothing, NULL);
    assert_ptr_equal(evtimer_heap_first(&h), &a);
    assert_int_equal(evtimer_heap_set(&h, &a, 30, nothing, NULL), 0);
    assert_ptr_equal(evtimer_heap_first(&h), &b);
    assert_int_equal(evtimer_heap_set(&h, &a, 5, nothing, NULL), 0);
    assert_ptr_equal(evtimer_heap_first(&h), &a);
    assert_int_equal(h.n, 2);
    evtimer_heap_fini(&h);
    assert_false(evtimer_is_armed(&a));
}

static void t_heap_remove_not_armed_is_fine(void **state)
{
    struct evtimer_heap h = {0};
    struct evtimer t = {0};

    (void)state;
    evtimer_heap_remove(&h, &t);
    assert_int_equal(evtimer_heap_set(&h, &t, 1, nothing, NULL), 0);
    assert_ptr_equal(evtimer_heap_first(&h), &t);
    evtimer_heap_remove(&h, &t);
    evtimer_heap_remove(&h, &t);
    assert_null(evtimer_heap_first(&h));
    evtimer_heap_fini(&h);
}

/* Makes 100,000 random changes; after each, the earliest timer of the heap must be as
 * early as the one that a search through all timers finds. */
static void t_heap_agrees_with_a_search_at_random(void **state)
{
    enum { N = 300, STEPS = 100000 };
    static struct evtimer t[N];
    struct evtimer_heap h = {0};
    const char *env = getenv("SEED");
    unsigned seed = env ? (unsigned)atoi(env) : (unsigned)t_now_ms();
    int i, s, steps = t_mode_is("memcheck") ? STEPS / 50 : STEPS;

    (void)state;
    print_message("SEED=%u\n", seed);
    memset(t, 0, sizeof(t));
    for (s = 0; s < steps; s++) {
        struct evtimer *first, *want = NULL;
        int rc = 0, k = (int)((seed = seed * 1664525u + 1013904223u) >> 8) % N;

        if ((seed >> 4) % 3 == 0)
            evtimer_heap_remove(&h, &t[k]);
        else
            rc = evtimer_heap_set(&h, &t[k], (seed >> 7) % 1000, nothing, NULL);
        assert_int_equal(rc, 0);
        for (i = 0; i < N; i++)
            if (evtimer_is_armed(&t[i]) && (!want || t[i].due_us < want->due_us))
                want = &t[i];
        first = evtimer_heap_first(&h);
        assert_true(!!first == !!want);
        if (first)
            assert_int_equal(first->due_us, want->due_us);
    }
    evtimer_heap_fini(&h);
}

T_MAIN(T(t_heap_gives_timers_in_order_of_time), T(t_heap_set_moves_an_armed_timer),
       T(t_heap_remove_not_armed_is_fine), T(t_heap_agrees_with_a_search_at_random))
