/* Answers and pushes of the server, with tables that the test publishes. */
#include "t.h"

#include <pthread.h>

#include "base/log.h"
#include "dns/dnssrv.h"
#include "dnspeer.h"
#include "net/msgq.h"
#include "net/sock.h"

static struct fix {
    struct evloop *loop;
    struct msgq *q;
    struct dnssrv *s;
    pthread_t th;
    int port;
} fx;

static void *run_main(void *arg)
{
    (void)arg;
    evloop_run(fx.loop);
    return NULL;
}

static void stop_main(void *arg, void *user)
{
    (void)user;
    evloop_stop(arg);
}

static int setup(void **state)
{
    struct dnssrv_config cfg = {.n_threads = 3, .max_subs = LAB_LIMIT};
    struct net_addr at = {.family = AF_INET, .ip = {127, 0, 0, 1}};
    int lfd;

    (void)t_fds_save(state);
    log_set_level(LOG_LEVEL_ERROR);
    lfd = sock_listen(&at, 100, SOCK_NONBLOCK);
    if (lfd < 0 || sock_local_addr(lfd, &at) < 0 || evloop_create(&fx.loop) < 0 ||
        msgq_create(&fx.q, fx.loop, 10) < 0 ||
        dnssrv_create(&fx.s, fx.loop, lfd, &cfg) < 0)
        return -1;
    fx.port = at.port;
    return pthread_create(&fx.th, NULL, run_main, NULL);
}

static int teardown(void **state)
{
    msgq_post(fx.q, &(struct msgq_task){stop_main, NULL, fx.loop});
    pthread_join(fx.th, NULL);
    dnssrv_destroy(fx.s);
    dnssrv_destroy(NULL);
    msgq_destroy(fx.q);
    evloop_destroy(fx.loop);
    return t_fds_check(state);
}

/* Publish a table with <n1> nodes of module 1/1 and <n2> of 2/1. */
static void publish(uint32_t n1, uint32_t n2, uint64_t version)
{
    static struct route_row row[9000];
    struct route_table *t;
    size_t n = 0;
    uint32_t i;

    for (i = 0; i < n1; i++)
        row[n++] = (struct route_row){1, 1, {0xc0a80000u + i, 80}};
    for (i = 0; i < n2; i++)
        row[n++] = (struct route_row){2, 1, {0x0a000000u + i, 80}};
    assert_int_equal(route_table_create(&t, row, n, version), 0);
    dnssrv_publish(fx.s, t);
    route_table_unref(t);
}

static struct dnssrv_stat stat_now(void)
{
    struct dnssrv_stat st;

    dnssrv_stat(fx.s, &st);
    return st;
}

static void t_question_is_answered_with_the_nodes(void **state)
{
    static struct dnsroute r;
    int c;

    (void)state;
    publish(LAB_COUNT, 1, 1);
    c = peer_connect(fx.port);
    dnspeer_ask(c, 1, 1);
    dnspeer_recv(c, &r);
    assert_int_equal(r.modid, 1);
    assert_int_equal(r.n, LAB_COUNT);
    assert_int_equal(r.host[2].ip, 0xc0a80002u);
    assert_int_equal(r.host[2].port, 80);
    dnspeer_ask(c, 1, 1);             /* the same question once more */
    dnspeer_expect(c, 1, 1, LAB_COUNT);
    close(c);
}

static void t_unknown_module_is_an_empty_route(void **state)
{
    int c;

    (void)state;
    publish(1, 1, 1);
    c = peer_connect(fx.port);
    dnspeer_ask(c, 77, 0xffffffffu);
    dnspeer_expect(c, 77, 0xffffffffu, 0);
    close(c);
}

/* Before the first table there is no answer, because "no nodes" would be wrong. */
static void t_questions_before_the_first_table_are_answered_by_it(void **state)
{
    int c[6], i;

    (void)state;
    for (i = 0; i < 6; i++) {         /* so that every thread has some */
        c[i] = peer_connect(fx.port);
        dnspeer_ask(c[i], 1, 1);
        dnspeer_ask(c[i], 9, 9);
    }
    T_WAIT(stat_now().n_query == 12);
    peer_expect_silence(c[0], 20);
    publish(2, 0, 1);
    for (i = 0; i < 6; i++) {
        static struct dnsroute a, b;

        dnspeer_recv(c[i], &a);
        dnspeer_recv(c[i], &b);
        assert_int_equal(a.modid + b.modid, 10);
        assert_int_equal(a.n + b.n, 2);
        close(c[i]);
    }
}

static void t_change_is_pushed_to_its_subscribers_only(void **state)
{
    int one[4], two, none, i;

    (void)state;
    publish(1, 1, 1);
    for (i = 0; i < 4; i++) {
        one[i] = peer_connect(fx.port);
        dnspeer_ask(one[i], 1, 1);
        dnspeer_expect(one[i], 1, 1, 1);
    }
    two = peer_connect(fx.port);
    dnspeer_ask(two, 2, 1);
    dnspeer_expect(two, 2, 1, 1);
    none = peer_connect(fx.port);
    publish(LAB_COUNT, 1, 2);
    for (i = 0; i < 4; i++)
        dnspeer_expect(one[i], 1, 1, LAB_COUNT);
    publish(LAB_COUNT, 1, 3);         /* equal routes are not pushed */
    publish(0, 1, 4);
    for (i = 0; i < 4; i++)
        dnspeer_expect(one[i], 1, 1, 0);
    peer_expect_silence(two, 20);
    peer_expect_silence(none, 0);
    assert_int_equal(stat_now().n_push, 8);
    for (i = 0; i < 4; i++)
        close(one[i]);
    close(two);
    close(none);
}

static void t_bad_questions_are_counted_and_the_connection_stays_open(void **state)
{
    int c;

    (void)state;
    publish(1, 0, 1);
    c = peer_connect(fx.port);
    dnspeer_send(c, 1, "", 0);        /* module 0/0 */
    dnspeer_send(c, 1, "\x08", 1);
    dnspeer_send(c, 1, "\x0a\xff\xff\xff\xff\x0f", 6);
    dnspeer_send(c, 5, "\x08\x01", 2); /* no handler for this id */
    dnspeer_ask(c, 1, 1);
    dnspeer_expect(c, 1, 1, 1);
    assert_int_equal(stat_now().n_bad_query, 3);
    close(c);
}

static void t_modules_of_one_connection_are_bounded(void **state)
{
    uint32_t i;
    int c;

    (void)state;
    publish(1, 1, 1);
    c = peer_connect(fx.port);
    for (i = 1; i <= LAB_LIMIT; i++) {
        dnspeer_ask(c, i, 1);
        dnspeer_expect(c, i, 1, i <= 2);
    }
    dnspeer_ask(c, LAB_LIMIT + 1, 1); /* above the limit: refused */
    dnspeer_ask(c, 2, 1);
    dnspeer_expect(c, 2, 1, 1);
    assert_int_equal(stat_now().n_bad_query, 1);
    close(c);
}

static void t_more_nodes_than_a_frame_holds_are_cut_and_counted(void **state)
{
    int c;

    (void)state;
    publish(5000, 0, 1);
    c = peer_connect(fx.port);
    dnspeer_ask(c, 1, 1);
    dnspeer_expect(c, 1, 1, 3850);
    assert_int_equal(stat_now().n_cut, 1);
    close(c);
}

static void t_clients_that_come_and_go_leave_no_subscription(void **state)
{
    int i, c;

    (void)state;
    publish(1, 0, 1);
    for (i = 0; i < 200; i++) {
        c = peer_connect(fx.port);
        dnspeer_ask(c, 1, 1);
        if (i % 2)
            peer_reset(c);
        else
            close(c);
    }
    c = peer_connect(fx.port);
    dnspeer_ask(c, 1, 1);
    dnspeer_expect(c, 1, 1, 1);
    publish(2, 0, 2);
    dnspeer_expect(c, 1, 1, 2);
    close(c);
}

#define S(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

T_MAIN(S(t_question_is_answered_with_the_nodes), S(t_unknown_module_is_an_empty_route),
       S(t_questions_before_the_first_table_are_answered_by_it),
       S(t_change_is_pushed_to_its_subscribers_only),
       S(t_bad_questions_are_counted_and_the_connection_stays_open),
       S(t_modules_of_one_connection_are_bounded),
       S(t_more_nodes_than_a_frame_holds_are_cut_and_counted),
       S(t_clients_that_come_and_go_leave_no_subscription))
