/* A shard of the agent; hooks of the test replace the other parts. */
#include "agent/shard.h"

#include "base/log.h"
#include "loop.h"
#include "udppeer.h"

static struct {
    struct evloop *loop;
    struct shard *s;
    int peer;
    int n_want, n_forget, n_report, n_elsewhere, report_rc;
    unsigned elsewhere;
    struct module_id want;
    struct msg_result res[16];
    size_t n_res;
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

static void elsewhere(unsigned index, struct udp *u, const struct frame *f,
                      const struct net_addr *from, void *arg)
{
    (void)u;
    (void)f;
    (void)from;
    (void)arg;
    fx.n_elsewhere++;
    fx.elsewhere = index;
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
                               .elsewhere = elsewhere};
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

/* Ask for a node and receive the reply into <r>. */
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

static void t_unknown_module_is_none_at_once_and_wanted_once(void **state)
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

static void t_route_removed_is_none(void **state)
{
    (void)state;
    set_route(1, 1, 3);
    assert_int_equal(retcode(1, 1), MSG_RET_OK);
    set_route(1, 1, 0);
    assert_int_equal(retcode(1, 1), MSG_RET_NONE);
}

static void t_failures_overload_successes_bring_back(void **state)
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
    call(0x0a000001, 1, 5000000);     /* 5 s: counts as 50 errors */
    assert_int_equal(retcode(1, 1), MSG_RET_OVERLOAD);
}

static void t_short_failure_counts_once(void **state)
{
    (void)state;
    set_route(1, 1, 1);
    call(0x0a000001, 1, 5000);        /* 5 ms */
    assert_int_equal(retcode(1, 1), MSG_RET_OK);
}

static void t_totals_are_reported_until_accepted(void **state)
{
    int i;

    (void)state;
    set_route(1, 1, 2);
    shard_flush(fx.s);
    assert_int_equal(fx.n_report, 0); /* there are no totals yet */
    for (i = 0; i < 5; i++)
        call(0x0a000001, 0, 0);
    call(0x0a000002, 7, 0);
    fx.report_rc = -EAGAIN;
    shard_flush(fx.s);
    fx.report_rc = 0;
    shard_flush(fx.s);
    assert_int_equal(fx.n_report, 2); /* the first attempt failed */
    shard_flush(fx.s);
    assert_int_equal(fx.n_report, 2);
    assert_int_equal(fx.n_res, 2);
    assert_int_equal(fx.res[0].succ, 5);
    assert_int_equal(fx.res[1].err, 1);
    call(0x0a000001, 0, 0);
    shard_flush(fx.s);
    assert_int_equal(fx.res[0].succ, 6); /* a total, not a difference */
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
    call(0x0a000002, 0, 0);           /* a call was in flight */
    shard_flush(fx.s);
    assert_int_equal(fx.n_res, 1);
    assert_int_equal(fx.res[0].succ, 2);
}

static void t_module_of_another_shard_is_passed_on(void **state)
{
    struct msg_get_host q = {1, {1, 2}};
    uint8_t body[MSG_HOST_ROOM];
    size_t n = (size_t)msg_host_pack_get(&q, body, sizeof(body));

    (void)state;
    udppeer_send(fx.peer, MSG_GET_HOST, body, n);
    LOOP_UNTIL(fx.loop, fx.n_elsewhere == 1);
    assert_int_equal(fx.elsewhere, 0);
    assert_int_equal(fx.n_want, 0);
    q.mod = (struct module_id){0xffffffff, 2}; /* -1 + 2: the index is not negative */
    n = (size_t)msg_host_pack_get(&q, body, sizeof(body));
    udppeer_send(fx.peer, MSG_GET_HOST, body, n);
    LOOP_UNTIL(fx.loop, fx.n_elsewhere == 2);
    assert_int_equal(fx.elsewhere, 1);
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

static void t_too_many_modules_are_answered_and_not_kept(void **state)
{
    uint32_t i;

    (void)state;
    for (i = 0; i < 50; i++)          /* all belong to this shard */
        assert_int_equal(retcode(1 + 3 * i, 1), MSG_RET_NONE);
    assert_int_equal(fx.n_want, 4);
    assert_int_equal(stat_of().n_module, 4);
}

static void t_malformed_frames_are_counted_and_get_no_reply(void **state)
{
    (void)state;
    udppeer_send(fx.peer, MSG_GET_HOST, "\xff\xff", 2);
    udppeer_send(fx.peer, MSG_GET_HOST, "\x08\x01", 2); /* module 0/0 */
    udppeer_send(fx.peer, MSG_GET_HOST, "", 0);
    udppeer_send(fx.peer, MSG_REPORT, "\x08\x01\x10\x01", 4); /* no host */
    udppeer_send(fx.peer, MSG_API_GET_ROUTE, "\x10", 1);
    udppeer_send(fx.peer, MSG_HOST, "\x08\x01", 2); /* the id of a reply */
    udppeer_send(fx.peer, -1, "x", 1);
    LOOP_UNTIL(fx.loop, stat_of().n_bad == 7);
    assert_true(udppeer_is_quiet(fx.peer));
    call(0x0a000001, 0, 0);           /* a report on an unknown module */
    assert_int_equal(stat_of().n_bad, 8);
    set_route(1, 1, 1);
    call(0x0a000077, 0, 0);           /* a report on an unknown node */
    assert_int_equal(stat_of().n_bad, 9);
    assert_int_equal(retcode(1, 1), MSG_RET_OK);
}

#define E(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

T_MAIN(E(t_unknown_module_is_none_at_once_and_wanted_once),
       E(t_known_module_gives_nodes_in_turn), E(t_route_removed_is_none),
       E(t_failures_overload_successes_bring_back), E(t_slow_failure_counts_by_its_cost),
       E(t_short_failure_counts_once),
       E(t_totals_are_reported_until_accepted), E(t_report_of_a_removed_node_is_not_lost),
       E(t_module_of_another_shard_is_passed_on), E(t_get_route_lists_the_nodes),
       E(t_too_many_modules_are_answered_and_not_kept),
       E(t_malformed_frames_are_counted_and_get_no_reply))
