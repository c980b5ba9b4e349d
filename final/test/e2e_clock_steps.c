/* The clock of the database server is set by an hour, forward and back, while two
 * lars-autoscaler work with it: one of them leads, none takes nodes away, plans follow
 * the clock, and a leader that slept through the step writes nothing.  The autoscalers
 * have the same clock.  test/shim.c steps it. */
#include "lib/clockstep.h"
#include "lib/httppeer.h"
#include "lib/proc_stop.h"
#include "lib/scaleworld.h"

#define HOUR_S 3600
#define LAST_WANTED                                                                      \
    "SELECT wanted FROM ScaleDecision WHERE id = (SELECT MAX(id) FROM ScaleDecision)"

static struct proc one, two;
static int port[2];
static struct httpreply reply;

static int group_setup(void **state)
{
    int rc;

    clockstep_open();
    clockstep_begin(true);
    rc = testdb_group_setup(state);
    clockstep_end();
    return rc;
}

static int group_teardown(void **state)
{
    int rc = testdb_group_teardown(state);

    clockstep_close();
    return rc;
}

static double metric(unsigned i, const char *name)
{
    httppeer_get(port[i], "/metrics", &reply);
    return httppeer_value(&reply, name);
}

static unsigned long long number(const char *sql)
{
    return testdb_number(sql);
}

static bool has_what_it_wants(void)
{
    unsigned long long n = scaleworld_n_up();

    return n >= 6 && n == 2 * number(LAST_WANTED);
}

static int setup(void **state)
{
    (void)t_fds_save(state);
    clockstep_set(0);
    scaleworld_reset(12);
    scaleworld_set_calls(25);
    clockstep_begin(false);
    port[0] = scaleworld_start(&one, 300, false);
    port[1] = scaleworld_start(&two, 300, false);
    clockstep_end();
    SCALE_WAIT(has_what_it_wants());
    return 0;
}

static int teardown(void **state)
{
    clockstep_set(0);
    proc_kill(&one);
    proc_kill(&two);
    return t_fds_check(state);
}

/* So many rounds more, of the one that leads. */
static void pass_rounds(unsigned n)
{
    const char *name = "lars_autoscaler_rounds_total";
    double end = metric(0, name) + metric(1, name) + n;

    SCALE_WAIT(metric(0, name) + metric(1, name) >= end);
}

static void check_that_all_is_well(unsigned long long n_up)
{
    assert_true(scaleworld_n_up() >= n_up);
    assert_int_equal(number("SELECT COUNT(*) FROM ScaleDecision WHERE wanted < was"), 0);
    assert_int_equal(number("SELECT COUNT(*) FROM RouteData WHERE state <> 'up'"), 0);
    assert_int_equal(number("SELECT COUNT(*) FROM ScaleDecision a JOIN ScaleDecision b "
                            "ON b.id > a.id AND b.fence < a.fence"),
                     0);
    SCALE_WAIT(metric(0, "lars_autoscaler_leader") +
                   metric(1, "lars_autoscaler_leader") ==
               1);
}

/* Nothing is taken away, and what comes later is still decided. */
static void go_on_after(int s)
{
    unsigned long long n = scaleworld_n_up();

    clockstep_set(s);
    pass_rounds(15);
    check_that_all_is_well(n);
    scaleworld_set_calls(75);
    SCALE_WAIT(scaleworld_n_up() > n && has_what_it_wants());
    check_that_all_is_well(n);
}

static void t_an_hour_forward_takes_nothing_away_and_decisions_go_on(void **state)
{
    (void)state;
    go_on_after(HOUR_S);
}

static void t_an_hour_back_takes_nothing_away_and_decisions_go_on(void **state)
{
    (void)state;
    go_on_after(-HOUR_S);
}

static void t_a_plan_begins_with_the_clock_that_was_set(void **state)
{
    (void)state;
    testdb_sql("INSERT INTO ScalePlan (modid, cmdid, from_at, until_at, n_zone) VALUES "
               "(20, 1, NOW() + INTERVAL 30 MINUTE, NOW() + INTERVAL 2 HOUR, 9)");
    pass_rounds(5);
    assert_true(scaleworld_n_up() < 18);
    clockstep_set(HOUR_S);
    SCALE_WAIT(scaleworld_n_up() == 18);
    clockstep_set(0); /* it is not in force again; nothing goes down at once */
    pass_rounds(10);
    check_that_all_is_well(18);
    clockstep_set(HOUR_S);
    pass_rounds(10);
    check_that_all_is_well(18);
}

/* It wakes up with a lease that has long ended, or that has ended in the future. */
static void sleep_through(int s)
{
    unsigned leader = metric(0, "lars_autoscaler_leader") == 1 ? 0 : 1;
    struct proc *p = leader == 0 ? &one : &two;
    unsigned long long n = scaleworld_n_up();
    double losses = metric(leader, "lars_autoscaler_lease_losses_total");

    assert_true(metric(leader, "lars_autoscaler_leader") == 1);
    proc_stop(p);
    clockstep_set(s);
    SCALE_WAIT(metric(1 - leader, "lars_autoscaler_leader") == 1);
    proc_continue(p);
    SCALE_WAIT(metric(leader, "lars_autoscaler_lease_losses_total") > losses);
    pass_rounds(10);
    check_that_all_is_well(n);
}

static void t_a_leader_that_slept_through_a_step_forward_writes_nothing(void **state)
{
    (void)state;
    sleep_through(HOUR_S);
}

static void t_a_leader_that_slept_through_a_step_back_writes_nothing(void **state)
{
    (void)state;
    sleep_through(-HOUR_S);
}

#define S(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        S(t_an_hour_forward_takes_nothing_away_and_decisions_go_on),
        S(t_an_hour_back_takes_nothing_away_and_decisions_go_on),
        S(t_a_plan_begins_with_the_clock_that_was_set),
        S(t_a_leader_that_slept_through_a_step_forward_writes_nothing),
        S(t_a_leader_that_slept_through_a_step_back_writes_nothing)};

    if (getenv("LARS_TEST_FILTER"))
        cmocka_set_test_filter(getenv("LARS_TEST_FILTER"));
    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
