/* Frames and their parser; the table of handlers. */
#include "t.h"

#include "net/dispatch.h"
#include "net/frame.h"

static void t_head_is_two_little_endian_numbers(void **state)
{
    static const uint8_t want[8] = {1, 0, 0, 0, 0xf7, 0xff, 0, 0};
    static const uint8_t neg[8] = {0xfe, 0xff, 0xff, 0xff, 1, 2, 0, 0};
    uint8_t head[8];

    (void)state;
    frame_put_head(head, 1, 65527);
    assert_memory_equal(head, want, 8);
    frame_put_head(head, -2, 513);
    assert_memory_equal(head, neg, 8);
}

static void t_parse_gives_id_length_and_body(void **state)
{
    static const char bytes[] = {LAB_ID, 0,   0,   0,   5,   0,   0,   0,
                                 'h',    'e', 'l', 'l', 'o', 'X', 'Y', 'Z'};
    struct frame f;

    (void)state;
    assert_int_equal(frame_parse(bytes, 16, LAB_LIMIT, &f), 13);
    assert_int_equal(f.msgid, LAB_ID);
    assert_int_equal(f.len, 5);
    assert_ptr_equal(f.body, bytes + 8);
}

static void t_parse_every_prefix_wants_more(void **state)
{
    static const char bytes[] = "\x07\0\0\0\x05\0\0\0hello";
    struct frame f = {.msgid = 99};
    size_t n;

    (void)state;
    for (n = 0; n < 13; n++)
        assert_int_equal(frame_parse(bytes, n, 100, &f), 0);
    assert_int_equal(f.msgid, 99);        /* written only on success */
    assert_int_equal(frame_parse(bytes, 13, 100, &f), 13);
}

static void t_parse_empty_body_is_a_frame(void **state)
{
    static const char bytes[8] = "\x07";
    struct frame f;

    (void)state;
    assert_int_equal(frame_parse(bytes, 8, 100, &f), 8);
    assert_int_equal(f.len, 0);
}

static void t_parse_too_long_or_negative_is_emsgsize(void **state)
{
    uint8_t b[8];
    struct frame f;

    (void)state;
    frame_put_head(b, 1, LAB_LIMIT + 1);
    assert_int_equal(frame_parse(b, 8, LAB_LIMIT, &f), -EMSGSIZE);
    frame_put_head(b, 1, LAB_LIMIT);
    assert_int_equal(frame_parse(b, 8, LAB_LIMIT, &f), 0);
    frame_put_head(b, 1, (uint32_t)-1);
    assert_int_equal(frame_parse(b, 8, FRAME_MAX_BODY, &f), -EMSGSIZE);
    frame_put_head(b, 1, 0x80000000u);
    assert_int_equal(frame_parse(b, 8, FRAME_MAX_BODY, &f), -EMSGSIZE);
    frame_put_head(b, 1, FRAME_MAX_BODY + 1);
    assert_int_equal(frame_parse(b, 8, FRAME_MAX_BODY, &f), -EMSGSIZE);
}

static void t_parse_at_any_alignment(void **state)
{
    uint8_t b[32] = {0};
    struct frame f;
    int i;

    (void)state;
    for (i = 0; i < 8; i++) {
        frame_put_head(b + i, 0x01020304, 2);
        assert_int_equal(frame_parse(b + i, 10, 100, &f), 10);
        assert_int_equal(f.msgid, 0x01020304);
    }
}

static int called;

static void on_msg(struct conn *c, const struct frame *f, void *arg)
{
    (void)c;
    called += f->msgid + *(int *)arg;
}

static void t_dispatch_calls_the_handler_of_the_id(void **state)
{
    struct dispatch *d;
    struct frame f = {.msgid = LAB_ID};
    int ten = 10;

    (void)state;
    assert_int_equal(dispatch_create(&d), 0);
    assert_int_equal(dispatch_set(d, LAB_ID, on_msg, &ten), 0);
    assert_int_equal(dispatch_set(d, LAB_ID, on_msg, &ten), -EEXIST);
    assert_int_equal(dispatch_set(d, -1, on_msg, &ten), -ERANGE);
    assert_int_equal(dispatch_set(d, 256, on_msg, &ten), -ERANGE);
    called = 0;
    assert_true(dispatch_call(d, NULL, &f));
    assert_int_equal(called, LAB_ID + 10);
    f.msgid = LAB_ID2;
    assert_false(dispatch_call(d, NULL, &f));
    f.msgid = -1;
    assert_false(dispatch_call(d, NULL, &f));
    f.msgid = 1 << 30;
    assert_false(dispatch_call(d, NULL, &f));
    assert_int_equal(called, LAB_ID + 10);
    dispatch_destroy(d);
    dispatch_destroy(NULL);
}

T_MAIN(T(t_head_is_two_little_endian_numbers), T(t_parse_gives_id_length_and_body),
       T(t_parse_every_prefix_wants_more), T(t_parse_empty_body_is_a_frame),
       T(t_parse_too_long_or_negative_is_emsgsize), T(t_parse_at_any_alignment),
       T(t_dispatch_calls_the_handler_of_the_id))
