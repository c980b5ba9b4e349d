/* larsctl capacity measure without node=, with a real lars-autoscaler and a real node, on
 * hosts that are played (lib/scaleworld.h): the node runs in a free slot, visitors never
 * get it, and whatever ends first, larsctl, the node, the autoscaler or the peace of the
 * zone, the slot is empty afterwards. */
#include "ctlrun.h"
#include "lib/httppeer.h"
#include "lib/scaleworld.h"

#define END_MS 200000 /* ends a hang; a measurement takes up to a minute */
#define SLOT " WHERE host = 'a1' AND slot = 3" /* the first that is free */
#define RUNS "the node runs in slot 3 of a1"

static struct proc scaler, node, meter;
static char text[20000]; /* what <meter> has printed on standard error */
static size_t n_text;
static int port; /* of the autoscaler's metrics */

static unsigned long long number(const char *sql)
{
    return testdb_number(sql);
}

/* Zone a has two nodes for visitors and two slots more; zone b two nodes and no more. */
static int setup(void **state)
{
    scaler = node = meter = (struct proc){0};
    ctl_setup(state);
    scaleworld_reset(4);
    write_ini("user = lars_ctl\npassword = lars_ctl\n[gateways]\nadmin = 127.0.0.1:9\n",
              testdb_socket);
    testdb_sql("UPDATE ScalePolicy SET max_zone = 1; "
               "UPDATE ScaleHost SET slots = 2 WHERE host = 'b1'; "
               "UPDATE ScaleHost SET address = '127.0.0.1', class = 'small' WHERE host = "
               "'a1'");
    scaleworld_set_calls(5);
    return 0;
}

static int teardown(void **state)
{
    proc_kill(&meter);
    proc_kill(&scaler);
    proc_kill(&node);
    return system_teardown(state);
}

static void start_scaler(void)
{
    port =
        scaleworld_start(&scaler, 300, false); /* nothing is taken away within a test */
    SCALE_WAIT(scaleworld_n_up() == 2 && scaleworld_n_orders() == 4);
}

/* A node that serves 4 requests each 40 ms: 100 a second, whatever the processors do. */
static void start_node(void)
{
    proc_start(&node, "http_node", "-d", "40", "-w", "4", "127.0.0.1:0", NULL);
    proc_wait_port(&node);
    scaleworld_set_measured_port(node.port);
}

static void start_meter(const char *from, const char *to)
{
    n_text = 0;
    text[0] = '\0';
    proc_start(&meter, "larsctl", "-c", ini, "capacity", "measure", "20", "1",
               "guard=none", "p99=600ms", "step_s=4", "confirm_s=4", from, to, NULL);
}

/* Read on, for some moments.  False: it has ended. */
static bool read_meter(void)
{
    struct pollfd pf = {.fd = meter.err, .events = POLLIN};
    ssize_t got;

    if (poll(&pf, 1, 20) == 0)
        return true;
    got = read(meter.err, text + n_text, sizeof(text) - 1 - n_text);
    n_text += got > 0 ? (size_t)got : 0;
    text[n_text] = '\0';
    return got > 0;
}

static void wait_text(const char *what)
{
    while (!strstr(text, what)) {
        scaleworld_turn();
        if (!read_meter())
            fail_msg("larsctl ended without \"%s\": %s", what, text);
    }
}

/* Until it ends, while the world turns. */
static void expect_end(int code, const char *what)
{
    uint64_t end_ms = t_now_ms() + END_MS;
    int rc;

    do {
        scaleworld_turn();
        if (t_now_ms() > end_ms)
            fail_msg("larsctl has not ended: %s", text);
    } while (read_meter());
    rc = proc_wait(&meter);
    if (rc != code || !strstr(text, what))
        fail_msg("larsctl returned %d and printed: %s", rc, text);
}

static void start_measuring(void)
{
    start_scaler();
    start_node();
    start_meter("from=60", "to=75");
    wait_text(RUNS);
}

static bool is_slot_empty(void)
{
    return number("SELECT (SELECT COUNT(*) FROM ScaleMeasure) + (SELECT COUNT(*) FROM "
                  "ScaleWanted" SLOT ") + (SELECT COUNT(*) FROM ScaleSlot" SLOT ")") == 0;
}

/* What must hold at the end of each measurement. */
static void check_visitors(void)
{
    char sql[200];

    snprintf(sql, sizeof(sql),
             "SELECT COUNT(*) FROM RouteLog WHERE ip = INET_ATON('127.0.0.1') AND port = "
             "%d",
             node.port);
    assert_int_equal(number(sql), 0);
    assert_int_equal(number("SELECT COUNT(*) FROM RouteLog WHERE new_state = 'drained' "
                            "OR new_state IS NULL"),
                     0);
}

static void check_nothing_written(void)
{
    check_visitors();
    assert_int_equal(number("SELECT COUNT(*) FROM Capacity"), 0);
    assert_int_equal(number("SELECT node_rps FROM ModulePolicy"), 10);
    assert_int_equal(
        number("SELECT COUNT(*) FROM Audit WHERE action = 'capacity measure'"), 0);
}

/* --- it is measured ----------------------------------------------------------------- */

static double in_zone_a(const char *what)
{
    static struct httpreply reply;
    char name[96];

    snprintf(name, sizeof(name), "lars_autoscaler_%s{module=\"20/1\",zone=\"a\"}", what);
    httppeer_get(port, "/metrics", &reply);
    return httppeer_value(&reply, name);
}

/* A decision and a warm node besides, in the middle of a measurement. */
static void want_two_in_each_zone(void)
{
    testdb_sql("UPDATE ScalePolicy SET min_zone = 2, max_zone = 2");
    SCALE_WAIT(scaleworld_n_up() == 4);
    SCALE_WAIT(in_zone_a("nodes_up") == 2 && in_zone_a("nodes_warm") == 1);
    assert_int_equal(number("SELECT COUNT(*) FROM ScaleDecision WHERE wanted = 2"), 1);
    assert_int_equal(number("SELECT up FROM ScaleDecision WHERE wanted = 2"), 2);
    assert_int_equal(scaleworld_n_orders(), 6); /* four in a, with the measured one */
}

static void t_a_node_in_a_free_slot_is_measured_within_10_percent(void **state)
{
    (void)state;
    start_scaler();
    start_node();
    start_meter("from=75", "to=20000");
    wait_text(RUNS);
    assert_int_equal(scaleworld_n_orders(), 5);
    SCALE_WAIT(in_zone_a("nodes_up") == 1 && in_zone_a("nodes_warm") == 1);
    want_two_in_each_zone();
    expect_end(0, "a node of 20/1 serves");
    print_message("capacity in a slot: 100 requests a second measured as %llu\n",
                  number("SELECT ROUND(rps) FROM Capacity"));
    if (number("SELECT COUNT(*) FROM Capacity WHERE modid = 20 AND cmdid = 1 AND class = "
               "'small' AND rps BETWEEN 90 AND 110 AND target_us = 600000 AND p99_us <= "
               "600000 AND inflight > 2") != 1)
        fail_msg("100 requests a second were measured as: %s", text);
    assert_int_equal(number("SELECT COUNT(*) FROM Capacity"), 1);
    SCALE_WAIT(is_slot_empty());
    check_visitors();
    assert_int_equal(scaleworld_n_up(), 4);
    assert_int_equal(scaleworld_n_orders(), 5);
    assert_int_equal(number("SELECT COUNT(*) FROM Audit WHERE action = 'capacity slot' "
                            "AND subject = '20/1' AND result = 'done'"),
                     1);
    assert_int_equal(number("SELECT COUNT(*) FROM Audit WHERE action = 'capacity "
                            "measure' AND subject = '20/1' AND result = 'done'"),
                     1);
    assert_int_equal(number("SELECT COUNT(*) FROM ModulePolicy WHERE node_rps = (SELECT "
                            "FLOOR(rps) FROM Capacity)"),
                     1);
}

static void t_a_measurement_goes_on_when_the_autoscaler_is_replaced(void **state)
{
    (void)state;
    start_measuring();
    assert_int_equal(proc_end(&scaler, SIGKILL), 1000 + SIGKILL);
    scaleworld_start(&scaler, 300, false);
    SCALE_WAIT(number("SELECT fence FROM Lease WHERE name = 'scale'") == 2);
    SCALE_WAIT(number("SELECT COUNT(*) FROM ScaleDecision WHERE fence = 2") >= 1);
    if (strstr(text, "serves"))
        fail_msg("the new leader came too late for this test: %s", text);
    expect_end(0, "75.0 requests a second");
    assert_int_equal(number("SELECT COUNT(*) FROM Capacity WHERE rps = 75"), 1);
    SCALE_WAIT(is_slot_empty());
    check_visitors();
    assert_int_equal(scaleworld_n_orders(), 4);
}

/* --- it ends before ----------------------------------------------------------------- */

static void t_visitors_who_need_the_slot_get_it_at_once(void **state)
{
    (void)state;
    start_measuring();
    testdb_sql("UPDATE ScalePolicy SET min_zone = 4, max_zone = 0");
    expect_end(1, "needed for visitors");
    assert_non_null(strstr(text, "nothing was written"));
    assert_null(strstr(text, "serves"));
    SCALE_WAIT(number("SELECT COUNT(*) FROM RouteData WHERE state = 'up' AND serverip = "
                      "INET_ATON('127.0.0.1') AND serverport BETWEEN 7001 AND 7004") ==
               4);
    SCALE_WAIT(number("SELECT COUNT(*) FROM ScaleMeasure") == 0);
    assert_int_equal(number("SELECT COUNT(*) FROM ScaleWanted" SLOT), 1);
    check_nothing_written();
}

static void t_a_freeze_ends_a_measurement_and_prevents_another(void **state)
{
    (void)state;
    start_measuring();
    testdb_sql("INSERT INTO Freeze (name, reason, until_at, who) VALUES ('scale', 'x', "
               "NOW() + INTERVAL 1 HOUR, 't')");
    expect_end(1, "scaling is frozen or a drill runs");
    SCALE_WAIT(is_slot_empty());
    start_meter("from=60", "to=75");
    expect_end(1, "no node to measure: scaling is frozen or a drill runs");
    SCALE_WAIT(is_slot_empty());
    check_nothing_written();
    assert_int_equal(scaleworld_n_orders(), 4);
}

static void t_a_node_that_ends_is_reported_with_its_note(void **state)
{
    (void)state;
    start_measuring();
    testdb_sql("UPDATE ScaleSlot SET state = 'failed', note = 'exit code 3'" SLOT);
    expect_end(1, "the node in slot 3 of a1 is failed: exit code 3");
    SCALE_WAIT(is_slot_empty());
    check_nothing_written();
}

/* A second one of the module is refused until its slot is empty. */
static void t_the_slot_of_a_killed_larsctl_is_emptied_after_20_s(void **state)
{
    (void)state;
    start_measuring();
    expect("capacity measure 20 1 guard=none", 1, "20/1 is being measured by ");
    assert_int_equal(proc_end(&meter, SIGKILL), 1000 + SIGKILL);
    expect("capacity measure 20 1 guard=none", 1,
           "its slot is empty 20 s after it was killed");
    assert_int_equal(number("SELECT COUNT(*) FROM Audit WHERE action = 'capacity slot'"),
                     1);
    assert_int_equal(number("SELECT COUNT(*) FROM ScaleWanted" SLOT), 1);
    SCALE_WAIT(is_slot_empty()); /* which ends after 30 s */
    check_nothing_written();
    assert_int_equal(scaleworld_n_orders(), 4);
    start_meter("from=60", "to=75");
    wait_text(RUNS);
}

/* --- it does not begin -------------------------------------------------------------- */

static void t_without_a_leader_there_is_no_slot(void **state)
{
    (void)state;
    expect("capacity measure 20 1 guard=none", 1, "no lars-autoscaler decides");
    testdb_sql("INSERT INTO Lease (name, holder, until_at) VALUES ('scale', 1, NOW(3) - "
               "INTERVAL 1 SECOND)");
    expect("capacity measure 20 1 guard=none", 1, "no lars-autoscaler decides");
    assert_int_equal(number("SELECT COUNT(*) FROM ScaleMeasure"), 0);
    assert_int_equal(number("SELECT COUNT(*) FROM Audit"), 0);
}

static void t_the_gateways_are_watched_unless_another_guard_is_given(void **state)
{
    (void)state;
    start_scaler();
    expect("capacity measure 20 1", 1, "guard: 127.0.0.1:9: nothing listens there");
    assert_int_equal(number("SELECT COUNT(*) FROM ScaleMeasure"), 0);
    assert_int_equal(number("SELECT COUNT(*) FROM Audit WHERE action = 'capacity slot'"),
                     0);
}

static void refuse(const char *args, const char *why)
{
    expect(args, 1, why);
    SCALE_WAIT(is_slot_empty()); /* the next one of the module may ask */
}

static void t_a_reason_against_a_slot_is_printed(void **state)
{
    (void)state;
    start_scaler();
    testdb_sql("INSERT INTO ModulePolicy (modid, cmdid, node_rps) VALUES (21, 1, 10)");
    refuse("capacity measure 21 1 guard=none",
           "no node to measure: the module is not scaled");
    refuse("capacity measure 20 1 guard=none class=big",
           "on a host of the class big that is");
    testdb_sql("UPDATE ScaleHost SET slots = 2");
    refuse("capacity measure 20 1 guard=none", "no slot is free on a host that is heard");
    testdb_sql("UPDATE ScalePolicy SET actuator = 'exec'");
    refuse("capacity measure 20 1 guard=none",
           "a program of the operator runs the nodes");
    assert_int_equal(number("SELECT COUNT(*) FROM Audit WHERE action = 'capacity slot'"),
                     4);
}

#define S(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
TESTDB_MAIN(S(t_a_node_in_a_free_slot_is_measured_within_10_percent),
            S(t_a_measurement_goes_on_when_the_autoscaler_is_replaced),
            S(t_visitors_who_need_the_slot_get_it_at_once),
            S(t_a_freeze_ends_a_measurement_and_prevents_another),
            S(t_a_node_that_ends_is_reported_with_its_note),
            S(t_the_slot_of_a_killed_larsctl_is_emptied_after_20_s),
            S(t_without_a_leader_there_is_no_slot),
            S(t_the_gateways_are_watched_unless_another_guard_is_given),
            S(t_a_reason_against_a_slot_is_printed))
