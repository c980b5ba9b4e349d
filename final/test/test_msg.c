/* Messages 1 and 2 byte for byte.  The expected bytes are those that the programs of the
 * public Lars send and accept. */
#include "t.h"

#include "proto/msg.h"

static void t_get_route_request_bytes(void **state)
{
    static const uint8_t want[] = {0x08, LAB_ID, 0x10, 2};
    static const uint8_t negative[] = {0x08, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff,
                                       0xff, 0xff, 0xff, 0x01, 0x10, 0xac, 0x02};
    uint8_t b[64];

    (void)state;
    assert_int_equal(msg_pack_get_route(&(struct module_id){LAB_ID, 2}, b, sizeof(b)), 4);
    assert_memory_equal(b, want, 4);
    assert_int_equal(msg_pack_get_route(&(struct module_id){UINT32_MAX, 300}, b, 64),
                     14);
    assert_memory_equal(b, negative, 14);
    assert_int_equal(msg_pack_get_route(&(struct module_id){1, 2}, b, 3), -ENOBUFS);
}

static void t_get_route_request_is_read_back(void **state)
{
    static const uint32_t value[] = {1,          127,        128,       65536,
                                     0x7fffffff, 0x80000000, UINT32_MAX};
    struct module_id m;
    uint8_t b[64];
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(value) / sizeof(value[0]); i++) {
        ssize_t n = msg_pack_get_route(&(struct module_id){value[i], 5}, b, sizeof(b));

        assert_int_equal(msg_unpack_get_route(&m, b, (size_t)n), 0);
        assert_int_equal(m.modid, value[i]);
        assert_int_equal(m.cmdid, 5);
    }
}

static void t_get_route_request_refused(void **state)
{
    static const uint8_t torn[] = {0x08, 0xff}, wrong_type[] = {0x0a, 5, 'a'};
    struct module_id m = {77, 77};

    (void)state;
    assert_int_equal(msg_unpack_get_route(&m, torn, 2), -EBADMSG);
    assert_int_equal(msg_unpack_get_route(&m, wrong_type, 3), -EBADMSG);
    assert_int_equal(msg_unpack_get_route(&m, "", 0), -EINVAL); /* module 0/0 */
    assert_int_equal(m.modid, 77);
}

/* 10.0.0.1 is a positive int32; 200.1.2.3 is a negative one, which takes ten bytes. */
static void t_route_response_bytes(void **state)
{
    static const uint8_t want[] = {0x08, 1,    0x10, 1,    0x1a, 8,    0x08, 0x81,
                                   0x80, 0x80, 0x50, 0x10, 0xc1, 0x3e, 0x1a, 15,
                                   0x08, 0x83, 0x84, 0x84, 0xc0, 0xfc, 0xff, 0xff,
                                   0xff, 0xff, 0x01, 0x10, 0xff, 0xff, 0x03};
    static const struct msg_host host[] = {{0x0a000001, 8001}, {0xc8010203, 65535}};
    struct msg_host back[2];
    struct module_id m;
    uint8_t b[100];
    size_t n;

    (void)state;
    assert_int_equal(msg_pack_route(&(struct module_id){1, 1}, host, 2, b, sizeof(b)),
                     sizeof(want));
    assert_memory_equal(b, want, sizeof(want));
    assert_int_equal(msg_unpack_route(&m, back, 2, &n, b, sizeof(want)), 0);
    assert_int_equal(n, 2);
    assert_int_equal(back[1].ip, 0xc8010203);
    assert_int_equal(back[1].port, 65535);
    assert_int_equal(msg_unpack_route(&m, back, 1, &n, b, sizeof(want)), -E2BIG);
}

static void t_route_response_without_nodes_is_valid(void **state)
{
    static const uint8_t want[] = {0x08, 7, 0x10, 9};
    struct msg_host host[1];
    struct module_id m;
    uint8_t b[16];
    size_t n = 99;

    (void)state;
    assert_int_equal(msg_pack_route(&(struct module_id){7, 9}, NULL, 0, b, 16), 4);
    assert_memory_equal(b, want, 4);
    assert_int_equal(msg_unpack_route(&m, host, 1, &n, b, 4), 0);
    assert_int_equal(n, 0);
}

static void t_route_response_absurd_values_are_refused(void **state)
{
    static const uint8_t port0[] = {0x08, 1, 0x10, 1, 0x1a, 2, 0x08, 1};
    static const uint8_t port70000[] = {0x08, 1,    0x1a, 6,    0x08,
                                        1,    0x10, 0xf0, 0xa2, 0x04};
    struct msg_host host[4];
    struct module_id m;
    size_t n;

    (void)state;
    assert_int_equal(msg_unpack_route(&m, host, 4, &n, port0, sizeof(port0)), -EINVAL);
    assert_int_equal(msg_unpack_route(&m, host, 4, &n, port70000, 10), -EINVAL);
    assert_int_equal(msg_unpack_route(&m, host, 4, &n, "", 0), -EINVAL);
}

static void t_largest_route_fits_a_frame_and_no_more_is_packed(void **state)
{
    static struct msg_host host[MSG_MAX_HOSTS + 1], back[MSG_MAX_HOSTS];
    static uint8_t b[65527];
    struct module_id m;
    size_t i, n;
    ssize_t len;

    (void)state;
    for (i = 0; i <= MSG_MAX_HOSTS; i++)
        host[i] = (struct msg_host){0xffffff00u - (uint32_t)i, 65535};
    len = msg_pack_route(&(struct module_id){UINT32_MAX, UINT32_MAX}, host,
                         MSG_MAX_HOSTS, b, sizeof(b));
    assert_in_range(len, 60000, 65527);
    assert_int_equal(msg_unpack_route(&m, back, MSG_MAX_HOSTS, &n, b, (size_t)len), 0);
    assert_int_equal(n, MSG_MAX_HOSTS);
    assert_int_equal(back[MSG_MAX_HOSTS - 1].ip, host[MSG_MAX_HOSTS - 1].ip);
    assert_int_equal(msg_pack_route(&(struct module_id){1, 1}, host, MSG_MAX_HOSTS + 1,
                                    b, sizeof(b)),
                     -E2BIG);
    assert_int_equal(msg_pack_route(&(struct module_id){1, 1}, host, 10, b, 20),
                     -ENOBUFS);
}

/* 32,763 empty nodes: each takes two bytes of input and a struct in memory. */
static void t_a_message_that_unpacks_to_too_much_ends_in_an_error(void **state)
{
    static uint8_t b[65526];
    struct msg_host host[4];
    struct module_id m;
    size_t n, i;

    (void)state;
    for (i = 0; i + 1 < sizeof(b); i += 2) {
        b[i] = 0x1a;
        b[i + 1] = 0;
    }
    assert_in_range(-msg_unpack_route(&m, host, 4, &n, b, sizeof(b)), 1, 200);
}

T_MAIN(T(t_get_route_request_bytes), T(t_get_route_request_is_read_back),
       T(t_get_route_request_refused), T(t_route_response_bytes),
       T(t_route_response_without_nodes_is_valid),
       T(t_route_response_absurd_values_are_refused),
       T(t_largest_route_fits_a_frame_and_no_more_is_packed),
       T(t_a_message_that_unpacks_to_too_much_ends_in_an_error))
