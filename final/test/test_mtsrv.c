/* A server with several threads: distribution, limit and orderly end. */
#include "t.h"

#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>

#include "base/log.h"
#include "loop.h"
#include "net/mtsrv.h"
#include "net/sock.h"
#include "peer.h"

/* The server under test.  Its main loop runs in a thread of its own, so that the test can
 * act as the clients with blocking calls. */
static struct fix {
    struct evloop *loop;
    struct dispatch *d;
    struct mtsrv *s;
    struct msgq *stop;
    pthread_t th;
    int port;
    atomic_int n_start, n_close;
} fx;

static void on_msg(struct conn *c, const struct frame *f, void *arg)
{
    pthread_t me = pthread_self();

    (void)f;
    (void)arg;
    conn_send(c, 2, &me, sizeof(me));     /* the id of the thread that serves c */
}

static void on_start(struct conn *c, void *arg)
{
    (void)c;
    (void)arg;
    fx.n_start++;
}

static void on_close(struct conn *c, enum conn_why why, void *arg)
{
    (void)c;
    (void)why;
    (void)arg;
    fx.n_close++;
}

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

static void open_srv(unsigned threads, unsigned max_conns)
{
    struct mtsrv_config cfg = {.n_threads = threads, .max_conns = max_conns};
    struct net_addr at = {.family = AF_INET, .ip = {127, 0, 0, 1}};
    int lfd;

    memset(&fx, 0, sizeof(fx));
    log_set_level(LOG_LEVEL_ERROR);
    assert_int_equal(dispatch_create(&fx.d), 0);
    assert_int_equal(dispatch_set(fx.d, 1, on_msg, NULL), 0);
    cfg.conn.dispatch = fx.d;
    cfg.conn.on_start = on_start;
    cfg.conn.on_close = on_close;
    lfd = sock_listen(&at, 1024, SOCK_NONBLOCK);
    assert_true(lfd >= 0);
    assert_int_equal(sock_local_addr(lfd, &at), 0);
    fx.port = at.port;
    assert_int_equal(evloop_create(&fx.loop), 0);
    assert_int_equal(msgq_create(&fx.stop, fx.loop, 10), 0);
    assert_int_equal(mtsrv_create(&fx.s, fx.loop, lfd, &cfg), 0);
    assert_int_equal(pthread_create(&fx.th, NULL, run_main, NULL), 0);
}

static void close_srv(void)
{
    msgq_post(fx.stop, &(struct msgq_task){stop_main, NULL, fx.loop});
    pthread_join(fx.th, NULL);
    mtsrv_destroy(fx.s);
    msgq_destroy(fx.stop);
    evloop_destroy(fx.loop);
    dispatch_destroy(fx.d);
}

static pthread_t ask_thread(int fd)
{
    static const char ask[9] = {1, 0, 0, 0, 1, 0, 0, 0, 'x'};
    char in[8 + sizeof(pthread_t)];
    pthread_t th;

    peer_send(fd, ask, sizeof(ask));
    peer_recv(fd, in, sizeof(in));
    memcpy(&th, in + 8, sizeof(th));
    return th;
}

static void t_connections_are_spread_evenly(void **state)
{
    enum { THREADS = 4, EACH = 10 };
    pthread_t th[THREADS];
    int fd[THREADS * EACH], n[THREADS] = {0}, kinds = 0, i, k;

    (void)state;
    open_srv(THREADS, 0);
    for (i = 0; i < THREADS * EACH; i++)
        fd[i] = peer_connect(fx.port);
    for (i = 0; i < THREADS * EACH; i++) {
        pthread_t t = ask_thread(fd[i]);

        for (k = 0; k < kinds && th[k] != t; k++)
            continue;
        assert_true(k < THREADS);
        if (k == kinds)
            th[kinds++] = t;
        n[k]++;
        assert_true(ask_thread(fd[i]) == t); /* and does not change its thread */
    }
    for (k = 0; k < THREADS; k++)
        assert_int_equal(n[k], EACH);
    for (i = 0; i < THREADS * EACH; i++)
        close(fd[i]);
    close_srv();
    assert_int_equal(fx.n_start, THREADS * EACH);
    assert_int_equal(fx.n_close, THREADS * EACH);
}

static void t_limit_holds_over_all_threads(void **state)
{
    int fd[LAB_COUNT + 1], late, i;

    (void)state;
    open_srv(3, LAB_COUNT);
    for (i = 0; i < LAB_COUNT; i++) {
        fd[i] = peer_connect(fx.port);
        ask_thread(fd[i]);
    }
    assert_int_equal(mtsrv_n_conns(fx.s), LAB_COUNT);
    fd[LAB_COUNT] = peer_connect(fx.port);
    peer_expect_close(fd[LAB_COUNT]);     /* closed at once, not after a timeout */
    ask_thread(fd[4]);                    /* the other connections are still served */
    close(fd[0]);
    T_WAIT(mtsrv_n_conns(fx.s) == LAB_COUNT - 1);
    late = peer_connect(fx.port);
    ask_thread(late);
    for (i = 1; i <= LAB_COUNT; i++)
        close(fd[i]);
    close(late);
    T_WAIT(mtsrv_n_conns(fx.s) == 0);
    msgq_post(fx.stop, &(struct msgq_task){stop_main, NULL, fx.loop});
    pthread_join(fx.th, NULL);
    assert_int_equal(mtsrv_n_over(fx.s), 1);
    assert_int_equal(pthread_create(&fx.th, NULL, run_main, NULL), 0);
    close_srv();
}

static void t_destroy_closes_every_connection(void **state)
{
    int fd[50], i;

    (void)state;
    open_srv(3, 0);
    for (i = 0; i < 50; i++)
        fd[i] = peer_connect(fx.port);
    ask_thread(fd[49]);
    close_srv();                          /* some may still be in hand-over */
    for (i = 0; i < 50; i++) {
        peer_expect_close(fd[i]);
        close(fd[i]);
    }
    assert_int_equal(fx.n_close, fx.n_start);
}

static void send_all(struct conn *c, void *arg)
{
    (void)arg;
    conn_send(c, 3, "all", 3);
}

static atomic_int n_tasks;

static void task(void *arg, void *group)
{
    (void)arg;
    conn_group_each(group, send_all, NULL);
    n_tasks++;
}

static void t_post_all_reaches_the_connections_of_all_threads(void **state)
{
    char in[11];
    int fd[12], i;

    (void)state;
    n_tasks = 0;
    open_srv(3, 0);
    for (i = 0; i < 12; i++) {
        fd[i] = peer_connect(fx.port);
        ask_thread(fd[i]);
    }
    assert_int_equal(mtsrv_post_all(fx.s, &(struct msgq_task){task, NULL, NULL}), 3);
    for (i = 0; i < 12; i++) {
        peer_recv(fd[i], in, sizeof(in));
        assert_memory_equal(in + 8, "all", 3);
        close(fd[i]);
    }
    close_srv();
    assert_int_equal(n_tasks, 3);
}

static void t_create_with_bad_threads_closes_the_listener(void **state)
{
    struct mtsrv_config cfg = {.n_threads = 0};
    struct net_addr at = {.family = AF_INET, .ip = {127, 0, 0, 1}};
    struct mtsrv *s = NULL;
    int lfd = sock_listen(&at, 10, SOCK_NONBLOCK);

    (void)state;
    assert_int_equal(mtsrv_create(&s, NULL, lfd, &cfg), -EINVAL);
    assert_null(s);
    assert_int_equal(close(lfd), -1);
    mtsrv_destroy(NULL);
}

T_MAIN(T(t_connections_are_spread_evenly), T(t_limit_holds_over_all_threads),
       T(t_destroy_closes_every_connection),
       T(t_post_all_reaches_the_connections_of_all_threads),
       T(t_create_with_bad_threads_closes_the_listener))
