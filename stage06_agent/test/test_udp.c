/* UDP frames: valid and invalid datagrams, a flood, errors of sending. */
#include "net/udp.h"

#include "base/log.h"
#include "loop.h"
#include "udppeer.h"

static struct {
    struct evloop *loop;
    struct udp *udp;
    int peer, n;
    int32_t msgid;
    uint32_t len;
    char body[65536];
} fx;

static void on_frame(struct udp *u, const struct frame *f, const struct net_addr *from,
                     void *arg)
{
    (void)arg;
    fx.n++;
    fx.msgid = f->msgid;
    fx.len = f->len;
    memcpy(fx.body, f->body, f->len);
    if (f->msgid == 7)
        assert_int_equal(udp_send(u, from, 8, f->body, f->len), 0);
}

static int setup(void **state)
{
    struct net_addr at;

    t_fds_save(state);
    memset(&fx, 0, sizeof(fx));
    log_set_level(LOG_LEVEL_ERROR);
    assert_int_equal(evloop_create(&fx.loop), 0);
    assert_int_equal(net_addr_set(&at, "127.0.0.1", 0), 0);
    assert_int_equal(udp_open(&fx.udp, fx.loop, &at, on_frame, NULL), 0);
    assert_int_equal(udp_local_addr(fx.udp, &at), 0);
    fx.peer = udppeer_open(at.port);
    return 0;
}

static int teardown(void **state)
{
    close(fx.peer);
    udp_close(fx.udp);
    udp_close(NULL);
    evloop_destroy(fx.loop);
    return t_fds_check(state);
}

static uint64_t n_bad(void)
{
    struct udp_stat s;

    udp_stat(fx.udp, &s);
    return s.n_bad;
}

static void t_frame_in_reply_out(void **state)
{
    char back[100];

    (void)state;
    udppeer_send(fx.peer, 7, "question", 8);
    LOOP_UNTIL(fx.loop, fx.n == 1);
    assert_int_equal(fx.len, 8);
    assert_int_equal(udppeer_recv(fx.peer, 8, back, sizeof(back)), 8);
    assert_memory_equal(back, "question", 8);
}

static void t_largest_and_empty_bodies_are_legal(void **state)
{
    static char big[UDP_MAX_BODY];

    (void)state;
    memset(big, 'x', sizeof(big));
    udppeer_send(fx.peer, 7, big, sizeof(big));
    LOOP_UNTIL(fx.loop, fx.n == 1);
    assert_int_equal(udppeer_recv(fx.peer, 8, fx.body, sizeof(fx.body)), UDP_MAX_BODY);
    udppeer_send(fx.peer, 6, "", 0);
    LOOP_UNTIL(fx.loop, fx.n == 2);
    assert_int_equal(fx.len, 0);
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
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        assert_int_equal(send(fx.peer, bad[i].bytes, bad[i].len, 0), bad[i].len);
    udppeer_send(fx.peer, 6, "good", 4);
    LOOP_UNTIL(fx.loop, fx.n == 1);
    assert_int_equal(n_bad(), sizeof(bad) / sizeof(bad[0]));
    assert_memory_equal(fx.body, "good", 4);
}

static void t_flood_is_taken_and_timers_still_run(void **state)
{
    int i, round;

    (void)state;
    for (round = 1; round <= 20; round++) {
        for (i = 0; i < 100; i++)
            udppeer_send(fx.peer, 6, "x", 1);
        LOOP_UNTIL(fx.loop, fx.n == 100 * round); /* turned by a timer */
    }
}

static void t_send_refuses_empty_and_too_long(void **state)
{
    static char big[UDP_MAX_BODY + 1];
    struct net_addr to;

    (void)state;
    assert_int_equal(net_addr_set(&to, "127.0.0.1", 9), 0);
    assert_int_equal(udp_send(fx.udp, &to, 1, "", 0), -EINVAL);
    assert_int_equal(udp_send(fx.udp, &to, 1, big, sizeof(big)), -EMSGSIZE);
}

static void t_receiver_that_is_gone_does_not_matter(void **state)
{
    struct net_addr to;
    int gone = udppeer_open(0);
    struct sockaddr_in a;
    socklen_t len = sizeof(a);

    (void)state;
    assert_int_equal(getsockname(gone, (struct sockaddr *)&a, &len), 0);
    close(gone);
    assert_int_equal(net_addr_set(&to, "127.0.0.1", ntohs(a.sin_port)), 0);
    udp_send(fx.udp, &to, 1, "x", 1);
    udp_send(fx.udp, &to, 1, "x", 1);
    udppeer_send(fx.peer, 7, "alive", 5);
    LOOP_UNTIL(fx.loop, fx.n == 1);
}

static void t_taken_port_is_eaddrinuse(void **state)
{
    struct net_addr at;
    struct udp *u;

    (void)state;
    assert_int_equal(udp_local_addr(fx.udp, &at), 0);
    assert_int_equal(udp_open(&u, fx.loop, &at, on_frame, NULL), -EADDRINUSE);
}

#define E(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

T_MAIN(E(t_frame_in_reply_out), E(t_largest_and_empty_bodies_are_legal),
       E(t_datagrams_that_are_no_frame_are_dropped),
       E(t_flood_is_taken_and_timers_still_run), E(t_send_refuses_empty_and_too_long),
       E(t_receiver_that_is_gone_does_not_matter), E(t_taken_port_is_eaddrinuse))
