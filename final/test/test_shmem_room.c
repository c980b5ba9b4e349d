/* The room in shared memory: what a node takes, which pages are never allocated, and that
 * modules that grow, shrink and end leave no room that cannot be used again. */
#include "lib/shmfix.h"

#include <unistd.h>

#include "lib/oldlayout.h"
#include "shmem/block_alloc.h"
#include "shmem/segment_private.h"

/* --- addresses ---------------------------------------------------------------------- */

/* Is a page of the file R that has bytes of [from, to) allocated? */
static bool is_allocated(const void *from, const void *to)
{
    const char *base = (const char *)shmfix_seg->routes;
    off_t at = (const char *)from - base, end = (const char *)to - base, data;

    at = (at + 4095) / 4096 * 4096;   /* the first page may be of the table before */
    end = end / 4096 * 4096;          /* and the last one of the table behind */
    data = lseek(shmfix_seg->fd_routes, at, SEEK_DATA);
    return data != -1 && data < end;
}

static struct route_writer_node address(const char *ip, uint16_t port)
{
    struct route_writer_node n = {.weight = 100};

    assert_int_equal(net_addr_set(&n.addr, ip, port), 0);
    return n;
}

static void t_room_for_ipv6_is_used_by_ipv6_nodes_only(void **state)
{
    const struct layout_addr6 *t = shmfix_seg->addr6;
    struct route_writer_node six = address("2001:db8::1:2:3", 443);
    struct net_addr a;
    uint32_t i;

    (void)state;
    assert_true(shmfix_publish(1, 1, 1000) >= 0);
    for (i = 0; i < 1000; i++) {
        node_table_addr(shmfix_seg, i, &a);
        assert_int_equal(a.family, AF_INET);
    }
    assert_false(is_allocated(t, t + SHMFIX_NODES));
    assert_true(route_writer_nodes(shmfix_writer, 1, 2, &six, 1, 256) >= 0);
    assert_true(is_allocated(t, t + SHMFIX_NODES));
}

static bool yes(uint32_t nid, void *arg)
{
    (void)nid;
    (void)arg;
    return true;
}

static void t_ipv6_addresses_survive_a_successor_and_a_reused_number(void **state)
{
    struct route_writer_node old = address("2001:db8::1:2:3", 443),
                             now = address("10.1.2.3", 80),
                             six = address("fe80::ffff:7", 1);
    struct net_addr a;
    int i;

    (void)state;
    assert_int_equal(route_writer_nodes(shmfix_writer, 1, 1, &old, 1, 256), 0);
    shmfix_close_agent();
    shmfix_open_agent();
    assert_false(segment_is_new(shmfix_seg));
    node_table_addr(shmfix_seg, 0, &a);
    assert_true(net_addr_equal(&a, &old.addr));
    route_writer_nodes(shmfix_writer, 1, 1, &now, 1, 256); /* number 1 */
    for (i = 0; i < 4; i++)
        route_writer_reclaim(shmfix_writer, yes, NULL);
    route_writer_nodes(shmfix_writer, 1, 2, &now, 1, 256); /* number 0 again */
    node_table_addr(shmfix_seg, 0, &a);
    assert_true(net_addr_equal(&a, &now.addr)); /* nothing of the address before */
    route_writer_nodes(shmfix_writer, 1, 3, &six, 1, 256);
    node_table_addr(shmfix_seg, 2, &a);
    assert_true(net_addr_equal(&a, &six.addr));
}

/* The figure of the goal: IPv4 nodes in modules of 8. */
static void t_node_takes_at_most_64_bytes(void **state)
{
    struct route_writer_stat st;
    uint32_t m;

    (void)state;
    for (m = 1; m <= SHMFIX_MODULES && m <= SHMFIX_NODES / 8; m++)
        assert_true(shmfix_publish(m, 1, 8) >= 0);
    route_writer_stat(shmfix_writer, &st);
    assert_true(st.n_node > 100);
    print_message("%.1f bytes a node\n", (double)st.bytes / st.n_node);
    assert_true(st.bytes <= 64ull * st.n_node);
}

/* An agent reads the layout before where it collects; clients never do. */
static void t_addresses_of_the_layout_before_are_read(void **state)
{
    struct route_writer_node six = address("2001:db8::1:2:3", 443);
    struct net_addr a, b;
    struct segment *old;
    uint32_t i;

    (void)state;
    assert_true(shmfix_publish(1, 1, 100) >= 0);
    assert_int_equal(route_writer_nodes(shmfix_writer, 1, 2, &six, 1, 256), 1);
    oldlayout_write_routes(shmfix_seg, shmfix_dir, "R.1");
    assert_int_equal(segment_open(&old, shmfix_dir), -EPROTO);
    assert_int_equal(segment_open_old(&old, shmfix_seg, 1), 0);
    assert_int_equal(node_table_count(old), 101);
    for (i = 0; i < 101; i++) {
        node_table_addr(old, i, &a);
        node_table_addr(shmfix_seg, i, &b);
        assert_true(net_addr_equal(&a, &b));
        assert_int_equal(node_table_module(old, i), i == 100);
    }
    segment_close(old);
}

/* --- blocks ------------------------------------------------------------------------- */

/* All modules grow in step, so the runs that they leave fit none of the later lengths. */
static void t_modules_that_grow_in_step_find_room(void **state)
{
    uint32_t n, m, top = SHMFIX_NODES / SHMFIX_MODULES;

    (void)state;
    for (n = 1; n <= top; n++)
        for (m = 1; m <= SHMFIX_MODULES; m++)
            assert_true(shmfix_publish(m, 1, n) >= 0);
    for (n = top; n > 0; n--)
        for (m = 1; m <= SHMFIX_MODULES; m++)
            assert_true(shmfix_publish(m, 1, n) >= 0);
}

static void t_freed_blocks_are_allocated_again(void **state)
{
    uint32_t n = 5, big = 300, a, b;
    struct block_alloc *l;

    (void)state;
    assert_int_equal(block_alloc_create(&l, 700), 0);
    a = block_alloc_take(l, &n);
    assert_int_equal(a, 1);
    assert_int_equal(n, 5);
    b = block_alloc_take(l, &big);
    assert_int_equal(big, 512); /* above 256 blocks: a power of two */
    block_alloc_give(l, a, n);
    assert_int_equal(block_alloc_take(l, &n), a);
    block_alloc_give(l, b, big);
    assert_int_equal(block_alloc_take(l, &big), b);
    big = 200;
    assert_int_equal(block_alloc_take(l, &big), 0); /* there are no 200 blocks */
    assert_int_equal(block_alloc_used(l), 517);
    block_alloc_destroy(l);
    assert_int_equal(block_alloc_create(&l, 300), 0);
    assert_int_equal(block_alloc_mark(l, 10, 3), 0);
    assert_int_equal(block_alloc_mark(l, 12, 3), -EBADMSG); /* they are marked already */
    assert_int_equal(block_alloc_mark(l, 299, 3), -EBADMSG);
    assert_int_equal(block_alloc_sweep(l), 0);
    n = 9;
    assert_int_equal(block_alloc_take(l, &n), 1); /* the gap before it */
    block_alloc_destroy(l);
}

/* Random runs are taken and given back.  No two overlap, and what is free side by side
 * can always be taken as one run, so a room that is given back is whole again. */
static void t_room_of_many_runs_is_whole_again(void **state)
{
    enum { BLOCKS = 3000, RUNS = 200, ROUNDS = 20000 };
    uint32_t at[RUNS] = {0}, len[RUNS] = {0}, i, k, n, used = 0;
    static unsigned char taken[BLOCKS];
    uint64_t seed = mono_us();
    struct block_alloc *l;
    struct rnd rnd;

    (void)state;
    print_message("seed %llu\n", (unsigned long long)seed);
    rnd_init(&rnd, seed);
    memset(taken, 0, sizeof(taken));
    assert_int_equal(block_alloc_create(&l, BLOCKS), 0);
    for (i = 0; i < ROUNDS + RUNS; i++) {
        k = i < ROUNDS ? rnd_u32(&rnd) % RUNS : i - ROUNDS;
        if (at[k]) {
            block_alloc_give(l, at[k], len[k]);
            memset(taken + at[k], 0, len[k]);
            used -= len[k];
            at[k] = 0;
        } else if (i < ROUNDS) {
            len[k] = 1 + rnd_u32(&rnd) % (rnd_u32(&rnd) % 8 ? 30 : 600);
            at[k] = block_alloc_take(l, &len[k]);
            for (n = 0; at[k] && n < len[k]; n++) {
                assert_true(at[k] + n < BLOCKS);
                assert_int_equal(taken[at[k] + n]++, 0);
            }
            used += at[k] ? len[k] : 0;
        }
        assert_int_equal(block_alloc_used(l), used);
    }
    n = 2048;
    assert_int_equal(block_alloc_take(l, &n), 1);
    block_alloc_destroy(l);
}

T_MAIN(SHMFIX_TEST(t_room_for_ipv6_is_used_by_ipv6_nodes_only),
       SHMFIX_TEST(t_ipv6_addresses_survive_a_successor_and_a_reused_number),
       SHMFIX_TEST(t_node_takes_at_most_64_bytes),
       SHMFIX_TEST(t_addresses_of_the_layout_before_are_read),
       SHMFIX_TEST(t_modules_that_grow_in_step_find_room),
       T(t_freed_blocks_are_allocated_again), T(t_room_of_many_runs_is_whole_again))
