/* Do visitors wait longer for the nodes of a host than before?  Answers within 1 ms are
 * in bucket FAST, late ones in bucket SLOW. */
#include "ctl/host_times.h"

#include "t.h"

#define HOST 0x0a000001
#define FAST latency_bucket(1000)
#define USUAL latency_bucket(10000) /* the p99 */
#define SLOW latency_bucket(20000)

static struct host_times times;
static struct node_minutes minutes;

static int setup(void **state)
{
    (void)state;
    memset(&times, 0, sizeof(times));
    times.ip = HOST;
    return 0;
}

/* A window of two nodes of the host, with so many answers together, and of another host
 * that is slow all the time. */
static const struct node_minutes *window(unsigned fast, unsigned usual, unsigned slow)
{
    memset(&minutes, 0, sizeof(minutes));
    minutes.n = 3;
    minutes.at[0].ip = minutes.at[2].ip = HOST;
    minutes.at[0].port = 8001;
    minutes.at[2].port = 8002;
    minutes.at[1].ip = HOST + 1;
    minutes.at[0].n[FAST] = fast;
    minutes.at[2].n[USUAL] = usual;
    minutes.at[2].n[SLOW] = slow;
    minutes.at[1].n[SLOW] = 1000;
    return &minutes;
}

static void learn(void)
{
    host_times_add_usual(&times, window(490, 5, 0));
    host_times_add_usual(&times, window(490, 15, 0));
    assert_true(host_times_begin(&times));
}

static void t_the_usual_time_is_the_p99_of_the_host(void **state)
{
    (void)state;
    learn();
    assert_in_range(times.usual_us, 8192, 12288);
}

static void t_fewer_than_200_answers_say_nothing(void **state)
{
    (void)state;
    host_times_add_usual(&times, window(199, 0, 0));
    assert_false(host_times_begin(&times));
    host_times_add_usual(&times, window(1, 0, 0));
    assert_true(host_times_begin(&times));
}

static void t_two_windows_in_a_row_with_more_than_3_percent_late_are_felt(void **state)
{
    (void)state;
    learn();
    assert_false(host_times_add(&times, window(193, 0, 7)));
    assert_true(host_times_add(&times, window(193, 0, 7)));
}

static void t_3_percent_are_not_felt_and_end_a_row(void **state)
{
    unsigned i;

    (void)state;
    learn();
    for (i = 0; i < 50; i++)
        assert_false(host_times_add(&times, window(194, 0, 6)));
    for (i = 0; i < 50; i++) {
        assert_false(host_times_add(&times, window(100, 0, 100)));
        assert_false(host_times_add(&times, window(200, 0, 0)));
    }
}

static void t_the_usual_time_is_not_late(void **state)
{
    unsigned i;

    (void)state;
    learn();
    for (i = 0; i < 50; i++)
        assert_false(host_times_add(&times, window(0, 200, 0)));
}

static void t_few_answers_are_judged_when_200_have_come(void **state)
{
    unsigned i;

    (void)state;
    learn();
    for (i = 0; i < 39; i++) /* 10 answers each */
        assert_false(host_times_add(&times, window(5, 0, 5)));
    assert_true(host_times_add(&times, window(5, 0, 5)));
}

static void t_another_host_does_not_count(void **state)
{
    unsigned i;

    (void)state;
    learn();
    for (i = 0; i < 50; i++)
        assert_false(host_times_add(&times, window(0, 0, 0)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(t_the_usual_time_is_the_p99_of_the_host, setup),
        cmocka_unit_test_setup(t_fewer_than_200_answers_say_nothing, setup),
        cmocka_unit_test_setup(
            t_two_windows_in_a_row_with_more_than_3_percent_late_are_felt, setup),
        cmocka_unit_test_setup(t_3_percent_are_not_felt_and_end_a_row, setup),
        cmocka_unit_test_setup(t_the_usual_time_is_not_late, setup),
        cmocka_unit_test_setup(t_few_answers_are_judged_when_200_have_come, setup),
        cmocka_unit_test_setup(t_another_host_does_not_count, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
