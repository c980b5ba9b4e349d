/* Messages 4, 5 and 6 byte for byte, as the programs of the public Lars send them.
 * Messages 7 and 8 have the bodies of 1 and 2, see test_msg. */
#include "proto/msg_host.h"
#include "t.h"

static uint8_t body[MSG_HOST_ROOM];

/* 4: seq 300, module 1/2 */
static const uint8_t get_1_2[] = {0x08, 0xac, 0x02, 0x10, 0x01, 0x18, 0x02};
/* 4: seq 1, module -1/1: negative as int32 */
static const uint8_t get_minus[] = {0x08, 0x01, 0x10, 0xff, 0xff, 0xff, 0xff, 0xff,
                                    0xff, 0xff, 0xff, 0xff, 0x01, 0x18, 0x01};
/* 5: seq 300, module 1/2, host 192.168.0.1:8080; protobuf omits retcode 0 */
static const uint8_t reply_ok[] = {0x08, 0xac, 0x02, 0x10, 0x01, 0x18, 0x02, 0x2a,
                                   0x0e, 0x08, 0x81, 0x80, 0xa0, 0x85, 0xfc, 0xff,
                                   0xff, 0xff, 0xff, 0x01, 0x10, 0x90, 0x3f};
/* 5: seq 300, module 1/2, retcode 3, no host */
static const uint8_t reply_none[] = {0x08, 0xac, 0x02, 0x10, 0x01,
                                     0x18, 0x02, 0x20, 0x03};
/* 6: module 1/2, host 10.0.0.1:80, retcode 1 */
static const uint8_t call_failed[] = {0x08, 0x01, 0x10, 0x02, 0x1a, 0x07, 0x08, 0x81,
                                      0x80, 0x80, 0x50, 0x10, 0x50, 0x20, 0x01};
/* the same with field 16 (cost_us) 250,000 */
static const uint8_t call_cost[] = {0x08, 0x01, 0x10, 0x02, 0x1a, 0x07, 0x08,
                                    0x81, 0x80, 0x80, 0x50, 0x10, 0x50, 0x20,
                                    0x01, 0x80, 0x01, 0x90, 0xa1, 0x0f};

static void t_get_host_is_the_vector_both_ways(void **state)
{
    struct msg_get_host m = {300, {1, 2}}, minus = {1, {0xffffffff, 1}}, out;

    (void)state;
    assert_int_equal(msg_host_pack_get(&m, body, sizeof(body)), sizeof(get_1_2));
    assert_memory_equal(body, get_1_2, sizeof(get_1_2));
    assert_int_equal(msg_host_pack_get(&minus, body, sizeof(body)), sizeof(get_minus));
    assert_memory_equal(body, get_minus, sizeof(get_minus));
    assert_int_equal(msg_host_unpack_get(&out, get_1_2, sizeof(get_1_2)), 0);
    assert_memory_equal(&out, &m, sizeof(m));
    assert_int_equal(msg_host_unpack_get(&out, get_minus, sizeof(get_minus)), 0);
    assert_memory_equal(&out, &minus, sizeof(minus));
}

static void t_reply_is_the_vector_both_ways(void **state)
{
    struct msg_host_reply ok = {300, {1, 2}, MSG_RET_OK, {0xc0a80001, 8080}};
    struct msg_host_reply none = {300, {1, 2}, MSG_RET_NONE, {0, 0}}, out;

    (void)state;
    assert_int_equal(msg_host_pack_reply(&ok, body, sizeof(body)), sizeof(reply_ok));
    assert_memory_equal(body, reply_ok, sizeof(reply_ok));
    assert_int_equal(msg_host_pack_reply(&none, body, sizeof(body)), sizeof(reply_none));
    assert_memory_equal(body, reply_none, sizeof(reply_none));
    assert_int_equal(msg_host_unpack_reply(&out, reply_ok, sizeof(reply_ok)), 0);
    assert_memory_equal(&out, &ok, sizeof(ok));
    assert_int_equal(msg_host_unpack_reply(&out, reply_none, sizeof(reply_none)), 0);
    assert_memory_equal(&out, &none, sizeof(none));
}

static void t_call_is_the_vector_both_ways(void **state)
{
    struct msg_call failed = {{1, 2}, {0x0a000001, 80}, 1, 0}, out;
    struct msg_call cost = {{1, 2}, {0x0a000001, 80}, 1, 250000};

    (void)state;
    assert_int_equal(msg_host_pack_call(&failed, body, sizeof(body)),
                     sizeof(call_failed));
    assert_memory_equal(body, call_failed, sizeof(call_failed));
    assert_int_equal(msg_host_pack_call(&cost, body, sizeof(body)), sizeof(call_cost));
    assert_memory_equal(body, call_cost, sizeof(call_cost));
    assert_int_equal(msg_host_unpack_call(&out, call_cost, sizeof(call_cost)), 0);
    assert_memory_equal(&out, &cost, sizeof(cost));
    assert_int_equal(msg_host_unpack_call(&out, call_failed, sizeof(call_failed)), 0);
    assert_int_equal(out.cost_us, 0);
}

static void t_longest_messages_fit_their_room(void **state)
{
    struct msg_get_host g = {UINT32_MAX, {UINT32_MAX, UINT32_MAX}};
    struct msg_host_reply r = {
        UINT32_MAX, {UINT32_MAX, UINT32_MAX}, MSG_RET_OK, {UINT32_MAX, UINT32_MAX}};
    struct msg_call c = {
        {UINT32_MAX, UINT32_MAX}, {UINT32_MAX, UINT32_MAX}, -1, UINT32_MAX};

    (void)state;
    assert_in_range(msg_host_pack_get(&g, body, sizeof(body)), 1, sizeof(body));
    assert_in_range(msg_host_pack_reply(&r, body, sizeof(body)), 1, sizeof(body));
    assert_in_range(msg_host_pack_call(&c, body, sizeof(body)), 1, sizeof(body));
    assert_int_equal(msg_host_pack_get(&g, body, sizeof(body) - 1), -ENOBUFS);
    assert_int_equal(msg_host_pack_reply(&r, body, sizeof(body) - 1), -ENOBUFS);
    assert_int_equal(msg_host_pack_call(&c, body, sizeof(body) - 1), -ENOBUFS);
}

static void t_absurd_values_are_refused(void **state)
{
    struct msg_host_reply r;
    struct msg_call c;
    struct msg_get_host g;

    (void)state;
    assert_int_equal(msg_host_unpack_get(&g, "\x08\x01", 2), -EINVAL); /* module 0/0 */
    assert_int_equal(msg_host_unpack_get(&g, "\xff\xff", 2), -EBADMSG);
    assert_int_equal(msg_host_unpack_get(&g, "", 0), -EINVAL);
    assert_int_equal(msg_host_unpack_reply(&r, "\x10\x01\x20\x04", 4),
                     -EINVAL);        /* ret 4 */
    assert_int_equal(msg_host_unpack_reply(&r, "\x10\x01", 2), -EINVAL); /* 0, no host */
    assert_int_equal(msg_host_unpack_reply(&r, "\x10\x01\x2a\x02\x08\x01", 6), -EINVAL);
    assert_int_equal(msg_host_unpack_call(&c, "\x08\x01", 2), -EINVAL); /* no host */
    assert_int_equal(msg_host_unpack_call(&c, "\x08\x01\x1a\x04\x10\xf0\xa2\x04", 8),
                     -EINVAL);
    assert_int_equal(msg_host_unpack_call(&c, "\x08\x01\x1a\x7f", 4), -EBADMSG);
}

static void t_cut_at_any_length_is_refused_or_incomplete(void **state)
{
    struct msg_host_reply r;
    size_t len;

    (void)state;
    for (len = 0; len < sizeof(reply_ok); len++)
        assert_true(msg_host_unpack_reply(&r, reply_ok, len) < 0);
}

T_MAIN(T(t_get_host_is_the_vector_both_ways), T(t_reply_is_the_vector_both_ways),
       T(t_call_is_the_vector_both_ways), T(t_longest_messages_fit_their_room),
       T(t_absurd_values_are_refused), T(t_cut_at_any_length_is_refused_or_incomplete))
