/* slot_link with services that the test plays: what it sends and when, what it refuses,
 * and what it hands over. */
#include "slot/slot_link.h"

#include <sys/socket.h>

#include "base/log.h"
#include "loop.h"
#include "net/acceptor.h"
#include "net/conn_group.h"
#include "net/sock.h"
#include "proto/msg_slot.h"

struct service { /* a DNSService or Report Service */
    struct dispatch *d;
    struct conn_group *g;
    struct acceptor *a;
    struct net_addr at;
    enum msg_service says; /* its kind in the answer to hello */
    struct conn *c; /* the connection that said hello last */
    int n_hello; /* messages 32 */
};

static struct fix {
    struct evloop *loop;
    struct service dns, report;
    struct slot_link_config cfg;
    struct slot_link *k;
    int n_slot_hello, n_state;
    struct msg_slot_host host; /* of the last message 42 */
    struct msg_slot_state state; /* the last message 41 */
    int n_orders;
    uint64_t fence;
    size_t n;
    struct slot_order order[SLOT_MAX];
} fx;

static void on_hello(struct conn *c, const struct frame *f, void *arg)
{
    struct service *s = arg;
    char body[16];
    ssize_t n = msg_batch_pack_hello(s->says, body, sizeof(body));

    (void)f;
    assert_true(n > 0);
    s->c = c;
    s->n_hello++;
    conn_send(c, MSG_HELLO_REPLY, body, (size_t)n);
}

static void on_slot_hello(struct conn *c, const struct frame *f, void *arg)
{
    (void)c;
    (void)arg;
    fx.n_slot_hello++;
    assert_int_equal(msg_slot_unpack_hello(&fx.host, f->body, f->len), 0);
}

static void on_state(struct conn *c, const struct frame *f, void *arg)
{
    (void)c;
    (void)arg;
    fx.n_state++;
    assert_int_equal(msg_slot_unpack_state(&fx.state, f->body, f->len), 0);
}

static void on_client(int fd, const struct net_addr *peer, void *arg)
{
    struct service *s = arg;

    assert_int_equal(conn_group_start(s->g, fd, peer), 0);
}

static void on_close(struct conn *c, enum conn_why why, void *arg)
{
    struct service *s = arg;

    (void)why;
    if (s->c == c)
        s->c = NULL;
}

static void open_service(struct service *s, enum msg_service kind, dispatch_fn *fn,
                         int32_t msgid)
{
    struct conn_config cc = {.on_close = on_close, .arg = s};
    int lfd;

    s->says = kind;
    assert_int_equal(dispatch_create(&s->d), 0);
    assert_int_equal(dispatch_set(s->d, MSG_HELLO, on_hello, s), 0);
    assert_int_equal(dispatch_set(s->d, msgid, fn, s), 0);
    cc.dispatch = s->d;
    assert_int_equal(conn_group_create(&s->g, fx.loop, &cc), 0);
    assert_int_equal(net_addr_set(&s->at, "127.0.0.1", 0), 0);
    lfd = sock_listen(&s->at, 16, SOCK_NONBLOCK);
    assert_true(lfd >= 0);
    assert_int_equal(sock_local_addr(lfd, &s->at), 0);
    assert_int_equal(acceptor_create(&s->a, fx.loop, lfd, on_client, s), 0);
}

static void close_service(struct service *s)
{
    acceptor_destroy(s->a);
    conn_group_destroy(s->g);
    dispatch_destroy(s->d);
}

static int setup(void **state)
{
    t_fds_save(state);
    memset(&fx, 0, sizeof(fx));
    log_set_level(LOG_LEVEL_ERROR);
    assert_int_equal(evloop_create(&fx.loop), 0);
    open_service(&fx.dns, MSG_SERVICE_DNS, on_slot_hello, MSG_SLOT_HELLO);
    open_service(&fx.report, MSG_SERVICE_REPORT, on_state, MSG_SLOT_STATE);
    fx.cfg = (struct slot_link_config){.host = "web1",
                                       .zone = "a",
                                       .address = "10.0.0.1",
                                       .class = "big",
                                       .slots = 4,
                                       .n_dns = 1,
                                       .n_report = 1};
    fx.cfg.dns[0] = fx.dns.at;
    fx.cfg.report[0] = fx.report.at;
    return 0;
}

static int teardown(void **state)
{
    slot_link_destroy(fx.k);
    slot_link_destroy(NULL);
    close_service(&fx.dns);
    close_service(&fx.report);
    evloop_destroy(fx.loop);
    return t_fds_check(state);
}

static void on_orders(uint64_t fence, const struct slot_order *o, size_t n, void *arg)
{
    assert_ptr_equal(arg, &fx);
    fx.n_orders++;
    fx.fence = fence;
    fx.n = n;
    if (n > 0)
        memcpy(fx.order, o, n * sizeof(*o));
}

static struct slot_link_stat stat_now(void)
{
    struct slot_link_stat st;

    slot_link_stat(fx.k, &st);
    return st;
}

static void open_link(void)
{
    assert_int_equal(slot_link_create(&fx.k, fx.loop, &fx.cfg, on_orders, &fx), 0);
    LOOP_UNTIL(fx.loop, stat_now().dns_up && stat_now().report_up);
}

static struct slot_status node(uint32_t slot)
{
    struct slot_status s = {.slot = slot,
                            .modid = 20,
                            .cmdid = 1,
                            .port = 9000,
                            .pid = 7,
                            .state = SLOT_READY,
                            .starts = 1,
                            .since_ms = 1};

    return s;
}

static void send_orders(const struct msg_slot_orders *o)
{
    static char body[FRAME_MAX_BODY];
    ssize_t n = msg_slot_pack_orders(o, body, sizeof(body));

    assert_true(n > 0);
    assert_int_equal(conn_send(fx.dns.c, MSG_SLOT_ORDERS, body, (size_t)n), 0);
}

/* --- orders ------------------------------------------------------------------------- */

static void t_dnsservice_learns_which_host_asks(void **state)
{
    (void)state;
    open_link();
    LOOP_UNTIL(fx.loop, fx.n_slot_hello == 1);
    assert_string_equal(fx.host.host, "web1");
    assert_string_equal(fx.host.zone, "a");
    assert_string_equal(fx.host.address, "10.0.0.1");
    assert_string_equal(fx.host.class, "big");
    assert_int_equal(fx.host.slots, 4);
    assert_int_equal(fx.n_orders, 0);
}

static void t_orders_are_handed_over_with_their_fence(void **state)
{
    static struct msg_slot_orders o = {
        "web1", 9, 2, {{1, {20, 1}, 5}, {4, {UINT32_MAX, 2}, 9}}};

    (void)state;
    open_link();
    send_orders(&o);
    LOOP_UNTIL(fx.loop, fx.n_orders == 1);
    assert_true(fx.fence == 9 && fx.n == 2);
    assert_true(fx.order[0].slot == 1 && fx.order[0].modid == 20);
    assert_true(fx.order[1].slot == 4 && fx.order[1].modid == UINT32_MAX);
    assert_true(fx.order[1].cmdid == 2 && stat_now().orders_ms > 0);
}

static void t_orders_of_slots_that_the_host_does_not_have_are_left_out(void **state)
{
    static struct msg_slot_orders o = {"web1", 9, 2, {{4, {20, 1}, 5}, {5, {20, 1}, 5}}};

    (void)state;
    open_link();
    send_orders(&o);
    LOOP_UNTIL(fx.loop, fx.n_orders == 1);
    assert_true(fx.n == 1 && fx.order[0].slot == 4);
}

/* Neither is an empty list, nor does it end the connection. */
static void t_orders_that_are_not_for_this_host_or_malformed_are_refused(void **state)
{
    static struct msg_slot_orders other = {"web2", 9, 0, {{0}}},
                                  own = {"WEB1", 10, 0, {{0}}};

    (void)state;
    open_link();
    send_orders(&other);
    assert_int_equal(conn_send(fx.dns.c, MSG_SLOT_ORDERS, "\xff", 1), 0);
    send_orders(&own);
    LOOP_UNTIL(fx.loop, fx.n_orders == 1);
    assert_true(fx.fence == 10 && fx.n == 0);
    assert_int_equal(stat_now().n_bad, 2);
    assert_int_equal(stat_now().n_orders, 1);
}

static void t_lost_connection_is_made_again_and_asks_again(void **state)
{
    (void)state;
    open_link();
    LOOP_UNTIL(fx.loop, fx.n_slot_hello == 1);
    conn_close(fx.dns.c);
    LOOP_UNTIL(fx.loop, fx.n_slot_hello == 2);
    assert_int_equal(fx.n_orders, 0);
}

static void t_service_of_another_kind_is_not_asked(void **state)
{
    (void)state;
    fx.dns.says = MSG_SERVICE_REPORT;
    assert_int_equal(slot_link_create(&fx.k, fx.loop, &fx.cfg, on_orders, &fx), 0);
    LOOP_UNTIL(fx.loop, fx.dns.n_hello >= 2); /* the second one comes after a second */
    assert_int_equal(fx.n_slot_hello, 0);
    assert_false(stat_now().dns_up);
}

/* --- states ------------------------------------------------------------------------- */

static void t_change_is_sent_at_once_and_again_each_second(void **state)
{
    struct slot_status s[2] = {node(3), node(1)};
    uint64_t seq;

    (void)state;
    open_link();
    s[1].since_ms = evloop_now_ms(fx.loop) - 5000; /* as slots do: the time of the turn */
    snprintf(s[1].note, sizeof(s[1].note), "a\nb\x7f\x1b[31m");
    assert_int_equal(slot_link_tell(fx.k, s, 2), 0);
    LOOP_UNTIL(fx.loop, fx.n_state == 1);
    assert_true(fx.state.n == 2 && fx.state.node[0].slot == 1);
    assert_string_equal(fx.state.node[0].note, "a b  [31m");
    assert_in_range(fx.state.node[0].since_ms, 5000, 5000 + T_DEADLINE_MS);
    assert_true(fx.state.node[1].slot == 3 && fx.state.node[1].state == MSG_SLOT_READY);
    assert_string_equal(fx.state.of.host, "web1");
    seq = fx.state.seq;
    LOOP_UNTIL(fx.loop, fx.n_state == 3);
    assert_true(fx.state.seq == seq + 2);
}

/* It is known later than that the node is ready. */
static void t_build_that_alone_is_new_is_sent(void **state)
{
    struct slot_status s = node(1);

    (void)state;
    open_link();
    assert_int_equal(slot_link_tell(fx.k, &s, 1), 0);
    LOOP_UNTIL(fx.loop, fx.n_state > 0);
    assert_string_equal(fx.state.node[0].build, "");
    snprintf(s.build, sizeof(s.build), "0123456789abcdef");
    assert_int_equal(slot_link_tell(fx.k, &s, 1), 0);
    LOOP_UNTIL(fx.loop, strcmp(fx.state.node[0].build, "0123456789abcdef") == 0);
}

static void t_nothing_is_sent_before_the_first_state(void **state)
{
    (void)state;
    open_link();
    LOOP_UNTIL(fx.loop, fx.report.n_hello >= 3); /* two seconds */
    assert_int_equal(fx.n_state, 0);
    assert_int_equal(slot_link_tell(fx.k, NULL, 0), 0);
    LOOP_UNTIL(fx.loop, fx.n_state == 1);
    assert_int_equal(fx.state.n, 0);
}

static void t_state_of_before_the_connection_is_sent_on_it(void **state)
{
    struct slot_status s = node(2);

    (void)state;
    assert_int_equal(slot_link_create(&fx.k, fx.loop, &fx.cfg, on_orders, &fx), 0);
    assert_int_equal(slot_link_tell(fx.k, &s, 1), 0);
    LOOP_UNTIL(fx.loop, fx.n_state == 1);
    assert_true(fx.state.n == 1 && fx.state.node[0].slot == 2);
}

static void refuse(struct slot_status s)
{
    assert_int_equal(slot_link_tell(fx.k, &s, 1), -EINVAL);
}

static void t_invalid_states_are_refused_and_change_nothing(void **state)
{
    static struct slot_status many[SLOT_MAX + 1];
    struct slot_status s = node(1), two[2] = {node(2), node(2)};

    (void)state;
    open_link();
    assert_int_equal(slot_link_tell(fx.k, &s, 1), 0);
    refuse(node(0));
    refuse(node(5)); /* the host has 4 */
    s.port = 0;
    refuse(s);
    s.port = 65536;
    refuse(s);
    s = node(1);
    s.state = SLOT_EMPTY;
    refuse(s);
    s.state = (enum slot_state)6;
    refuse(s);
    s = node(1);
    s.modid = s.cmdid = 0;
    refuse(s);
    assert_int_equal(slot_link_tell(fx.k, two, 2), -EINVAL);
    assert_int_equal(slot_link_tell(fx.k, many, SLOT_MAX + 1), -EINVAL);
    LOOP_UNTIL(fx.loop, fx.n_state == 2);
    assert_true(fx.state.n == 1 && fx.state.node[0].slot == 1);
}

static void acknowledge(uint8_t first, uint64_t seq)
{
    struct msg_ack a = {.seq = seq};
    char body[64];
    ssize_t n;

    memcpy(a.stream, fx.state.stream, MSG_STREAM);
    a.stream[0] ^= first;
    n = msg_batch_pack_ack(&a, body, sizeof(body));
    assert_true(n > 0);
    assert_int_equal(conn_send(fx.report.c, MSG_SLOT_STATE_ACK, body, (size_t)n), 0);
}

static void t_only_the_acknowledgement_of_an_own_state_counts(void **state)
{
    struct slot_status s = node(1);
    int n;

    (void)state;
    open_link();
    assert_int_equal(slot_link_tell(fx.k, &s, 1), 0);
    LOOP_UNTIL(fx.loop, fx.n_state == 1);
    acknowledge(1, fx.state.seq); /* of another stream */
    acknowledge(0, fx.state.seq + 100); /* of a state that was not sent */
    assert_int_equal(conn_send(fx.report.c, MSG_SLOT_STATE_ACK, "\xff", 1), 0);
    n = fx.n_state;
    LOOP_UNTIL(fx.loop, fx.n_state > n);
    assert_int_equal(stat_now().acked_ms, 0);
    acknowledge(0, fx.state.seq);
    LOOP_UNTIL(fx.loop, stat_now().acked_ms > 0);
}

/* --- the configuration -------------------------------------------------------------- */

static void refuse_config(void)
{
    assert_int_equal(slot_link_create(&fx.k, fx.loop, &fx.cfg, on_orders, &fx), -EINVAL);
    assert_null(fx.k);
}

static void t_invalid_configuration_is_refused(void **state)
{
    const struct slot_link_config good = fx.cfg;

    (void)state;
    fx.cfg.host = "";
    refuse_config();
    fx.cfg.host =
        "a name that is much longer than the sixty-three bytes which the table has";
    refuse_config();
    fx.cfg = good;
    fx.cfg.zone = "a zone whose name has 33 bytes...";
    refuse_config();
    fx.cfg = good;
    fx.cfg.address = "::1";
    refuse_config();
    fx.cfg = good;
    fx.cfg.class = "a\nb";
    refuse_config();
    fx.cfg = good;
    fx.cfg.slots = SLOT_MAX + 1;
    refuse_config();
    fx.cfg = good;
    fx.cfg.n_dns = 0;
    refuse_config();
    fx.cfg = good;
    fx.cfg.n_report = TCPCLI_MAX_ADDRS + 1;
    refuse_config();
}

#define S(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

T_MAIN(S(t_dnsservice_learns_which_host_asks),
       S(t_orders_are_handed_over_with_their_fence),
       S(t_orders_of_slots_that_the_host_does_not_have_are_left_out),
       S(t_orders_that_are_not_for_this_host_or_malformed_are_refused),
       S(t_lost_connection_is_made_again_and_asks_again),
       S(t_service_of_another_kind_is_not_asked),
       S(t_change_is_sent_at_once_and_again_each_second),
       S(t_build_that_alone_is_new_is_sent),
       S(t_nothing_is_sent_before_the_first_state),
       S(t_state_of_before_the_connection_is_sent_on_it),
       S(t_invalid_states_are_refused_and_change_nothing),
       S(t_only_the_acknowledgement_of_an_own_state_counts),
       S(t_invalid_configuration_is_refused))
