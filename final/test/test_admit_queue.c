/* The order in which requests are admitted that wait: visitors inside, then the visitor
 * who was seen first. */
#include "gateway/admit_queue.h"

#include "t.h"

#define N_WAITS (ADMIT_QUEUE_MAX + 1)

static struct evloop *loop;
static struct admit *admit;
static struct admit_queue *queue;
static struct admit_wait waits[N_WAITS];
static unsigned order[N_WAITS], n_admitted;

static void on_admitted(struct admit_wait *w)
{
    order[n_admitted++] = (unsigned)(w - waits);
}

/* One request in flight is the limit of both modules. */
static int setup(void **state)
{
    struct admit_config c = {.n_modules = 2, .unmeasured = 1, .affordable = 1000};
    int rc;

    (void)t_fds_save(state);
    memset(waits, 0, sizeof(waits));
    n_admitted = 0;
    rc = evloop_create(&loop);
    if (rc == 0)
        rc = admit_create(&admit, &c);
    return rc < 0 ? rc : admit_queue_create(&queue, loop, admit, 2);
}

static int teardown(void **state)
{
    admit_queue_destroy(queue);
    admit_destroy(admit);
    evloop_destroy(loop);
    return t_fds_check(state);
}

static int join(unsigned i, unsigned module, enum admit_class class, uint64_t first_s)
{
    waits[i].module = module;
    waits[i].class = class;
    waits[i].admitted = on_admitted;
    return admit_queue_join(queue, &waits[i], first_s);
}

static void end_request(unsigned module)
{
    admit_queue_leave(queue, module);
    admit_queue_serve(queue);
}

static void t_request_within_the_limit_enters_at_once(void **state)
{
    (void)state;
    assert_int_equal(join(0, 0, ADMIT_CLASS_NEW, 100), 1);
    assert_int_equal(join(1, 1, ADMIT_CLASS_NEW, 100), 1); /* another module */
    assert_int_equal(join(2, 0, ADMIT_CLASS_NEW, 100), 0);
    assert_int_equal(admit_queue_n(queue), 1);
    assert_int_equal(n_admitted, 0);
}

static void t_inside_first_then_oldest_then_in_order_of_arrival(void **state)
{
    static const unsigned want[] = {5, 4, 2, 1, 3};
    unsigned i;

    (void)state;
    assert_int_equal(join(0, 0, ADMIT_CLASS_NEW, 1), 1);
    join(1, 0, ADMIT_CLASS_NEW, 1000);
    join(2, 0, ADMIT_CLASS_WAITING, 900);
    join(3, 0, ADMIT_CLASS_NEW, 1000);
    join(4, 0, ADMIT_CLASS_INSIDE, 2000);
    join(5, 0, ADMIT_CLASS_INSIDE, 500);
    for (i = 0; i < 5; i++) {
        end_request(0);
        assert_int_equal(n_admitted, i + 1);
        assert_int_equal(order[i], want[i]);
    }
    assert_int_equal(admit_queue_n(queue), 0);
}

static void t_nothing_overtakes_those_who_wait_but_visitors_inside(void **state)
{
    (void)state;
    join(0, 0, ADMIT_CLASS_NEW, 100);
    join(1, 0, ADMIT_CLASS_NEW, 100);
    admit_queue_leave(queue, 0); /* there is room, and 1 has not been served yet */
    assert_int_equal(join(2, 0, ADMIT_CLASS_NEW, 100), 0);
    assert_int_equal(join(3, 0, ADMIT_CLASS_INSIDE, 9999), 1);
}

static void t_request_that_has_left_is_not_admitted(void **state)
{
    (void)state;
    join(0, 0, ADMIT_CLASS_NEW, 100);
    join(1, 0, ADMIT_CLASS_NEW, 100);
    join(2, 0, ADMIT_CLASS_NEW, 200);
    admit_queue_remove(queue, &waits[1]);
    admit_queue_remove(queue, &waits[1]); /* twice is as once */
    end_request(0);
    assert_int_equal(n_admitted, 1);
    assert_int_equal(order[0], 2);
}

static void t_modules_do_not_wait_for_each_other(void **state)
{
    (void)state;
    join(0, 0, ADMIT_CLASS_NEW, 100);
    join(1, 1, ADMIT_CLASS_NEW, 100);
    join(2, 0, ADMIT_CLASS_NEW, 100);
    join(3, 1, ADMIT_CLASS_NEW, 100);
    end_request(1);
    assert_int_equal(n_admitted, 1);
    assert_int_equal(order[0], 3);
}

static void t_other_visitors_do_not_take_the_place_of_one_inside_who_pauses(void **state)
{
    (void)state;
    assert_int_equal(join(0, 0, ADMIT_CLASS_NEW, 100), 1);
    assert_int_equal(join(1, 0, ADMIT_CLASS_NEW, 50), 0);
    admit_hold(admit, 0);
    end_request(0);
    assert_int_equal(n_admitted, 0);
    assert_int_equal(join(2, 1, ADMIT_CLASS_NEW, 100), 1); /* another module */
    assert_int_equal(join(3, 0, ADMIT_CLASS_INSIDE, 100), 1);
    end_request(0);
    assert_int_equal(n_admitted, 0);
    admit_release(admit, 0);
    admit_queue_serve(queue);
    assert_int_equal(n_admitted, 1);
    assert_int_equal(order[0], 1);
}

static void t_full_queue_refuses_and_keeps_room_for_visitors_inside(void **state)
{
    unsigned i;

    (void)state;
    assert_int_equal(join(0, 0, ADMIT_CLASS_NEW, 100), 1);
    for (i = 1; i <= ADMIT_QUEUE_NEW; i++)
        assert_int_equal(join(i, 0, ADMIT_CLASS_NEW, 100), 0);
    assert_int_equal(join(i, 0, ADMIT_CLASS_NEW, 100), -ENOBUFS);
    for (; i <= ADMIT_QUEUE_MAX; i++)
        assert_int_equal(join(i, 0, ADMIT_CLASS_INSIDE, 100), 0);
    assert_int_equal(join(0, 0, ADMIT_CLASS_INSIDE, 100), -ENOBUFS);
    assert_int_equal(admit_queue_n(queue), ADMIT_QUEUE_MAX);
}

static void t_a_loop_has_at_most_its_calls_in_flight(void **state)
{
    struct admit_capacity much = {.nodes_in = 100000, .share = 1};
    unsigned i;

    (void)state;
    admit_set_capacity(admit, 0, &much);
    for (i = 0; i < ADMIT_CALLS_MAX; i++)
        assert_int_equal(join(0, 0, ADMIT_CLASS_INSIDE, 100), 1);
    assert_int_equal(join(1, 0, ADMIT_CLASS_INSIDE, 100), 0);
    end_request(0);
    assert_int_equal(n_admitted, 1);
}

static void stop(struct admit_wait *w)
{
    on_admitted(w);
    evloop_stop(loop);
}

/* Another loop's request ends, which wakes nothing here. */
static void t_room_is_found_within_the_loop_without_an_event(void **state)
{
    (void)state;
    assert_true(admit_enter(admit, 0, ADMIT_CLASS_NEW));
    join(0, 0, ADMIT_CLASS_NEW, 100);
    waits[0].admitted = stop;
    admit_leave(admit, 0);
    assert_int_equal(evloop_run(loop), 0);
    assert_int_equal(n_admitted, 1);
}

#define A(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

T_MAIN(A(t_request_within_the_limit_enters_at_once),
       A(t_inside_first_then_oldest_then_in_order_of_arrival),
       A(t_nothing_overtakes_those_who_wait_but_visitors_inside),
       A(t_request_that_has_left_is_not_admitted),
       A(t_modules_do_not_wait_for_each_other),
       A(t_other_visitors_do_not_take_the_place_of_one_inside_who_pauses),
       A(t_full_queue_refuses_and_keeps_room_for_visitors_inside),
       A(t_a_loop_has_at_most_its_calls_in_flight),
       A(t_room_is_found_within_the_loop_without_an_event))
