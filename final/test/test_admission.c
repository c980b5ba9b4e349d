/* Which connections of a server stay when it is full, or when a peer sends nothing. */
#include "t.h"

#include <pthread.h>

#include "base/log.h"
#include "net/admission.h"
#include "net/msgq.h"
#include "net/sock.h"
#include "peer.h"

#define LONG_MS 3600000
#define MANY 8

/* Message 1 is a valid frame, 2 subscribes; both are answered by message 9. */
static struct fix {
    struct evloop *loop;
    struct dispatch *d;
    struct mtsrv *s;
    struct admission *a;
    struct msgq *stop;
    pthread_t th;
    int port;
} fx;

static void on_frame(struct conn *c, const struct frame *f, void *arg)
{
    (void)arg;
    if (f->msgid == 1)
        admission_frame(fx.a, c);
    else
        admission_subscribe(fx.a, c);
    conn_send(c, 9, "y", 1);
}

static void on_start(struct conn *c, void *arg)
{
    (void)arg;
    admission_enter(fx.a, c);
}

static void on_close(struct conn *c, enum conn_why why, void *arg)
{
    (void)why;
    (void)arg;
    admission_leave(fx.a, c);
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

static void open_srv(unsigned threads, unsigned max, uint32_t first_frame_ms)
{
    const struct admission_config ac = {threads, max, first_frame_ms};
    struct mtsrv_config mc = {.n_threads = threads};
    struct net_addr at = {.family = AF_INET, .ip = {127, 0, 0, 1}};
    int lfd;

    memset(&fx, 0, sizeof(fx));
    log_set_level(LOG_LEVEL_ERROR);
    assert_int_equal(dispatch_create(&fx.d), 0);
    assert_int_equal(dispatch_set(fx.d, 1, on_frame, NULL), 0);
    assert_int_equal(dispatch_set(fx.d, 2, on_frame, NULL), 0);
    lfd = sock_listen(&at, 1024, SOCK_NONBLOCK);
    assert_true(lfd >= 0);
    assert_int_equal(sock_local_addr(lfd, &at), 0);
    fx.port = at.port;
    assert_int_equal(evloop_create(&fx.loop), 0);
    assert_int_equal(msgq_create(&fx.stop, fx.loop, 10), 0);
    assert_int_equal(admission_create(&fx.a, fx.loop, &ac), 0);
    mc.max_conns = admission_max_conns(fx.a);
    mc.conn = (struct conn_config){
        .dispatch = fx.d, .on_start = on_start, .on_close = on_close};
    assert_int_equal(mtsrv_create(&fx.s, fx.loop, lfd, &mc), 0);
    assert_int_equal(admission_serve(fx.a, fx.s), 0);
    assert_int_equal(pthread_create(&fx.th, NULL, run_main, NULL), 0);
}

static void close_srv(void)
{
    msgq_post(fx.stop, &(struct msgq_task){stop_main, NULL, fx.loop});
    pthread_join(fx.th, NULL);
    mtsrv_destroy(fx.s);
    admission_destroy(fx.a);
    admission_destroy(NULL);
    msgq_destroy(fx.stop);
    evloop_destroy(fx.loop);
    dispatch_destroy(fx.d);
}

static struct admission_stat stat_now(void)
{
    struct admission_stat st;

    admission_stat(fx.a, &st);
    return st;
}

/* Sends message <id>.  Is it answered?  False: the server has closed the connection. */
static bool ask(int fd, uint8_t id)
{
    const char q[9] = {(char)id, 0, 0, 0, 1, 0, 0, 0, 'x'};
    char in[9];
    size_t n = 0;
    ssize_t got = 1;

    if (send(fd, q, sizeof(q), MSG_NOSIGNAL) != sizeof(q))
        return false;
    while (n < sizeof(in) && (got = recv(fd, in + n, sizeof(in) - n, 0)) > 0)
        n += (size_t)got;
    return n == sizeof(in);
}

static void close_all(const int *fd, int n)
{
    while (n-- > 0)
        close(fd[n]);
}

static void fill(int *fd, int n)
{
    int i;

    for (i = 0; i < n; i++)
        fd[i] = peer_connect(fx.port);
    T_WAIT((int)mtsrv_n_conns(fx.s) == n);
}

/* Connects and asks message <id> until it is answered.  Returns the descriptor. */
static int connect_until_answered(uint8_t id)
{
    int fd = -1;
    bool ok = false;

    T_WAIT((fd = peer_connect(fx.port), ok = ask(fd, id), ok || (close(fd), false)));
    return fd;
}

static void t_peer_that_sends_nothing_is_closed(void **state)
{
    int fd[2];

    (void)state;
    open_srv(2, 0, 200);
    fd[0] = peer_connect(fx.port);
    fd[1] = connect_until_answered(1);
    peer_expect_close(fd[0]);
    assert_int_equal(stat_now().n_silent, 1);
    assert_true(ask(fd[1], 1));           /* the one with a valid frame stays */
    close_all(fd, 2);
    close_srv();
}

static void t_peer_that_never_finishes_a_frame_is_closed(void **state)
{
    static const char part[6] = {1, 0, 0, 0, 100, 0};
    int fd;

    (void)state;
    open_srv(1, 0, 300);
    fd = peer_connect(fx.port);
    peer_send(fd, part, 1);
    peer_send(fd, part + 1, 5);
    peer_expect_close(fd);
    close(fd);
    close_srv();
}

static void t_frames_that_no_handler_accepts_do_not_count(void **state)
{
    static const char unknown[9] = {77, 0, 0, 0, 1, 0, 0, 0, 'x'};
    int fd;

    (void)state;
    open_srv(1, 0, 300);
    fd = peer_connect(fx.port);
    peer_send(fd, unknown, sizeof(unknown));
    peer_expect_close(fd);
    close(fd);
    close_srv();
}

static void t_new_peer_displaces_the_oldest_silent_one_of_any_thread(void **state)
{
    int fd[MANY], agent[MANY], i;

    (void)state;
    open_srv(3, MANY, LONG_MS);
    fill(fd, MANY);
    for (i = 0; i < MANY; i++)
        agent[i] = connect_until_answered(2);
    assert_int_equal(stat_now().n_displaced, MANY);
    assert_int_equal(stat_now().n_silent, 0);
    for (i = 0; i < MANY; i++) {
        peer_expect_close(fd[i]);
        assert_true(ask(agent[i], 2));
    }
    close_all(fd, MANY);
    close_all(agent, MANY);
    close_srv();
}

static void t_subscribed_peers_are_never_displaced(void **state)
{
    int fd[3], i;

    (void)state;
    open_srv(2, 2, 100);
    for (i = 0; i < 2; i++)
        fd[i] = connect_until_answered(2);
    for (i = 0; i < 5; i++) {
        fd[2] = peer_connect(fx.port);
        peer_expect_close(fd[2]);
        close(fd[2]);
    }
    assert_int_equal(stat_now().n_refused, 5);
    assert_int_equal(stat_now().n_displaced, 0);
    assert_true(ask(fd[0], 2) && ask(fd[1], 2));
    close_all(fd, 2);
    fd[0] = connect_until_answered(2);    /* the places of closed peers are free */
    close(fd[0]);
    close_srv();
}

/* The connections end in their threads while others choose them. */
static void t_peers_that_come_and_go_leave_every_place_free(void **state)
{
    int fd[MANY], i, k;

    (void)state;
    open_srv(3, MANY, 100);
    for (k = 0; k < 20; k++) {
        for (i = 0; i < MANY; i++)
            fd[i] = peer_connect(fx.port);
        (void)ask(fd[k % MANY], 1);
        poll(NULL, 0, k % 4 == 0 ? 120 : 0);
        close_all(fd, MANY);
    }
    T_WAIT(mtsrv_n_conns(fx.s) == 0);
    for (i = 0; i < MANY; i++)
        fd[i] = connect_until_answered(2);
    close_all(fd, MANY);
    close_srv();
}

T_MAIN(T(t_peer_that_sends_nothing_is_closed),
       T(t_peer_that_never_finishes_a_frame_is_closed),
       T(t_frames_that_no_handler_accepts_do_not_count),
       T(t_new_peer_displaces_the_oldest_silent_one_of_any_thread),
       T(t_subscribed_peers_are_never_displaced),
       T(t_peers_that_come_and_go_leave_every_place_free))
