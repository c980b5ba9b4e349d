/* The tally of calls by node: the hook is called as the library calls it, without an
 * agent; e2e_lars_outcomes has it behind real calls. */
#include "api/lars_tally.h"

#include <pthread.h>
#include <string.h>
#include <sys/socket.h>

#include "t.h"

#define THREADS 4
#define EACH 20000 /* calls of a thread */
#define NODES 7

static struct lars_host host_of(uint32_t modid, unsigned node)
{
    struct lars_host h = {.modid = modid, .cmdid = 1};

    h.addr.family = AF_INET;
    h.addr.port = (uint16_t)(8000 + node);
    h.addr.ip[0] = 127;
    h.addr.ip[3] = 1;
    return h;
}

static void ended(struct lars_tally *t, const struct lars_host *h, enum lars_outcome o)
{
    const struct lars_ended e = {h, 10, o, LARS_PATH_SHM};

    lars_tally_ended(t, &e);
}

static const struct lars_tally_node *find(const struct lars_tally_node *n, unsigned count,
                                          const struct lars_host *h)
{
    for (; count > 0; count--, n++)
        if (n->modid == h->modid && memcmp(&n->addr, &h->addr, sizeof(h->addr)) == 0)
            return n;
    fail_msg("node %u of module %u is missing", h->addr.port, h->modid);
    return NULL;
}

static void t_calls_are_counted_by_node_and_outcome(void **state)
{
    struct lars_tally *t = lars_tally_new(10);
    struct lars_host a = host_of(1, 0), b = host_of(1, 1), other = host_of(2, 0);
    struct lars_tally_node out[11];
    const struct lars_tally_node *n;
    int i;

    (void)state;
    assert_int_equal(lars_tally_read(t, out, 11), 0);
    for (i = 0; i < 3; i++)
        ended(t, &a, LARS_WELL);
    ended(t, &a, LARS_FAILED);
    ended(t, &a, LARS_CANCELLED);
    ended(t, &b, LARS_REJECTED);
    ended(t, &other, LARS_WELL);
    assert_int_equal(lars_tally_read(t, out, 11), 3);
    n = find(out, 3, &a);
    assert_int_equal(n->ended[LARS_WELL], 3);
    assert_int_equal(n->ended[LARS_FAILED], 1);
    assert_int_equal(n->ended[LARS_REJECTED], 0);
    assert_int_equal(n->ended[LARS_CANCELLED], 1);
    assert_int_equal(n->took_us, 40);
    assert_int_equal(find(out, 3, &b)->ended[LARS_REJECTED], 1);
    assert_int_equal(find(out, 3, &b)->took_us, 0);
    assert_int_equal(find(out, 3, &other)->ended[LARS_WELL], 1);
    lars_tally_free(t);
}

static void t_nodes_without_room_are_counted_together(void **state)
{
    struct lars_tally *t = lars_tally_new(2);
    struct lars_tally_node out[3];
    struct lars_host h;
    unsigned i;

    (void)state;
    for (i = 0; i < 5; i++) {
        h = host_of(1, i);
        ended(t, &h, LARS_WELL);
    }
    ended(t, &h, LARS_FAILED);
    assert_int_equal(lars_tally_read(t, out, 3), 3);
    assert_int_equal(out[2].addr.family, 0);
    assert_int_equal(out[2].modid, 0);
    assert_int_equal(out[2].ended[LARS_WELL], 3);
    assert_int_equal(out[2].ended[LARS_FAILED], 1);
    assert_int_equal(lars_tally_read(t, out, 1), 1);
    assert_int_equal(lars_tally_read(t, out, 0), 0);
    lars_tally_free(t);
}

static void t_wrong_arguments_are_no_tally(void **state)
{
    struct lars_tally_node out;
    struct lars_tally *t = lars_tally_new(LARS_TALLY_MAX);

    (void)state;
    assert_non_null(t);
    assert_null(lars_tally_new(0));
    assert_null(lars_tally_new(LARS_TALLY_MAX + 1));
    assert_int_equal(lars_tally_read(NULL, &out, 1), 0);
    assert_int_equal(lars_tally_read(t, NULL, 1), 0);
    lars_tally_free(t);
    lars_tally_free(NULL);
}

static void *end_many(void *tally)
{
    struct lars_host h;
    unsigned i;

    for (i = 0; i < EACH; i++) {
        h = host_of(1, i % NODES);
        ended(tally, &h, i % 2 ? LARS_WELL : LARS_FAILED);
    }
    return NULL;
}

static void t_threads_lose_no_call(void **state)
{
    struct lars_tally *t = lars_tally_new(100);
    struct lars_tally_node out[101];
    pthread_t thread[THREADS];
    uint64_t well = 0, failed = 0;
    unsigned i, n;

    (void)state;
    for (i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, end_many, t), 0);
    for (i = 0; i < THREADS; i++)
        pthread_join(thread[i], NULL);
    n = lars_tally_read(t, out, 101);
    assert_int_equal(n, NODES);
    for (i = 0; i < n; i++) {
        well += out[i].ended[LARS_WELL];
        failed += out[i].ended[LARS_FAILED];
    }
    assert_int_equal(well, THREADS * EACH / 2);
    assert_int_equal(failed, THREADS * EACH / 2);
    lars_tally_free(t);
}

T_MAIN(cmocka_unit_test(t_calls_are_counted_by_node_and_outcome),
       cmocka_unit_test(t_nodes_without_room_are_counted_together),
       cmocka_unit_test(t_wrong_arguments_are_no_tally),
       cmocka_unit_test(t_threads_lose_no_call))
