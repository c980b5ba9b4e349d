/* Orders that SQL puts into ScaleWanted reach a host by DNSService, and what its slots
 * run reaches ScaleHost and ScaleSlot by the Report Service: also when a service is
 * killed or stopped and the second one takes over, and when the database stops. */
#include "lib/httppeer.h"
#include "lib/system.h"
#include "loop.h"
#include "slot/slot_link.h"

static struct evloop *loop;
static struct slot_link *link_;
static struct proc dnsd2, reportd2; /* pid 0: not running */

static struct got { /* the orders that were delivered */
    uint64_t fence;
    size_t n, n_lists, n_empty;
    struct slot_order order[SLOT_MAX];
} got;

static void on_orders(uint64_t fence, const struct slot_order *o, size_t n, void *arg)
{
    assert_ptr_equal(arg, &got);
    assert_true((o == NULL) == (n == 0));
    got.fence = fence;
    got.n = n;
    got.n_lists++;
    got.n_empty += n == 0;
    if (n > 0)
        memcpy(got.order, o, n * sizeof(*o));
}

static int setup(void **state)
{
    int rc = system_setup(state);

    memset(&got, 0, sizeof(got));
    testdb_sql("DELETE FROM ScaleWanted; DELETE FROM ScaleHost; DELETE FROM ScaleSlot");
    return rc < 0 ? rc : evloop_create(&loop);
}

static int teardown(void **state)
{
    slot_link_destroy(link_);
    evloop_destroy(loop);
    link_ = NULL;
    loop = NULL;
    proc_kill(&dnsd2);
    proc_kill(&reportd2);
    return system_teardown(state);
}

static struct net_addr local(int port)
{
    struct net_addr a;

    assert_int_equal(net_addr_set(&a, "127.0.0.1", (uint16_t)port), 0);
    return a;
}

/* Two services of each kind when the second ones run. */
static void open_link(void)
{
    struct slot_link_config c = {.host = "web1",
                                 .zone = "\xe5\x8c\x97",
                                 .address = "127.0.0.1",
                                 .class = "big",
                                 .slots = 8};

    c.dns[c.n_dns++] = local(sys.dnsd.port);
    c.report[c.n_report++] = local(sys.reportd.port);
    if (dnsd2.pid > 0)
        c.dns[c.n_dns++] = local(dnsd2.port);
    if (reportd2.pid > 0)
        c.report[c.n_report++] = local(reportd2.port);
    assert_int_equal(slot_link_create(&link_, loop, &c, on_orders, &got), 0);
}

static void start(void)
{
    system_start_dnsd();
    system_start_reportd();
    open_link();
}

static void start_two(void)
{
    proc_start(&dnsd2, "lars-dnsd", "-p", "0", "-s", testdb_socket, NULL);
    system_wait_port(&dnsd2, "lars-dnsd");
    proc_start(&reportd2, "lars-reportd", "-p", "0", "-s", testdb_socket, NULL);
    system_wait_port(&reportd2, "lars-reportd");
    start();
}

static struct slot_link_stat stat_now(void)
{
    struct slot_link_stat st;

    slot_link_stat(link_, &st);
    return st;
}

static unsigned long long number(const char *sql)
{
    return testdb_number(sql);
}

static void order(const char *host, unsigned slot, unsigned modid, unsigned fence)
{
    testdb_sqlf("REPLACE INTO ScaleWanted (host, slot, modid, cmdid, fence) VALUES "
                "('%s', %u, %u, 1, %u)",
                host, slot, modid, fence);
}

static bool has(size_t i, uint32_t slot, uint32_t modid)
{
    return i < got.n && got.order[i].slot == slot && got.order[i].modid == modid &&
           got.order[i].cmdid == 1;
}

/* --- orders ------------------------------------------------------------------------- */

static void t_orders_of_this_host_and_no_other_arrive(void **state)
{
    (void)state;
    order("web1", 2, 20, 7);
    order("web1", 1, 10, 5);
    order("web10", 1, 99, 9);
    order("web", 1, 98, 9);
    start();
    LOOP_UNTIL(loop, got.n_lists > 0);
    assert_int_equal(got.n, 2);
    assert_true(has(0, 1, 10) && has(1, 2, 20));
    assert_int_equal(got.fence, 7);
    assert_true(stat_now().dns_up && stat_now().report_up);
}

static void t_name_of_the_host_may_differ_in_case(void **state)
{
    (void)state;
    order("WEB1", 3, 20, 7);
    start();
    LOOP_UNTIL(loop, has(0, 3, 20));
}

static void t_change_arrives_and_without_a_change_the_orders_are_repeated(void **state)
{
    size_t n;

    (void)state;
    order("web1", 1, 10, 1);
    start();
    LOOP_UNTIL(loop, has(0, 1, 10));
    n = got.n_lists;
    LOOP_UNTIL(loop, got.n_lists >= n + 2);
    order("web1", 1, 11, 2);
    LOOP_UNTIL(loop, has(0, 1, 11));
    assert_int_equal(got.fence, 2);
    order("web1", 4, 12, 2);
    LOOP_UNTIL(loop, got.n == 2 && has(1, 4, 12));
    assert_int_equal(got.n_empty, 0);
    testdb_sql("DELETE FROM ScaleWanted");
    LOOP_UNTIL(loop, got.n_empty > 0); /* the database was read and has none */
}

static void t_fence_is_the_highest_of_the_orders_and_the_lease(void **state)
{
    (void)state;
    testdb_sql("REPLACE INTO Lease (name, holder, until_at, fence) VALUES ('scale', 1, "
               "NOW(3), 40), ('leader', 1, NOW(3), 90)");
    order("web1", 1, 10, 5);
    order("web2", 1, 10, 70);
    start();
    LOOP_UNTIL(loop, got.n == 1);
    assert_int_equal(got.fence, 40);
    order("web1", 2, 10, 41);
    LOOP_UNTIL(loop, got.n == 2);
    assert_int_equal(got.fence, 41);
    testdb_sql("DELETE FROM ScaleWanted");
    LOOP_UNTIL(loop, got.n == 0);
    assert_int_equal(got.fence, 40);
}

/* A database that was restored has an older fence; the receiver refuses it. */
static void t_lower_fence_is_delivered_as_it_is(void **state)
{
    (void)state;
    order("web1", 1, 10, 9);
    start();
    LOOP_UNTIL(loop, got.fence == 9);
    order("web1", 1, 10, 3);
    LOOP_UNTIL(loop, got.fence == 3 && has(0, 1, 10));
}

static void t_rows_that_cannot_be_obeyed_are_left_out(void **state)
{
    (void)state;
    order("web1", 0, 10, 1);
    order("web1", 257, 10, 1);
    order("web1", 9, 10, 1); /* this host has 8 slots */
    testdb_sql("INSERT INTO ScaleWanted (host, slot, modid, cmdid, fence) VALUES "
               "('web1', 2, 0, 0, 1), ('', 0, 5, 1, 99)");
    order("web1", 8, 10, 1);
    start();
    LOOP_UNTIL(loop, got.n_lists > 0);
    assert_int_equal(got.n, 1);
    assert_true(has(0, 8, 10));
    assert_int_equal(got.fence, 1);
}

/* From the last order before the database stops to the first one after it. */
static void t_no_empty_list_arrives_while_the_database_is_away(void **state)
{
    uint64_t lists;

    (void)state;
    order("web1", 1, 10, 1);
    start();
    LOOP_UNTIL(loop, has(0, 1, 10));
    testdb_stop();
    proc_expect_line(sys.dnsd.err, "of=slot_orders");
    LOOP_UNTIL(loop, stat_now().dns_up);
    lists = got.n_lists;
    testdb_start();
    LOOP_UNTIL(loop, got.n_lists > lists);
    assert_true(has(0, 1, 10));
    order("web1", 1, 11, 1);
    LOOP_UNTIL(loop, has(0, 1, 11));
    assert_int_equal(got.n_empty, 0);
    assert_int_equal(stat_now().n_bad, 0);
}

/* --- states ------------------------------------------------------------------------- */

static struct slot_status ready(uint32_t slot)
{
    struct slot_status s = {.slot = slot,
                            .modid = 20,
                            .cmdid = 1,
                            .port = 9000 + slot,
                            .pid = 77,
                            .state = SLOT_READY,
                            .starts = 1,
                            .since_ms = t_now_ms()};

    return s;
}

static void tell(const struct slot_status *s, size_t n)
{
    assert_int_equal(slot_link_tell(link_, s, n), 0);
}

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
    "ABS(TIMESTAMPDIFF(SECOND, since, NOW(3)) - 3600) < 60"
#define N_SLOTS "SELECT COUNT(*) FROM ScaleSlot WHERE host = 'web1'"

static void t_state_is_in_the_tables(void **state)
{
    struct slot_status s[2] = {ready(2), ready(1)};

    (void)state;
    s[1].state = SLOT_FAILED;
    s[1].pid = 0;
    s[1].starts = 3;
    s[1].since_ms -= 3600000;
    snprintf(s[1].note, sizeof(s[1].note), "exit 1:\nit's bad");
    start();
    tell(s, 2);
    LOOP_UNTIL(loop, stat_now().acked_ms > 0);
    assert_int_equal(number(HOST_ROW), 1);
    assert_int_equal(number(READY_ROW), 1);
    assert_int_equal(number(FAILED_ROW), 1);
    assert_int_equal(number(N_SLOTS), 2);
}

static void t_slots_that_are_not_named_lose_their_rows(void **state)
{
    struct slot_status s[2] = {ready(2), ready(5)};

    (void)state;
    testdb_sql("INSERT INTO ScaleSlot (host, slot, modid, cmdid, port, state) VALUES "
               "('web1', 7, 1, 1, 80, 'ready'), ('web2', 7, 1, 1, 80, 'ready')");
    start();
    tell(s, 2);
    LOOP_UNTIL(loop, number(N_SLOTS " AND slot IN (2, 5)") == 2);
    LOOP_UNTIL(loop, number(N_SLOTS) == 2);
    tell(s, 1);
    LOOP_UNTIL(loop, number(N_SLOTS) == 1);
    tell(NULL, 0);
    LOOP_UNTIL(loop, number(N_SLOTS) == 0);
    assert_int_equal(number("SELECT COUNT(*) FROM ScaleSlot WHERE host = 'web2'"), 1);
}

static void t_state_does_not_change_what_the_operator_wants(void **state)
{
    struct slot_status s = ready(2);

    (void)state;
    testdb_sql("INSERT INTO ScaleHost (host, slots, in_use) VALUES ('web1', 1, 0)");
    start();
    tell(&s, 1);
    LOOP_UNTIL(loop, number("SELECT slots FROM ScaleHost") == 8);
    assert_int_equal(number("SELECT in_use FROM ScaleHost"), 0);
}

#define SEEN "SELECT CAST(1000 * UNIX_TIMESTAMP(MAX(seen_at)) AS UNSIGNED) FROM ScaleSlot"
#define SINCE "SELECT CAST(1000 * UNIX_TIMESTAMP(since) AS UNSIGNED) FROM ScaleSlot"

static void t_state_is_repeated_and_its_beginning_stays(void **state)
{
    struct slot_status s = ready(2);
    unsigned long long seen, since;

    (void)state;
    start();
    tell(&s, 1);
    LOOP_UNTIL(loop, number(N_SLOTS) == 1);
    seen = number(SEEN);
    since = number(SINCE);
    LOOP_UNTIL(loop, number(SEEN) > seen + 1500);
    assert_true(number(SINCE) == since);
    s.state = SLOT_SICK;
    s.since_ms = t_now_ms();
    tell(&s, 1);
    LOOP_UNTIL(loop, number(N_SLOTS " AND state = 'sick'") == 1);
    assert_true(number(SINCE) > since);
}

/* It has just started and does not know yet what runs in its slots. */
static void t_nothing_is_written_before_the_first_state(void **state)
{
    (void)state;
    testdb_sql("INSERT INTO ScaleSlot (host, slot, modid, cmdid, port, state) VALUES "
               "('web1', 7, 1, 1, 80, 'ready')");
    start();
    LOOP_UNTIL(loop, stat_now().report_up && got.n_lists >= 2); /* two seconds */
    assert_int_equal(number(N_SLOTS), 1);
    assert_int_equal(number("SELECT COUNT(*) FROM ScaleHost"), 0);
}

static void t_states_are_written_again_when_the_database_is_back(void **state)
{
    struct slot_status s = ready(2);

    (void)state;
    start();
    tell(&s, 1);
    LOOP_UNTIL(loop, number(N_SLOTS) == 1);
    testdb_stop();
    s.state = SLOT_SICK;
    tell(&s, 1);
    LOOP_UNTIL(loop, stat_now().report_up);
    testdb_start();
    LOOP_UNTIL(loop, number(N_SLOTS " AND state = 'sick'") == 1);
}

/* --- the second service ------------------------------------------------------------- */

static void t_second_dnsd_takes_over_and_the_first_one_is_gone_back_to(void **state)
{
    (void)state;
    order("web1", 1, 10, 1);
    start_two();
    LOOP_UNTIL(loop, has(0, 1, 10) && stat_now().dns_first);
    proc_kill(&sys.dnsd);
    order("web1", 1, 11, 1);
    LOOP_UNTIL(loop, has(0, 1, 11));
    assert_false(stat_now().dns_first);
    system_start_dnsd();
    LOOP_UNTIL(loop, stat_now().dns_up && stat_now().dns_first);
    order("web1", 1, 12, 1);
    LOOP_UNTIL(loop, has(0, 1, 12));
    assert_int_equal(got.n_empty, 0);
}

static void t_dnsd_that_is_stopped_is_left_for_the_second_one(void **state)
{
    (void)state;
    order("web1", 1, 10, 1);
    start_two();
    LOOP_UNTIL(loop, has(0, 1, 10) && stat_now().dns_first);
    kill(sys.dnsd.pid, SIGSTOP);
    order("web1", 1, 11, 1);
    LOOP_UNTIL(loop, has(0, 1, 11));
    assert_false(stat_now().dns_first);
    kill(sys.dnsd.pid, SIGCONT);
    LOOP_UNTIL(loop, stat_now().dns_up && stat_now().dns_first);
    assert_int_equal(got.n_empty, 0);
}

static void t_second_reportd_takes_over_and_the_first_one_is_gone_back_to(void **state)
{
    struct slot_status s = ready(2);

    (void)state;
    start_two();
    tell(&s, 1);
    LOOP_UNTIL(loop, number(N_SLOTS) == 1 && stat_now().report_first);
    proc_kill(&sys.reportd);
    s.state = SLOT_SICK;
    tell(&s, 1);
    LOOP_UNTIL(loop, number(N_SLOTS " AND state = 'sick'") == 1);
    assert_false(stat_now().report_first);
    system_start_reportd();
    LOOP_UNTIL(loop, stat_now().report_up && stat_now().report_first);
    s.state = SLOT_READY;
    tell(&s, 1);
    LOOP_UNTIL(loop, number(N_SLOTS " AND state = 'ready'") == 1);
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
    struct slot_status s = ready(2);

    (void)state;
    assert_true(shows(dns, "\nlars_dnsd_slotds 0\n"));
    assert_true(shows(dns, "\nlars_dnsd_slot_order_reads_total 0\n"));
    assert_true(shows(report, "\nlars_reportd_slot_hosts 0\n"));
    open_link();
    tell(&s, 1);
    LOOP_UNTIL(loop, got.n_lists > 0 && stat_now().acked_ms > 0);
    assert_true(shows(dns, "\nlars_dnsd_slotds 1\n"));
    assert_true(shows(report, "\nlars_reportd_slot_hosts 1\n"));
    slot_link_destroy(link_);
    link_ = NULL;
    T_WAIT(shows(dns, "\nlars_dnsd_slotds 0\n"));
    T_WAIT(shows(report, "\nlars_reportd_slot_hosts 0\n")); /* after 5 s */
}

#define E(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

TESTDB_MAIN(E(t_orders_of_this_host_and_no_other_arrive),
            E(t_name_of_the_host_may_differ_in_case),
            E(t_change_arrives_and_without_a_change_the_orders_are_repeated),
            E(t_fence_is_the_highest_of_the_orders_and_the_lease),
            E(t_lower_fence_is_delivered_as_it_is),
            E(t_rows_that_cannot_be_obeyed_are_left_out),
            E(t_no_empty_list_arrives_while_the_database_is_away),
            E(t_state_is_in_the_tables), E(t_slots_that_are_not_named_lose_their_rows),
            E(t_state_does_not_change_what_the_operator_wants),
            E(t_state_is_repeated_and_its_beginning_stays),
            E(t_nothing_is_written_before_the_first_state),
            E(t_states_are_written_again_when_the_database_is_back),
            E(t_second_dnsd_takes_over_and_the_first_one_is_gone_back_to),
            E(t_dnsd_that_is_stopped_is_left_for_the_second_one),
            E(t_second_reportd_takes_over_and_the_first_one_is_gone_back_to),
            E(t_services_count_hosts_with_slots))
