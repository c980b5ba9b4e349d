/* The socket calls: results, flags and exact error codes, interrupted by signals and at
 * the limit of descriptors. */
#include "t.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "net/sock.h"

static const struct net_addr loopback = {.family = AF_INET, .ip = {127, 0, 0, 1}};

static int listen_any(struct net_addr *at, int flags)
{
    int fd = sock_listen(&loopback, 16, flags);

    assert_true(fd >= 0);
    assert_int_equal(sock_local_addr(fd, at), 0);
    assert_int_not_equal(at->port, 0);
    return fd;
}

static void t_listen_on_port_0_gets_a_port_and_is_cloexec(void **state)
{
    struct net_addr at;
    int fd = listen_any(&at, 0);

    (void)state;
    assert_memory_equal(at.ip, loopback.ip, 16);
    assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    assert_int_equal(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
    close(fd);
    fd = listen_any(&at, SOCK_NONBLOCK);
    assert_int_equal(fcntl(fd, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
    close(fd);
}

static void t_listen_on_a_taken_port_is_eaddrinuse(void **state)
{
    struct net_addr at;
    int fd = listen_any(&at, 0);

    (void)state;
    assert_int_equal(sock_listen(&at, 16, 0), -EADDRINUSE);
    close(fd);
}

static void t_listen_on_a_foreign_address_is_eaddrnotavail(void **state)
{
    struct net_addr at;

    (void)state;
    assert_int_equal(net_addr_set(&at, "192.0.2.1", 0), 0);
    assert_int_equal(sock_listen(&at, 16, 0), -EADDRNOTAVAIL);
}

static void t_listen_again_while_old_connections_are_in_time_wait(void **state)
{
    struct net_addr at;
    int lfd = listen_any(&at, 0);
    int c = sock_connect(&at, 5000);
    int s = sock_accept(lfd, 0, NULL);
    char b;

    (void)state;
    assert_true(c >= 0 && s >= 0);
    close(s);                             /* the side that closes first: TIME_WAIT */
    assert_int_equal(sock_read(c, &b, 1), 0);
    close(c);
    close(lfd);
    lfd = sock_listen(&at, 16, 0);
    assert_true(lfd >= 0);
    close(lfd);
}

static void t_accept_tells_the_peer_and_sets_flags(void **state)
{
    struct net_addr at, peer, mine;
    int lfd = listen_any(&at, 0);
    int c = sock_connect(&at, 5000);
    int s = sock_accept(lfd, SOCK_NONBLOCK, &peer);

    (void)state;
    assert_true(c >= 0 && s >= 0);
    assert_int_equal(sock_local_addr(c, &mine), 0);
    assert_true(net_addr_equal(&peer, &mine));
    assert_int_equal(fcntl(s, F_GETFL) & O_NONBLOCK, O_NONBLOCK);
    assert_int_equal(fcntl(s, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    close(c);
    close(s);
    close(lfd);
}

static void t_accept_on_ipv6_tells_the_peer(void **state)
{
    struct net_addr at, peer;
    int lfd, c, s;

    (void)state;
    assert_int_equal(net_addr_set(&at, "::1", 0), 0);
    lfd = sock_listen(&at, 16, 0);
    if (lfd == -EADDRNOTAVAIL || lfd == -EAFNOSUPPORT)
        skip();                           /* a machine without IPv6 */
    assert_int_equal(sock_local_addr(lfd, &at), 0);
    c = sock_connect(&at, 5000);
    s = sock_accept(lfd, 0, &peer);
    assert_int_equal(peer.family, AF_INET6);
    assert_memory_equal(peer.ip, at.ip, 16);
    close(c);
    close(s);
    close(lfd);
}

static void t_accept_nothing_waiting_is_eagain(void **state)
{
    struct net_addr at;
    int lfd = listen_any(&at, SOCK_NONBLOCK);

    (void)state;
    assert_int_equal(sock_accept(lfd, 0, NULL), -EAGAIN);
    close(lfd);
    assert_int_equal(sock_accept(lfd, 0, NULL), -EBADF);
}

#define N_ALARMS 500                      /* more never come, so that a hang ends */

static volatile sig_atomic_t n_alarms;

static void on_alarm(int signo)
{
    if (++n_alarms >= N_ALARMS)
        signal(signo, SIG_IGN);
}

/* Deliver SIGALRM every 2 ms (50 ms under valgrind) to a handler without SA_RESTART,
 * until called with false. */
static void alarm_often(bool on)
{
    suseconds_t us = !on ? 0 : t_mode_is("memcheck") ? 50000 : 2000;
    struct itimerval it = {{0, us}, {0, us}};
    struct sigaction sa;

    n_alarms = 0;
    memset(&sa, 0, sizeof(sa));
    sa.sa_handler = on ? on_alarm : SIG_IGN;
    sigaction(SIGALRM, &sa, NULL);
    setitimer(ITIMER_REAL, &it, NULL);
}

static void *connect_later(void *arg)
{
    sigset_t all;

    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, NULL);
    poll(NULL, 0, 30);                    /* let signals interrupt the accept() first */
    return (void *)(intptr_t)sock_connect(arg, 5000);
}

static void t_accept_goes_on_after_a_signal(void **state)
{
    struct net_addr at;
    int lfd = listen_any(&at, 0);
    pthread_t th;
    void *c;
    int s;

    (void)state;
    assert_int_equal(pthread_create(&th, NULL, connect_later, &at), 0);
    alarm_often(true);
    s = sock_accept(lfd, 0, NULL);
    alarm_often(false);
    assert_true(s >= 0);
    pthread_join(th, &c);
    close((int)(intptr_t)c);
    close(s);
    close(lfd);
}

static void t_accept_without_descriptors_is_emfile(void **state)
{
    struct net_addr at;
    struct rlimit old, low;
    int lfd, c, s;

    (void)state;
    T_SKIP_IF_MEMCHECK();
    lfd = listen_any(&at, 0);
    c = sock_connect(&at, 5000);
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &old), 0);
    low = old;
    low.rlim_cur = (rlim_t)c + 1;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &low), 0);
    s = sock_accept(lfd, 0, NULL);
    setrlimit(RLIMIT_NOFILE, &old);
    assert_int_equal(s, -EMFILE);
    s = sock_accept(lfd, 0, NULL);
    assert_true(s >= 0);
    close(s);
    close(c);
    close(lfd);
}

static void t_verdict_one_client_waiting_and_broken(void **state)
{
    (void)state;
    assert_int_equal(sock_accept_verdict(-ECONNABORTED), SOCK_RETRY);
    assert_int_equal(sock_accept_verdict(-EPROTO), SOCK_RETRY);
    assert_int_equal(sock_accept_verdict(-EPERM), SOCK_RETRY);
    assert_int_equal(sock_accept_verdict(-ENETDOWN), SOCK_RETRY);
    assert_int_equal(sock_accept_verdict(-EAGAIN), SOCK_WAIT);
    assert_int_equal(sock_accept_verdict(-EMFILE), SOCK_WAIT);
    assert_int_equal(sock_accept_verdict(-ENFILE), SOCK_WAIT);
    assert_int_equal(sock_accept_verdict(-ENOMEM), SOCK_WAIT);
    assert_int_equal(sock_accept_verdict(-ENOBUFS), SOCK_WAIT);
    assert_int_equal(sock_accept_verdict(-EBADF), SOCK_BROKEN);
    assert_int_equal(sock_accept_verdict(-EINVAL), SOCK_BROKEN);
    assert_int_equal(sock_accept_verdict(-ENOTSOCK), SOCK_BROKEN);
}

static void t_connect_nobody_listening_is_econnrefused(void **state)
{
    struct net_addr at;
    int fd = listen_any(&at, 0);

    (void)state;
    close(fd);
    assert_int_equal(sock_connect(&at, 5000), -ECONNREFUSED);
}

/* A listener whose accept queue is full drops SYNs, so only its own timeout can end the
 * connect. */
static void t_connect_no_answer_is_etimedout(void **state)
{
    struct net_addr at;
    int lfd = sock_listen(&loopback, 0, 0);
    int fd[8], n = 0, rc = 0;

    (void)state;
    assert_int_equal(sock_local_addr(lfd, &at), 0);
    while (n < 8 && (rc = sock_connect(&at, 200)) >= 0)
        fd[n++] = rc;
    assert_int_equal(rc, -ETIMEDOUT);
    assert_true(n > 0);
    assert_int_equal(fcntl(fd[0], F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    while (n > 0)
        close(fd[--n]);
    close(lfd);
}

static void t_connect_ends_in_time_though_signals_interrupt_it(void **state)
{
    struct net_addr at;
    int lfd = sock_listen(&loopback, 0, 0);
    int fd[8], n = 0, rc = 0, alarms;

    (void)state;
    assert_int_equal(sock_local_addr(lfd, &at), 0);
    while (n < 8 && (rc = sock_connect(&at, 100)) >= 0) /* fill the queue */
        fd[n++] = rc;
    alarm_often(true);
    rc = sock_connect(&at, 100);
    alarms = n_alarms;
    alarm_often(false);
    assert_int_equal(rc, -ETIMEDOUT);
    assert_true(alarms < N_ALARMS);       /* it did not wait for the last signal */
    while (n > 0)
        close(fd[--n]);
    close(lfd);
}

static void t_read_timeout_is_eagain_end_is_0(void **state)
{
    int fd[2];
    uint64_t begin;
    char b;

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
    assert_int_equal(sock_set_timeout(fd[0], 20), 0);
    begin = t_now_ms();
    assert_int_equal(sock_read(fd[0], &b, 1), -EAGAIN);
    assert_true(t_now_ms() - begin >= 15);
    close(fd[1]);
    assert_int_equal(sock_read(fd[0], &b, 1), 0);
    close(fd[0]);
    assert_int_equal(sock_read(fd[0], &b, 1), -EBADF);
    assert_int_equal(sock_set_timeout(fd[0], 20), -EBADF);
}

static void *write_later(void *arg)
{
    sigset_t all;

    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, NULL);
    poll(NULL, 0, 30);                    /* let signals interrupt the read() first */
    (void)!write(*(int *)arg, "x", 1);
    return NULL;
}

static void t_read_continues_after_a_signal(void **state)
{
    pthread_t th;
    ssize_t n;
    int fd[2];
    char b;

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
    assert_int_equal(pthread_create(&th, NULL, write_later, &fd[1]), 0);
    alarm_often(true);
    n = sock_read(fd[0], &b, 1);
    alarm_often(false);
    pthread_join(th, NULL);
    assert_int_equal(n, 1);
    close(fd[0]);
    close(fd[1]);
}

static void t_write_to_a_closed_peer_is_epipe(void **state)
{
    int fd[2];

    (void)state;
    signal(SIGPIPE, SIG_IGN);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
    close(fd[1]);
    assert_int_equal(sock_write(fd[0], "x", 1), -EPIPE);
    assert_int_equal(sock_write_all(fd[0], "x", 1), -EPIPE);
    close(fd[0]);
}

#define BIG ((size_t)(t_mode_is("memcheck") ? 1 : 8) << 20)

static uint32_t pattern(size_t i)
{
    return (uint32_t)(i * 2654435761u) >> 24;
}

static void *read_slowly(void *arg)
{
    static unsigned char buf[100000];
    int fd = *(int *)arg;
    size_t at = 0, i;
    ssize_t n;
    sigset_t all;

    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, NULL);
    while ((n = read(fd, buf, sizeof(buf))) > 0) {
        for (i = 0; i < (size_t)n; i++)
            if (buf[i] != pattern(at + i))
                return NULL;
        at += (size_t)n;
    }
    return (void *)at;
}

/* Signals interrupt writes halfway; every byte must still arrive, in order. */
static void t_write_all_sends_every_byte_though_writes_are_short(void **state)
{
    size_t len = BIG, i;
    unsigned char *big = malloc(len);
    pthread_t th;
    void *got;
    int fd[2], rc;

    (void)state;
    assert_non_null(big);
    for (i = 0; i < len; i++)
        big[i] = (unsigned char)pattern(i);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
    assert_int_equal(pthread_create(&th, NULL, read_slowly, &fd[1]), 0);
    alarm_often(true);
    rc = sock_write_all(fd[0], big, len);
    alarm_often(false);
    close(fd[0]);
    pthread_join(th, &got);
    close(fd[1]);
    free(big);
    assert_int_equal(rc, 0);
    assert_int_equal((size_t)got, len);
}

static void *drain_later(void *arg)
{
    static char buf[100000];
    sigset_t all;

    sigfillset(&all);
    pthread_sigmask(SIG_BLOCK, &all, NULL);
    poll(NULL, 0, 30);                    /* let signals interrupt the write() first */
    while (read(*(int *)arg, buf, sizeof(buf)) > 0)
        continue;
    return NULL;
}

/* The socket is full, so the interrupted write() has accepted nothing: EINTR. */
static void t_write_all_continues_after_a_signal(void **state)
{
    static char full[10000];
    pthread_t th;
    int fd[2], rc;

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
    while (send(fd[0], full, sizeof(full), MSG_DONTWAIT) > 0)
        continue;
    assert_int_equal(pthread_create(&th, NULL, drain_later, &fd[1]), 0);
    alarm_often(true);
    rc = sock_write_all(fd[0], full, sizeof(full));
    alarm_often(false);
    close(fd[0]);
    pthread_join(th, NULL);
    close(fd[1]);
    assert_int_equal(rc, 0);
}

static void t_local_addr_of_a_unix_socket_is_no_address(void **state)
{
    struct net_addr a = {.family = 99};
    int fd[2];

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
    assert_int_equal(sock_local_addr(fd[0], &a), 0);
    assert_int_equal(a.family, 0);
    close(fd[0]);
    close(fd[1]);
    assert_int_equal(sock_local_addr(fd[0], &a), -EBADF);
}

T_MAIN(T(t_listen_on_port_0_gets_a_port_and_is_cloexec),
       T(t_listen_on_a_taken_port_is_eaddrinuse),
       T(t_listen_on_a_foreign_address_is_eaddrnotavail),
       T(t_listen_again_while_old_connections_are_in_time_wait),
       T(t_accept_tells_the_peer_and_sets_flags), T(t_accept_on_ipv6_tells_the_peer),
       T(t_accept_nothing_waiting_is_eagain), T(t_accept_goes_on_after_a_signal),
       T(t_accept_without_descriptors_is_emfile),
       T(t_verdict_one_client_waiting_and_broken),
       T(t_connect_nobody_listening_is_econnrefused), T(t_connect_no_answer_is_etimedout),
       T(t_connect_ends_in_time_though_signals_interrupt_it),
       T(t_read_timeout_is_eagain_end_is_0),
       T(t_read_continues_after_a_signal), T(t_write_to_a_closed_peer_is_epipe),
       T(t_write_all_sends_every_byte_though_writes_are_short),
       T(t_write_all_continues_after_a_signal),
       T(t_local_addr_of_a_unix_socket_is_no_address))
