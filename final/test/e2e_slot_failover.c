/* A host with slots when a service is killed, stopped or has no database, so that the
 * second one takes over, and when the database of all stops: orders arrive and states are
 * written, and no list without orders is delivered that the database does not have. */
#include "lib/slotlink.h"

/* From the last order before the database stops to the first one after it. */
static void t_no_empty_list_arrives_while_the_database_is_away(void **state)
{
    uint64_t lists;

    (void)state;
    slotlink_order("web1", 1, 10, 1);
    slotlink_start();
    LOOP_UNTIL(sl.loop, slotlink_has(0, 1, 10));
    testdb_stop();
    proc_expect_line(sys.dnsd.err, "of=slot_orders");
    LOOP_UNTIL(sl.loop, slotlink_stat().dns_up);
    lists = sl.n_lists;
    testdb_start();
    LOOP_UNTIL(sl.loop, sl.n_lists > lists);
    assert_true(slotlink_has(0, 1, 10));
    slotlink_order("web1", 1, 11, 1);
    LOOP_UNTIL(sl.loop, slotlink_has(0, 1, 11));
    assert_int_equal(sl.n_empty, 0);
    assert_int_equal(slotlink_stat().n_bad, 0);
}

static void t_states_are_written_again_when_the_database_is_back(void **state)
{
    struct slot_status s = slotlink_ready(2);

    (void)state;
    slotlink_start();
    slotlink_tell(&s, 1);
    LOOP_UNTIL(sl.loop, testdb_number(SLOTLINK_SLOTS) == 1);
    testdb_stop();
    s.state = SLOT_SICK;
    slotlink_tell(&s, 1);
    LOOP_UNTIL(sl.loop, slotlink_stat().report_up);
    testdb_start();
    LOOP_UNTIL(sl.loop, testdb_number(SLOTLINK_SLOTS " AND state = 'sick'") == 1);
}

static void start_two(void)
{
    slotlink_start_second();
    slotlink_start();
}

static void t_second_dnsd_takes_over_and_the_first_one_is_gone_back_to(void **state)
{
    (void)state;
    slotlink_order("web1", 1, 10, 1);
    start_two();
    LOOP_UNTIL(sl.loop, slotlink_has(0, 1, 10) && slotlink_stat().dns_first);
    proc_kill(&sys.dnsd);
    slotlink_order("web1", 1, 11, 1);
    LOOP_UNTIL(sl.loop, slotlink_has(0, 1, 11));
    assert_false(slotlink_stat().dns_first);
    system_start_dnsd();
    LOOP_UNTIL(sl.loop, slotlink_stat().dns_up && slotlink_stat().dns_first);
    slotlink_order("web1", 1, 12, 1);
    LOOP_UNTIL(sl.loop, slotlink_has(0, 1, 12));
    assert_int_equal(sl.n_empty, 0);
}

static void t_dnsd_that_is_stopped_is_left_for_the_second_one(void **state)
{
    (void)state;
    slotlink_order("web1", 1, 10, 1);
    start_two();
    LOOP_UNTIL(sl.loop, slotlink_has(0, 1, 10) && slotlink_stat().dns_first);
    kill(sys.dnsd.pid, SIGSTOP);
    slotlink_order("web1", 1, 11, 1);
    LOOP_UNTIL(sl.loop, slotlink_has(0, 1, 11));
    assert_false(slotlink_stat().dns_first);
    kill(sys.dnsd.pid, SIGCONT);
    LOOP_UNTIL(sl.loop, slotlink_stat().dns_up && slotlink_stat().dns_first);
    assert_int_equal(sl.n_empty, 0);
}

/* Both services of the first zone work, but its database does not. */
static void t_services_that_have_no_database_are_left_for_the_second_ones(void **state)
{
    struct slot_status s = slotlink_ready(2);

    (void)state;
    slotlink_order("web1", 1, 10, 1);
    proc_start(&sys.dnsd, "lars-dnsd", "-p", "0", "-s", "/nonexistent", NULL);
    system_wait_port(&sys.dnsd, "lars-dnsd");
    proc_start(&sys.reportd, "lars-reportd", "-p", "0", "-s", "/nonexistent", NULL);
    system_wait_port(&sys.reportd, "lars-reportd");
    slotlink_start_second();
    slotlink_open();
    slotlink_tell(&s, 1);
    LOOP_UNTIL(sl.loop, slotlink_stat().dns_up && slotlink_stat().report_up);
    assert_true(slotlink_stat().dns_first && slotlink_stat().report_first);
    LOOP_UNTIL(sl.loop, slotlink_has(0, 1, 10));
    LOOP_UNTIL(sl.loop, testdb_number(SLOTLINK_SLOTS) == 1);
    assert_false(slotlink_stat().dns_first || slotlink_stat().report_first);
}

static void t_second_reportd_takes_over_and_the_first_one_is_gone_back_to(void **state)
{
    struct slot_status s = slotlink_ready(2);

    (void)state;
    start_two();
    slotlink_tell(&s, 1);
    LOOP_UNTIL(sl.loop,
               testdb_number(SLOTLINK_SLOTS) == 1 && slotlink_stat().report_first);
    proc_kill(&sys.reportd);
    s.state = SLOT_SICK;
    slotlink_tell(&s, 1);
    LOOP_UNTIL(sl.loop, testdb_number(SLOTLINK_SLOTS " AND state = 'sick'") == 1);
    assert_false(slotlink_stat().report_first);
    system_start_reportd();
    LOOP_UNTIL(sl.loop, slotlink_stat().report_up && slotlink_stat().report_first);
    s.state = SLOT_READY;
    slotlink_tell(&s, 1);
    LOOP_UNTIL(sl.loop, testdb_number(SLOTLINK_SLOTS " AND state = 'ready'") == 1);
}

#define E(fn) cmocka_unit_test_setup_teardown(fn, slotlink_setup, slotlink_teardown)

TESTDB_MAIN(E(t_no_empty_list_arrives_while_the_database_is_away),
            E(t_states_are_written_again_when_the_database_is_back),
            E(t_second_dnsd_takes_over_and_the_first_one_is_gone_back_to),
            E(t_dnsd_that_is_stopped_is_left_for_the_second_one),
            E(t_services_that_have_no_database_are_left_for_the_second_ones),
            E(t_second_reportd_takes_over_and_the_first_one_is_gone_back_to))
