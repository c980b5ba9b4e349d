/* How long nodes took, counted by a loop and read by another thread. */
#include "gateway/node_times.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>

#include "t.h"

static struct node_times *times;

static int setup(void **state)
{
    (void)t_fds_save(state);
    return node_times_create(&times);
}

static int teardown(void **state)
{
    node_times_destroy(times);
    return t_fds_check(state);
}

static struct lars_addr addr(uint32_t ip, uint16_t port)
{
    struct lars_addr a = {.family = AF_INET, .port = port};

    a.ip[0] = (uint8_t)(ip >> 24);
    a.ip[1] = (uint8_t)(ip >> 16);
    a.ip[2] = (uint8_t)(ip >> 8);
    a.ip[3] = (uint8_t)ip;
    return a;
}

static void count(unsigned slot, uint32_t ip, uint64_t us, uint64_t now_ms)
{
    struct lars_addr a = addr(ip, 80);

    node_times_count(times, slot, &a, us, now_ms);
}

struct seen {
    unsigned n_rows;
    uint64_t answers;
    struct node_times_row last;
    uint32_t wanted_ip; /* 0 = any */
};

static void see(const struct node_times_row *row, void *arg)
{
    struct seen *s = arg;
    unsigned b;

    if (s->wanted_ip && row->ip != s->wanted_ip)
        return;
    s->n_rows++;
    s->last = *row;
    for (b = 0; b <= LATENCY_BUCKETS; b++)
        s->answers += row->n[b];
}

static struct seen look(uint32_t ip)
{
    struct seen s = {.wanted_ip = ip};

    node_times_each(times, see, &s);
    return s;
}

static void t_answers_are_counted_by_node_and_bucket(void **state)
{
    struct seen s;

    (void)state;
    assert_int_equal(look(0).n_rows, 0);
    count(3, 0x0a000001, 15, 1000);
    count(3, 0x0a000001, 1000000, 1000);
    count(3, 0x0a000001, UINT64_MAX, 1000);
    count(3, 0x0a000002, 100, 1000);
    assert_int_equal(look(0).n_rows, 2);
    s = look(0x0a000001);
    assert_int_equal(s.answers, 3);
    assert_int_equal(s.last.slot, 3);
    assert_int_equal(s.last.port, 80);
    assert_int_equal(s.last.n[1], 1);
    assert_int_equal(s.last.n[latency_bucket(1000000)], 1);
    assert_int_equal(s.last.n[LATENCY_BUCKETS], 1);
}

static void t_the_same_node_of_two_modules_is_counted_twice(void **state)
{
    (void)state;
    count(0, 0x0a000001, 100, 1);
    count(1, 0x0a000001, 100, 1);
    assert_int_equal(look(0x0a000001).n_rows, 2);
}

static void t_nodes_of_ipv6_are_not_counted(void **state)
{
    struct lars_addr a = {.family = AF_INET6, .port = 80};

    (void)state;
    node_times_count(times, 0, &a, 100, 1);
    assert_int_equal(look(0).n_rows, 0);
}

/* More nodes than there are places; those that are used keep their counters. */
static void t_places_are_bounded_and_used_ones_are_kept(void **state)
{
    uint32_t i;

    (void)state;
    for (i = 0; i < 4 * NODE_TIMES_MAX; i++)
        count(0, 0x0a000000 + i, 100, 1000);
    assert_in_range(look(0).n_rows, NODE_TIMES_MAX * 9 / 10, NODE_TIMES_MAX);
    assert_int_equal(look(0x0a000000).n_rows, 1);
    /* ten minutes later the first one is still used, and another node needs a place */
    count(0, 0x0a000000, 100, 500000);
    for (i = 0; i < 4 * NODE_TIMES_MAX; i++)
        count(0, 0x0b000000 + i, 100, 700000);
    assert_int_equal(look(0x0a000000).answers, 2);
    assert_true(look(0x0b000000).n_rows == 1);
    assert_in_range(look(0).n_rows, NODE_TIMES_MAX * 9 / 10, NODE_TIMES_MAX);
}

static _Atomic bool ending;

/* Each node has the bucket of its last byte only, so a mixture is seen. */
static void *count_all(void *arg)
{
    uint64_t now_ms = 1;
    uint32_t i;

    (void)arg;
    while (!ending) {
        for (i = 0; i < 2 * NODE_TIMES_MAX; i++)
            count(0, 0x0a000000 + i, 1u << (4 + i % 8), now_ms);
        now_ms += 700000; /* all places may change their node */
    }
    return NULL;
}

static void expect_one_bucket(const struct node_times_row *row, void *arg)
{
    unsigned b, own = latency_bucket(1u << (4 + row->ip % 8));

    (void)arg;
    for (b = 0; b <= LATENCY_BUCKETS; b++)
        if (b != own)
            assert_int_equal(row->n[b], 0);
}

static void t_a_reader_never_sees_the_counters_of_two_nodes_in_one(void **state)
{
    pthread_t thread;
    unsigned i;

    (void)state;
    ending = false;
    assert_int_equal(pthread_create(&thread, NULL, count_all, NULL), 0);
    for (i = 0; i < 2000; i++)
        node_times_each(times, expect_one_bucket, NULL);
    ending = true;
    pthread_join(thread, NULL);
}

static void t_no_table_has_no_nodes(void **state)
{
    struct seen s = {0};

    (void)state;
    node_times_each(NULL, see, &s);
    assert_int_equal(s.n_rows, 0);
    node_times_destroy(NULL);
}

#define D(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

T_MAIN(D(t_answers_are_counted_by_node_and_bucket),
       D(t_the_same_node_of_two_modules_is_counted_twice),
       D(t_nodes_of_ipv6_are_not_counted), D(t_places_are_bounded_and_used_ones_are_kept),
       D(t_a_reader_never_sees_the_counters_of_two_nodes_in_one),
       D(t_no_table_has_no_nodes))
