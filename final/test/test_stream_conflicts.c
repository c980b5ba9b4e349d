/* Conflicts of report streams: both addresses are known while two agents send one stream,
 * and an agent that only connected again is no conflict. */
#include "report/stream_conflicts.h"

#include "t.h"

static struct stream_conflicts *s;
static struct stream_conflict found[STREAM_CONFLICTS_MAX];
static const uint8_t stream[MSG_STREAM] = "one";

static int setup(void **state)
{
    (void)state;
    return stream_conflicts_create(&s);
}

static int teardown(void **state)
{
    (void)state;
    stream_conflicts_destroy(s);
    stream_conflicts_destroy(NULL);
    return 0;
}

static size_t n_at(uint64_t now_ms)
{
    return stream_conflicts_list(s, found, STREAM_CONFLICTS_MAX, now_ms);
}

static void t_conflict_has_the_addresses_of_both_agents(void **state)
{
    (void)state;
    stream_conflicts_refused(s, stream, "10.0.0.2:5000", 1000);
    stream_conflicts_taken(s, stream, "10.0.0.1:4000", 2500);
    assert_int_equal(n_at(2500), 1);
    assert_string_equal(found[0].owner, "10.0.0.1:4000");
    assert_string_equal(found[0].other, "10.0.0.2:5000");
    assert_memory_equal(found[0].stream, stream, MSG_STREAM);
}

static void t_refusal_alone_is_no_conflict(void **state)
{
    (void)state;
    stream_conflicts_refused(s, stream, "10.0.0.2:5000", 1000);
    stream_conflicts_refused(s, stream, "10.0.0.2:5000", 4000);
    assert_int_equal(n_at(4000), 0);
}

static void t_conflict_ends_10_s_after_the_last_refusal(void **state)
{
    (void)state;
    stream_conflicts_refused(s, stream, "b", 1000);
    stream_conflicts_taken(s, stream, "a", 2500);
    stream_conflicts_refused(s, stream, "b", 4000);
    stream_conflicts_taken(s, stream, "a", 13999);
    assert_int_equal(n_at(13999), 1);
    assert_int_equal(n_at(14000), 0);
}

static void t_refusal_after_a_conflict_that_ended_is_no_conflict(void **state)
{
    (void)state;
    stream_conflicts_refused(s, stream, "b", 1000);
    stream_conflicts_taken(s, stream, "a", 2500);
    stream_conflicts_refused(s, stream, "c", 20000);
    assert_int_equal(n_at(20000), 0);
}

static void t_number_of_conflicts_is_bounded_and_the_newest_are_kept(void **state)
{
    uint8_t name[MSG_STREAM] = "";
    uint8_t i;

    (void)state;
    for (i = 0; i <= STREAM_CONFLICTS_MAX; i++) {
        name[0] = i;
        stream_conflicts_refused(s, name, "b", 1000u + i);
        stream_conflicts_taken(s, name, "a", 1000u + i);
    }
    assert_int_equal(n_at(2000), STREAM_CONFLICTS_MAX);
    for (i = 0; i < STREAM_CONFLICTS_MAX; i++)
        assert_int_not_equal(found[i].stream[0], 0);
    assert_int_equal(stream_conflicts_list(s, found, 2, 2000), 2);
}

#define X(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

T_MAIN(X(t_conflict_has_the_addresses_of_both_agents), X(t_refusal_alone_is_no_conflict),
       X(t_conflict_ends_10_s_after_the_last_refusal),
       X(t_refusal_after_a_conflict_that_ended_is_no_conflict),
       X(t_number_of_conflicts_is_bounded_and_the_newest_are_kept))
