/* larsctl zone: drain and return with real programs and a real database.  The agent is of
 * zone b, so its calls stay there until the zone is drained. */
#include <unistd.h>

#include "ctlrun.h"
#include "net/sock.h"

#define IN_A "127.0.1.1"
#define OF_B "SELECT COUNT(*) FROM RouteData WHERE zone = 'b' AND state = "

static int listener[3]; /* at 127.0.1.1 to 127.0.1.3, for the checks of the agent */

/* The nodes accept connections; all of them have one port. */
static void start_nodes(void)
{
    char ip[20], sql[200];
    struct net_addr at;
    int i, port = 0;

    for (i = 0; i < 3; i++) {
        snprintf(ip, sizeof(ip), "127.0.1.%d", i + 1);
        assert_int_equal(net_addr_set(&at, ip, (uint16_t)port), 0);
        listener[i] = sock_listen(&at, 4096, 0);
        assert_true(listener[i] >= 0);
        assert_int_equal(sock_local_addr(listener[i], &at), 0);
        port = at.port;
    }
    snprintf(sql, sizeof(sql),
             "UPDATE RouteData SET serverport = %d; UPDATE RouteData SET serverip = "
             "INET_ATON('127.0.1.3') WHERE serverip = INET_ATON('224.1.2.3')",
             port);
    testdb_sql(sql);
}

static int teardown(void **state)
{
    int i;

    for (i = 0; i < 3; i++)
        if (listener[i] > 0)
            close(listener[i]);
    memset(listener, 0, sizeof(listener));
    return system_teardown(state);
}

static int setup(void **state)
{
    int rc = system_setup_shm(state);

    system_agentd_conf("[choice]\nzone = b\n");
    testdb_sql(
        "DELETE FROM Audit; DELETE FROM ZoneState; DELETE FROM ScalePolicy; DELETE FROM "
        "ScaleDecision; DELETE FROM Capacity; UPDATE RouteData SET zone = 'b'; "
        "UPDATE RouteData SET zone = 'a' WHERE serverip = INET_ATON('" IN_A "')");
    write_ini("", testdb_socket);
    return rc;
}

/* Is the node that a call gets now of zone a? */
static bool is_in_a(void)
{
    static const uint8_t in_a[4] = {127, 0, 1, 1};
    struct lars_host h;
    bool is;

    assert_in_range(lars_get_host(sys.client, 1, 1, &h), 0, 1);
    is = memcmp(h.addr.ip, in_a, 4) == 0;
    lars_report(sys.client, &h, 0);
    return is;
}

/* How many of <n> calls go to zone a; none fails. */
static int n_in_a(int n)
{
    int i, in_a = 0;

    for (i = 0; i < n; i++)
        in_a += is_in_a();
    return in_a;
}

/* <n> calls in the last minute of 1/1, of which a node takes <node_rps> a second. */
static void measured(unsigned n, unsigned node_rps)
{
    char sql[400];

    snprintf(sql, sizeof(sql),
             "DELETE FROM CallSecond; INSERT INTO CallSecond (at, modid, cmdid, ip, "
             "port, succ) VALUES (UNIX_TIMESTAMP() - 20, 1, 1, INET_ATON('127.0.1.2'), "
             "80, %u); REPLACE INTO ModulePolicy (modid, cmdid, node_rps) VALUES (1, 1, "
             "%u)",
             n, node_rps);
    testdb_sql(sql);
}

static uint64_t n_audit(const char *where)
{
    char sql[300];

    snprintf(sql, sizeof(sql), "SELECT COUNT(*) FROM Audit WHERE %s", where);
    return testdb_number(sql);
}

/* --- what callers see --------------------------------------------------------------- */

static void t_drained_zone_gets_no_call_and_returned_zone_gets_them_again(void **state)
{
    uint64_t at;

    (void)state;
    start_nodes();
    start_system();
    assert_int_equal(n_in_a(100), 0);
    at = t_now_ms();
    expect("-y -r works zone drain b", 0, "1/1: in force on 1 of 1 agents");
    print_message("drained in %u ms\n", (unsigned)(t_now_ms() - at));
    assert_int_equal(n_in_a(200), 200);
    expect("zone return b", 0, "1/1: in force on 1 of 1 agents");
    at = t_now_ms();
    T_WAIT(n_in_a(20) == 0); /* after a ramp */
    print_message("all calls were back after %u ms\n", (unsigned)(t_now_ms() - at));
    assert_int_equal(testdb_number(OF_B "'up'"), 2);
}

static void t_returned_zone_does_not_get_all_calls_at_once(void **state)
{
    (void)state;
    start_nodes();
    start_system();
    n_in_a(20);
    assert_int_equal(ctl("-y zone drain b"), 0);
    T_WAIT(n_in_a(20) == 20);
    assert_int_equal(ctl("zone return b"), 0);
    assert_true(n_in_a(50) > 0);
    T_WAIT(!is_in_a());
}

/* --- what is changed ---------------------------------------------------------------- */

static void t_return_leaves_nodes_alone_that_were_drained_one_by_one(void **state)
{
    (void)state;
    assert_int_equal(ctl("route drain 1 1 127.0.1.2:80"), 0);
    assert_int_equal(ctl("-y zone drain b"), 0);
    assert_int_equal(testdb_number(OF_B "'drained'"), 1);
    assert_int_equal(testdb_number(OF_B "'zone_drained'"), 1);
    assert_int_equal(ctl("zone return b"), 0);
    assert_int_equal(testdb_number(OF_B "'drained'"), 1);
    assert_int_equal(testdb_number(OF_B "'up'"), 1);
}

static void t_status_says_which_zone_is_drained_by_whom_and_why(void **state)
{
    (void)state;
    expect("-o csv zone status", 0,
           "zone,state,nodes,up,drained,calls_s,gateways,by,since,reason");
    expect_text("\na,in service,1,1,0,0");
    expect_text("\nb,in service,2,2,0,0");
    expect_text("database: one database, without a copy in another zone");
    assert_int_equal(ctl("-y -r 'mains work' zone drain b"), 0);
    expect("-o csv zone status", 0, "\nb,drained,2,0,2,0");
    expect_text(",mains work");
    assert_int_equal(n_audit("action = 'zone drain' AND subject = 'zone:b' AND result = "
                             "'done' AND reason = 'mains work'"),
                     1);
    assert_int_equal(ctl("zone return b"), 0);
    expect("-o csv zone status", 0, "\nb,in service,2,2,0,0");
    assert_int_equal(n_audit("action = 'zone return' AND result = 'done'"), 1);
    expect("-s /nonexistent/sock zone status", 3, "the database could not be asked");
}

static void t_drain_can_be_repeated_and_keeps_its_author(void **state)
{
    (void)state;
    assert_int_equal(ctl("-y -r first zone drain b"), 0);
    testdb_sql("UPDATE RouteData SET state = 'up' WHERE serverip = "
               "INET_ATON('127.0.1.2')");
    assert_int_equal(ctl("-y -r second zone drain b"), 0);
    assert_int_equal(testdb_number(OF_B "'zone_drained'"), 2);
    assert_int_equal(testdb_number("SELECT COUNT(*) FROM ZoneState WHERE zone = 'b' AND "
                                   "state = 'drained' AND reason = 'first'"),
                     1);
}

static void t_preview_changes_nothing(void **state)
{
    (void)state;
    expect("-n zone drain b", 0, "127.0.1.2:80");
    expect_text("zone_drained");
    assert_int_equal(testdb_number(OF_B "'up'"), 2);
    assert_int_equal(testdb_number("SELECT COUNT(*) FROM ZoneState"), 0);
}

static void t_words_that_are_wrong_change_nothing(void **state)
{
    (void)state;
    expect("-y zone drain ''", 2, "the name of the zone is empty");
    expect("-y zone drain b confirm=a", 2, "confirm= needs the name of the zone, b");
    expect("-y zone drain b wait=601", 2, "wait");
    expect("-y zone drain b yes", 2, "is not confirm=ZONE or wait=SECONDS");
    expect("-y zone drain B", 1, "no node is in B");
    expect("zone return nowhere", 1, "no node is in nowhere");
    assert_int_equal(testdb_number("SELECT COUNT(*) FROM ZoneState"), 0);
    assert_int_equal(testdb_number(OF_B "'up'"), 2);
}

static void t_zone_that_has_lost_its_nodes_can_return(void **state)
{
    (void)state;
    assert_int_equal(ctl("-y zone drain b"), 0);
    testdb_sql("DELETE FROM RouteData WHERE zone = 'b'");
    expect("-o csv zone status", 0, "\nb,drained,0,");
    assert_int_equal(ctl("zone return b"), 0);
    assert_int_equal(testdb_number("SELECT COUNT(*) FROM ZoneState"), 0);
}

/* --- the guard ---------------------------------------------------------------------- */

static void t_last_zone_in_service_is_never_drained(void **state)
{
    (void)state;
    assert_int_equal(ctl("-y zone drain b"), 0);
    expect("-y zone drain a confirm=a", 1, "a is the last zone with nodes in service");
    assert_int_equal(testdb_number("SELECT COUNT(*) FROM RouteData WHERE state = 'up'"),
                     1);
    assert_int_equal(testdb_number("SELECT COUNT(*) FROM ZoneState"), 1);
    assert_int_equal(n_audit("subject = 'zone:a' AND result = 'wrong'"), 1);
}

static void t_drain_that_the_rest_cannot_carry_needs_the_name_typed(void **state)
{
    (void)state;
    measured(60 * 101, 100);
    expect("zone drain b", 4, "can take 100 calls/s, and 101 calls/s were measured");
    expect("-y zone drain b", 4, "give -y and confirm=b");
    expect("zone drain b confirm=b", 4, "give -y");
    assert_int_equal(testdb_number(OF_B "'up'"), 2);
    assert_int_equal(n_audit("result = 'consent_needed'"), 3);
    assert_int_equal(ctl("-y zone drain b confirm=b"), 0);
    assert_int_equal(testdb_number(OF_B "'up'"), 0);
}

static void t_drain_that_the_rest_can_carry_needs_only_yes(void **state)
{
    (void)state;
    measured(60 * 100, 100);
    expect("zone drain b", 4, "give -y");
    assert_int_equal(ctl("-y zone drain b"), 0);
}

/* What was measured counts where no policy says it; nodes that are out carry nothing. */
static void t_capacity_is_measured_and_of_nodes_that_get_calls(void **state)
{
    (void)state;
    measured(60 * 80, 0);
    testdb_sql("INSERT INTO Capacity (modid, cmdid, class, rps, inflight, p99_us, "
               "target_us, factor) VALUES (1, 1, 'x', 200, 1, 1, 1, 0.5), (1, 1, 'y', "
               "300, 1, 1, 1, 1)");
    expect("-n zone drain b", 0, "the change needs consent: give -y to do it");
    measured(60 * 101, 0);
    expect("-n zone drain b", 0, "the change needs consent: give -y and confirm=b");
    measured(60 * 80, 0);
    testdb_sql("INSERT INTO Service (kind, name, seen_at) VALUES ('agent', 'x', NOW(3) "
               "+ INTERVAL 1 MINUTE); INSERT INTO AgentNode (agent, modid, cmdid, ip, "
               "port, state) VALUES ('x', 1, 1, INET_ATON('" IN_A "'), 80, 1)");
    expect("-y zone drain b", 4, "agents give no calls to any of the 1 nodes of 1/1");
    testdb_sql("DELETE FROM Capacity"); /* also when no capacity is known */
    expect("-y zone drain b", 4, "agents give no calls to any of the 1 nodes of 1/1");
}

static void t_module_without_nodes_elsewhere_needs_the_name_typed(void **state)
{
    (void)state;
    testdb_sql("INSERT INTO RouteData (modid, cmdid, serverip, serverport, zone) VALUES "
               "(2, 1, 9, 80, 'b')");
    expect("-y zone drain b", 4, "2/1 has no node in service outside of the zone");
    assert_int_equal(ctl("-y zone drain b confirm=b"), 0);
}

static void t_two_operators_cannot_drain_both_zones(void **state)
{
    struct proc one = {0}, two = {0};
    int rc[2];

    (void)state;
    proc_start(&one, "larsctl", "-c", ini, "-y", "zone", "drain", "a", NULL);
    proc_start(&two, "larsctl", "-c", ini, "-y", "zone", "drain", "b", NULL);
    rc[0] = proc_wait(&one);
    rc[1] = proc_wait(&two);
    assert_int_equal(rc[0] + rc[1], 1); /* one is refused */
    assert_true(testdb_number("SELECT COUNT(*) FROM RouteData WHERE state = 'up'") > 0);
    assert_int_equal(testdb_number("SELECT COUNT(*) FROM ZoneState"), 1);
    proc_kill(&one);
    proc_kill(&two);
}

/* --- the other zones grow first ----------------------------------------------------- */

static void autoscaler_works(void)
{
    testdb_sql("INSERT INTO ScalePolicy (modid, cmdid) VALUES (1, 1); INSERT INTO "
               "ScaleDecision (modid, cmdid, rule) VALUES (1, 1, 'keep')");
}

static void t_drain_waits_until_the_other_zones_have_grown(void **state)
{
    struct proc p = {0};

    (void)state;
    measured(60 * 150, 100);
    autoscaler_works();
    proc_start(&p, "larsctl", "-c", ini, "-y", "zone", "drain", "b", "wait=60", NULL);
    T_WAIT(testdb_number("SELECT COUNT(*) FROM ZoneState WHERE state = 'leaving'") == 1);
    assert_int_equal(testdb_number(OF_B "'up'"), 2); /* calls stay until then */
    testdb_sql("INSERT INTO RouteData (modid, cmdid, serverip, serverport, zone) VALUES "
               "(1, 1, INET_ATON('127.0.1.9'), 80, 'a')");
    assert_int_equal(proc_wait(&p), 0);
    assert_int_equal(testdb_number(OF_B "'zone_drained'"), 2);
    assert_int_equal(testdb_number("SELECT COUNT(*) FROM ZoneState WHERE state = "
                                   "'drained'"),
                     1);
    assert_int_equal(n_audit("action = 'zone leave'"), 1);
    proc_kill(&p);
}

static void t_drain_that_waits_ends_when_the_zone_is_returned(void **state)
{
    struct proc p = {0};

    (void)state;
    measured(60 * 150, 100);
    autoscaler_works();
    proc_start(&p, "larsctl", "-c", ini, "-y", "zone", "drain", "b", "wait=600", NULL);
    T_WAIT(testdb_number("SELECT COUNT(*) FROM ZoneState WHERE state = 'leaving'") == 1);
    assert_int_equal(ctl("zone return b"), 0);
    proc_expect_line(p.err, "b is no longer leaving: another operator has changed it");
    assert_int_equal(proc_wait(&p), 1);
    assert_int_equal(testdb_number("SELECT COUNT(*) FROM ZoneState"), 0);
    assert_int_equal(testdb_number(OF_B "'up'"), 2);
    proc_kill(&p);
}

static void t_drain_that_waits_in_vain_leaves_the_zone_in_service(void **state)
{
    (void)state;
    measured(60 * 150, 100);
    autoscaler_works();
    expect("-y zone drain b wait=1", 4, "give -y and confirm=b");
    expect_text("the autoscaler lets the other zones grow first, for at most 1 s");
    assert_int_equal(testdb_number("SELECT COUNT(*) FROM ZoneState"), 0);
    assert_int_equal(testdb_number(OF_B "'up'"), 2);
    assert_int_equal(n_audit("action = 'zone stay'"), 1);
}

static void t_drain_that_another_one_has_begun_is_refused(void **state)
{
    (void)state;
    measured(60 * 150, 100);
    autoscaler_works();
    testdb_sql("INSERT INTO ZoneState (zone, state) VALUES ('b', 'leaving')");
    expect("-y zone drain b", 1, "is no longer in service: another operator");
    expect("zone return b", 0, "nothing is changed");
    assert_int_equal(testdb_number("SELECT COUNT(*) FROM ZoneState"), 0);
}

/* --- the databases ------------------------------------------------------------------ */

static void with_databases(const char *text)
{
    snprintf(ini, sizeof(ini), "%s",
             system_write_file("zone.ini",
                               "[gateways]\nadmin =\n[db]\nsocket = "
                               "%s\n[zone]\nrecord = %s/record\ndatabases = %s\n",
                               testdb_socket, testdb_dir, text));
}

/* Before anything is changed. */
static void t_database_that_is_no_cluster_is_neither_fenced_nor_promoted(void **state)
{
    char text[200];

    (void)state;
    snprintf(text, sizeof(text), "a=%s b=%s", testdb_socket, testdb_socket);
    with_databases(text);
    expect("-y zone fence b confirm=b", 1, "the database is no cluster");
    expect("zone promote b confirm=b", 1, "the database is no cluster");
    expect("zone promote b confirm=a", 2, "confirm= needs the name of the zone, b");
    expect("-y zone promote c", 2, "has no database of c");
    expect("zone status", 0, "\ndatabase of b: one");
    with_databases("b=127.0.0.1:1");
    expect("zone promote b confirm=b", 2, "runs on the host of the database");
    with_databases("b=/nonexistent/sock");
    expect("zone status", 0, "database of b: connect");
    expect("zone promote b confirm=b", 3, "mend: start the server");
    with_databases("b=somewhere");
    expect("zone promote b confirm=b", 2, "neither ADDRESS:PORT nor the path");
    assert_int_equal(testdb_number("SELECT COUNT(*) FROM ZoneState"), 0);
    assert_int_equal(testdb_number(OF_B "'up'"), 2);
}

#define Z(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

TESTDB_MAIN(Z(t_drained_zone_gets_no_call_and_returned_zone_gets_them_again),
            Z(t_returned_zone_does_not_get_all_calls_at_once),
            Z(t_return_leaves_nodes_alone_that_were_drained_one_by_one),
            Z(t_status_says_which_zone_is_drained_by_whom_and_why),
            Z(t_drain_can_be_repeated_and_keeps_its_author), Z(t_preview_changes_nothing),
            Z(t_words_that_are_wrong_change_nothing),
            Z(t_zone_that_has_lost_its_nodes_can_return),
            Z(t_last_zone_in_service_is_never_drained),
            Z(t_drain_that_the_rest_cannot_carry_needs_the_name_typed),
            Z(t_drain_that_the_rest_can_carry_needs_only_yes),
            Z(t_capacity_is_measured_and_of_nodes_that_get_calls),
            Z(t_module_without_nodes_elsewhere_needs_the_name_typed),
            Z(t_two_operators_cannot_drain_both_zones),
            Z(t_drain_waits_until_the_other_zones_have_grown),
            Z(t_drain_that_waits_ends_when_the_zone_is_returned),
            Z(t_drain_that_waits_in_vain_leaves_the_zone_in_service),
            Z(t_drain_that_another_one_has_begun_is_refused),
            Z(t_database_that_is_no_cluster_is_neither_fenced_nor_promoted))
