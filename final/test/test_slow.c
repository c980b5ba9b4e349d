/* Connections whose request does not come: which of them are closed, and when. */
#include "web/slow.h"

#include <sys/socket.h>

#include "base/mono.h"
#include "loop.h"

static struct evloop *loop;
static struct slow *slow;

static int setup(void **state)
{
    t_fds_save(state);
    assert_int_equal(evloop_create(&loop), 0);
    assert_int_equal(slow_create(&slow, loop), 0);
    return 0;
}

static int teardown(void **state)
{
    slow_destroy(slow);
    evloop_destroy(loop);
    return t_fds_check(state);
}

/* A connection: the console has end 0, and its peer end 1. */
struct pair {
    int fd[2];
    struct slow_peer *peer;
};

static void open_pair(struct pair *p)
{
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, p->fd), 0);
    p->peer = slow_open(slow, p->fd[0]);
    assert_non_null(p->peer);
}

static void close_pair(struct pair *p)
{
    slow_close(p->peer);
    close(p->fd[0]);
    close(p->fd[1]);
}

/* Does the peer see the end of the connection? */
static bool is_cut(const struct pair *p)
{
    char b;

    return recv(p->fd[1], &b, 1, MSG_DONTWAIT) == 0;
}

static void t_peer_without_a_request_is_cut_after_its_time(void **state)
{
    uint64_t before = mono_ms(), after;
    struct pair p;

    (void)state;
    open_pair(&p);
    after = mono_ms();
    slow_cut_late(slow, before + SLOW_MS - 1);
    assert_false(is_cut(&p));
    slow_cut_late(slow, after + SLOW_MS);
    assert_true(is_cut(&p));
    close_pair(&p);
}

static void t_peer_whose_request_is_complete_has_no_limit(void **state)
{
    struct pair p;

    (void)state;
    open_pair(&p);
    slow_has_request(p.peer);
    slow_cut_late(slow, UINT64_MAX);
    assert_false(is_cut(&p));
    close_pair(&p);
}

static void t_time_begins_anew_with_the_next_request(void **state)
{
    struct pair p, other;
    uint64_t again;

    (void)state;
    open_pair(&p);
    slow_has_request(p.peer);
    again = mono_ms();
    slow_wait(p.peer);
    open_pair(&other);
    slow_cut_late(slow, again + SLOW_MS - 1);
    assert_false(is_cut(&p));
    slow_cut_late(slow, mono_ms() + SLOW_MS);
    assert_true(is_cut(&p));
    assert_true(is_cut(&other));
    close_pair(&p);
    close_pair(&other);
}

/* The library reports the end of a request more than once on some paths. */
static void t_events_that_come_twice_or_late_do_no_harm(void **state)
{
    struct pair p;

    (void)state;
    open_pair(&p);
    slow_wait(p.peer);
    slow_has_request(p.peer);
    slow_has_request(p.peer);
    slow_wait(p.peer);
    slow_cut_late(slow, mono_ms() + SLOW_MS);
    assert_true(is_cut(&p));
    slow_has_request(p.peer); /* the rest of what was on its way */
    slow_wait(p.peer);
    slow_cut_late(slow, mono_ms() + SLOW_MS);
    slow_has_request(NULL); /* a connection for which there was no memory */
    slow_wait(NULL);
    slow_close(NULL);
    close_pair(&p);
}

static void t_oldest_of_too_many_is_cut_and_no_other(void **state)
{
    static struct pair p[SLOW_WAITING + 3];
    size_t i, n = sizeof(p) / sizeof(p[0]);

    (void)state;
    open_pair(&p[0]);
    slow_has_request(p[0].peer); /* it does not wait, so it does not count */
    for (i = 1; i < n; i++)
        open_pair(&p[i]);
    for (i = 0; i < n; i++)
        if (is_cut(&p[i]) != (i == 1 || i == 2))
            fail_msg("connection %zu", i);
    for (i = 0; i < n; i++)
        close_pair(&p[i]);
}

/* Requests of all can be complete at the same time, and then no answer be taken. */
static void t_peers_that_take_no_answer_count(void **state)
{
    static struct pair p[SLOW_WAITING + 2];
    size_t i, n = sizeof(p) / sizeof(p[0]);

    (void)state;
    for (i = 0; i < n; i++) {
        open_pair(&p[i]);
        slow_has_request(p[i].peer);
    }
    for (i = 0; i < n; i++)
        slow_wait(p[i].peer);
    for (i = 0; i < n; i++)
        if (is_cut(&p[i]) != (i < 2))
            fail_msg("connection %zu", i);
    for (i = 0; i < n; i++)
        close_pair(&p[i]);
}

/* Places of connections that are closed are free again. */
static void t_closed_connections_do_not_count(void **state)
{
    struct pair first, p;
    int i;

    (void)state;
    open_pair(&first);
    for (i = 0; i < 3 * SLOW_WAITING; i++) {
        open_pair(&p);
        close_pair(&p);
    }
    assert_false(is_cut(&first));
    close_pair(&first);
}

#define S(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
T_MAIN(S(t_peer_without_a_request_is_cut_after_its_time),
       S(t_peer_whose_request_is_complete_has_no_limit),
       S(t_time_begins_anew_with_the_next_request),
       S(t_events_that_come_twice_or_late_do_no_harm),
       S(t_oldest_of_too_many_is_cut_and_no_other), S(t_peers_that_take_no_answer_count),
       S(t_closed_connections_do_not_count))
