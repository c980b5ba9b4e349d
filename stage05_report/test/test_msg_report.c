/* Message 3 byte for byte, as the programs of the public Lars send it. */
#include "proto/msg_report.h"
#include "t.h"

static struct msg_result res[MSG_MAX_RESULTS];
static uint8_t body[65527];

/* Module 1/2, caller 127.0.0.1, node 192.168.0.1:8080 (a negative int32), 200 successes,
 * 3 errors, overloaded, time 1700000000. */
static const uint8_t vector[] = {0x08, 0x01, 0x10, 0x02, 0x18, 0x81, 0x80, 0x80,
                                 0xf8, 0x07, 0x22, 0x15, 0x08, 0x81, 0x80, 0xa0,
                                 0x85, 0xfc, 0xff, 0xff, 0xff, 0xff, 0x01, /* ip */
                                 0x10, 0x90, 0x3f, 0x18, 0xc8, 0x01, 0x20, 0x03,
                                 0x28, 0x01, /* port, succ, err, overload */
                                 0x28, 0x80, 0xe2, 0xcf, 0xaa, 0x06};

static const struct msg_report head = {{1, 2}, 0x7f000001, 1700000000};
static const struct msg_result one = {0xc0a80001, 8080, 200, 3, true};

static void t_report_pack_is_the_vector(void **state)
{
    ssize_t n = msg_report_pack(&head, &one, 1, body, sizeof(body));

    (void)state;
    assert_int_equal(n, sizeof(vector));
    assert_memory_equal(body, vector, sizeof(vector));
}

static void t_report_unpack_reads_the_vector(void **state)
{
    struct msg_report m;
    size_t n;

    (void)state;
    assert_int_equal(msg_report_unpack(&m, res, 1, &n, vector, sizeof(vector)), 0);
    assert_int_equal(n, 1);
    assert_int_equal(m.mod.modid, 1);
    assert_int_equal(m.mod.cmdid, 2);
    assert_int_equal(m.caller, 0x7f000001);
    assert_int_equal(m.ts, 1700000000);
    assert_int_equal(res[0].ip, 0xc0a80001);
    assert_int_equal(res[0].port, 8080);
    assert_int_equal(res[0].succ, 200);
    assert_int_equal(res[0].err, 3);
    assert_true(res[0].overload);
}

static void t_report_cut_at_any_length_is_refused_or_shorter(void **state)
{
    struct msg_report m;
    size_t len, n;

    (void)state;
    for (len = 0; len < sizeof(vector); len++) {
        int rc = msg_report_unpack(&m, res, 1, &n, vector, len);

        assert_true(rc == -EBADMSG || rc == -EINVAL || rc == 0);
        if (rc == 0)
            assert_true(n <= 1);
    }
}

static int unpack_port(int port)
{
    struct msg_result r = {1, (uint32_t)port, 0, 0, false};
    struct msg_report m;
    size_t n;
    ssize_t len = msg_report_pack(&head, &r, 1, body, sizeof(body));

    assert_true(len > 0);
    return msg_report_unpack(&m, res, 10, &n, body, (size_t)len);
}

static void t_report_absurd_values_are_refused(void **state)
{
    const struct msg_report none = {{0, 0}, 1, 1};
    struct msg_report m;
    size_t n;
    ssize_t len;

    (void)state;
    assert_int_equal(unpack_port(0), -EINVAL);
    assert_int_equal(unpack_port(70000), -EINVAL);
    assert_int_equal(unpack_port(-1), -EINVAL);
    assert_int_equal(unpack_port(65535), 0);
    len = msg_report_pack(&none, &one, 1, body, sizeof(body));
    assert_int_equal(msg_report_unpack(&m, res, 1, &n, body, (size_t)len), -EINVAL);
}

static void t_report_more_results_than_room_is_refused(void **state)
{
    uint8_t *p = body;
    struct msg_report m;
    size_t n;
    int i;

    (void)state;
    *p++ = 0x08;
    *p++ = 1;
    for (i = 0; i < 30000; i++) {     /* empty results: two bytes each */
        *p++ = 0x22;
        *p++ = 0;
    }
    assert_true(
        msg_report_unpack(&m, res, MSG_MAX_RESULTS, &n, body, (size_t)(p - body)) < 0);
    assert_int_equal(msg_report_pack(&head, res, MSG_REPORT_ROOM + 1, body, sizeof(body)),
                     -E2BIG);
    assert_int_equal(msg_report_pack(&head, &one, 1, body, 10), -ENOBUFS);
}

static void t_report_with_the_most_results_fits_a_frame(void **state)
{
    struct msg_report m = {{UINT32_MAX, UINT32_MAX}, UINT32_MAX, UINT32_MAX};
    size_t i, n;
    ssize_t len;

    (void)state;
    for (i = 0; i < MSG_REPORT_ROOM; i++)
        res[i] = (struct msg_result){UINT32_MAX, 65535, UINT32_MAX, UINT32_MAX, true};
    len = msg_report_pack(&m, res, MSG_REPORT_ROOM, body, sizeof(body));
    assert_true(len > 0);
    assert_int_equal(msg_report_unpack(&m, res, MSG_MAX_RESULTS, &n, body, (size_t)len),
                     0);
    assert_int_equal(n, MSG_REPORT_ROOM);
    assert_int_equal(res[n - 1].succ, UINT32_MAX);
}

static void t_report_without_results_is_legal(void **state)
{
    struct msg_report m;
    size_t n = 9;

    (void)state;
    assert_int_equal(msg_report_unpack(&m, res, 1, &n, "\x08\x01", 2), 0);
    assert_int_equal(n, 0);
}

T_MAIN(T(t_report_pack_is_the_vector), T(t_report_unpack_reads_the_vector),
       T(t_report_cut_at_any_length_is_refused_or_shorter),
       T(t_report_absurd_values_are_refused),
       T(t_report_more_results_than_room_is_refused),
       T(t_report_with_the_most_results_fits_a_frame),
       T(t_report_without_results_is_legal))
