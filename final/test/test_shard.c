/* One UDP port of the agent: it answers questions for nodes, counts reports, applies the
 * classic algorithm, ships totals, and forwards messages of other shards.  Hooks of the
 * test take the place of the services and the other shards. */
#include "agent/shard.h"

#include "base/log.h"
#include "loop.h"
#include "udppeer.h"

static struct {
    struct evloop *loop;
    struct shard *s;
    int peer;
    int n_want, n_forget, n_report, n_forward, report_rc;
    unsigned forward;
    struct module_id want;
    struct msg_result res[16];
    size_t n_res;
    int pick_rc;                      /* of the shared memory; 0 = it is not used */
} fx;

static void want(const struct module_id *m, void *arg)
{
    (void)arg;
    fx.n_want++;
    fx.want = *m;
}

static void forget(const struct module_id *m, void *arg)
{
    (void)m;
    (void)arg;
    fx.n_forget++;
}

static int report(const struct module_id *m, const struct msg_result *res, size_t n,
                  void *arg)
{
    (void)m;
    (void)arg;
    fx.n_report++;
    fx.n_res = n;
    memcpy(fx.res, res, (n < 16 ? n : 16) * sizeof(*res));
    return fx.report_rc;
}

static void forward(unsigned index, struct udp_batch *u, const struct frame *f,
                    const struct net_addr *from, void *arg)
{
    (void)u;
    (void)f;
    (void)from;
    (void)arg;
    fx.n_forward++;
    fx.forward = index;
}

static int pick(unsigned index, const struct module_id *m, struct route_node *out,
                void *arg)
{
    (void)index, (void)m, (void)out, (void)arg;
    return fx.pick_rc < 0 ? fx.pick_rc : -ESRCH;
}

static int setup(void **state)
{
    struct shard_config cfg = {.index = 2,
                               .classic = &classic_defaults,
                               .report_ms = 1000000,
                               .max_modules = 4,
                               .want = want,
                               .forget = forget,
                               .report = report,
                               .forward = forward,
                               .pick = pick};
    struct net_addr at;

    t_fds_save(state);
    memset(&fx, 0, sizeof(fx));
    log_set_level(LOG_LEVEL_ERROR);
    assert_int_equal(evloop_create(&fx.loop), 0);
    assert_int_equal(net_addr_set(&at, "127.0.0.1", 0), 0);
    assert_int_equal(shard_create(&fx.s, fx.loop, &at, &cfg), 0);
    assert_int_equal(shard_local_addr(fx.s, &at), 0);
    fx.peer = udppeer_open(at.port);
    return 0;
}

static int teardown(void **state)
{
    close(fx.peer);
    shard_destroy(fx.s);
    shard_destroy(NULL);
    evloop_destroy(fx.loop);
    return t_fds_check(state);
}

static struct shard_stat stat_of(void)
{
    struct shard_stat s;

    shard_stat(fx.s, &s);
    return s;
}

static void set_route(uint32_t modid, uint32_t cmdid, uint32_t nodes)
{
    static struct route_node n[5000];
    uint32_t i;

    for (i = 0; i < nodes; i++)
        n[i] = (struct route_node){0x0a000001 + i, 80};
    shard_set_route(fx.s, &(struct module_id){modid, cmdid}, n, nodes);
}

/* Sends a question and waits for the reply, which is stored in <r>. */
static void get_host(uint32_t modid, uint32_t cmdid, struct msg_host_reply *r)
{
    static uint32_t seq;
    struct msg_get_host q = {++seq, {modid, cmdid}};
    uint8_t body[MSG_HOST_ROOM];
    size_t n = (size_t)msg_host_pack_get(&q, body, sizeof(body));

    udppeer_send(fx.peer, MSG_GET_HOST, body, n);
    LOOP_UNTIL(fx.loop, !udppeer_is_quiet(fx.peer));
    n = udppeer_recv(fx.peer, MSG_HOST, body, sizeof(body));
    assert_int_equal(msg_host_unpack_reply(r, body, n), 0);
    assert_int_equal(r->seq, q.seq);
    assert_int_equal(r->mod.modid, modid);
    assert_int_equal(r->mod.cmdid, cmdid);
}

static int32_t retcode(uint32_t modid, uint32_t cmdid)
{
    struct msg_host_reply r;

    get_host(modid, cmdid, &r);
    return r.retcode;
}

static void call(uint32_t ip, int32_t ret, uint32_t cost_us)
{
    struct msg_call q = {{1, 1}, {ip, 80}, ret, cost_us};
    uint8_t body[MSG_HOST_ROOM];
    uint64_t before = stat_of().n_report;

    udppeer_send(fx.peer, MSG_REPORT, body,
                 (size_t)msg_host_pack_call(&q, body, sizeof(body)));
    LOOP_UNTIL(fx.loop, stat_of().n_report == before + 1);
}

static void t_unknown_module_has_no_node_and_is_asked_for_once(void **state)
{
    (void)state;
    assert_int_equal(retcode(1, 1), MSG_RET_NONE);
    assert_int_equal(retcode(1, 1), MSG_RET_NONE);
    assert_int_equal(fx.n_want, 1);
    assert_int_equal(fx.want.modid, 1);
    assert_int_equal(fx.want.cmdid, 1);
}

static void t_known_module_gives_nodes_in_turn(void **state)
{
    struct msg_host_reply r;
    uint32_t i;

    (void)state;
    set_route(1, 1, 3);
    for (i = 0; i < 6; i++) {
        get_host(1, 1, &r);
        assert_int_equal(r.retcode, MSG_RET_OK);
        assert_int_equal(r.host.ip, 0x0a000001 + i % 3);
        assert_int_equal(r.host.port, 80);
    }
}

static void t_removed_route_has_no_node(void **state)
{
    (void)state;
    set_route(1, 1, 3);
    assert_int_equal(retcode(1, 1), MSG_RET_OK);
    set_route(1, 1, 0);
    assert_int_equal(retcode(1, 1), MSG_RET_NONE);
}

static void t_failures_overload_a_node_and_successes_restore_it(void **state)
{
    int i;

    (void)state;
    set_route(1, 1, 1);
    for (i = 0; i < 15; i++)
        call(0x0a000001, 1, 0);
    assert_int_equal(retcode(1, 1), MSG_RET_OVERLOAD);
    for (i = 0; i < 15; i++)
        call(0x0a000001, 0, 0);
    assert_int_equal(retcode(1, 1), MSG_RET_OK);
}

static void t_slow_failure_counts_by_its_cost(void **state)
{
    (void)state;
    set_route(1, 1, 1);
    call(0x0a000001, 1, 5000000); /* five seconds: 50 errors */
    assert_int_equal(retcode(1, 1), MSG_RET_OVERLOAD);
}

static void t_totals_are_sent_until_accepted(void **state)
{
    int i;

    (void)state;
    set_route(1, 1, 2);
    shard_flush(fx.s);
    assert_int_equal(fx.n_report, 0); /* nothing to report */
    for (i = 0; i < 5; i++)
        call(0x0a000001, 0, 0);
    call(0x0a000002, 7, 0);
    fx.report_rc = -EAGAIN;
    shard_flush(fx.s);
    fx.report_rc = 0;
    shard_flush(fx.s);
    assert_int_equal(fx.n_report, 2); /* the first report was refused */
    shard_flush(fx.s);
    assert_int_equal(fx.n_report, 2);
    assert_int_equal(fx.n_res, 2);
    assert_int_equal(fx.res[0].succ, 5);
    assert_int_equal(fx.res[1].err, 1);
    call(0x0a000001, 0, 0);
    shard_flush(fx.s);
    assert_int_equal(fx.res[0].succ, 6); /* a total and not a difference */
    shard_report_all(fx.s);
    shard_flush(fx.s);
    assert_int_equal(fx.n_report, 4);
}

static void t_report_of_a_removed_node_is_not_lost(void **state)
{
    (void)state;
    set_route(1, 1, 2);
    call(0x0a000002, 0, 0);
    set_route(1, 1, 1);
    call(0x0a000002, 0, 0); /* the call was in flight */
    shard_flush(fx.s);
    assert_int_equal(fx.n_res, 1);
    assert_int_equal(fx.res[0].succ, 2);
}

static void t_frames_for_other_shards_are_forwarded(void **state)
{
    struct msg_get_host q = {1, {1, 2}};
    uint8_t body[MSG_HOST_ROOM];
    size_t n = (size_t)msg_host_pack_get(&q, body, sizeof(body));

    (void)state;
    udppeer_send(fx.peer, MSG_GET_HOST, body, n);
    LOOP_UNTIL(fx.loop, fx.n_forward == 1);
    assert_int_equal(fx.forward, 0);
    assert_int_equal(fx.n_want, 0);
    q.mod = (struct module_id){0xffffffff, 2}; /* -1 + 2 must not be a negative index */
    n = (size_t)msg_host_pack_get(&q, body, sizeof(body));
    udppeer_send(fx.peer, MSG_GET_HOST, body, n);
    LOOP_UNTIL(fx.loop, fx.n_forward == 2);
    assert_int_equal(fx.forward, 1);
}

static void t_get_route_lists_the_nodes(void **state)
{
    static struct msg_host host[MSG_MAX_HOSTS];
    static uint8_t body[65536];
    struct module_id m = {1, 1};
    size_t n = (size_t)msg_pack_get_route(&m, body, sizeof(body)), k;
    int nodes;

    (void)state;
    for (nodes = 0; nodes <= 4000; nodes += 2000) {
        set_route(1, 1, (uint32_t)nodes);
        n = (size_t)msg_pack_get_route(&m, body, sizeof(body));
        udppeer_send(fx.peer, MSG_API_GET_ROUTE, body, n);
        LOOP_UNTIL(fx.loop, !udppeer_is_quiet(fx.peer));
        n = udppeer_recv(fx.peer, MSG_API_ROUTE, body, sizeof(body));
        assert_int_equal(msg_unpack_route(&m, host, MSG_MAX_HOSTS, &k, body, n), 0);
        assert_int_equal(k, nodes > MSG_MAX_HOSTS ? MSG_MAX_HOSTS : nodes);
    }
}

static void t_module_without_nodes_makes_room_for_another(void **state)
{
    uint32_t i;

    (void)state;
    for (i = 0; i < 50; i++)          /* modules of this shard only */
        assert_int_equal(retcode(1 + 3 * i, 1), MSG_RET_NONE);
    assert_int_equal(fx.n_want, 50);
    assert_int_equal(fx.n_forget, 46);
    assert_int_equal(stat_of().n_module, 4);
}

static void t_module_above_the_limit_is_answered_and_not_stored(void **state)
{
    uint32_t i;

    (void)state;
    for (i = 0; i < 4; i++)
        set_route(1 + 3 * i, 1, 1);
    fx.n_want = 0;
    for (i = 4; i < 50; i++)
        assert_int_equal(retcode(1 + 3 * i, 1), MSG_RET_NONE);
    assert_int_equal(retcode(1, 1), MSG_RET_OK);
    assert_int_equal(fx.n_want, 0);
    assert_int_equal(fx.n_forget, 0);
    assert_int_equal(stat_of().n_module, 4);
}

static void t_overload_in_shared_memory_is_retcode_1(void **state)
{
    (void)state;
    set_route(1, 1, 1);
    assert_int_equal(retcode(1, 1), MSG_RET_OK);
    fx.pick_rc = -EAGAIN;             /* all nodes are down, and were tried just now */
    assert_int_equal(retcode(1, 1), MSG_RET_OVERLOAD);
    fx.pick_rc = -ESRCH;              /* the module is not there: the shard's own nodes */
    assert_int_equal(retcode(1, 1), MSG_RET_OK);
}

/* The answers of the public agent; its client has no time-out. */
static void t_module_0_0_gets_the_answer_of_the_public_agent(void **state)
{
    uint8_t body[MSG_HOST_ROOM];

    (void)state;
    udppeer_send(fx.peer, MSG_GET_HOST, "", 0);
    LOOP_UNTIL(fx.loop, !udppeer_is_quiet(fx.peer));
    assert_int_equal(udppeer_recv(fx.peer, MSG_HOST, body, sizeof(body)), 2);
    assert_memory_equal(body, "\x20\x03", 2);
    udppeer_send(fx.peer, MSG_GET_HOST, "\x08\x07", 2);
    LOOP_UNTIL(fx.loop, !udppeer_is_quiet(fx.peer));
    assert_int_equal(udppeer_recv(fx.peer, MSG_HOST, body, sizeof(body)), 4);
    assert_memory_equal(body, "\x08\x07\x20\x03", 4);
    udppeer_send(fx.peer, MSG_API_GET_ROUTE, "", 0);
    LOOP_UNTIL(fx.loop, !udppeer_is_quiet(fx.peer));
    assert_int_equal(udppeer_recv(fx.peer, MSG_API_ROUTE, body, sizeof(body)), 2);
    assert_memory_equal(body, "\x08\x00", 2); /* decoded as the empty body it sends */
    assert_int_equal(stat_of().n_bad, 3);
    assert_int_equal(stat_of().n_module, 0);
}

static void t_invalid_message_is_counted_and_gets_no_reply(void **state)
{
    (void)state;
    udppeer_send(fx.peer, MSG_GET_HOST, "\xff\xff", 2);
    udppeer_send(fx.peer, MSG_REPORT, "\x08\x01\x10\x01", 4); /* no host */
    udppeer_send(fx.peer, MSG_API_GET_ROUTE, "\x10", 1);
    udppeer_send(fx.peer, MSG_HOST, "\x08\x01", 2); /* a reply instead of a request */
    udppeer_send(fx.peer, -1, "x", 1);
    LOOP_UNTIL(fx.loop, stat_of().n_bad == 5);
    assert_true(udppeer_is_quiet(fx.peer));
    call(0x0a000001, 0, 0); /* a report of an unknown module */
    assert_int_equal(stat_of().n_bad, 6);
    set_route(1, 1, 1);
    call(0x0a000077, 0, 0); /* a report of an unknown node */
    assert_int_equal(stat_of().n_bad, 7);
    assert_int_equal(retcode(1, 1), MSG_RET_OK);
}

#define E(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

T_MAIN(E(t_unknown_module_has_no_node_and_is_asked_for_once),
       E(t_known_module_gives_nodes_in_turn), E(t_removed_route_has_no_node),
       E(t_failures_overload_a_node_and_successes_restore_it),
       E(t_slow_failure_counts_by_its_cost), E(t_totals_are_sent_until_accepted),
       E(t_report_of_a_removed_node_is_not_lost),
       E(t_frames_for_other_shards_are_forwarded), E(t_get_route_lists_the_nodes),
       E(t_module_without_nodes_makes_room_for_another),
       E(t_module_above_the_limit_is_answered_and_not_stored),
       E(t_module_0_0_gets_the_answer_of_the_public_agent),
       E(t_overload_in_shared_memory_is_retcode_1),
       E(t_invalid_message_is_counted_and_gets_no_reply))
