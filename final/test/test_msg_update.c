/* Message 36 (route update) byte for byte, its largest page, what is refused, and that no
 * shortened message crashes the reader. */
#include "proto/msg_update.h"
#include "t.h"

static uint8_t body[65527];
static struct msg_host add[MSG_UPDATE_HOSTS], gone[MSG_UPDATE_HOSTS];
static struct msg_update m;

static const char delta[] = "\x08\x01\x10\x02\x18\x07\x20\x05\x28\x06\x30\x01\x38\x01"
                            "\x42\x04\x08\x0a\x10\x50\x4a\x04\x08\x0b\x10\x51";

static void t_pack_of_a_delta_gives_these_bytes(void **state)
{
    struct msg_update in = {{1, 2}, 7, 5, 6, 1, 1, 1, 1};
    struct msg_host a = {10, 80}, g = {11, 81};

    (void)state;
    assert_int_equal(msg_update_pack(&in, &a, &g, body, sizeof(body)), sizeof(delta) - 1);
    assert_memory_equal(body, delta, sizeof(delta) - 1);
    assert_int_equal(msg_update_unpack(&m, add, gone, delta, sizeof(delta) - 1), 0);
    assert_memory_equal(&m, &in, sizeof(in));
    assert_int_equal(add[0].ip, 10);
    assert_int_equal(gone[0].port, 81);
}

static void t_largest_page_fits_into_a_frame(void **state)
{
    struct msg_update in = {
        {UINT32_MAX, UINT32_MAX}, UINT64_MAX,       UINT64_MAX,       0,
        MSG_UPDATE_PAGES,         MSG_UPDATE_PAGES, MSG_UPDATE_HOSTS, 0};
    static struct msg_host all[MSG_UPDATE_HOSTS + 1];
    ssize_t n;
    size_t i;

    (void)state;
    for (i = 0; i <= MSG_UPDATE_HOSTS; i++)
        all[i] = (struct msg_host){UINT32_MAX, 65535, UINT16_MAX, UINT32_MAX};
    n = msg_update_pack(&in, all, NULL, body, sizeof(body));
    assert_true(n > 0);
    assert_int_equal(msg_update_unpack(&m, add, gone, body, (size_t)n), 0);
    assert_int_equal(m.n_add, MSG_UPDATE_HOSTS);
    assert_true(m.sum == UINT64_MAX && m.version == UINT64_MAX);
    assert_int_equal(add[0].weight, UINT16_MAX);
    assert_int_equal(add[MSG_UPDATE_HOSTS - 1].zone, UINT32_MAX);
    in.n_add++;
    assert_int_equal(msg_update_pack(&in, all, NULL, body, sizeof(body)), -E2BIG);
    in.n_add = 1;
    assert_int_equal(msg_update_pack(&in, all, NULL, body, 10), -ENOBUFS);
}

static int refused(struct msg_update in, struct msg_host a)
{
    struct msg_host g = {1, 1};
    ssize_t n = msg_update_pack(&in, &a, &g, body, sizeof(body));

    assert_true(n > 0);
    return msg_update_unpack(&m, add, gone, body, (size_t)n);
}

static void t_invalid_values_are_refused(void **state)
{
    const struct msg_host h = {1, 1};

    (void)state;
    assert_int_equal(refused((struct msg_update){{1, 1}, 1, 1, 0, 1, 1, 1, 0}, h), 0);
    assert_int_equal(refused((struct msg_update){{0, 0}, 1, 1, 0, 1, 1, 1, 0}, h),
                     -EINVAL);
    assert_int_equal(refused((struct msg_update){{1, 1}, 1, 0, 0, 1, 1, 1, 0}, h),
                     -EINVAL);
    assert_int_equal(refused((struct msg_update){{1, 1}, 1, 1, 0, 0, 1, 1, 0}, h),
                     -EINVAL);
    assert_int_equal(refused((struct msg_update){{1, 1}, 1, 1, 0, 2, 1, 1, 0}, h),
                     -EINVAL);
    assert_int_equal(refused((struct msg_update){{1, 1}, 1, 1, 0, 1, 1001, 1, 0}, h),
                     -EINVAL);
    assert_int_equal(refused((struct msg_update){{1, 1}, 1, 1, 9, 1, 2, 1, 0}, h),
                     -EINVAL);
    assert_int_equal(refused((struct msg_update){{1, 1}, 1, 1, 0, 1, 1, 1, 1}, h),
                     -EINVAL);
    assert_int_equal(refused((struct msg_update){{1, 1}, 1, 1, 0, 1, 1, 1, 0},
                             (struct msg_host){1, 0}),
                     -EINVAL);
    assert_int_equal(refused((struct msg_update){{1, 1}, 1, 1, 0, 1, 1, 1, 0},
                             (struct msg_host){1, 70000}),
                     -EINVAL);
    assert_int_equal(msg_update_unpack(&m, add, gone, "\xff\xff", 2), -EBADMSG);
    assert_int_equal(msg_update_unpack(&m, add, gone, "", 0), -EINVAL);
}

static void t_shortened_message_never_crashes(void **state)
{
    size_t n;

    (void)state;
    for (n = 0; n < sizeof(delta) - 1; n++)
        (void)msg_update_unpack(&m, add, gone, delta, n);
    assert_int_equal(msg_update_unpack(&m, add, gone, delta, 25), -EBADMSG);
}

T_MAIN(T(t_pack_of_a_delta_gives_these_bytes), T(t_largest_page_fits_into_a_frame),
       T(t_invalid_values_are_refused), T(t_shortened_message_never_crashes))
