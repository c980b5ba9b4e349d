/* The database counts exactly the calls that were made, although the agent, the Report
 * Service or the database is killed, frozen, stopped and started again.  A legacy Report
 * Service, which does not acknowledge batches, gets totals. */
#include <pthread.h>
#include <stdatomic.h>

#include "dnspeer.h"
#include "lib/proc_stop.h"
#include "lib/system.h"
#include "net/sock.h"

#define ROUNDS (getenv("LARS_MODE") ? 2 : 8) /* valgrind makes each start slow */

static atomic_bool calling;
static unsigned long long n_true; /* calls that were made and reported */

/* Makes one call and reports it.  The agent has counted the report when this returns,
 * because it has answered the question that follows the report on the same socket. */
static bool one_call(void)
{
    struct lars_host h;

    if (lars_get_host(sys.client, 1, 1, &h) != 0)
        return false;
    if (lars_report(sys.client, &h, 0) != 0)
        return false;
    return lars_get_host(sys.client, 1, 1, &h) == 0;
}

static void calls(int n)
{
    while (n-- > 0) {
        assert_true(one_call());
        n_true++;
    }
}

static void *caller(void *arg)
{
    (void)arg;
    while (calling)
        n_true += one_call();
    return NULL;
}

static int exact_setup(void **state)
{
    n_true = 0;
    return system_setup(state);
}

static void t_killed_agent_loses_no_call(void **state)
{
    struct lars_host h;
    int i;

    (void)state;
    system_start();
    for (i = 0; i < ROUNDS; i++) {
        calls(50);
        proc_end(&sys.agentd, i % 2 ? SIGKILL : SIGTERM);
        system_start_agentd();
        T_WAIT(lars_get_host(sys.client, 1, 1, &h) == 0);
    }
    calls(10);
    T_WAIT(system_total("succ_cnt") == n_true);
    assert_int_equal(n_true, 50 * ROUNDS + 10);
}

static void t_killed_report_service_loses_no_call(void **state)
{
    pthread_t t;
    int i;

    (void)state;
    system_start();
    calling = true;
    assert_int_equal(pthread_create(&t, NULL, caller, NULL), 0);
    for (i = 0; i < ROUNDS; i++) {
        unsigned long long before = system_total("succ_cnt");

        T_WAIT(system_total("succ_cnt") > before);
        proc_end(&sys.reportd, SIGKILL);
        system_start_reportd();
    }
    calling = false;
    pthread_join(t, NULL);
    T_WAIT(system_total("succ_cnt") == n_true);
    assert_int_equal(testdb_number("SELECT COUNT(*) FROM ReportSeen"), 1);
}

static void t_stopped_database_loses_no_call(void **state)
{
    pthread_t t;

    (void)state;
    system_start();
    calling = true;
    assert_int_equal(pthread_create(&t, NULL, caller, NULL), 0);
    T_WAIT(system_total("succ_cnt") > 0);
    testdb_stop();
    proc_expect_line(sys.reportd.err, "db.down");
    proc_end(&sys.reportd, SIGKILL); /* the batches in its memory are lost */
    system_start_reportd();
    testdb_start();
    calling = false;
    pthread_join(t, NULL);
    T_WAIT(system_total("succ_cnt") == n_true);
}

static void t_second_report_service_continues_the_stream(void **state)
{
    struct proc second = {0};
    pthread_t t;

    (void)state;
    proc_start(&second, "lars-reportd", "-p", "0", "-s", testdb_socket, NULL);
    system_wait_port(&second, "lars-reportd");
    /* this continues the section [reporter] */
    system_agentd_conf("others = 127.0.0.1:%d\n", second.port);
    system_start();
    calling = true;
    assert_int_equal(pthread_create(&t, NULL, caller, NULL), 0);
    T_WAIT(system_total("succ_cnt") > 0);
    proc_end(&sys.reportd, SIGKILL);
    proc_expect_line(sys.agentd.err, "report.acknowledged"); /* by the first ... */
    proc_expect_line(sys.agentd.err, "report.acknowledged"); /* ... and by the second */
    calling = false;
    pthread_join(t, NULL);
    T_WAIT(system_total("succ_cnt") == n_true);
    proc_kill(&second);
}

static void t_frozen_report_service_loses_no_call(void **state)
{
    (void)state;
    system_start();
    calls(20);
    T_WAIT(system_total("succ_cnt") == n_true);
    proc_stop(&sys.reportd);
    calls(50);
    proc_continue(&sys.reportd);
    calls(5);
    T_WAIT(system_total("succ_cnt") == n_true);
}

/* Starts an agent in <dir> beside sys.agentd and opens a client of it. */
static struct lars_client *start_in(struct proc *p, const char *dir)
{
    struct lars_options opt = {.dir = dir, .timeout_ms = 5000};
    struct lars_client *c = NULL;

    proc_start(p, "lars-agentd", "-c",
               system_write_file("copy.ini",
                                 "[agent]\nport = 0\ndir = %s\nreport_ms = 20\n"
                                 "[dnsserver]\nport = %s\n[reporter]\nport = %s\n",
                                 dir, sys.dnsd_port, sys.reportd_port),
               NULL);
    system_wait_port(p, "lars-agentd");
    opt.port = (uint16_t)p->port;
    assert_int_equal(lars_open(&c, &opt), 0);
    T_WAIT(lars_register(c, 1, 1) == 0);
    return c;
}

/* The folder is copied while it has counts that are not acknowledged, one batch in flight
 * among them. */
static void t_agents_in_a_copied_folder_count_every_call_once(void **state)
{
    struct lars_client *original = NULL, *of_copy;
    struct proc copy = {0};
    char dir[120], cmd[300];

    (void)state;
    system_start();
    calls(20);
    T_WAIT(system_total("succ_cnt") == n_true);
    testdb_sql("DELETE FROM ServerCallStatus");
    n_true = 0;
    proc_stop(&sys.reportd);
    calls(50);
    snprintf(dir, sizeof(dir), "%s/copy", testdb_dir);
    snprintf(cmd, sizeof(cmd), "cp -a '%s' '%s'", sys.dir, dir);
    assert_int_equal(system(cmd), 0);
    of_copy = start_in(&copy, dir);
    proc_expect_line(copy.err, "outbox.copied");
    original = sys.client;
    sys.client = of_copy;
    calls(30);
    sys.client = original;
    calls(10);
    proc_continue(&sys.reportd);
    sys.client = of_copy;
    calls(7);
    sys.client = original;
    calls(3);
    lars_close(of_copy);
    T_WAIT(system_total("succ_cnt") >= n_true);
    proc_end(&copy, SIGTERM);
    proc_end(&sys.agentd, SIGTERM);
    assert_int_equal(system_total("succ_cnt"), n_true);
    assert_int_equal(testdb_number("SELECT COUNT(*) FROM ReportSeen"), 2);
    system_remove(dir);
}

/* --- a Report Service that does not acknowledge ------------------------------------ */

/* Reads the next frame: its body into <body>.  Returns its message id. */
static uint32_t next_frame(int fd, uint8_t *body, size_t room, size_t *len)
{
    uint32_t head[2];

    peer_recv(fd, head, 8);
    assert_true(head[1] <= room);
    peer_recv(fd, body, head[1]);
    *len = head[1];
    return head[0];
}

static void t_legacy_peer_gets_hello_then_totals(void **state)
{
    static uint8_t body[65536];
    struct net_addr at;
    int lfd, fd;
    size_t len;

    (void)state;
    assert_int_equal(net_addr_set(&at, "127.0.0.1", 0), 0);
    lfd = sock_listen(&at, 4, 0);
    if (lfd < 0)
        fail_msg("cannot listen on 127.0.0.1: %s", strerror(-lfd));
    assert_int_equal(sock_local_addr(lfd, &at), 0);
    snprintf(sys.reportd_port, sizeof(sys.reportd_port), "%d", at.port);
    system_start_dnsd();
    system_start_agentd();
    system_open_client();
    T_WAIT(lars_register(sys.client, 1, 1) == 0);
    fd = sock_accept(lfd, 0, NULL);
    assert_true(fd >= 0);
    calls(6);
    assert_int_equal(next_frame(fd, body, sizeof(body), &len), 32);
    assert_int_equal(next_frame(fd, body, sizeof(body), &len), 3); /* after a second */
    calls(3);
    assert_int_equal(next_frame(fd, body, sizeof(body), &len),
                     3); /* no batch (34) follows the hello */
    close(fd);
    close(lfd);
}

#define X(fn) cmocka_unit_test_setup_teardown(fn, exact_setup, system_teardown)

TESTDB_MAIN(X(t_killed_agent_loses_no_call), X(t_killed_report_service_loses_no_call),
            X(t_stopped_database_loses_no_call),
            X(t_second_report_service_continues_the_stream),
            X(t_frozen_report_service_loses_no_call),
            X(t_agents_in_a_copied_folder_count_every_call_once),
            X(t_legacy_peer_gets_hello_then_totals))
