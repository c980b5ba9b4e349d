/* An iterative server in a thread of its own, with the test as its client. */
#include "t.h"

#include <pthread.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "base/log.h"
#include "net/itersrv.h"
#include "net/sock.h"
#include "peer.h"

struct srv {
    int lfd, port;
    int rc;                               /* the result of itersrv_run() */
    struct itersrv_stat stat;
    pthread_t th;
};

static void say_hi(int fd, const struct net_addr *peer, void *arg)
{
    (void)arg;
    if (peer->port == 0)
        abort();
    (void)!write(fd, "hi", 2);
}

static void *run(void *arg)
{
    struct srv *s = arg;

    s->rc = itersrv_run(s->lfd, say_hi, s, &s->stat);
    return NULL;
}

static void open_srv(struct srv *s)
{
    struct net_addr at = {.family = AF_INET, .ip = {127, 0, 0, 1}};

    memset(s, 0, sizeof(*s));
    s->lfd = sock_listen(&at, 16, 0);
    assert_true(s->lfd >= 0);
    assert_int_equal(sock_local_addr(s->lfd, &at), 0);
    s->port = at.port;
}

static void start_srv(struct srv *s)
{
    assert_int_equal(pthread_create(&s->th, NULL, run, s), 0);
}

static void stop_srv(struct srv *s)
{
    shutdown(s->lfd, SHUT_RDWR);
    pthread_join(s->th, NULL);
    close(s->lfd);
}

static void t_run_serves_and_closes_each_client(void **state)
{
    struct srv s;
    int i;

    (void)state;
    open_srv(&s);
    start_srv(&s);
    for (i = 0; i < LAB_COUNT; i++) {
        int c = peer_connect(s.port);

        peer_expect(c, "hi");
        peer_expect_close(c);
        close(c);
    }
    stop_srv(&s);
    assert_int_equal(s.rc, -EINVAL);
    assert_int_equal(s.stat.n_served, LAB_COUNT);
    assert_int_equal(s.stat.n_wait, 0);
}

static void t_run_broken_listener_returns_its_error(void **state)
{
    (void)state;
    assert_int_equal(itersrv_run(-1, say_hi, NULL, NULL), -EBADF);
    assert_int_equal(itersrv_run(0, say_hi, NULL, NULL), -ENOTSOCK);
}

/* Without a free descriptor the server waits; as soon as one is free it serves the client
 * that has been waiting. */
static void t_run_out_of_descriptors_waits_and_goes_on(void **state)
{
    struct rlimit old, low;
    struct srv s;
    int c;

    (void)state;
    T_SKIP_IF_MEMCHECK();
    log_set_level(LOG_LEVEL_ERROR);
    open_srv(&s);
    c = peer_connect(s.port);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
    low = old;
    low.rlim_cur = (rlim_t)c + 1;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
    start_srv(&s);
    peer_expect_silence(c, 120);          /* time for two or three attempts, not more */
    setrlimit(RLIMIT_NOFILE, &old);
    peer_expect(c, "hi");
    close(c);
    stop_srv(&s);
    assert_int_equal(s.stat.n_served, 1);
    assert_in_range(s.stat.n_wait, 1, 10);
}

T_MAIN(T(t_run_serves_and_closes_each_client), T(t_run_broken_listener_returns_its_error),
       T(t_run_out_of_descriptors_waits_and_goes_on))
