/* Orders that SQL puts into ScaleWanted reach a host by DNSService, and what its slots
 * run reaches ScaleHost and ScaleSlot by the Report Service. */
#include "lib/httppeer.h"
#include "lib/slotlink.h"

/* --- orders ------------------------------------------------------------------------- */

static void t_orders_of_this_host_and_no_other_arrive(void **state)
{
    (void)state;
    slotlink_order("web1", 2, 20, 7);
    slotlink_order("web1", 1, 10, 5);
    slotlink_order("web10", 1, 99, 9);
    slotlink_order("web", 1, 98, 9);
    slotlink_start();
    LOOP_UNTIL(sl.loop, sl.n_lists > 0);
    assert_int_equal(sl.n, 2);
    assert_true(slotlink_has(0, 1, 10) && slotlink_has(1, 2, 20));
    assert_int_equal(sl.fence, 7);
    assert_true(slotlink_stat().dns_up && slotlink_stat().report_up);
}

static void t_name_of_the_host_may_differ_in_case(void **state)
{
    (void)state;
    slotlink_order("WEB1", 3, 20, 7);
    slotlink_start();
    LOOP_UNTIL(sl.loop, slotlink_has(0, 3, 20));
}

static void t_change_arrives_and_without_a_change_the_orders_are_repeated(void **state)
{
    size_t n;

    (void)state;
    slotlink_order("web1", 1, 10, 1);
    slotlink_start();
    LOOP_UNTIL(sl.loop, slotlink_has(0, 1, 10));
    n = sl.n_lists;
    LOOP_UNTIL(sl.loop, sl.n_lists >= n + 2);
    slotlink_order("web1", 1, 11, 2);
    LOOP_UNTIL(sl.loop, slotlink_has(0, 1, 11));
    assert_int_equal(sl.fence, 2);
    slotlink_order("web1", 4, 12, 2);
    LOOP_UNTIL(sl.loop, sl.n == 2 && slotlink_has(1, 4, 12));
    assert_int_equal(sl.n_empty, 0);
    testdb_sql("DELETE FROM ScaleWanted");
    LOOP_UNTIL(sl.loop, sl.n_empty > 0); /* the database was read and has none */
}

static void t_fence_is_the_highest_of_the_orders_and_the_lease(void **state)
{
    (void)state;
    testdb_sql("REPLACE INTO Lease (name, holder, until_at, fence) VALUES ('scale', 1, "
               "NOW(3), 40), ('leader', 1, NOW(3), 90)");
    slotlink_order("web1", 1, 10, 5);
    slotlink_order("web2", 1, 10, 70);
    slotlink_start();
    LOOP_UNTIL(sl.loop, sl.n == 1);
    assert_int_equal(sl.fence, 40);
    slotlink_order("web1", 2, 10, 41);
    LOOP_UNTIL(sl.loop, sl.n == 2);
    assert_int_equal(sl.fence, 41);
    testdb_sql("DELETE FROM ScaleWanted");
    LOOP_UNTIL(sl.loop, sl.n == 0);
    assert_int_equal(sl.fence, 40);
}

/* A database that was restored has an older fence; the receiver refuses it. */
static void t_lower_fence_is_delivered_as_it_is(void **state)
{
    (void)state;
    slotlink_order("web1", 1, 10, 9);
    slotlink_start();
    LOOP_UNTIL(sl.loop, sl.fence == 9);
    slotlink_order("web1", 1, 10, 3);
    LOOP_UNTIL(sl.loop, sl.fence == 3 && slotlink_has(0, 1, 10));
}

static void t_rows_that_cannot_be_obeyed_are_left_out(void **state)
{
    (void)state;
    slotlink_order("web1", 0, 10, 1);
    slotlink_order("web1", 257, 10, 1);
    slotlink_order("web1", 9, 10, 1); /* this host has 8 slots */
    testdb_sql("INSERT INTO ScaleWanted (host, slot, modid, cmdid, fence) VALUES "
               "('web1', 2, 0, 0, 1), ('', 0, 5, 1, 99)");
    slotlink_order("web1", 8, 10, 1);
    slotlink_start();
    LOOP_UNTIL(sl.loop, sl.n_lists > 0);
    assert_int_equal(sl.n, 1);
    assert_true(slotlink_has(0, 8, 10));
    assert_int_equal(sl.fence, 1);
}

/* --- states ------------------------------------------------------------------------- */

#define HOST_ROW                                                                         \
    "SELECT COUNT(*) FROM ScaleHost WHERE host = 'web1' AND zone = '\xe5\x8c\x97' AND "  \
    "address = '127.0.0.1' AND class = 'big' AND slots = 8 AND in_use = 1 AND seen_at "  \
    "> NOW(3) - INTERVAL 30 SECOND"
#define READY_ROW                                                                        \
    "SELECT COUNT(*) FROM ScaleSlot WHERE host = 'web1' AND slot = 2 AND modid = 20 "    \
    "AND "                                                                               \
    "cmdid = 1 AND port = 9002 AND pid = 77 AND state = 'ready' AND starts = 1 AND "     \
    "note "                                                                              \
    "= ''"
#define FAILED_ROW                                                                       \
    "SELECT COUNT(*) FROM ScaleSlot WHERE host = 'web1' AND slot = 1 AND pid = 0 AND "   \
    "state = 'failed' AND starts = 3 AND note = 'exit 1: it''s bad' AND "                \
    "ABS(TIMESTAMPDIFF(SECOND, since, NOW(3)) - %llu) < 60"

static void t_state_is_in_the_tables(void **state)
{
    struct slot_status s[2] = {slotlink_ready(2), slotlink_ready(1)};
    uint64_t age_ms = s[1].since_ms / 2; /* the machine may have been up for minutes */
    char sql[400];

    (void)state;
    s[1].state = SLOT_FAILED;
    s[1].pid = 0;
    s[1].starts = 3;
    s[1].since_ms -= age_ms;
    snprintf(s[1].note, sizeof(s[1].note), "exit 1:\nit's bad");
    slotlink_start();
    slotlink_tell(s, 2);
    LOOP_UNTIL(sl.loop, slotlink_stat().acked_ms > 0);
    assert_int_equal(testdb_number(HOST_ROW), 1);
    assert_int_equal(testdb_number(READY_ROW), 1);
    snprintf(sql, sizeof(sql), FAILED_ROW, (unsigned long long)age_ms / 1000);
    assert_int_equal(testdb_number(sql), 1);
    assert_int_equal(testdb_number(SLOTLINK_SLOTS), 2);
}

static void t_slots_that_are_not_named_lose_their_rows(void **state)
{
    struct slot_status s[2] = {slotlink_ready(2), slotlink_ready(5)};

    (void)state;
    testdb_sql("INSERT INTO ScaleSlot (host, slot, modid, cmdid, port, state) VALUES "
               "('web1', 7, 1, 1, 80, 'ready'), ('web2', 7, 1, 1, 80, 'ready')");
    slotlink_start();
    slotlink_tell(s, 2);
    LOOP_UNTIL(sl.loop, testdb_number(SLOTLINK_SLOTS " AND slot IN (2, 5)") == 2);
    LOOP_UNTIL(sl.loop, testdb_number(SLOTLINK_SLOTS) == 2);
    slotlink_tell(s, 1);
    LOOP_UNTIL(sl.loop, testdb_number(SLOTLINK_SLOTS) == 1);
    slotlink_tell(NULL, 0);
    LOOP_UNTIL(sl.loop, testdb_number(SLOTLINK_SLOTS) == 0);
    assert_int_equal(testdb_number("SELECT COUNT(*) FROM ScaleSlot WHERE host = 'web2'"),
                     1);
}

static void t_state_does_not_change_what_the_operator_wants(void **state)
{
    struct slot_status s = slotlink_ready(2);

    (void)state;
    testdb_sql("INSERT INTO ScaleHost (host, slots, in_use) VALUES ('web1', 1, 0)");
    slotlink_start();
    slotlink_tell(&s, 1);
    LOOP_UNTIL(sl.loop, testdb_number("SELECT slots FROM ScaleHost") == 8);
    assert_int_equal(testdb_number("SELECT in_use FROM ScaleHost"), 0);
}

#define SEEN "SELECT CAST(1000 * UNIX_TIMESTAMP(MAX(seen_at)) AS UNSIGNED) FROM ScaleSlot"
#define SINCE "SELECT CAST(1000 * UNIX_TIMESTAMP(since) AS UNSIGNED) FROM ScaleSlot"

static void t_state_is_repeated_and_its_beginning_stays(void **state)
{
    struct slot_status s = slotlink_ready(2);
    unsigned long long seen, since;

    (void)state;
    slotlink_start();
    slotlink_tell(&s, 1);
    LOOP_UNTIL(sl.loop, testdb_number(SLOTLINK_SLOTS) == 1);
    seen = testdb_number(SEEN);
    since = testdb_number(SINCE);
    LOOP_UNTIL(sl.loop, testdb_number(SEEN) > seen + 1500);
    assert_true(testdb_number(SINCE) == since);
    s.state = SLOT_SICK;
    s.since_ms = t_now_ms();
    slotlink_tell(&s, 1);
    LOOP_UNTIL(sl.loop, testdb_number(SLOTLINK_SLOTS " AND state = 'sick'") == 1);
    assert_true(testdb_number(SINCE) > since);
}

/* It has just started and does not know yet what runs in its slots. */
static void t_nothing_is_written_before_the_first_state(void **state)
{
    (void)state;
    testdb_sql("INSERT INTO ScaleSlot (host, slot, modid, cmdid, port, state) VALUES "
               "('web1', 7, 1, 1, 80, 'ready')");
    slotlink_start();
    LOOP_UNTIL(sl.loop, slotlink_stat().report_up && sl.n_lists >= 2); /* two seconds */
    assert_int_equal(testdb_number(SLOTLINK_SLOTS), 1);
    assert_int_equal(testdb_number("SELECT COUNT(*) FROM ScaleHost"), 0);
}

/* --- what the services show --------------------------------------------------------- */

static int start_with_http(struct proc *p, const char *name, const char *ini)
{
    const char *file = system_write_file(ini, "[http]\nlisten = 127.0.0.1:0\n");

    proc_start(p, name, "-c", file, "-p", "0", "-s", testdb_socket, NULL);
    system_wait_port(p, name);
    return system_http_port(p);
}

static bool shows(int port, const char *line)
{
    static struct httpreply reply;

    httppeer_get(port, "/metrics", &reply);
    return strstr(reply.text, line) != NULL;
}

static void t_services_count_hosts_with_slots(void **state)
{
    int dns = start_with_http(&sys.dnsd, "lars-dnsd", "dnsd.ini");
    int report = start_with_http(&sys.reportd, "lars-reportd", "reportd.ini");
    struct slot_status s = slotlink_ready(2);

    (void)state;
    assert_true(shows(dns, "\nlars_dnsd_slotds 0\n"));
    assert_true(shows(dns, "\nlars_dnsd_slot_order_reads_total 0\n"));
    assert_true(shows(report, "\nlars_reportd_slot_hosts 0\n"));
    slotlink_open();
    slotlink_tell(&s, 1);
    LOOP_UNTIL(sl.loop, sl.n_lists > 0 && slotlink_stat().acked_ms > 0);
    assert_true(shows(dns, "\nlars_dnsd_slotds 1\n"));
    assert_true(shows(report, "\nlars_reportd_slot_hosts 1\n"));
    slot_link_destroy(sl.link);
    sl.link = NULL;
    T_WAIT(shows(dns, "\nlars_dnsd_slotds 0\n"));
    T_WAIT(shows(report, "\nlars_reportd_slot_hosts 0\n")); /* after 5 s */
}

/* A restart is no conflict: its stream is new and the former one does not come again. */
static void t_two_hosts_with_one_name_are_counted_and_a_restart_is_not(void **state)
{
    int report = start_with_http(&sys.reportd, "lars-reportd", "reportd.ini");
    struct slot_status s = slotlink_ready(2);
    struct slot_link *first;

    (void)state;
    system_start_dnsd();
    slotlink_open();
    slotlink_tell(&s, 1);
    LOOP_UNTIL(sl.loop, slotlink_stat().acked_ms > 0);
    slot_link_destroy(sl.link);
    slotlink_open();
    slotlink_tell(&s, 1);
    LOOP_UNTIL(sl.loop, slotlink_stat().acked_ms > 0);
    assert_true(shows(report, "\nlars_reportd_slot_conflicts_total 0\n"));
    first = sl.link;
    slotlink_open();
    slotlink_tell(&s, 1);
    LOOP_UNTIL(sl.loop, !shows(report, "\nlars_reportd_slot_conflicts_total 0\n"));
    slot_link_destroy(first);
}

#define E(fn) cmocka_unit_test_setup_teardown(fn, slotlink_setup, slotlink_teardown)

TESTDB_MAIN(E(t_orders_of_this_host_and_no_other_arrive),
            E(t_name_of_the_host_may_differ_in_case),
            E(t_change_arrives_and_without_a_change_the_orders_are_repeated),
            E(t_fence_is_the_highest_of_the_orders_and_the_lease),
            E(t_lower_fence_is_delivered_as_it_is),
            E(t_rows_that_cannot_be_obeyed_are_left_out), E(t_state_is_in_the_tables),
            E(t_slots_that_are_not_named_lose_their_rows),
            E(t_state_does_not_change_what_the_operator_wants),
            E(t_state_is_repeated_and_its_beginning_stays),
            E(t_nothing_is_written_before_the_first_state),
            E(t_services_count_hosts_with_slots),
            E(t_two_hosts_with_one_name_are_counted_and_a_restart_is_not))
