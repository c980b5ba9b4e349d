/* Messages 32 to 35 (hello, batch and their replies): packing and unpacking gives the
 * same values, the largest fits into a frame, and invalid ones are refused. */
#include "proto/msg_batch.h"
#include "t.h"

static uint8_t body[65527];

static struct msg_batch *make(size_t n)
{
    struct msg_batch *b = calloc(1, sizeof(*b) + n * sizeof(b->row[0]));
    size_t i;

    assert_non_null(b);
    memset(b->stream, 7, MSG_STREAM);
    b->seq = UINT64_MAX;
    b->caller = 0xc0a80001;
    b->ts = UINT32_MAX;
    b->n = n;
    for (i = 0; i < n; i++)
        b->row[i] = (struct msg_count){.mod = {UINT32_MAX, UINT32_MAX},
                                       .ip = UINT32_MAX,
                                       .port = 65535,
                                       .succ = UINT64_MAX,
                                       .err = UINT64_MAX,
                                       .overload = true};
    return b;
}

static void t_hello_is_packed_into_two_bytes(void **state)
{
    enum msg_service service = MSG_SERVICE_DNS;
    uint32_t version = 0;

    (void)state;
    assert_int_equal(msg_batch_pack_hello(MSG_SERVICE_NOT_TOLD, body, sizeof(body)), 2);
    assert_memory_equal(body, "\x08\x01", 2);
    assert_int_equal(msg_batch_unpack_hello(&version, &service, body, 2), 0);
    assert_int_equal(version, MSG_VERSION);
    assert_int_equal(service, MSG_SERVICE_NOT_TOLD);
    assert_int_equal(msg_batch_unpack_hello(&version, &service, "", 0), -EINVAL);
    assert_int_equal(msg_batch_unpack_hello(&version, &service, "\xff", 1), -EBADMSG);
    assert_int_equal(msg_batch_pack_hello(MSG_SERVICE_DNS, body, 1), -ENOBUFS);
}

static void t_hello_tells_the_service(void **state)
{
    enum msg_service service = MSG_SERVICE_NOT_TOLD;
    uint32_t version = 0;

    (void)state;
    assert_int_equal(msg_batch_pack_hello(MSG_SERVICE_REPORT, body, sizeof(body)), 4);
    assert_memory_equal(body, "\x08\x01\x10\x02", 4);
    assert_int_equal(msg_batch_unpack_hello(&version, &service, body, 4), 0);
    assert_int_equal(service, MSG_SERVICE_REPORT);
    body[3] = 9; /* a kind of the future */
    assert_int_equal(msg_batch_unpack_hello(&version, &service, body, 4), 0);
    assert_int_equal(service, MSG_SERVICE_NOT_TOLD);
}

static void t_largest_batch_fits_into_a_frame(void **state)
{
    struct msg_batch *b = make(MSG_BATCH_ROWS), *back;
    ssize_t n = msg_batch_pack(b, body, sizeof(body));

    (void)state;
    assert_true(n > 0);
    assert_int_equal(msg_batch_unpack(&back, body, (size_t)n), 0);
    assert_int_equal(back->n, MSG_BATCH_ROWS);
    assert_true(back->seq == UINT64_MAX && back->caller == 0xc0a80001);
    assert_memory_equal(back->stream, b->stream, MSG_STREAM);
    assert_true(back->row[899].succ == UINT64_MAX && back->row[899].overload);
    assert_int_equal(back->row[899].mod.cmdid, UINT32_MAX);
    b->n++;
    assert_int_equal(msg_batch_pack(b, body, sizeof(body)), -E2BIG);
    b->n = 1;
    assert_int_equal(msg_batch_pack(b, body, 20), -ENOBUFS);
    free(b);
    free(back);
}

static int change(void (*f)(struct msg_batch *b))
{
    struct msg_batch *b = make(1), *back = NULL;
    ssize_t n;
    int rc;

    f(b);
    n = msg_batch_pack(b, body, sizeof(body));
    assert_true(n > 0);
    rc = msg_batch_unpack(&back, body, (size_t)n);
    if (rc == 0)
        free(back);
    free(b);
    return rc;
}

static void no_change(struct msg_batch *b)
{
    (void)b;
}

static void no_seq(struct msg_batch *b)
{
    b->seq = 0;
}

static void no_port(struct msg_batch *b)
{
    b->row[0].port = 0;
}

static void big_port(struct msg_batch *b)
{
    b->row[0].port = 70000;
}

static void no_module(struct msg_batch *b)
{
    b->row[0].mod = (struct module_id){0, 0};
}

static void t_invalid_values_are_refused(void **state)
{
    struct msg_batch *back;
    struct msg_ack a;

    (void)state;
    assert_int_equal(change(no_change), 0);
    assert_int_equal(change(no_seq), -EINVAL);
    assert_int_equal(change(no_port), -EINVAL);
    assert_int_equal(change(big_port), -EINVAL);
    assert_int_equal(change(no_module), -EINVAL);
    assert_int_equal(msg_batch_unpack(&back, "\x0a\x01x\x10\x01", 5), -EINVAL);
    assert_int_equal(msg_batch_unpack(&back, "\x0a\x7fx", 3), -EBADMSG);
    assert_int_equal(msg_batch_unpack_ack(&a, "\x10\x01", 2), -EINVAL);
    assert_int_equal(msg_batch_unpack_ack(&a, "\xff", 1), -EBADMSG);
}

static void t_ack_is_packed_and_unpacked(void **state)
{
    struct msg_ack a = {.seq = 300}, back;
    ssize_t n;

    (void)state;
    memset(a.stream, 9, MSG_STREAM);
    n = msg_batch_pack_ack(&a, body, sizeof(body));
    assert_int_equal(n, 2 + MSG_STREAM + 3);
    assert_int_equal(msg_batch_unpack_ack(&back, body, (size_t)n), 0);
    assert_true(back.seq == 300);
    assert_memory_equal(back.stream, a.stream, MSG_STREAM);
    assert_int_equal(msg_batch_pack_ack(&a, body, 10), -ENOBUFS);
}

T_MAIN(T(t_hello_is_packed_into_two_bytes),
       T(t_hello_tells_the_service),
       T(t_largest_batch_fits_into_a_frame),
       T(t_invalid_values_are_refused),
       T(t_ack_is_packed_and_unpacked))
