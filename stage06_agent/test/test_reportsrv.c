/* The server of the Report Service with databases in memory. */
#include "report/reportsrv.h"

#include <pthread.h>

#include "base/log.h"
#include "statusdb_mem.h"
#include "net/sock.h"
#include "reportpeer.h"
#include "t.h"

#define WRITERS 3

static struct {
    struct evloop *loop;
    struct reportsrv *srv;
    struct writer *writer[WRITERS];
    struct statusdb *db[WRITERS];
    pthread_t thread;
    struct msgq *q;
    int port;
} fx;

static void stop(void *arg, void *user)
{
    (void)user;
    evloop_stop(arg);
}

static void *run(void *arg)
{
    evloop_run(arg);
    return NULL;
}

static int setup(void **state)
{
    struct reportsrv_config cfg = {.n_threads = 2,
                                   .writer = fx.writer,
                                   .n_writers = WRITERS};
    struct writer_config wc = {1000, 100, 0};
    struct net_addr at;
    int i, lfd;

    t_fds_save(state);
    log_set_level(LOG_LEVEL_ERROR + 1);
    assert_int_equal(evloop_create(&fx.loop), 0);
    assert_int_equal(msgq_create(&fx.q, fx.loop, 4), 0);
    for (i = 0; i < WRITERS; i++) {
        assert_int_equal(statusdb_mem_create(&fx.db[i]), 0);
        assert_int_equal(writer_start(&fx.writer[i], fx.db[i], &wc), 0);
    }
    assert_int_equal(net_addr_set(&at, "127.0.0.1", 0), 0);
    lfd = sock_listen(&at, 16, SOCK_NONBLOCK);
    assert_true(lfd >= 0);
    assert_int_equal(sock_local_addr(lfd, &at), 0);
    fx.port = at.port;
    assert_int_equal(reportsrv_create(&fx.srv, fx.loop, lfd, &cfg), 0);
    return -pthread_create(&fx.thread, NULL, run, fx.loop);
}

static int teardown(void **state)
{
    struct msgq_task t = {stop, NULL, fx.loop};
    int i;

    assert_int_equal(msgq_post(fx.q, &t), 0);
    pthread_join(fx.thread, NULL);
    reportsrv_destroy(fx.srv);
    for (i = 0; i < WRITERS; i++)
        writer_stop(fx.writer[i]);
    msgq_destroy(fx.q);
    evloop_destroy(fx.loop);
    return t_fds_check(state);
}

static struct reportsrv_stat stat_of(void)
{
    struct reportsrv_stat s;

    reportsrv_stat(fx.srv, &s);
    return s;
}

/* The index of the database that has this row with these totals; -1 = none. */
static int where_node(uint32_t modid, uint32_t ip, uint32_t succ)
{
    struct status_row r = {
        .modid = modid, .cmdid = 1, .ip = ip, .port = 80, .caller = 0x7f000001};
    int i;

    for (i = 0; i < WRITERS; i++)
        if (statusdb_mem_find(fx.db[i], &r) && r.succ == succ && r.err == 1 &&
            r.ts == 1700000000 && r.overload == 0)
            return i;
    return -1;
}

static int where(uint32_t modid, uint32_t succ)
{
    return where_node(modid, 0xc0a80001, succ);
}

static void t_report_reaches_the_table(void **state)
{
    int c = peer_connect(fx.port);

    (void)state;
    reportpeer_send(c, 7, 0xc0a80001, 80, 10, 1);
    T_WAIT(where(7, 10) >= 0);
    reportpeer_send(c, 7, 0xc0a80001, 80, 11, 1);
    T_WAIT(where(7, 11) >= 0);
    reportpeer_send(c, 0xffffffff, 0xc0a80001, 80, 5, 1); /* a negative modid */
    T_WAIT(where(0xffffffff, 5) >= 0);
    assert_int_equal(stat_of().n_report, 3);
    assert_int_equal(stat_of().n_row, 3);
    peer_expect_silence(c, 20);       /* a report has no reply */
    close(c);
}

static void t_report_of_several_nodes_is_stored_whole(void **state)
{
    int c = peer_connect(fx.port);
    uint32_t i;

    (void)state;
    reportpeer_send_nodes(c, 7, 0xc0a80001, 80, 10, 1, 5);
    for (i = 0; i < 5; i++)
        T_WAIT(where_node(7, 0xc0a80001 + i, 10) >= 0);
    assert_int_equal(stat_of().n_report, 1);
    assert_int_equal(stat_of().n_row, 5);
    close(c);
}

static void t_module_stays_with_its_writer_and_all_are_used(void **state)
{
    int c = peer_connect(fx.port), d = peer_connect(fx.port), n[WRITERS] = {0}, at;
    uint32_t m;

    (void)state;
    for (m = 1; m <= 30; m++) {
        reportpeer_send(c, m, 0xc0a80001, 80, 1, 1);
        T_WAIT((at = where(m, 1)) >= 0);
        reportpeer_send(d, m, 0xc0a80001, 80, 2, 1); /* from another connection */
        T_WAIT(where(m, 2) >= 0);
        assert_int_equal(where(m, 2), at);
        n[at]++;
    }
    for (at = 0; at < WRITERS; at++)
        assert_true(n[at] >= 3);
    close(c);
    close(d);
}

static void t_bad_reports_are_counted_and_the_connection_stays_open(void **state)
{
    int c = peer_connect(fx.port);
    static const uint8_t empty_result[] = {0x08, 7, 0x10, 1, 0x22, 0};

    (void)state;
    dnspeer_send(c, 3, "\xff\xff\xff", 3);
    reportpeer_send(c, 7, 1, 0, 1, 1);
    reportpeer_send(c, 7, 1, 70000, 1, 1);
    dnspeer_send(c, 3, "\x10\x00", 2); /* module 0/0 */
    dnspeer_send(c, 3, "", 0);
    dnspeer_send(c, 3, empty_result, sizeof(empty_result));
    dnspeer_send(c, 1, "\x08\x01", 2); /* a question for DNSService */
    reportpeer_send(c, 7, 0xc0a80001, 80, 10, 1);
    T_WAIT(where(7, 10) >= 0);
    assert_int_equal(stat_of().n_bad, 6);
    assert_int_equal(stat_of().n_report, 1);
    close(c);
}

#define E(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

T_MAIN(E(t_report_reaches_the_table), E(t_report_of_several_nodes_is_stored_whole),
       E(t_module_stays_with_its_writer_and_all_are_used),
       E(t_bad_reports_are_counted_and_the_connection_stays_open))
