/* Heads that are written anew: what a node and a visitor get of a message, and that it is
 * read again as the same table. */
#include "lib/httpcase.h"

#include "http/http_body.h"
#include "http/http_write.h"

static const struct http_forward plain = {.peer = "10.1.2.3",
                                          .request_id = "0123456789abcdef",
                                          .cookie_drop = "lars_v"};
static const enum http_method to_get = HTTP_METHOD_GET;

/* What a node gets for the request <text>, as a string and read again into <h>.  Both are
 * valid until the next call. */
static const char *forwarded(const char *text, const struct http_forward *f,
                             struct http_head *h)
{
    static char copy[4 * HTTP_HEAD_MAX];
    struct http_head in;
    struct buf out = {0};

    httpcase_check_good(text, strlen(text), NULL, &in);
    assert_int_equal(http_write_request(&out, &in, f), 0);
    assert_true(out.len < sizeof(copy));
    memcpy(copy, buf_bytes(&out), out.len);
    copy[out.len] = 0;
    assert_int_equal(strlen(copy), out.len);
    buf_free(&out);
    httpcase_check_good(copy, strlen(copy), NULL, h);
    return copy;
}

/* --- to a node --------------------------------------------------------------------- */

static void t_request_is_read_again_as_the_same_table(void **state)
{
    struct http_head h;

    (void)state;
    forwarded("PUT /a?b=%20c HTTP/1.0\r\nAccept: a, b\r\nHost: Expo.example:80\r\nX: "
              "\r\nx:y\r\nContent-Length: 00012\r\n\r\n",
              &plain, &h);
    assert_int_equal(h.method, HTTP_METHOD_PUT);
    assert_int_equal(h.minor, 1);
    assert_true(http_head_text_is(h.target, "/a?b=%20c"));
    assert_true(http_head_text_is(h.host, "Expo.example:80"));
    assert_int_equal(h.framing, HTTP_LENGTH);
    assert_int_equal(h.length, 12);
    assert_string_equal(httpcase_value(&h, "Content-Length"), "12");
    assert_string_equal(httpcase_value(&h, "Accept"), "a, b");
    assert_string_equal(httpcase_value(&h, "X-Request-Id"), "0123456789abcdef");
    assert_string_equal(httpcase_value(&h, "Via"), "1.1 lars");
    assert_int_equal(h.n_fields, 10);
}

static void t_url_becomes_a_path_and_chunked_stays_chunked(void **state)
{
    struct http_head h;

    (void)state;
    forwarded("POST http://a/b HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: CHUNKED\r\n\r\n",
              &plain, &h);
    assert_true(http_head_text_is(h.target, "/b"));
    assert_int_equal(h.framing, HTTP_CHUNKED);
    forwarded("DELETE / HTTP/1.1\r\nHost: a\r\n\r\n", &plain, &h);
    assert_int_equal(h.framing, HTTP_NO_BODY);
    assert_false(httpcase_has(&h, "Content-Length"));
}

static void t_fields_of_the_connection_do_not_reach_the_node(void **state)
{
    static const char *const gone[] = {"Connection", "Keep-Alive",    "Proxy-Connection",
                                       "TE",         "Trailer",       "Upgrade",
                                       "X-Secret",   "Authorization", "Cookie",
                                       "Expect"};
    struct http_head h;
    size_t i;

    (void)state;
    forwarded(
        "POST / HTTP/1.1\r\nHost: a\r\nConnection: close, X-Secret,authorization\r\n"
        "connection: cookie, host, content-length, x-forwarded-for, via\r\n"
        "Keep-Alive: timeout=5\r\nProxy-Connection: close\r\nTE: trailers\r\n"
        "Trailer: X\r\nUpgrade: h2c\r\nX-Secret: 1\r\nAuthorization: b\r\n"
        "Cookie: a=b\r\nX-Kept: 1\r\nExpect: 100-continue\r\n"
        "Content-Length: 1\r\n\r\n",
        &plain, &h);
    for (i = 0; i < sizeof(gone) / sizeof(gone[0]); i++)
        if (httpcase_has(&h, gone[i]))
            fail_msg("%s reaches the node", gone[i]);
    assert_string_equal(httpcase_value(&h, "X-Kept"), "1");
    assert_string_equal(httpcase_value(&h, "Host"), "a");
    assert_string_equal(httpcase_value(&h, "Content-Length"), "1");
    assert_string_equal(httpcase_value(&h, "X-Forwarded-For"), "10.1.2.3");
    assert_string_equal(httpcase_value(&h, "Via"), "1.1 lars");
}

#define FORWARDED                                                                        \
    "GET / HTTP/1.1\r\nHost: a\r\nX-Forwarded-For: 1.1.1.1\r\nx-forwarded-for: "         \
    "2.2.2.2\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: evil\r\nForwarded: "       \
    "for=3.3.3.3\r\nX-Request-Id: mine\r\nVia: 1.0 b\r\n\r\n"

static void t_forwarded_fields_of_an_untrusted_peer_are_replaced(void **state)
{
    struct http_head h;

    (void)state;
    forwarded(FORWARDED, &plain, &h);
    assert_string_equal(httpcase_value(&h, "X-Forwarded-For"), "10.1.2.3");
    assert_string_equal(httpcase_value(&h, "X-Forwarded-Proto"), "http");
    assert_string_equal(httpcase_value(&h, "X-Forwarded-Host"), "a");
    assert_false(httpcase_has(&h, "Forwarded"));
    assert_string_equal(httpcase_value(&h, "X-Request-Id"), "0123456789abcdef");
    assert_string_equal(httpcase_value(&h, "Via"), "1.0 b, 1.1 lars");
}

/* Lars-Drill is for the gateway; Lars-Source is the gateway's own word. */
static void t_source_of_a_request_is_told_by_the_gateway_alone(void **state)
{
    static const char sent[] = "GET / HTTP/1.1\r\nHost: a\r\nLars-Drill: 1.2.3\r\n"
                               "Lars-Source: copy\r\nLARS-SOURCE: drill\r\n"
                               "lars-drill: x\r\nLars-Sources: y\r\n\r\n";
    struct http_forward f = plain;
    struct http_head h;

    (void)state;
    forwarded(sent, &f, &h);
    assert_false(httpcase_has(&h, "Lars-Drill"));
    assert_false(httpcase_has(&h, "Lars-Source"));
    assert_string_equal(httpcase_value(&h, "Lars-Sources"), "y");
    f.trusted = true;
    forwarded(sent, &f, &h);
    assert_false(httpcase_has(&h, "Lars-Source"));
    f.source = "drill";
    forwarded(sent, &f, &h);
    assert_string_equal(httpcase_value(&h, "Lars-Source"), "drill");
    assert_false(httpcase_has(&h, "Lars-Drill"));
}

static void t_forwarded_fields_of_a_trusted_peer_are_continued(void **state)
{
    struct http_forward f = plain;
    struct http_head h;

    (void)state;
    f.trusted = f.tls = true;
    forwarded(FORWARDED, &f, &h);
    assert_string_equal(httpcase_value(&h, "X-Forwarded-For"),
                        "1.1.1.1, 2.2.2.2, 10.1.2.3");
    assert_string_equal(httpcase_value(&h, "X-Forwarded-Proto"), "https");
    assert_string_equal(httpcase_value(&h, "X-Forwarded-Host"), "evil");
    assert_string_equal(httpcase_value(&h, "Forwarded"), "for=3.3.3.3");
    forwarded("GET / HTTP/1.1\r\nHost: a\r\n\r\n", &f, &h);
    assert_string_equal(httpcase_value(&h, "X-Forwarded-Proto"), "https");
    assert_string_equal(httpcase_value(&h, "X-Forwarded-Host"), "a");
}

static void t_cookie_of_our_own_is_removed_and_others_are_kept(void **state)
{
    static const struct {
        const char *in, *out; /* NULL = no Cookie */
    } rows[] = {{"a=1; lars_v=2; b=3", "a=1; b=3"},
                {"lars_v=2", NULL},
                {"lars_v=", NULL},
                {"lars_v=1;lars_v=2;\tlars_v=3", NULL},
                {"a=lars_v=1", "a=lars_v=1"},
                {"lars_vx=1; xlars_v=2; LARS_V=3", "lars_vx=1; xlars_v=2; LARS_V=3"},
                {"a=1;b=2", "a=1; b=2"},
                {";;a=1;", "a=1"},
                {"lars_v", "lars_v"},
                {"", NULL}};
    struct http_head h;
    char text[200];
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        snprintf(text, sizeof(text), "GET / HTTP/1.1\r\nHost: a\r\nCookie: %s\r\n\r\n",
                 rows[i].in);
        forwarded(text, &plain, &h);
        if (!rows[i].out)
            assert_false(httpcase_has(&h, "Cookie"));
        else
            assert_string_equal(httpcase_value(&h, "Cookie"), rows[i].out);
    }
}

static void t_cookie_of_many_short_pairs_fits_its_room(void **state)
{
    char text[9000];
    struct http_head h;
    size_t at = (size_t)sprintf(text, "GET / HTTP/1.1\r\nHost: a\r\nCookie: "), i;

    (void)state;
    for (i = 0; i < 4000; i++, at += 2)
        memcpy(text + at, "a;", 2);
    strcpy(text + at, "\r\n\r\n");
    forwarded(text, &plain, &h); /* asan or valgrind: nothing behind the buffer */
    assert_int_equal(strlen(httpcase_value(&h, "Cookie")), 4000 * 3 - 2);
}

static void t_largest_head_fits_its_room(void **state)
{
    static char text[HTTP_HEAD_MAX + 1];
    struct http_forward f = plain;
    struct http_head h;
    size_t at = (size_t)sprintf(text, "GET / HTTP/1.1\r\nHost: ");
    int i;

    (void)state;
    memset(text + at, 'h', 255);
    at += 255;
    for (i = 0; i < 63; i++)
        at += (size_t)sprintf(text + at, "\r\nX-Forwarded-For: %d", i);
    memset(text + at, '1', HTTP_HEAD_MAX - 4 - at);
    strcpy(text + HTTP_HEAD_MAX - 4, "\r\n\r\n");
    f.trusted = true;
    forwarded(text, &f, &h);
    assert_int_equal(h.host.len, 255);
}

/* --- to a visitor ------------------------------------------------------------------ */

static const char *passed(const char *text, const struct http_pass *p,
                          struct http_head *h)
{
    static char copy[4 * HTTP_HEAD_MAX];
    struct http_head in;
    struct buf out = {0};

    httpcase_check_good(text, strlen(text), &to_get, &in);
    assert_int_equal(http_write_response(&out, &in, p), 0);
    memcpy(copy, buf_bytes(&out), out.len);
    copy[out.len] = 0;
    buf_free(&out);
    httpcase_check_good(copy, strlen(copy), &to_get, h);
    return copy;
}

static void t_response_is_passed_on_without_the_nodes_connection(void **state)
{
    static const char *const gone[] = {"Connection", "Keep-Alive", "Lars-Load", "Upgrade",
                                       "X-Secret"};
    struct http_pass p = {.minor = 1,
                          .keep_alive = true,
                          .framing = HTTP_LENGTH,
                          .length = 5,
                          .request_id = "id",
                          .extra = "X-Extra: 1\r\n"};
    struct http_head h;
    size_t i;

    (void)state;
    passed(
        "HTTP/1.0 404 Not There\r\nContent-Length: 5\r\nConnection: close, X-Secret\r\n"
        "Keep-Alive: timeout=5\r\nLars-Load: 1/2\r\nUpgrade: x\r\nX-Secret: 1\r\n"
        "X-Request-Id: node\r\nSet-Cookie: a=1\r\nSet-Cookie: b=2\r\nCache-Control: "
        "public\r\n\r\n",
        &p, &h);
    assert_int_equal(h.status, 404);
    assert_true(http_head_text_is(h.reason, "Not There"));
    for (i = 0; i < sizeof(gone) / sizeof(gone[0]); i++)
        assert_false(httpcase_has(&h, gone[i]));
    assert_string_equal(httpcase_value(&h, "Content-Length"), "5");
    assert_string_equal(httpcase_value(&h, "X-Request-Id"), "id");
    assert_string_equal(httpcase_value(&h, "X-Extra"), "1");
    assert_string_equal(httpcase_value(&h, "Cache-Control"), "public");
    assert_true(h.twice & 1ULL << HTTP_SET_COOKIE);
    p.is_private = true;
    p.keep_alive = false;
    passed("HTTP/1.1 200 OK\r\nCache-Control: public\r\nContent-Length: 5\r\n\r\n", &p,
           &h);
    assert_string_equal(httpcase_value(&h, "Cache-Control"), "private, no-store");
    assert_string_equal(httpcase_value(&h, "Connection"), "close");
}

static void t_framing_of_the_response_is_that_of_the_visitor(void **state)
{
    struct http_pass p = {.minor = 0,
                          .keep_alive = false,
                          .framing = HTTP_TO_END,
                          .request_id = "id",
                          .extra = ""};
    struct http_head h;

    (void)state;
    passed("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", &p, &h);
    assert_int_equal(h.framing, HTTP_TO_END);
    p.framing = HTTP_CHUNKED;
    p.minor = 1;
    p.keep_alive = true;
    passed("HTTP/1.1 200 OK\r\n\r\n", &p, &h);
    assert_int_equal(h.framing, HTTP_CHUNKED);
    p.framing = HTTP_NO_BODY;
    passed("HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", &p, &h);
    assert_false(httpcase_has(&h, "Content-Length"));
    p.minor = 0;
    p.framing = HTTP_LENGTH;
    passed("HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n", &p, &h);
    assert_string_equal(httpcase_value(&h, "Connection"), "keep-alive");
}

static void t_own_response_is_whole(void **state)
{
    enum http_method method = HTTP_METHOD_HEAD;
    struct buf out = {0};
    struct http_head h;
    size_t head;

    (void)state;
    assert_int_equal(
        http_write_own(&out, 503, "text/plain", "sorry", 5, "X: y\r\n", true, false), 0);
    head = out.len - 5;
    assert_memory_equal(buf_bytes(&out) + head, "sorry", 5);
    httpcase_check_good(buf_bytes(&out), head, &to_get, &h);
    assert_int_equal(h.status, 503);
    assert_true(http_head_text_is(h.reason, "Service Unavailable"));
    assert_int_equal(h.length, 5);
    assert_true(h.keep_alive);
    buf_free(&out);
    assert_int_equal(http_write_own(&out, 405, "text/plain", "sorry", 5, "", false, true),
                     0);
    httpcase_check_good(buf_bytes(&out), out.len, &method, &h);
    assert_string_equal(httpcase_value(&h, "Content-Length"), "5");
    assert_false(h.keep_alive);
    buf_free(&out);
}

static void t_every_status_of_a_refusal_has_a_reason(void **state)
{
    int i;

    (void)state;
    for (i = 1; i < HTTP_WHYS; i++)
        assert_string_not_equal(http_write_reason(http_parse_status((enum http_why)i)),
                                "");
    assert_string_equal(http_write_reason(299), "");
}

static void t_chunks_are_read_again(void **state)
{
    static char big[70000];
    struct buf out = {0}, got = {0};
    struct http_body b;
    size_t at = 0;

    (void)state;
    memset(big, 'x', sizeof(big));
    assert_int_equal(http_write_chunk(&out, "a", 1), 0);
    assert_int_equal(http_write_chunk(&out, big, sizeof(big)), 0);
    assert_int_equal(http_write_last_chunk(&out), 0);
    http_body_init(&b, HTTP_CHUNKED, 0);
    while (!b.done) {
        struct http_text data;
        ssize_t n = http_body_read(&b, buf_bytes(&out) + at, out.len - at, &data);

        assert_true(n > 0);
        assert_int_equal(buf_append(&got, data.at, data.len), 0);
        at += (size_t)n;
    }
    assert_int_equal(at, out.len);
    assert_int_equal(got.len, 1 + sizeof(big));
    buf_free(&out);
    buf_free(&got);
}

static void t_conditions_of_a_copy_replace_those_of_the_visitor(void **state)
{
    struct http_forward f = plain;
    struct http_head h;

    (void)state;
    f.whole = true;
    f.none_match = (struct http_text){"W/\"a\"", 5};
    f.modified = (struct http_text){"Thu", 3};
    forwarded("GET / HTTP/1.1\r\nHost: a\r\nIf-None-Match: \"mine\"\r\n"
              "If-Modified-Since: Mon\r\n\r\n",
              &f, &h);
    assert_string_equal(httpcase_value(&h, "If-None-Match"), "W/\"a\"");
    assert_string_equal(httpcase_value(&h, "If-Modified-Since"), "Thu");
}

/* RFC 9111, 3.2: all fields of the 304 but those that describe the body or its way. */
static void t_fields_of_a_304_replace_those_of_the_copy(void **state)
{
    static const char kept[] = "ETag: \"a\"\r\nX: 1\r\nx: 2\r\nContent-Type: a\r\n"
                               "Date: Mon\r\nVia: 1.1 lars\r\n";
    static const char in[] = "HTTP/1.1 304 Not Modified\r\nX: 3\r\nContent-Type: b\r\n"
                             "Content-Encoding: gzip\r\nDate: Tue\r\nVia: 1.0 z\r\nAge: 9"
                             "\r\nConnection: Y\r\nY: hop\r\nContent-Length: 4\r\n\r\n";
    struct http_parse parse = {0};
    struct http_head h;
    struct buf out = {0};
    enum http_why why;

    (void)state;
    assert_int_equal(http_parse_response(&parse, in, sizeof(in) - 1, HTTP_METHOD_GET, &h,
                                         &why),
                     sizeof(in) - 1);
    assert_int_equal(
        http_write_renewed(&out, (struct http_text){kept, sizeof(kept) - 1}, &h), 0);
    assert_int_equal(buf_append(&out, "", 1), 0);
    assert_string_equal(buf_bytes(&out),
                        "ETag: \"a\"\r\nContent-Type: a\r\nVia: 1.1 lars\r\n"
                        "X: 3\r\nDate: Tue\r\n");
    buf_free(&out);
}

T_MAIN(T(t_request_is_read_again_as_the_same_table),
       T(t_url_becomes_a_path_and_chunked_stays_chunked),
       T(t_fields_of_the_connection_do_not_reach_the_node),
       T(t_forwarded_fields_of_an_untrusted_peer_are_replaced),
       T(t_source_of_a_request_is_told_by_the_gateway_alone),
       T(t_forwarded_fields_of_a_trusted_peer_are_continued),
       T(t_cookie_of_our_own_is_removed_and_others_are_kept),
       T(t_cookie_of_many_short_pairs_fits_its_room), T(t_largest_head_fits_its_room),
       T(t_response_is_passed_on_without_the_nodes_connection),
       T(t_framing_of_the_response_is_that_of_the_visitor), T(t_own_response_is_whole),
       T(t_every_status_of_a_refusal_has_a_reason), T(t_chunks_are_read_again),
       T(t_conditions_of_a_copy_replace_those_of_the_visitor),
       T(t_fields_of_a_304_replace_those_of_the_copy))
