/* Batches of datagrams: each question has its reply, in order, whatever their number and
 * size; what cannot be sent costs no other reply. */
#include "net/udp_batch.h"

#include <pthread.h>

#include "base/log.h"
#include "loop.h"
#include "udppeer.h"

enum { OTHER = 6, ECHO = 7, REPLY = 8, TO_NOWHERE = 9 };

static struct {
    struct evloop *loop;
    struct udp_batch *udp;
    int peer, n;
    char body[65536];
} fx;

static void on_frame(struct udp_batch *u, const struct frame *f,
                     const struct net_addr *from, void *arg)
{
    struct net_addr nowhere = *from;

    (void)arg;
    fx.n++;
    nowhere.port = 0;                 /* EINVAL */
    if (f->msgid == ECHO)
        assert_int_equal(udp_batch_send(u, from, REPLY, f->body, f->len), 0);
    if (f->msgid == TO_NOWHERE)
        assert_int_equal(udp_batch_send(u, &nowhere, REPLY, "lost", 4), 0);
}

static int setup(void **state)
{
    struct net_addr at;

    t_fds_save(state);
    memset(&fx, 0, sizeof(fx));
    log_set_level(LOG_LEVEL_ERROR);
    assert_int_equal(evloop_create(&fx.loop), 0);
    assert_int_equal(net_addr_set(&at, "127.0.0.1", 0), 0);
    assert_int_equal(udp_batch_open(&fx.udp, fx.loop, &at, on_frame, NULL), 0);
    assert_int_equal(udp_batch_local_addr(fx.udp, &at), 0);
    fx.peer = udppeer_open(at.port);
    return 0;
}

static int teardown(void **state)
{
    close(fx.peer);
    udp_batch_close(fx.udp);
    udp_batch_close(NULL);
    evloop_destroy(fx.loop);
    return t_fds_check(state);
}

static struct udp_stat stat_of(void)
{
    struct udp_stat s;

    udp_batch_stat(fx.udp, &s);
    return s;
}

static void ask(uint32_t number)
{
    udppeer_send(fx.peer, ECHO, &number, sizeof(number));
}

static void expect_reply(uint32_t number)
{
    uint32_t got;

    assert_int_equal(udppeer_recv(fx.peer, REPLY, &got, sizeof(got)), sizeof(got));
    assert_int_equal(got, number);
}

static void t_each_question_has_its_reply_in_order(void **state)
{
    uint32_t i, round, n = 3 * UDP_BATCH + 5;

    (void)state;
    for (round = 0; round < 20; round++) { /* the first turns read one, later ones many */
        for (i = 0; i < n; i++)
            ask(round * n + i);
        LOOP_UNTIL(fx.loop, fx.n == (int)(n * (round + 1)));
        for (i = 0; i < n; i++)
            expect_reply(round * n + i);
    }
    assert_int_equal(stat_of().n_in, n * round);
}

static void t_large_replies_leave_before_there_is_no_room(void **state)
{
    static char big[UDP_MAX_BODY];
    size_t len[] = {UDP_MAX_BODY, UDP_MAX_BODY, 100, 5}, i, turn;

    (void)state;
    for (turn = 0; turn < 20; turn++) {
        fx.n = 0;
        for (i = 0; i < sizeof(len) / sizeof(len[0]); i++) {
            memset(big, 'a' + (int)i, len[i]);
            udppeer_send(fx.peer, ECHO, big, len[i]);
        }
        LOOP_UNTIL(fx.loop, fx.n == (int)i);
        for (i = 0; i < sizeof(len) / sizeof(len[0]); i++) {
            assert_int_equal(udppeer_recv(fx.peer, REPLY, fx.body, sizeof(fx.body)),
                             len[i]);
            assert_int_equal(fx.body[len[i] - 1], 'a' + (int)i);
        }
    }
}

static void t_reply_that_cannot_be_sent_costs_no_other(void **state)
{
    uint32_t i, n = UDP_BATCH, round;

    (void)state;
    for (round = 0; round < 20; round++) {
        for (i = 0; i < n; i++) {
            ask(i);
            udppeer_send(fx.peer, TO_NOWHERE, "x", 1);
        }
        LOOP_UNTIL(fx.loop, fx.n == (int)(2 * n * (round + 1)));
        for (i = 0; i < n; i++)
            expect_reply(i);
    }
    assert_true(udppeer_is_quiet(fx.peer));
}

static void t_datagrams_that_are_no_frame_are_dropped(void **state)
{
    static const struct {
        const char *bytes;
        size_t len;
    } bad[] = {{"", 0},
               {"\7\0\0\0", 4},
               {"\7\0\0\0\5\0\0\0abc", 11}, /* shorter than the head claims */
               {"\7\0\0\0\1\0\0\0abc", 11}, /* longer than the head claims */
               {"\7\0\0\0\377\377\377\377", 8}, /* a negative length */
               {"\7\0\0\0\377\377\377\177", 8}};
    uint32_t i, k, n_bad = sizeof(bad) / sizeof(bad[0]);

    (void)state;
    for (i = 0; i < 2 * UDP_BATCH; i++) {
        k = i % n_bad;
        assert_int_equal(send(fx.peer, bad[k].bytes, bad[k].len, 0), bad[k].len);
        ask(i);
    }
    LOOP_UNTIL(fx.loop, fx.n == 2 * UDP_BATCH);
    for (i = 0; i < 2 * UDP_BATCH; i++)
        expect_reply(i);
    assert_int_equal(stat_of().n_bad, 2 * UDP_BATCH);
}

static void t_empty_body_is_legal(void **state)
{
    (void)state;
    udppeer_send(fx.peer, OTHER, "", 0);
    LOOP_UNTIL(fx.loop, fx.n == 1);
    assert_int_equal(stat_of().n_bad, 0);
}

static void t_flood_is_taken_and_timers_still_run(void **state)
{
    int i, round;

    (void)state;
    for (round = 1; round <= 20; round++) {
        for (i = 0; i < 100; i++)
            udppeer_send(fx.peer, OTHER, "x", 1);
        LOOP_UNTIL(fx.loop, fx.n == 100 * round); /* turned by a timer */
    }
}

static struct net_addr addr_of(int fd)
{
    struct sockaddr_in a;
    socklen_t len = sizeof(a);
    struct net_addr to;

    assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
    assert_int_equal(net_addr_set(&to, "127.0.0.1", ntohs(a.sin_port)), 0);
    return to;
}

static void *send_one(void *arg)
{
    struct net_addr to = addr_of(fx.peer);
    uint32_t *number = arg;

    assert_int_equal(udp_batch_send(fx.udp, &to, REPLY, number, sizeof(*number)), 0);
    return NULL;
}

static void t_frame_sent_outside_a_handler_leaves_at_once(void **state)
{
    uint32_t number = 5;
    pthread_t t;

    (void)state;
    send_one(&number);
    expect_reply(5);                  /* the loop has not turned */
    number = 6;
    assert_int_equal(pthread_create(&t, NULL, send_one, &number), 0);
    pthread_join(t, NULL);
    expect_reply(6);
}

static void t_receiver_that_is_gone_does_not_matter(void **state)
{
    int gone = udppeer_open(0);
    struct net_addr to = addr_of(gone);

    (void)state;
    close(gone);
    udp_batch_send(fx.udp, &to, REPLY, "x", 1);
    udp_batch_send(fx.udp, &to, REPLY, "x", 1);
    ask(1);
    LOOP_UNTIL(fx.loop, fx.n == 1);
    expect_reply(1);
}

static void t_send_refuses_empty_and_too_long(void **state)
{
    static char big[UDP_MAX_BODY + 1];
    struct net_addr to = addr_of(fx.peer);

    (void)state;
    assert_int_equal(udp_batch_send(fx.udp, &to, 1, "", 0), -EINVAL);
    assert_int_equal(udp_batch_send(fx.udp, &to, 1, big, sizeof(big)), -EMSGSIZE);
}

static void t_taken_port_is_eaddrinuse(void **state)
{
    struct net_addr at;
    struct udp_batch *u;

    (void)state;
    assert_int_equal(udp_batch_local_addr(fx.udp, &at), 0);
    assert_int_equal(udp_batch_open(&u, fx.loop, &at, on_frame, NULL), -EADDRINUSE);
}

#define E(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

T_MAIN(E(t_each_question_has_its_reply_in_order),
       E(t_large_replies_leave_before_there_is_no_room),
       E(t_reply_that_cannot_be_sent_costs_no_other),
       E(t_datagrams_that_are_no_frame_are_dropped),
       E(t_empty_body_is_legal), E(t_flood_is_taken_and_timers_still_run),
       E(t_frame_sent_outside_a_handler_leaves_at_once),
       E(t_receiver_that_is_gone_does_not_matter),
       E(t_send_refuses_empty_and_too_long), E(t_taken_port_is_eaddrinuse))
