/* Faults of the running system raise the alarm that names them, and only that one: a node
 * ends, a zone is lost, an agent, a DNSService, a Report Service and the database end, a
 * change is held, all of a few calls fail.  Each alarm is cleared when the fault is over.
 *
 * Zone a is the machine of lib/system.h: its agent, its nodes 127.0.1.1 and 127.0.1.2.
 * Zone b has the nodes 127.0.2.1 and 127.0.2.2 and no agent. */
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>

#include "batchpeer.h"
#include "ctlrun.h"
#include "lib/receiver.h"
#include "lib/system.h"
#include "net/sock.h"
#include "peer.h"

static struct proc node_a[2], node_b[2], reportd2, agentd2;
static int port;                      /* of every node */
static char told[120];                /* the alarm program writes a line for each call */
static pthread_t caller;
static _Atomic bool stop_calls, calling;

static unsigned long long number(const char *sql)
{
    return testdb_number(sql);
}

static unsigned long long n_open(const char *kind)
{
    char sql[200];

    snprintf(sql, sizeof(sql),
             "SELECT COUNT(*) FROM Alarm WHERE kind = '%s' AND cleared_at IS NULL", kind);
    return number(sql);
}

#define ALL_OPEN "SELECT COUNT(*) FROM Alarm WHERE cleared_at IS NULL"

/* Prints how long it took since <begin_ms>, which depends on the load of the machine and
 * is therefore no condition. */
static void print_time(const char *what, uint64_t begin_ms)
{
    print_message("alarms: %s after %.1f s\n", what,
                  (double)(t_now_ms() - begin_ms) / 1000);
}

static void start_node(struct proc *p, const char *ip)
{
    char at[40];

    snprintf(at, sizeof(at), "%s:%d", ip, port);
    proc_start(p, "lars-node", at, NULL);
    system_wait_port(p, "lars-node");
}

static void end_proc(struct proc *p)
{
    if (p->pid)
        proc_kill(p);
    memset(p, 0, sizeof(*p));
}

static const char *reportd_config(void)
{
    char hook[140];

    snprintf(hook, sizeof(hook), "%s/hook", testdb_dir);
    snprintf(told, sizeof(told), "%s/told", testdb_dir);
    unlink(told);
    system_write_file("hook", "#!/bin/sh\necho \"$1 $2 $3\" >>%s\n", told);
    assert_int_equal(chmod(hook, 0755), 0);
    return system_write_file("reportd.ini",
                             "[alarm]\nexec = %s\nwecom = http://127.0.0.1:%d/\n", hook,
                             receiver.port);
}

static void start_reportd(struct proc *p)
{
    char conf[140];

    snprintf(conf, sizeof(conf), "%s/reportd.ini", testdb_dir);
    memset(p, 0, sizeof(*p));
    proc_start(p, "lars-reportd", "-c", conf, "-p", "0", "-s", testdb_socket, NULL);
    system_wait_port(p, "lars-reportd");
}

static void start_dnsd(void)
{
    const char *conf =
        system_write_file("dnsd.ini", "[guard]\ndir = %s/guard\n", testdb_dir);

    memset(&sys.dnsd, 0, sizeof(sys.dnsd));
    proc_start(&sys.dnsd, "lars-dnsd", "-c", conf, "-p", sys.dnsd_port, "-s",
               testdb_socket, NULL);
    system_wait_port(&sys.dnsd, "lars-dnsd");
    snprintf(sys.dnsd_port, sizeof(sys.dnsd_port), "%d", sys.dnsd.port);
}

/* 200 calls a second of module 1/1; a call fails when its node does not answer. */
static void *make_calls(void *arg)
{
    struct lars_client *c = system_another_client();

    (void)arg;
    while (!stop_calls) {
        struct lars_host h;
        struct net_addr at;
        char ip[20];
        int fd;

        if (lars_get_host(c, 1, 1, &h) == 0) {
            snprintf(ip, sizeof(ip), "%u.%u.%u.%u", h.addr.ip[0], h.addr.ip[1],
                     h.addr.ip[2], h.addr.ip[3]);
            net_addr_set(&at, ip, h.addr.port);
            fd = sock_connect(&at, 500);
            if (fd >= 0)
                close(fd);
            lars_report(c, &h, fd < 0);
        }
        poll(NULL, 0, 5);
    }
    lars_close(c);
    return NULL;
}

static void free_port(void)
{
    struct net_addr at;
    int fd;

    assert_int_equal(net_addr_set(&at, "127.0.1.1", 0), 0);
    fd = sock_listen(&at, 1, 0);
    assert_true(fd >= 0);
    sock_local_addr(fd, &at);
    port = at.port;
    close(fd);
}

static int setup(void **state)
{
    int rc = system_setup_shm(state);
    char guard[120];

    snprintf(guard, sizeof(guard), "%s/guard", testdb_dir);
    system_remove(guard);             /* the routes of the test before */
    testdb_sql(
        "DELETE FROM Service; DELETE FROM AgentRoute; DELETE FROM AgentNode; DELETE "
        "FROM RouteHold; DELETE FROM Alarm; DELETE FROM Lease; DELETE FROM "
        "CallSecond; DELETE FROM CallLatency; SET @lars_confirmed = 1; DELETE FROM "
        "RouteData; DELETE FROM StreamConflict; DELETE FROM AlarmSilence; DELETE FROM "
        "AlarmTarget");
    system_agentd_conf("[choice]\nzone = a\n");
    free_port();
    testdb_sqlf("INSERT INTO RouteData (modid, cmdid, serverip, serverport, zone) VALUES "
                "(1, 1, INET_ATON('127.0.1.1'), %d, 'a'), (1, 1, INET_ATON('127.0.1.2'), "
                "%d, 'a'), (1, 1, INET_ATON('127.0.2.1'), %d, 'b'), (1, 1, "
                "INET_ATON('127.0.2.2'), %d, 'b')",
                port, port, port, port);
    start_node(&node_a[0], "127.0.1.1");
    start_node(&node_a[1], "127.0.1.2");
    start_node(&node_b[0], "127.0.2.1");
    start_node(&node_b[1], "127.0.2.2");
    receiver_start();
    reportd_config();
    start_dnsd();
    start_reportd(&sys.reportd);
    snprintf(sys.reportd_port, sizeof(sys.reportd_port), "%d", sys.reportd.port);
    system_start_agentd();
    system_open_client();
    T_WAIT(system_n_nodes() == 4);
    T_WAIT(number("SELECT COUNT(*) FROM Service") == 3);
    T_WAIT(number("SELECT COUNT(*) FROM AgentRoute") == 1);
    write_ini("", testdb_socket);
    return rc;
}

static void begin_calls(void)
{
    stop_calls = false;
    assert_int_equal(pthread_create(&caller, NULL, make_calls, NULL), 0);
    calling = true;
}

static void end_calls(void)
{
    stop_calls = true;
    if (calling)
        pthread_join(caller, NULL);
    calling = false;
}

static int teardown(void **state)
{
    end_calls();
    end_proc(&node_a[0]);
    end_proc(&node_a[1]);
    end_proc(&node_b[0]);
    end_proc(&node_b[1]);
    end_proc(&agentd2);
    end_proc(&reportd2);
    receiver_stop();
    return system_teardown(state);
}

static bool was_told(const char *line)
{
    char text[4000] = "";
    FILE *f = fopen(told, "r");
    size_t n = f ? fread(text, 1, sizeof(text) - 1, f) : 0;

    if (f)
        fclose(f);
    text[n] = '\0';
    return strstr(text, line) != NULL;
}

static void t_node_that_ends_is_one_alarm(void **state)
{
    (void)state;
    begin_calls();
    T_WAIT(number("SELECT COALESCE(SUM(succ), 0) FROM CallSecond") > 50);
    assert_int_equal(number(ALL_OPEN), 0);
    end_proc(&node_a[1]);
    T_WAIT(n_open("node_down") == 1);
    assert_int_equal(number("SELECT COUNT(*) FROM Alarm WHERE subject LIKE '127.0.1.2:%' "
                            "AND detail LIKE '%of 1/1%1 host%'"),
                     1);
    assert_int_equal(number(ALL_OPEN), 1);
    start_node(&node_a[1], "127.0.1.2");
    T_WAIT(number(ALL_OPEN) == 0);
    assert_int_equal(number("SELECT COUNT(*) FROM Alarm"), 1);
    T_WAIT(was_told(" cleared"));
}

static void t_lost_zone_is_one_alarm_with_its_nodes(void **state)
{
    (void)state;
    begin_calls();
    end_proc(&node_b[0]);
    end_proc(&node_b[1]);
    T_WAIT(n_open("zone_down") == 1);
    assert_int_equal(number("SELECT COUNT(*) FROM Alarm WHERE kind = 'zone_down' AND "
                            "subject = 'b' AND detail LIKE '2 nodes:%127.0.2.1:%"
                            "127.0.2.2:%'"),
                     1);
    assert_int_equal(number(ALL_OPEN), 1);
    start_node(&node_b[0], "127.0.2.1");
    start_node(&node_b[1], "127.0.2.2");
    T_WAIT(number(ALL_OPEN) == 0);
    assert_int_equal(number("SELECT COUNT(*) FROM Alarm"), 1);
}

static void t_agent_that_ends_is_an_alarm(void **state)
{
    (void)state;
    proc_kill(&sys.agentd);
    T_WAIT(n_open("agent_silent") == 1);
    assert_int_equal(number(ALL_OPEN), 1); /* the nodes of its zone answer */
    system_start_agentd();
    T_WAIT(number(ALL_OPEN) == 0);
}

static void t_dnsd_that_ends_is_an_alarm(void **state)
{
    (void)state;
    proc_kill(&sys.dnsd);
    T_WAIT(n_open("service_silent") == 1);
    assert_int_equal(number(ALL_OPEN), 1);
    start_dnsd();
    T_WAIT(number(ALL_OPEN) == 0);
}

static void t_agent_of_a_frozen_dnsd_is_behind_after_a_change(void **state)
{
    uint64_t begin;

    (void)state;
    assert_int_equal(kill(sys.dnsd.pid, SIGSTOP), 0);
    testdb_sql("UPDATE RouteData SET weight = 50 WHERE serverip = "
               "INET_ATON('127.0.1.1')");
    begin = t_now_ms();
    T_WAIT(n_open("agent_behind") == 1);
    print_time("agent_behind is written", begin);
    assert_int_equal(n_open("service_silent"), 1);
    assert_int_equal(number(ALL_OPEN), 2);
    assert_int_equal(kill(sys.dnsd.pid, SIGCONT), 0);
    T_WAIT(number(ALL_OPEN) == 0);
}

static void t_reportd_that_ends_is_an_alarm_of_the_other(void **state)
{
    (void)state;
    start_reportd(&reportd2);
    T_WAIT(number("SELECT COUNT(*) FROM Service WHERE kind = 'reportd'") == 2);
    proc_kill(&reportd2);
    memset(&reportd2, 0, sizeof(reportd2));
    T_WAIT(n_open("service_silent") == 1);
    assert_int_equal(number(ALL_OPEN), 1);
}

static void t_lost_database_is_told_at_once_and_written_when_it_is_back(void **state)
{
    uint64_t begin;

    (void)state;
    T_WAIT(number("SELECT COUNT(*) FROM Lease WHERE name = 'alarms'") == 1);
    begin = t_now_ms();
    testdb_stop();
    T_WAIT(was_told("database "));
    print_time("the hook receives database", begin);
    testdb_start();
    begin = t_now_ms();
    T_WAIT(
        number("SELECT COUNT(*) FROM Alarm WHERE kind = 'database' AND cleared_at IS NOT "
               "NULL AND detail <> ''") == 1);
    print_time("database, which is back, is written", begin);
    T_WAIT(was_told(" cleared"));
}

static bool names_peers(int one, int other)
{
    struct net_addr at[2];
    char text[2][NET_ADDR_STRLEN], sql[400];

    sock_local_addr(one, &at[0]);
    sock_local_addr(other, &at[1]);
    snprintf(sql, sizeof(sql),
             "SELECT COUNT(*) FROM Alarm WHERE kind = 'stream_conflict' AND detail LIKE "
             "'%%%s and %s%%empty its [agent] dir%%'",
             net_addr_str(&at[0], text[0]), net_addr_str(&at[1], text[1]));
    return number(sql) == 1;
}

static void t_two_agents_with_one_stream_are_an_alarm_that_names_both(void **state)
{
    int one = peer_connect(sys.reportd.port), other = peer_connect(sys.reportd.port);
    uint64_t seq = 1, begin;

    (void)state;
    batchpeer_send(one, seq++);
    T_WAIT(number("SELECT COUNT(*) FROM ReportSeen WHERE stream = REPEAT(CHAR(7), 16)") ==
           1);
    begin = t_now_ms();
    T_WAIT((batchpeer_send(one, seq), batchpeer_send(other, seq), seq++,
            n_open("stream_conflict") == 1));
    print_time("stream_conflict is written", begin);
    assert_true(names_peers(one, other));
    assert_int_equal(number(ALL_OPEN), 1);
    close(other);
    T_WAIT((batchpeer_send(one, seq++), number(ALL_OPEN) == 0));
    close(one);
}

/* The copy of a disk, whose files have the same inodes: without the mark of its file an
 * outbox is taken for the one that it was, as on the second host.  Returns its folder. */
static const char *copy_of_agent(void)
{
    static char dir[120];
    char cmd[600];

    snprintf(dir, sizeof(dir), "%s/run2", testdb_dir);
    snprintf(cmd, sizeof(cmd),
             "cp -a %s %s && for f in %s/*.calls.*; do dd if=/dev/zero of=$f bs=1 "
             "seek=92 count=4 conv=notrunc status=none || exit 1; done",
             sys.dir, dir, dir);
    assert_int_equal(system(cmd), 0);
    return dir;
}

static void t_copied_agent_at_another_service_is_an_alarm(void **state)
{
    const char *dir, *file;

    (void)state;
    start_reportd(&reportd2);
    assert_int_equal(proc_end(&sys.agentd, SIGTERM), 0);
    dir = copy_of_agent();
    system_start_agentd();
    file = system_write_file("agent2.ini",
                             "[agent]\nport = %d\ndir = %s\n[dnsserver]\nport = %s\n"
                             "[reporter]\nport = %d\n[choice]\nzone = a\n",
                             sys.agentd.port + 3, dir, sys.dnsd_port, reportd2.port);
    proc_start(&agentd2, "lars-agentd", "-c", file, NULL);
    system_wait_port(&agentd2, "lars-agentd");
    T_WAIT(n_open("stream_conflict") == 1);
    assert_int_equal(number("SELECT COUNT(*) FROM Alarm WHERE kind = 'stream_conflict' "
                            "AND detail LIKE '%two Report Services%'"),
                     1);
    assert_int_equal(proc_end(&agentd2, SIGTERM), 0);
    system_remove(dir);               /* as the alarm asks for */
    proc_start(&agentd2, "lars-agentd", "-c", file, NULL);
    system_wait_port(&agentd2, "lars-agentd");
    T_WAIT(n_open("stream_conflict") == 0);
    end_proc(&agentd2);
    system_remove(dir);
}

static void t_database_lost_with_the_leader_is_told_by_the_other_service(void **state)
{
    uint64_t begin;

    (void)state;
    T_WAIT(number("SELECT COUNT(*) FROM Lease WHERE name = 'alarms'") == 1);
    start_reportd(&reportd2);         /* without the lease */
    T_WAIT(number("SELECT COUNT(*) FROM Service WHERE kind = 'reportd'") == 2);
    begin = t_now_ms();
    proc_kill(&sys.reportd);
    testdb_stop();
    T_WAIT(was_told("database "));
    print_time("the hook of the other receives database", begin);
    testdb_start();
    T_WAIT(was_told(" cleared"));
    T_WAIT(number("SELECT COUNT(*) FROM Alarm WHERE kind = 'database'") == 1);
}

static void t_held_change_is_an_alarm_until_it_is_confirmed(void **state)
{
    (void)state;
    testdb_sql("DELETE FROM RouteData WHERE serverip <> INET_ATON('127.0.1.1')");
    T_WAIT(n_open("route_held") == 1);
    assert_int_equal(number("SELECT COUNT(*) FROM Alarm WHERE subject = '1/1' AND detail "
                            "LIKE '3 of 4 nodes%'"),
                     1);
    assert_int_equal(number(ALL_OPEN), 1);
    testdb_sql("INSERT INTO RouteConfirm (modid, cmdid) VALUES (1, 1)");
    T_WAIT(number(ALL_OPEN) == 0);
}

static void t_few_calls_that_all_fail_are_an_alarm(void **state)
{
    int i;

    (void)state;
    for (i = 0; i < 8; i++) {
        struct lars_host h;

        assert_int_equal(lars_get_host(sys.client, 1, 1, &h), 0);
        assert_int_equal(lars_report(sys.client, &h, -1), 0);
    }
    T_WAIT(n_open("error_rate") == 1);
    testdb_sql("DELETE FROM CallSecond"); /* a minute later they do not count any more */
    T_WAIT(n_open("error_rate") == 0);
}

static void t_history_that_cannot_be_moved_stops_no_alarm(void **state)
{
    (void)state;
    testdb_sql("RENAME TABLE CallHour TO CallHourGone");
    testdb_sql("UPDATE RouteData SET state = 'drained'; INSERT INTO RouteConfirm (modid, "
               "cmdid) VALUES (1, 1)");
    T_WAIT(n_open("module_no_node") == 1);
    testdb_sql("RENAME TABLE CallHourGone TO CallHour");
}

static void t_test_of_a_robot_that_refuses_is_shown_by_larsctl(void **state)
{
    (void)state;
    receiver.answer = "{\"errcode\": 310000, \"errmsg\": \"keywords not in content\"}";
    T_WAIT(ctl("alarm test wecom") == 0);
    T_WAIT((ctl("alarm targets"),
            strstr(out, "errcode 310000: keywords not in content") != NULL));
    receiver.answer = "{\"errcode\": 0}";
    T_WAIT((ctl("alarm targets"), strstr(out, "errcode") == NULL));
    assert_non_null(strstr(receiver.request, "[lars] test test wecom"));
    assert_int_equal(ctl("alarm test dingtalk"), 1);
}

static void t_silence_by_larsctl_holds_a_message_back_until_it_is_ended(void **state)
{
    (void)state;
    assert_int_equal(ctl("alarm silence agent_silent 60 'a new kernel'"), 0);
    proc_kill(&sys.agentd);
    T_WAIT(n_open("agent_silent") == 1);
    proc_kill(&sys.dnsd);             /* its message is sent after the other would be */
    T_WAIT(was_told("service_silent "));
    assert_false(was_told("agent_silent "));
    assert_int_equal(ctl("alarm unsilence 1"), 0); /* the only one of this program */
    T_WAIT(was_told("agent_silent "));
    start_dnsd();
    system_start_agentd();
    T_WAIT(number(ALL_OPEN) == 0);
}

#define E(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

TESTDB_MAIN(E(t_node_that_ends_is_one_alarm), E(t_lost_zone_is_one_alarm_with_its_nodes),
            E(t_agent_that_ends_is_an_alarm), E(t_dnsd_that_ends_is_an_alarm),
            E(t_agent_of_a_frozen_dnsd_is_behind_after_a_change),
            E(t_reportd_that_ends_is_an_alarm_of_the_other),
            E(t_lost_database_is_told_at_once_and_written_when_it_is_back),
            E(t_two_agents_with_one_stream_are_an_alarm_that_names_both),
            E(t_copied_agent_at_another_service_is_an_alarm),
            E(t_database_lost_with_the_leader_is_told_by_the_other_service),
            E(t_held_change_is_an_alarm_until_it_is_confirmed),
            E(t_few_calls_that_all_fail_are_an_alarm),
            E(t_history_that_cannot_be_moved_stops_no_alarm),
            E(t_test_of_a_robot_that_refuses_is_shown_by_larsctl),
            E(t_silence_by_larsctl_holds_a_message_back_until_it_is_ended))
