/* The owner of a report stream: an agent that connects again gets its stream back, and of
 * two agents with the same stream the first keeps it. */
#include "report/stream_owner.h"

#include "t.h"

static struct stream_owners *s;
static const uint8_t stream[MSG_STREAM] = "one";
static const uint8_t other[MSG_STREAM] = "another";

static int setup(void **state)
{
    t_fds_save(state);
    return stream_owner_create(&s, 2);
}

static int teardown(void **state)
{
    stream_owner_destroy(s);
    return t_fds_check(state);
}

static void check_stat(uint64_t refused, uint32_t conflicts)
{
    uint64_t n_refused;
    uint32_t n_conflict;

    stream_owner_stat(s, &n_refused, &n_conflict);
    assert_int_equal(n_refused, refused);
    assert_int_equal(n_conflict, conflicts);
}

static void t_second_agent_is_refused_while_the_first_sends(void **state)
{
    (void)state;
    assert_int_equal(stream_owner_claim(s, stream, 1, 1000), 0);
    assert_int_equal(stream_owner_claim(s, stream, 2, 2000), -EBUSY);
    check_stat(1, 0);                 /* the first may just be closing */
    assert_int_equal(stream_owner_claim(s, stream, 1, 4000), -EEXIST);
    check_stat(1, 1);
    assert_int_equal(stream_owner_claim(s, stream, 2, 90000), -EBUSY);
    assert_int_equal(stream_owner_claim(s, stream, 1, 90001), -EEXIST);
    assert_int_equal(stream_owner_claim(s, other, 2, 90002), 0);
    check_stat(2, 1);
    stream_owner_close(s, 2);
    check_stat(2, 1);
    stream_owner_close(s, 1);
    check_stat(2, 0);
    assert_int_equal(stream_owner_claim(s, stream, 3, 90003), 0);
}

static void t_agent_that_connects_again_gets_its_stream(void **state)
{
    (void)state;
    assert_int_equal(stream_owner_claim(s, stream, 1, 1000), 0);
    stream_owner_close(s, 1);
    assert_int_equal(stream_owner_claim(s, stream, 2, 1001), 0);
    /* this connection is dead, but its close is not seen */
    assert_int_equal(stream_owner_claim(s, stream, 3, 1100), -EBUSY);
    assert_int_equal(stream_owner_claim(s, stream, 3, 7001), 0);
    stream_owner_close(s, 2);
    assert_int_equal(stream_owner_claim(s, stream, 3, 7002), 0);
    check_stat(1, 0);
}

static void t_batches_sent_before_the_new_connection_are_no_conflict(void **state)
{
    (void)state;
    assert_int_equal(stream_owner_claim(s, stream, 2, 1000), 0);
    assert_int_equal(stream_owner_claim(s, stream, 1, 1001), 0); /* read late */
    stream_owner_close(s, 1);
    assert_int_equal(stream_owner_claim(s, stream, 2, 3000), 0);
    assert_int_equal(stream_owner_claim(s, stream, 3, 3001), -EBUSY);
    assert_int_equal(stream_owner_claim(s, stream, 2, 3002), 0); /* read late */
    stream_owner_close(s, 2);
    assert_int_equal(stream_owner_claim(s, stream, 3, 6000), 0);
    check_stat(1, 0);
}

static void t_silent_first_agent_has_its_stream_again_when_it_sends(void **state)
{
    (void)state;
    assert_int_equal(stream_owner_claim(s, stream, 1, 1000), 0);
    assert_int_equal(stream_owner_claim(s, stream, 2, 60000), 0);
    assert_int_equal(stream_owner_claim(s, stream, 1, 70000), -EEXIST);
    assert_int_equal(stream_owner_claim(s, stream, 2, 700000), -EBUSY);
    check_stat(1, 1);
}

static void t_stream_without_room_is_taken_unchecked(void **state)
{
    static const uint8_t third[MSG_STREAM] = "third";

    (void)state;
    assert_int_equal(stream_owner_claim(s, stream, 1, 1000), 0);
    assert_int_equal(stream_owner_claim(s, other, 1, 1000), 0);
    assert_int_equal(stream_owner_claim(s, third, 1, 1000), 0);
    assert_int_equal(stream_owner_claim(s, third, 2, 1000), 0);
    assert_int_equal(stream_owner_claim(s, other, 2, 1000), -EBUSY);
}

#define X(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

T_MAIN(X(t_second_agent_is_refused_while_the_first_sends),
       X(t_agent_that_connects_again_gets_its_stream),
       X(t_batches_sent_before_the_new_connection_are_no_conflict),
       X(t_silent_first_agent_has_its_stream_again_when_it_sends),
       X(t_stream_without_room_is_taken_unchecked))
