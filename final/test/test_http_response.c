/* The heads of responses: what is refused, at every place where the network may cut it,
 * and how the end of the body is found. */
#include "lib/httpcase.h"

#define BAD HTTPCASE_BAD

static const enum http_method to_get = HTTP_METHOD_GET, to_head = HTTP_METHOD_HEAD;

static void check_all(const struct httpcase *c, size_t n, const enum http_method *to)
{
    size_t i;

    for (i = 0; i < n; i++)
        httpcase_check_bad(&c[i], to);
}

#define CHECK_ALL(cases, to) check_all(cases, sizeof(cases) / sizeof((cases)[0]), to)

static void t_responses_of_two_readings_are_refused(void **state)
{
    static const struct httpcase bad[] = {
        BAD("both framings",
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
            HTTP_WHY_BOTH, 400),
        BAD("both, the other way round",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n",
            HTTP_WHY_BOTH, 400),
        BAD("two lengths",
            "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n",
            HTTP_WHY_LENGTH, 400),
        BAD("gzip", "HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\n", HTTP_WHY_CODING,
            501),
        BAD("coding in 1.0", "HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
            HTTP_WHY_CODING_1_0, 400),
        BAD("chunked 204",
            "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n",
            HTTP_WHY_BODY, 400),
        BAD("chunked 100", "HTTP/1.1 100 Continue\r\nTransfer-Encoding: chunked\r\n\r\n",
            HTTP_WHY_BODY, 400),
        BAD("an empty line first", "\r\nHTTP/1.1 200 OK\r\n\r\n", HTTP_WHY_LINE, 400),
        BAD("LF", "HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n", HTTP_WHY_CONTROL, 400),
        BAD("a folded line", "HTTP/1.1 200 OK\r\nX: a\r\n b\r\n\r\n", HTTP_WHY_FOLDED,
            400),
        BAD("a status of 2 digits", "HTTP/1.1 20 OK\r\n\r\n", HTTP_WHY_LINE, 400),
        BAD("a status of 4 digits", "HTTP/1.1 2000 OK\r\n\r\n", HTTP_WHY_LINE, 400),
        BAD("status 099", "HTTP/1.1 099 OK\r\n\r\n", HTTP_WHY_LINE, 400),
        BAD("a request", "GET / HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_WHY_LINE, 400),
        BAD("HTTP/2.0", "HTTP/2.0 200 OK\r\n\r\n", HTTP_WHY_VERSION, 505)};

    (void)state;
    CHECK_ALL(bad, &to_get);
}

static void check_response(const char *text, const enum http_method *to, uint16_t status,
                           enum http_framing framing, uint64_t length)
{
    struct http_head h;

    httpcase_check_good(text, strlen(text), to, &h);
    assert_int_equal(h.status, status);
    if (h.framing != framing)
        fail_msg("framing %d and not %d: %s", h.framing, framing, text);
    assert_int_equal(h.length, length);
}

static void t_framing_of_responses_is_of_status_and_method(void **state)
{
    const char *counted = "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n",
               *chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
               *to_end = "HTTP/1.1 200 OK\r\n\r\n";

    (void)state;
    check_response(counted, &to_get, 200, HTTP_LENGTH, 7);
    check_response(chunked, &to_get, 200, HTTP_CHUNKED, 0);
    check_response(to_end, &to_get, 200, HTTP_TO_END, 0);
    check_response(counted, &to_head, 200, HTTP_NO_BODY, 7);
    check_response(chunked, &to_head, 200, HTTP_NO_BODY, 0);
    check_response(to_end, &to_head, 200, HTTP_NO_BODY, 0);
    check_response("HTTP/1.1 100 Continue\r\n\r\n", &to_get, 100, HTTP_NO_BODY, 0);
    check_response("HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n", &to_get, 103,
                   HTTP_NO_BODY, 0);
    check_response("HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: Upgrade\r\n\r\n",
                   &to_get, 101, HTTP_NO_BODY, 0);
    check_response("HTTP/1.1 204 No Content\r\n\r\n", &to_get, 204, HTTP_NO_BODY, 0);
    check_response("HTTP/1.1 304 Not Modified\r\nContent-Length: 7\r\n\r\n", &to_get, 304,
                   HTTP_NO_BODY, 7);
    check_response("HTTP/1.1 304 Not Modified\r\nTransfer-Encoding: chunked\r\n\r\n",
                   &to_get, 304, HTTP_NO_BODY, 0);
    check_response("HTTP/1.1 200\r\nContent-Length: 0\r\n\r\n", &to_get, 200, HTTP_LENGTH,
                   0);
    check_response("HTTP/1.0 999 \r\n\r\n", &to_get, 999, HTTP_TO_END, 0);
}

static void t_chunked_answer_to_head_is_fine_with_every_status(void **state)
{
    static const uint16_t status[] = {200, 201, 202, 203, 205, 206, 301, 404, 503};
    char text[100];
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(status) / sizeof(status[0]); i++) {
        snprintf(text, sizeof(text),
                 "HTTP/1.1 %u X\r\nTransfer-Encoding: chunked\r\n\r\n", status[i]);
        check_response(text, &to_head, status[i], HTTP_NO_BODY, 0);
    }
}

static void t_each_reason_has_a_name_and_a_status(void **state)
{
    int i, j;

    (void)state;
    for (i = 0; i < HTTP_WHYS; i++) {
        const char *name = http_parse_why_name((enum http_why)i);

        assert_non_null(name);
        for (j = 0; j < i; j++)
            assert_string_not_equal(name, http_parse_why_name((enum http_why)j));
        assert_in_range(http_parse_status((enum http_why)i), i ? 400 : 200,
                        i ? 505 : 200);
    }
    assert_int_equal(http_parse_status(HTTP_WHY_CHUNK), 400);
}

T_MAIN(T(t_responses_of_two_readings_are_refused),
       T(t_framing_of_responses_is_of_status_and_method),
       T(t_chunked_answer_to_head_is_fine_with_every_status),
       T(t_each_reason_has_a_name_and_a_status))
