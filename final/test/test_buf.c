/* The byte queue: order, memory and growth. */
#include "t.h"

#include "base/buf.h"

static void t_append_and_consume_are_a_queue(void **state)
{
    struct buf b = {0};

    (void)state;
    assert_int_equal(buf_append(&b, "hello ", 6), 0);
    assert_int_equal(buf_append(&b, "Lars", 4), 0);
    assert_int_equal(b.len, 10);
    assert_memory_equal(buf_bytes(&b), "hello Lars", 10);
    buf_consume(&b, 6);
    assert_memory_equal(buf_bytes(&b), "Lars", 4);
    buf_consume(&b, 4);
    assert_int_equal(b.len, 0);
    assert_int_equal(b.head, 0);
    buf_free(&b);
    assert_null(b.data);
}

static void t_empty_owns_no_memory(void **state)
{
    struct buf b = {0};

    (void)state;
    assert_int_equal(buf_append(&b, "", 0), 0);
    assert_null(b.data);
    assert_non_null(buf_bytes(&b));
    buf_free(&b);
}

static void t_reserve_makes_room_that_can_be_written(void **state)
{
    struct buf b = {0};

    (void)state;
    assert_int_equal(buf_reserve(&b, 1000), 0);
    memset(buf_tail(&b), 'x', 1000);
    buf_added(&b, 1000);
    assert_int_equal(b.len, 1000);
    assert_int_equal(buf_bytes(&b)[999], 'x');
    buf_free(&b);
}

static void t_reserve_more_than_there_is_is_enomem(void **state)
{
    struct buf b = {0};

    (void)state;
    assert_int_equal(buf_append(&b, "abc", 3), 0);
    assert_int_equal(buf_reserve(&b, (size_t)-2), -ENOMEM);
    if (!getenv("LARS_MODE"))             /* sanitizers and valgrind reject such a size */
        assert_int_equal(buf_reserve(&b, (size_t)-1 / 4), -ENOMEM);
    assert_int_equal(b.len, 3);
    assert_memory_equal(buf_bytes(&b), "abc", 3);
    buf_free(&b);
}

/* A queue that is filled and emptied at the same rate must not grow. */
static void t_steady_flow_keeps_its_memory(void **state)
{
    struct buf b = {0};
    char piece[100];
    int i;

    (void)state;
    memset(piece, 'p', sizeof(piece));
    for (i = 0; i < 10000; i++) {
        assert_int_equal(buf_append(&b, piece, sizeof(piece)), 0);
        if (b.len > 500)
            buf_consume(&b, 300);
    }
    assert_true(b.cap <= 2048);
    buf_free(&b);
}

static void t_random_use_keeps_every_byte(void **state)
{
    const char *env = getenv("SEED");
    unsigned seed = env ? (unsigned)atoi(env) : (unsigned)t_now_ms();
    struct buf b = {0};
    unsigned char in = 0, out = 0, piece[700];
    int i;

    (void)state;
    print_message("SEED=%u\n", seed);
    for (i = 0; i < 3000; i++) {
        size_t n = ((seed = seed * 1664525u + 1013904223u) >> 9) % sizeof(piece), k;

        if ((seed >> 3) & 1) {
            for (k = 0; k < n; k++)
                piece[k] = in++;
            assert_int_equal(buf_append(&b, piece, n), 0);
        } else {
            n = n < b.len ? n : b.len;
            for (k = 0; k < n; k++)
                assert_int_equal((unsigned char)buf_bytes(&b)[k], out++);
            buf_consume(&b, n);
        }
    }
    buf_free(&b);
}

T_MAIN(T(t_append_and_consume_are_a_queue), T(t_empty_owns_no_memory),
       T(t_reserve_makes_room_that_can_be_written),
       T(t_reserve_more_than_there_is_is_enomem), T(t_steady_flow_keeps_its_memory),
       T(t_random_use_keeps_every_byte))
