/* The calls in the database equal the calls that were made, although programs are killed,
 * stopped and started again. */
#include <pthread.h>
#include <stdatomic.h>

#include "dnspeer.h"
#include "net/sock.h"
#include "system.h"

#define ROUNDS (getenv("LARS_MODE") ? 2 : 8) /* a tool makes each start slow */

static atomic_bool calling;
static unsigned long long n_true; /* calls reported by the caller */

/* One call, reported, and counted by the agent when this returns: the question that
 * follows the report comes by the same socket. */
static bool one_call(void)
{
    struct lars_host h;

    if (lars_get_host(client, 1, 1, &h) != 0)
        return false;
    if (lars_report(client, &h, 0) != 0)
        return false;
    return lars_get_host(client, 1, 1, &h) == 0;
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
    int rc = setup(state);

    mydb_sql("DELETE FROM ReportSeen");
    n_true = 0;
    return rc;
}

static int exact_teardown(void **state)
{
    char path[120];
    int i;

    for (i = 0; i < 3; i++) {
        snprintf(path, sizeof(path), "%s/routes.calls.%d", dir, i);
        unlink(path);
    }
    return teardown(state);
}

static void t_agent_killed_and_started_again(void **state)
{
    struct lars_host h;
    int i;

    (void)state;
    start_all();
    for (i = 0; i < ROUNDS; i++) {
        calls(50);
        proc_end(&agent, i % 2 ? SIGKILL : SIGTERM);
        start_agent();
        T_WAIT(lars_get_host(client, 1, 1, &h) == 0);
    }
    calls(10);
    T_WAIT(total("succ_cnt") == n_true);
    assert_int_equal(n_true, 50 * ROUNDS + 10);
}

static void t_report_service_killed_under_load(void **state)
{
    pthread_t t;
    int i;

    (void)state;
    start_all();
    calling = true;
    assert_int_equal(pthread_create(&t, NULL, caller, NULL), 0);
    for (i = 0; i < ROUNDS; i++) {
        unsigned long long before = total("succ_cnt");

        T_WAIT(total("succ_cnt") > before);
        proc_end(&rep, SIGKILL);
        start_rep();
    }
    calling = false;
    pthread_join(t, NULL);
    T_WAIT(total("succ_cnt") == n_true);
    assert_int_equal(mydb_number("SELECT COUNT(*) FROM ReportSeen"), 1);
}

static void t_database_stopped_under_load(void **state)
{
    pthread_t t;

    (void)state;
    start_all();
    calling = true;
    assert_int_equal(pthread_create(&t, NULL, caller, NULL), 0);
    T_WAIT(total("succ_cnt") > 0);
    assert_int_equal(mydb_run("stop"), 0);
    proc_expect_line(rep.err, "db.down");
    proc_end(&rep, SIGKILL); /* and its memory with it */
    start_rep();
    assert_int_equal(mydb_run("start"), 0);
    calling = false;
    pthread_join(t, NULL);
    T_WAIT(total("succ_cnt") == n_true);
}

static void t_second_report_service_takes_over(void **state)
{
    struct proc rep2 = {0};
    char conf[100];
    pthread_t t;

    (void)state;
    proc_start(&rep2, "lars-reportd", "-p", "0", "-s", mydb_socket, NULL);
    proc_wait_port(&rep2);
    snprintf(conf, sizeof(conf), "others = 127.0.0.1:%d\n", rep2.port);
    more_conf = conf; /* the section before it is [reporter] */
    start_all();
    calling = true;
    assert_int_equal(pthread_create(&t, NULL, caller, NULL), 0);
    T_WAIT(total("succ_cnt") > 0);
    proc_end(&rep, SIGKILL);
    proc_expect_line(agent.err, "report.acknowledged"); /* with the first ... */
    proc_expect_line(agent.err, "report.acknowledged"); /* ... and with the second */
    calling = false;
    pthread_join(t, NULL);
    T_WAIT(total("succ_cnt") == n_true);
    proc_kill(&rep2);
}

static void t_frozen_report_service_loses_nothing(void **state)
{
    (void)state;
    start_all();
    calls(20);
    T_WAIT(total("succ_cnt") == n_true);
    kill(rep.pid, SIGSTOP);
    calls(50);
    kill(rep.pid, SIGCONT);
    calls(5);
    T_WAIT(total("succ_cnt") == n_true);
}

/* --- a Report Service that does not acknowledge ------------------------------------ */

/* The next frame of <fd>: its id; its body into <body>. */
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
    assert_true(lfd >= 0);
    assert_int_equal(sock_local_addr(lfd, &at), 0);
    snprintf(rep_port, sizeof(rep_port), "%d", at.port);
    start_dns();
    start_agent();
    {
        struct lars_options opt = {.dir = dir,
                                   .timeout_ms = 5000,
                                   .port = (uint16_t)agent.port};

        assert_int_equal(lars_open(&client, &opt), 0);
    }
    T_WAIT(lars_register(client, 1, 1) == 0);
    fd = sock_accept(lfd, 0, NULL);
    assert_true(fd >= 0);
    calls(6);
    assert_int_equal(next_frame(fd, body, sizeof(body), &len), 32);
    assert_int_equal(next_frame(fd, body, sizeof(body), &len), 3); /* after a second */
    calls(3);
    assert_int_equal(next_frame(fd, body, sizeof(body), &len), 3); /* and no 34 ever */
    close(fd);
    close(lfd);
}

#define X(fn) cmocka_unit_test_setup_teardown(fn, exact_setup, exact_teardown)

MYDB_MAIN(X(t_agent_killed_and_started_again), X(t_report_service_killed_under_load),
          X(t_database_stopped_under_load), X(t_second_report_service_takes_over),
          X(t_frozen_report_service_loses_nothing),
          X(t_legacy_peer_gets_hello_then_totals))
