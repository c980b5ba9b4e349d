/* The model of a fleet: its sizes are those of the encoders, and its counts are those
 * that a small fleet has by hand. */
#include "sim/fleet.h"

#include <errno.h>

#include "net/frame.h"
#include "proto/msg_update.h"
#include "t.h"

static struct fleet_config cfg;
static struct fleet_result res;

/* One agent with one module of two nodes in two zones, one service of each kind. */
static int setup(void **state)
{
    (void)state;
    cfg = (struct fleet_config){.seed = 1,
                                .shape = {1, 2, 1, 2, 0},
                                .agents = 1,
                                .dnsds = 1,
                                .reportds = 1,
                                .calls = 0,
                                .durations = 1,
                                .seconds = 60,
                                .refresh_ms = 15000,
                                .report_ms = 1000,
                                .beat_ms = 2000,
                                .ask_ms = 1000,
                                .meta_ms = 1000,
                                .meta_window_s = 5,
                                .gap_ms = 10,
                                .gap_max = 64};
    return 0;
}

static void run(void)
{
    assert_int_equal(fleet_run(&cfg, &res), 0);
}

static double in_all(enum fleet_flow_id id)
{
    return res.flow[id].per_s * cfg.seconds;
}

static void check_n(enum fleet_flow_id id, double n)
{
    if (in_all(id) < n - 0.001 || in_all(id) > n + 0.001)
        print_message("flow %d: %f instead of %f\n", (int)id, in_all(id), n);
    assert_true(in_all(id) > n - 0.001 && in_all(id) < n + 0.001);
}

/* 60 s: a question each 15 s, a message 38 each 2 s, nothing else. */
static void t_an_idle_agent_sends_what_its_periods_say(void **state)
{
    struct fleet_sizes size;
    size_t id;

    (void)state;
    run();
    check_n(FLEET_ASK, 4);
    check_n(FLEET_ROUTE, 4);
    check_n(FLEET_META, 4);
    check_n(FLEET_STATE, 30);
    check_n(FLEET_STATE_ACK, 30);
    for (id = 0; id < FLEET_FLOWS; id++)
        if (id != FLEET_ASK && id != FLEET_ROUTE && id != FLEET_META &&
            id != FLEET_STATE && id != FLEET_STATE_ACK)
            check_n((enum fleet_flow_id)id, 0);
    assert_int_equal(fleet_sizes_compute(&size, &cfg.shape), 0);
    assert_int_equal((int)(res.flow[FLEET_ROUTE].bytes_per_s * 60 + 0.5), 4 * size.route);
    assert_true(res.state_commits * 60 > 29.9 && res.state_commits * 60 < 30.1);
}

/* A second service of each kind adds one question in a second to each. */
static void t_with_two_services_each_is_asked_every_second(void **state)
{
    (void)state;
    cfg.dnsds = cfg.reportds = 2;
    run();
    check_n(FLEET_ASK, 64);
    check_n(FLEET_REPORT_HELLO, 60);
    check_n(FLEET_REPORT_REPLY, 60);
}

/* So many calls that each node of the zone and each bucket has some in every second. */
static void t_calls_are_a_row_for_each_node_and_bucket(void **state)
{
    (void)state;
    cfg.shape = (struct fleet_shape){4, 20, 4, 2, 0}; /* 40 nodes in the zone */
    cfg.durations = 5; /* and 20 buckets */
    cfg.calls = 100000;
    run();
    assert_true(res.node_rows > 39.9 && res.node_rows < 40.1);
    assert_true(res.duration_rows > 19.9 && res.duration_rows < 20.1);
    check_n(FLEET_BATCH, 60);
    check_n(FLEET_ACK, 60);
    cfg.shape.nodes_each = 1000; /* 2,000 nodes and 20 buckets: 900, 900 and 220 rows */
    run();
    check_n(FLEET_BATCH, 180);
    cfg.report_ms = 2000; /* the same rows, half as often */
    run();
    check_n(FLEET_BATCH, 90);
}

/* Fewer calls than nodes: never more rows than calls on average. */
static void t_there_are_no_more_rows_than_calls(void **state)
{
    (void)state;
    cfg.shape = (struct fleet_shape){10, 100, 10, 1, 0};
    cfg.agents = 50;
    cfg.calls = 20;
    run();
    assert_true(res.node_rows <= 50 * 20.5);
    assert_true(res.node_rows > 50 * 19.0);
}

static void t_a_change_goes_to_every_subscriber_and_back(void **state)
{
    (void)state;
    cfg.agents = 100;
    cfg.changes = 10; /* in 100 s, so 6 in 60 s */
    run();
    check_n(FLEET_DELTA, 600);
    assert_true(in_all(FLEET_STATE) > 30 * 100 + 490); /* some after the end */
    assert_true(in_all(FLEET_STATE) < 30 * 100 + 600.5);
}

/* Two of four DNSServices' agents: those of the first go to the second at once. */
static void t_a_lost_dnsservice_brings_its_agents_to_the_next(void **state)
{
    uint64_t before;

    (void)state;
    cfg.shape = (struct fleet_shape){50, 10, 20, 2, 0};
    cfg.agents = 400;
    cfg.dnsds = 4;
    run();
    before = res.dns_in.most;
    cfg.lost_s = 30;
    run();
    check_n(FLEET_DNS_HELLO, 100);
    check_n(FLEET_DNS_REPLY, 100);
    /* 100 agents with 20 modules each and a hello, on top of a usual second. */
    assert_true(res.dns_in.most > 100 * 21);
    assert_true(before < 100 * 21 / 2);
}

static void t_same_seed_gives_the_same_result(void **state)
{
    struct fleet_result a;

    (void)state;
    cfg.shape = (struct fleet_shape){50, 20, 10, 2, 0};
    cfg.agents = 50;
    cfg.calls = 100;
    cfg.changes = 100;
    run();
    a = res;
    run();
    assert_memory_equal(&a, &res, sizeof(a));
    cfg.seed = 2;
    run();
    assert_true(memcmp(&a, &res, sizeof(a)) != 0);
}

/* A steady load changes no rate of two digits often; one that is not there never. */
static void t_module_meta_is_pushed_when_rates_change(void **state)
{
    double one;

    (void)state;
    run();
    assert_true(res.meta_changes < 0.001);
    cfg.calls = 1000;
    run();
    one = in_all(FLEET_META);
    assert_true(res.meta_changes > 0 && res.meta_changes <= 1);
    cfg.agents = 10;
    cfg.calls = 100; /* the same load, ten subscribers */
    run();
    assert_true(in_all(FLEET_META) > one);
    assert_true(in_all(FLEET_META) < 10 * (60 + 4) + 0.5);
}

/* --- sizes -------------------------------------------------------------------------- */

static void t_sizes_are_those_of_the_encoders(void **state)
{
    static char body[FRAME_MAX_BODY];
    static struct msg_host add[MSG_UPDATE_HOSTS], gone[MSG_UPDATE_HOSTS];
    struct fleet_shape shape = {100, 5000, 10, 2, 100};
    struct fleet_sizes a, b;
    struct msg_batch *batch = malloc(sizeof(*batch) + 900 * sizeof(batch->row[0]));
    struct msg_update u;
    ssize_t n;

    (void)state;
    assert_non_null(batch);
    assert_int_equal(fleet_sizes_compute(&a, &shape), 0);
    assert_int_equal(a.pages, 3); /* of 2,200 nodes at most */
    fleet_sizes_batch(batch, &shape, 17);
    n = msg_batch_pack(batch, body, sizeof(body));
    assert_int_equal(a.batch[17], n + FRAME_HEAD);
    assert_true(a.batch[900] > a.batch[899]);
    shape.nodes_each = 1;
    assert_int_equal(fleet_sizes_compute(&b, &shape), 0);
    assert_int_equal(b.pages, 1);
    assert_true(b.route < a.route);
    /* A message of that size is one that an agent takes. */
    u = (struct msg_update){{1000, 1}, 2000000, 1, 0, 1, 1, 1, 0};
    add[0] = (struct msg_host){0x0a010000u, 8001, 0, 0xffffffffu};
    n = msg_update_pack(&u, add, gone, body, sizeof(body));
    assert_true(n > 0 && b.route > (uint32_t)n && b.route < (uint32_t)n + 32);
    assert_int_equal(msg_update_unpack(&u, add, gone, body, (size_t)n), 0);
    free(batch);
}

static void t_bounds_are_checked(void **state)
{
    struct fleet_sizes size;
    struct fleet_shape shape = {10, 1, 11, 1, 0};

    (void)state;
    assert_int_equal(fleet_sizes_compute(&size, &shape), -EINVAL); /* uses too many */
    shape.used = 10;
    shape.zones = FLEET_ZONES + 1;
    assert_int_equal(fleet_sizes_compute(&size, &shape), -EINVAL);
    shape.zones = 1;
    shape.nodes_each = 2200001; /* more than 1,000 pages */
    assert_int_equal(fleet_sizes_compute(&size, &shape), -E2BIG);
    cfg.lost_s = 10; /* the only one */
    assert_int_equal(fleet_run(&cfg, &res), -EINVAL);
    setup(NULL);
    cfg.refresh_ms = 1500; /* agents look each second */
    assert_int_equal(fleet_run(&cfg, &res), -EINVAL);
    setup(NULL);
    cfg.dnsds = FLEET_SERVERS + 1;
    assert_int_equal(fleet_run(&cfg, &res), -EINVAL);
}

#define P(f) cmocka_unit_test_setup(f, setup)

T_MAIN(P(t_an_idle_agent_sends_what_its_periods_say),
       P(t_with_two_services_each_is_asked_every_second),
       P(t_calls_are_a_row_for_each_node_and_bucket),
       P(t_there_are_no_more_rows_than_calls),
       P(t_a_change_goes_to_every_subscriber_and_back),
       P(t_a_lost_dnsservice_brings_its_agents_to_the_next),
       P(t_same_seed_gives_the_same_result), P(t_module_meta_is_pushed_when_rates_change),
       P(t_sizes_are_those_of_the_encoders), P(t_bounds_are_checked))
