/* The event loop: descriptors, stale events, timers, deferred calls and signals. */
#include "t.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include "base/mono.h"
#include "loop.h"
#include "net/evsig.h"

static struct evloop *loop;

static int setup(void **state)
{
    (void)t_fds_save(state);
    return evloop_create(&loop);
}

static int teardown(void **state)
{
    evloop_destroy(loop);
    return t_fds_check(state);
}

struct probe {
    int n;                                /* times called */
    uint32_t events;
    int fd;
    struct probe *kill;                   /* unwatch and replace the fd of this probe */
    int reuse;                            /* the new fd with the old number */
};

static void on_probe(int fd, uint32_t events, void *arg)
{
    struct probe *p = arg;
    char b[64];

    p->n++;
    p->events = events;
    if (events & EPOLLIN)
        (void)!read(fd, b, sizeof(b));
    if (p->kill) {                     /* close the other fd and reuse its number */
        struct probe *k = p->kill;

        evloop_del_fd(loop, k->fd);
        close(k->fd);
        p->reuse = dup(p->fd);
        assert_int_equal(p->reuse, k->fd);
        assert_int_equal(evloop_add_fd(loop, p->reuse, EPOLLIN, on_probe, k), 0);
        p->kill = NULL;
    }
}

static void t_fd_readable_calls_its_handler(void **state)
{
    struct probe p = {0};
    int fd[2];

    (void)state;
    assert_int_equal(pipe2(fd, O_NONBLOCK), 0);
    assert_int_equal(evloop_add_fd(loop, fd[0], EPOLLIN, on_probe, &p), 0);
    loop_turn(loop);
    assert_int_equal(p.n, 0);
    assert_int_equal(write(fd[1], "x", 1), 1);
    LOOP_UNTIL(loop, p.n == 1);
    assert_int_equal(p.events, EPOLLIN);
    evloop_del_fd(loop, fd[0]);
    assert_int_equal(write(fd[1], "x", 1), 1);
    loop_turn(loop);
    assert_int_equal(p.n, 1);
    close(fd[0]);
    close(fd[1]);
}

static void t_level_triggered_what_is_not_read_comes_again(void **state)
{
    struct probe p = {0};
    int fd[2];

    (void)state;
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
    assert_int_equal(evloop_add_fd(loop, fd[0], EPOLLOUT, on_probe, &p), 0);
    LOOP_UNTIL(loop, p.n >= 3);
    assert_int_equal(evloop_mod_fd(loop, fd[0], 0), 0);
    p.n = 0;
    loop_turn(loop);
    assert_int_equal(p.n, 0);
    evloop_del_fd(loop, fd[0]);
    close(fd[0]);
    close(fd[1]);
}

/* Two descriptors are ready in one batch.  The handler that runs first closes the other
 * descriptor and opens a new one with the same number.  The second event of the batch is
 * then stale and must not call any handler. */
static void t_stale_event_does_not_reach_the_new_owner_of_the_number(void **state)
{
    struct probe a = {0}, b = {0};
    int pa[2], pb[2], used;

    (void)state;
    assert_int_equal(pipe2(pa, O_NONBLOCK) | pipe2(pb, O_NONBLOCK), 0);
    a.fd = pa[0];
    b.fd = pb[0];
    a.kill = &b;
    b.kill = &a;
    assert_int_equal(evloop_add_fd(loop, a.fd, EPOLLIN, on_probe, &a), 0);
    assert_int_equal(evloop_add_fd(loop, b.fd, EPOLLIN, on_probe, &b), 0);
    assert_int_equal(write(pa[1], "x", 1) + write(pb[1], "x", 1), 2);
    LOOP_UNTIL(loop, a.n + b.n > 0);
    loop_turn(loop);
    assert_int_equal(a.n + b.n, 1);
    used = a.n ? a.reuse : b.reuse;
    evloop_del_fd(loop, pa[0]);
    evloop_del_fd(loop, pb[0]);
    close(pa[0]);
    close(pb[0]);
    close(pa[1]);
    close(pb[1]);
    assert_true(used == pa[0] || used == pb[0]);
}

static void t_add_fd_errors_are_exact(void **state)
{
    struct probe p = {0};
    int fd[2], file = open("/proc/self/exe", O_RDONLY);

    (void)state;
    assert_int_equal(pipe(fd), 0);
    assert_int_equal(evloop_add_fd(loop, -1, EPOLLIN, on_probe, &p), -EBADF);
    assert_int_equal(evloop_add_fd(loop, 1000, EPOLLIN, on_probe, &p), -EBADF);
    assert_int_equal(evloop_add_fd(loop, file, EPOLLIN, on_probe, &p), -EPERM);
    assert_int_equal(evloop_add_fd(loop, fd[0], EPOLLIN, on_probe, &p), 0);
    assert_int_equal(evloop_add_fd(loop, fd[0], EPOLLIN, on_probe, &p), -EEXIST);
    evloop_del_fd(loop, fd[0]);
    evloop_del_fd(loop, fd[0]);
    evloop_del_fd(loop, -1);
    evloop_del_fd(loop, 999999);
    assert_int_equal(evloop_mod_fd(loop, fd[0], EPOLLIN), -ENOENT);
    close(fd[0]);
    close(fd[1]);
    close(file);
}

static void count(void *arg)
{
    ++*(int *)arg;
}

static void t_timer_is_never_early(void **state)
{
    struct evtimer t = {0};
    uint64_t start = mono_us();
    int n = 0;

    (void)state;
    assert_int_equal(evloop_set_timer(loop, &t, 25, count, &n), 0);
    LOOP_UNTIL(loop, n == 1);
    assert_true(mono_us() - start >= 25000);
    assert_false(evtimer_is_armed(&t));
}

static void t_timer_cleared_does_not_fire(void **state)
{
    struct evtimer t = {0}, end = {0};
    int n = 0, m = 0;

    (void)state;
    evloop_set_timer(loop, &t, 1, count, &n);
    evloop_set_timer(loop, &end, 20, count, &m);
    evloop_clear_timer(loop, &t);
    evloop_clear_timer(loop, &t);
    LOOP_UNTIL(loop, m == 1);
    assert_int_equal(n, 0);
}

struct again {
    struct evtimer t;
    int n;
};

static void again(void *arg)
{
    struct again *a = arg;

    a->n++;
    evloop_set_timer(loop, &a->t, 0, again, a);
}

static void t_timer_that_rearms_itself_with_0_does_not_starve_fds(void **state)
{
    struct again a = {{0}, 0};
    struct probe p = {0};
    int fd[2];

    (void)state;
    assert_int_equal(pipe2(fd, O_NONBLOCK), 0);
    assert_int_equal(evloop_add_fd(loop, fd[0], EPOLLIN, on_probe, &p), 0);
    assert_int_equal(write(fd[1], "x", 1), 1);
    evloop_set_timer(loop, &a.t, 0, again, &a);
    LOOP_UNTIL(loop, p.n == 1);
    LOOP_UNTIL(loop, a.n > 3);
    evloop_clear_timer(loop, &a.t);
    evloop_del_fd(loop, fd[0]);
    close(fd[0]);
    close(fd[1]);
}

static void t_hundred_thousand_timers_fire_each_once(void **state)
{
    size_t i, n = t_mode_is("memcheck") ? 2000 : 100000;
    struct evtimer *t = calloc(n, sizeof(*t));
    int fired = 0;

    (void)state;
    for (i = 0; i < n; i++)
        evloop_set_timer(loop, &t[i], 3600000 - (uint32_t)i, count, &fired);
    for (i = 0; i < n; i += 2)
        evloop_clear_timer(loop, &t[i]);
    for (i = 1; i < n; i += 2)
        evloop_set_timer(loop, &t[i], (uint32_t)(i * 7 % 50), count, &fired);
    LOOP_UNTIL(loop, fired == (int)n / 2);
    for (i = 0; i < n; i++)
        assert_false(evtimer_is_armed(&t[i]));
    free(t);
}

static void t_idle_loop_does_not_turn(void **state)
{
    struct evtimer t = {0};
    uint64_t turns;

    (void)state;
    loop_turn(loop);
    turns = evloop_n_turns(loop);
    evloop_set_timer(loop, &t, 300, loop_stop, loop);
    assert_int_equal(evloop_run(loop), 0);
    assert_in_range(evloop_n_turns(loop) - turns, 1, 2);
}

struct deferred {
    struct evloop_call call;
    struct deferred *other;               /* the call that it removes from the queue */
    int n, again;
};

static void on_deferred(void *arg)
{
    struct deferred *d = arg;

    d->n++;
    if (d->other)
        evloop_undefer(loop, &d->other->call);
    if (d->again-- > 0)
        evloop_defer(loop, &d->call, on_deferred, d);
}

static void t_defer_runs_once_in_order_and_may_be_taken_back(void **state)
{
    struct deferred a = {.n = 0}, b = {.n = 0}, c = {.n = 0}, d = {.n = 0};

    (void)state;
    a.other = &b;                         /* a runs first and removes b */
    evloop_defer(loop, &a.call, on_deferred, &a);
    evloop_defer(loop, &b.call, on_deferred, &b);
    evloop_defer(loop, &c.call, on_deferred, &c);
    evloop_defer(loop, &c.call, on_deferred, &c);
    evloop_defer(loop, &d.call, on_deferred, &d);
    evloop_undefer(loop, &d.call);        /* the last call in the queue */
    loop_turn(loop);
    assert_int_equal(a.n, 1);
    assert_int_equal(b.n, 0);
    assert_int_equal(c.n, 1);
    assert_int_equal(d.n, 0);
    evloop_defer(loop, &d.call, on_deferred, &d);
    loop_turn(loop);
    assert_int_equal(d.n, 1);
}

static void t_defer_from_a_deferred_call_runs_in_the_next_turn(void **state)
{
    struct deferred a = {.n = 0};
    uint64_t turns = evloop_n_turns(loop);

    (void)state;
    a.again = 5;
    evloop_defer(loop, &a.call, on_deferred, &a);
    LOOP_UNTIL(loop, a.n == 6);
    assert_true(evloop_n_turns(loop) - turns >= 6);
}

static void t_destroy_runs_what_is_deferred(void **state)
{
    struct deferred a = {.n = 0};
    struct evloop *l;

    (void)state;
    a.again = 0;
    assert_int_equal(evloop_create(&l), 0);
    evloop_defer(l, &a.call, count, &a.n);
    evloop_destroy(l);
    assert_int_equal(a.n, 1);
    evloop_destroy(NULL);
}

static void on_sig(int signo, void *arg)
{
    *(int *)arg = signo;
}

static void t_evsig_delivers_signals_as_events(void **state)
{
    struct evsig *s;
    int got = 0;
    sigset_t now;

    (void)state;
    assert_int_equal(evsig_create(&s, loop, on_sig, &got), 0);
    kill(getpid(), SIGTERM);
    LOOP_UNTIL(loop, got == SIGTERM);
    kill(getpid(), SIGINT);
    LOOP_UNTIL(loop, got == SIGINT);
    evsig_destroy(s);
    pthread_sigmask(SIG_BLOCK, NULL, &now);
    assert_false(sigismember(&now, SIGTERM));
    evsig_destroy(NULL);
}

#define L(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

T_MAIN(L(t_fd_readable_calls_its_handler),
       L(t_level_triggered_what_is_not_read_comes_again),
       L(t_stale_event_does_not_reach_the_new_owner_of_the_number),
       L(t_add_fd_errors_are_exact), L(t_timer_is_never_early),
       L(t_timer_cleared_does_not_fire),
       L(t_timer_that_rearms_itself_with_0_does_not_starve_fds),
       L(t_hundred_thousand_timers_fire_each_once), L(t_idle_loop_does_not_turn),
       L(t_defer_runs_once_in_order_and_may_be_taken_back),
       L(t_defer_from_a_deferred_call_runs_in_the_next_turn),
       L(t_destroy_runs_what_is_deferred), L(t_evsig_delivers_signals_as_events))
