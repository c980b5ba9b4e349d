/* Bodies: counted, chunked and to the end of the connection, however the network cuts
 * them; chunks that two programs could read differently are refused. */
#include "lib/httpcase.h"

#include "base/buf.h"
#include "http/http_body.h"

/* Read <len> bytes in parts: <first>, then <step> each.  Appends the body to <out>.
 * Returns how many bytes were used, or -EBADMSG. */
static ssize_t read_parts(struct http_body *b, const char *text, size_t len, size_t first,
                          size_t step, struct buf *out)
{
    size_t at = 0, part = first;

    while (at < len && !b->done) {
        size_t n = part < len - at ? part : len - at, used = 0;
        char *copy = malloc(n + (n == 0));

        memcpy(copy, text + at, n);
        while (used < n && !b->done) {
            struct http_text data;
            ssize_t rc = http_body_read(b, copy + used, n - used, &data);

            if (rc < 0) {
                free(copy);
                return rc;
            }
            assert_true(rc > 0 && (size_t)rc <= n - used);
            assert_true(data.len == 0 || (data.at >= copy + used &&
                                          data.at + data.len <= copy + used + rc));
            assert_int_equal(buf_append(out, data.at, data.len), 0);
            used += (size_t)rc;
        }
        free(copy);
        at += used;
        part = step;
    }
    return (ssize_t)at;
}

/* Every cut gives <body>, from the first <used> bytes; NULL: every cut is refused. */
static void check(enum http_framing framing, uint64_t length, const char *text,
                  size_t len, const char *body, size_t used)
{
    size_t first;

    for (first = 0; first <= len + 1; first++) {
        struct http_body b;
        struct buf out = {0};
        ssize_t rc;

        http_body_init(&b, framing, length);
        rc = first > len ? read_parts(&b, text, len, 1, 1, &out)
                         : read_parts(&b, text, len, first, len + 1, &out);
        if (body ? rc != (ssize_t)used || !b.done : rc != -EBADMSG || b.done)
            fail_msg("cut at %zu: %zd%s: %s", first, rc, b.done ? ", done" : "", text);
        if (body) {
            assert_int_equal(out.len, strlen(body));
            assert_memory_equal(buf_bytes(&out), body, out.len);
        }
        buf_free(&out);
    }
}

static void check_chunked(const char *text, const char *body)
{
    size_t len = strlen(text);

    check(HTTP_CHUNKED, 0, text, len, body, len);
}

static void t_chunks_are_joined(void **state)
{
    (void)state;
    check_chunked("0\r\n\r\n", "");
    check_chunked("00000000\r\n\r\n", "");
    check_chunked("5\r\nhello\r\n0\r\n\r\n", "hello");
    check_chunked("5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", "hello world");
    check_chunked("0000000a\r\n0123456789\r\n0\r\n\r\n", "0123456789");
    check_chunked("A\r\n\r\n0\r\n\r\n0\r\n\r\n0\r\n\r\n", "\r\n0\r\n\r\n0\r\n");
}

static void t_bytes_behind_the_body_are_left(void **state)
{
    const char *chunked = "1\r\na\r\n0\r\n\r\nGET / HTTP/1.1\r\n";

    (void)state;
    check(HTTP_CHUNKED, 0, chunked, strlen(chunked), "a", 11);
    check(HTTP_LENGTH, 5, "helloGET /", 10, "hello", 5);
    check(HTTP_LENGTH, 0, "GET /", 5, "", 0);
    check(HTTP_NO_BODY, 0, "GET /", 5, "", 0);
}

static void t_trailer_is_dropped(void **state)
{
    (void)state;
    check_chunked("1\r\na\r\n0\r\nX: y\r\n\r\n", "a");
    check_chunked("1\r\na\r\n0\r\nX: y\r\nContent-Length: 5\r\n\tfolded\r\n\r\n", "a");
}

static void t_chunks_of_two_readings_are_refused(void **state)
{
    static const char *const bad[] = {"5;a=b\r\nhello\r\n0\r\n\r\n",
                                      "5;\r\nhello\r\n0\r\n\r\n",
                                      "5 \r\nhello\r\n0\r\n\r\n",
                                      " 5\r\nhello\r\n0\r\n\r\n",
                                      "5\t\r\nhello\r\n0\r\n\r\n",
                                      "5\nhello\r\n0\r\n\r\n",
                                      "5\r\r\nhello\r\n0\r\n\r\n",
                                      "5\rhello\r\n0\r\n\r\n",
                                      "5\r\nhello\n0\r\n\r\n",
                                      "5\r\nhelloX\r\n0\r\n\r\n",
                                      "5\r\nhello0\r\n\r\n",
                                      "5\r\nhello\rX0\r\n\r\n",
                                      "-5\r\nhello\r\n0\r\n\r\n",
                                      "+5\r\nhello\r\n0\r\n\r\n",
                                      "0x5\r\nhello\r\n0\r\n\r\n",
                                      "g\r\nhello\r\n0\r\n\r\n",
                                      "\r\nhello\r\n0\r\n\r\n",
                                      "000000005\r\nhello\r\n0\r\n\r\n",
                                      "100000000\r\nhello",
                                      "ffffffffffffffff\r\n",
                                      "5\r\nhello\r\n0\n\r\n",
                                      "5\r\nhello\r\n0\r\n\n",
                                      "5\r\nhello\r\n0\r\n\rX",
                                      "5\r\nhello\r\n0\r\nX: y\n\r\n",
                                      "5\r\nhello\r\n0\r\nX: y\rz\r\n",
                                      "5\r\nhello\r\n0;last\r\n\r\n",
                                      "5\r\nhello\r\n0\r\nX: \x01\r\n",
                                      "`\r\n",
                                      "@\r\n",
                                      ":\r\n",
                                      "/\r\n",
                                      "G\r\n"};
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        check_chunked(bad[i], NULL);
}

static void t_byte_0_in_a_size_or_a_trailer_is_refused(void **state)
{
    (void)state;
    check(HTTP_CHUNKED, 0, "5\0\r\nhello", 9, NULL, 0);
    check(HTTP_CHUNKED, 0, "0\r\nX: \0\r\n\r\n", 11, NULL, 0);
}

static void t_size_of_8_digits_is_the_longest(void **state)
{
    struct http_body b;
    struct http_text data;

    (void)state;
    http_body_init(&b, HTTP_CHUNKED, 0);
    assert_int_equal(http_body_read(&b, "ffffffff\r\nx", 11, &data), 11);
    assert_int_equal(data.len, 1);
    assert_true(b.left == 0xfffffffeu);
    http_body_init(&b, HTTP_CHUNKED, 0);
    assert_int_equal(http_body_read(&b, "FFFFFFFF0\r\nx", 12, &data), -EBADMSG);
}

static void t_trailer_is_bounded(void **state)
{
    static char text[6000];
    struct http_body b;
    struct buf out = {0};
    size_t at = (size_t)sprintf(text, "0\r\n");

    (void)state;
    memset(text + at, 'x', 5000);
    http_body_init(&b, HTTP_CHUNKED, 0);
    assert_int_equal(read_parts(&b, text, 4000, 100, 100, &out), 4000);
    assert_int_equal(read_parts(&b, text + 4000, 1000, 100, 100, &out), -EBADMSG);
    buf_free(&out);
}

static void t_only_a_body_to_the_end_ends_with_the_connection(void **state)
{
    struct http_body b;
    struct buf out = {0};

    (void)state;
    http_body_init(&b, HTTP_TO_END, 0);
    assert_int_equal(read_parts(&b, "0\r\n\r\n", 5, 1, 1, &out), 5);
    assert_int_equal(out.len, 5);
    assert_false(b.done);
    assert_int_equal(http_body_end(&b), 0);
    assert_true(b.done);
    buf_free(&out);
    http_body_init(&b, HTTP_LENGTH, 3);
    assert_int_equal(read_parts(&b, "ab", 2, 1, 1, &out), 2);
    assert_int_equal(http_body_end(&b), -EPIPE);
    assert_int_equal(read_parts(&b, "c", 1, 1, 1, &out), 1);
    assert_int_equal(http_body_end(&b), 0);
    http_body_init(&b, HTTP_CHUNKED, 0);
    assert_int_equal(read_parts(&b, "0\r\n\r", 4, 1, 1, &out), 4);
    assert_int_equal(http_body_end(&b), -EPIPE);
    buf_free(&out);
}

T_MAIN(T(t_chunks_are_joined), T(t_bytes_behind_the_body_are_left),
       T(t_trailer_is_dropped), T(t_chunks_of_two_readings_are_refused),
       T(t_byte_0_in_a_size_or_a_trailer_is_refused),
       T(t_size_of_8_digits_is_the_longest), T(t_trailer_is_bounded),
       T(t_only_a_body_to_the_end_ends_with_the_connection))
