/* The heads of HTTP messages: what is refused, for which reason and with which status, at
 * every place where the network may cut them; and what is accepted. */
#include "lib/httpcase.h"

#define REQ "GET / HTTP/1.1\r\nHost: a\r\n"
#define POST "POST / HTTP/1.1\r\nHost: a\r\n"
#define BAD HTTPCASE_BAD

static void check_all(const struct httpcase *c, size_t n, const enum http_method *to)
{
    size_t i;

    for (i = 0; i < n; i++)
        httpcase_check_bad(&c[i], to);
}

#define CHECK_ALL(cases, to) check_all(cases, sizeof(cases) / sizeof((cases)[0]), to)

/* --- framing ----------------------------------------------------------------------- */

static void t_two_readings_of_the_length_are_refused(void **state)
{
    static const struct httpcase bad[] = {
        BAD("length, then coding",
            POST "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n", HTTP_WHY_BOTH,
            400),
        BAD("coding, then length",
            POST "Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n", HTTP_WHY_BOTH,
            400),
        BAD("coding unknown, and length",
            POST "Transfer-Encoding: x\r\nContent-Length: 5\r\n\r\n", HTTP_WHY_BOTH, 400),
        BAD("two lengths", POST "Content-Length: 5\r\nContent-Length: 6\r\n\r\n",
            HTTP_WHY_LENGTH, 400),
        BAD("two equal lengths", POST "Content-Length: 5\r\nContent-Length: 5\r\n\r\n",
            HTTP_WHY_LENGTH, 400),
        BAD("a list of lengths", POST "Content-Length: 5, 5\r\n\r\n", HTTP_WHY_LENGTH,
            400),
        BAD("a sign", POST "Content-Length: +5\r\n\r\n", HTTP_WHY_LENGTH, 400),
        BAD("a minus", POST "Content-Length: -5\r\n\r\n", HTTP_WHY_LENGTH, 400),
        BAD("hexadecimal", POST "Content-Length: 0x5\r\n\r\n", HTTP_WHY_LENGTH, 400),
        BAD("a blank within", POST "Content-Length: 5 5\r\n\r\n", HTTP_WHY_LENGTH, 400),
        BAD("empty", POST "Content-Length:\r\n\r\n", HTTP_WHY_LENGTH, 400),
        BAD("blank", POST "Content-Length: \t \r\n\r\n", HTTP_WHY_LENGTH, 400),
        BAD("letters", POST "Content-Length: five\r\n\r\n", HTTP_WHY_LENGTH, 400),
        BAD("a fraction", POST "Content-Length: 5.0\r\n\r\n", HTTP_WHY_LENGTH, 400),
        BAD("19 digits", POST "Content-Length: 1000000000000000000\r\n\r\n",
            HTTP_WHY_LENGTH, 400),
        BAD("2^64", POST "Content-Length: 18446744073709551616\r\n\r\n", HTTP_WHY_LENGTH,
            400),
        BAD("40 digits",
            POST "Content-Length: 0000000000000000000000000000000000000005\r\n\r\n",
            HTTP_WHY_LENGTH, 400)};

    (void)state;
    CHECK_ALL(bad, NULL);
}

static void t_only_one_chunked_is_a_coding(void **state)
{
    static const struct httpcase bad[] = {
        BAD("gzip", POST "Transfer-Encoding: gzip\r\n\r\n", HTTP_WHY_CODING, 501),
        BAD("gzip, chunked", POST "Transfer-Encoding: gzip, chunked\r\n\r\n",
            HTTP_WHY_CODING, 501),
        BAD("chunked, gzip", POST "Transfer-Encoding: chunked, gzip\r\n\r\n",
            HTTP_WHY_CODING, 501),
        BAD("chunked, chunked", POST "Transfer-Encoding: chunked, chunked\r\n\r\n",
            HTTP_WHY_CODING, 501),
        BAD("two fields",
            POST "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
            HTTP_WHY_CODING, 501),
        BAD("identity", POST "Transfer-Encoding: identity\r\n\r\n", HTTP_WHY_CODING, 501),
        BAD("xchunked", POST "Transfer-Encoding: xchunked\r\n\r\n", HTTP_WHY_CODING, 501),
        BAD("chunkedx", POST "Transfer-Encoding: chunkedx\r\n\r\n", HTTP_WHY_CODING, 501),
        BAD("parameters", POST "Transfer-Encoding: chunked;a=b\r\n\r\n", HTTP_WHY_CODING,
            501),
        BAD("quoted", POST "Transfer-Encoding: \"chunked\"\r\n\r\n", HTTP_WHY_CODING,
            501),
        BAD("empty", POST "Transfer-Encoding:\r\n\r\n", HTTP_WHY_CODING, 501),
        BAD("a comma", POST "Transfer-Encoding: chunked,\r\n\r\n", HTTP_WHY_CODING, 501),
        BAD("vertical tab", POST "Transfer-Encoding: \vchunked\r\n\r\n", HTTP_WHY_CONTROL,
            400),
        BAD("in HTTP/1.0",
            "POST / HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n",
            HTTP_WHY_CODING_1_0, 400)};

    (void)state;
    CHECK_ALL(bad, NULL);
}

static void t_body_of_get_head_and_options_is_refused(void **state)
{
    static const struct httpcase bad[] = {
        BAD("GET with length", REQ "Content-Length: 5\r\n\r\n", HTTP_WHY_BODY, 400),
        BAD("GET chunked", REQ "Transfer-Encoding: chunked\r\n\r\n", HTTP_WHY_BODY, 400),
        BAD("HEAD", "HEAD / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n",
            HTTP_WHY_BODY, 400),
        BAD("OPTIONS", "OPTIONS * HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\n",
            HTTP_WHY_BODY, 400)};
    struct http_head h;

    (void)state;
    CHECK_ALL(bad, NULL);
    httpcase_check_good(REQ "Content-Length: 0\r\n\r\n",
                        strlen(REQ "Content-Length: 0\r\n\r\n"), NULL, &h);
    assert_int_equal(h.framing, HTTP_LENGTH);
    assert_int_equal(h.length, 0);
}

/* --- bytes ------------------------------------------------------------------------- */

static void t_bytes_that_are_read_differently_are_refused(void **state)
{
    static const struct httpcase bad[] = {
        BAD("LF ends the first line", "GET / HTTP/1.1\nHost: a\r\n\r\n", HTTP_WHY_CONTROL,
            400),
        BAD("LF ends a field", "GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n",
            HTTP_WHY_CONTROL, 400),
        BAD("LF ends the head", REQ "\n", HTTP_WHY_CONTROL, 400),
        BAD("LF LF", "GET / HTTP/1.1\r\nHost: a\n\n", HTTP_WHY_CONTROL, 400),
        BAD("CR within a value", REQ "X: a\rb\r\n\r\n", HTTP_WHY_CONTROL, 400),
        BAD("CR before a field", REQ "\rX: a\r\n\r\n", HTTP_WHY_CONTROL, 400),
        BAD("CR CR LF", REQ "X: a\r\r\n\r\n", HTTP_WHY_CONTROL, 400),
        BAD("CR within the target", "GET /\r HTTP/1.1\r\nHost: a\r\n\r\n",
            HTTP_WHY_CONTROL, 400),
        BAD("NUL within a value", REQ "X: a\0b\r\n\r\n", HTTP_WHY_CONTROL, 400),
        BAD("NUL within a name", REQ "X\0: a\r\n\r\n", HTTP_WHY_CONTROL, 400),
        BAD("NUL within the target", "GET /\0 HTTP/1.1\r\nHost: a\r\n\r\n",
            HTTP_WHY_CONTROL, 400),
        BAD("DEL", REQ "X: \x7f\r\n\r\n", HTTP_WHY_CONTROL, 400),
        BAD("escape", REQ "X: \x1b[2J\r\n\r\n", HTTP_WHY_CONTROL, 400),
        BAD("obs-fold with a blank", REQ "X: a\r\n b\r\n\r\n", HTTP_WHY_FOLDED, 400),
        BAD("obs-fold with a tab", REQ "X: a\r\n\tb\r\n\r\n", HTTP_WHY_FOLDED, 400),
        BAD("a blank before the first field",
            "GET / HTTP/1.1\r\n Host: a\r\nHost: a\r\n\r\n", HTTP_WHY_FOLDED, 400),
        BAD("a blank before the method", " GET / HTTP/1.1\r\nHost: a\r\n\r\n",
            HTTP_WHY_FOLDED, 400),
        BAD("a line of a blank", REQ " \r\n\r\n", HTTP_WHY_FOLDED, 400),
        BAD("TLS", "\x16\x03\x01\x02\x00\x01\x00", HTTP_WHY_CONTROL, 400)};

    (void)state;
    CHECK_ALL(bad, NULL);
}

static void t_fields_without_a_name_are_refused(void **state)
{
    static const struct httpcase bad[] = {
        BAD("a blank before the colon", REQ "X : a\r\n\r\n", HTTP_WHY_FIELD, 400),
        BAD("a tab before the colon", REQ "X\t: a\r\n\r\n", HTTP_WHY_FIELD, 400),
        BAD("a blank within the name", REQ "X Y: a\r\n\r\n", HTTP_WHY_FIELD, 400),
        BAD("Content-Length with a blank", POST "Content-Length : 5\r\n\r\n",
            HTTP_WHY_FIELD, 400),
        BAD("Transfer-Encoding with a blank", POST "Transfer-Encoding : chunked\r\n\r\n",
            HTTP_WHY_FIELD, 400),
        BAD("no name", REQ ": a\r\n\r\n", HTTP_WHY_FIELD, 400),
        BAD("no colon", REQ "X\r\n\r\n", HTTP_WHY_FIELD, 400),
        BAD("a bracket", REQ "X(: a\r\n\r\n", HTTP_WHY_FIELD, 400),
        BAD("Latin-1", REQ "X\xe9: a\r\n\r\n", HTTP_WHY_FIELD, 400),
        BAD("a slash", REQ "X/y: a\r\n\r\n", HTTP_WHY_FIELD, 400),
        BAD("a quote", REQ "\"X\": a\r\n\r\n", HTTP_WHY_FIELD, 400)};

    (void)state;
    CHECK_ALL(bad, NULL);
}

/* --- the first line, Host, method -------------------------------------------------- */

static void t_first_lines_of_other_protocols_are_refused(void **state)
{
    static const struct httpcase bad[] = {
        BAD("HTTP/0.9", "GET /\r\n\r\n", HTTP_WHY_VERSION, 505),
        BAD("HTTP/1.2", "GET / HTTP/1.2\r\nHost: a\r\n\r\n", HTTP_WHY_VERSION, 505),
        BAD("HTTP/2.0", "GET / HTTP/2.0\r\nHost: a\r\n\r\n", HTTP_WHY_VERSION, 505),
        BAD("HTTP/1.10", "GET / HTTP/1.10\r\nHost: a\r\n\r\n", HTTP_WHY_VERSION, 505),
        BAD("HTTP/1.", "GET / HTTP/1.\r\nHost: a\r\n\r\n", HTTP_WHY_VERSION, 505),
        BAD("http/1.1", "GET / http/1.1\r\nHost: a\r\n\r\n", HTTP_WHY_LINE, 400),
        BAD("a word more", "GET / x HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_WHY_LINE, 400),
        BAD("a blank at the end", "GET / HTTP/1.1 \r\nHost: a\r\n\r\n", HTTP_WHY_VERSION,
            505),
        BAD("a blank more", "GET  / HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_WHY_LINE, 400),
        BAD("a blank more before the version", "GET /  HTTP/1.1\r\nHost: a\r\n\r\n",
            HTTP_WHY_LINE, 400),
        BAD("HTTP/2", "PRI * HTTP/2.0\r\n\r\n", HTTP_WHY_LINE, 400),
        BAD("a response", "HTTP/1.1 200 OK\r\n\r\n", HTTP_WHY_UNKNOWN_METHOD, 501),
        BAD("no version", "GET / \r\nHost: a\r\n\r\n", HTTP_WHY_LINE, 400),
        BAD("an unknown method", "FOO / HTTP/1.1\r\nHost: a\r\n\r\n",
            HTTP_WHY_UNKNOWN_METHOD, 501),
        BAD("a known one of another use", "PROPFIND / HTTP/1.1\r\nHost: a\r\n\r\n",
            HTTP_WHY_UNKNOWN_METHOD, 501),
        BAD("small letters", "get / HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_WHY_UNKNOWN_METHOD,
            501),
        BAD("CONNECT", "CONNECT a:443 HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_WHY_METHOD, 405),
        BAD("TRACE", "TRACE / HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_WHY_METHOD, 405)};

    (void)state;
    CHECK_ALL(bad, NULL);
}

static void t_exactly_one_host_that_is_a_name(void **state)
{
    static const struct httpcase bad[] = {
        BAD("none", "GET / HTTP/1.1\r\n\r\n", HTTP_WHY_HOST, 400),
        BAD("none in HTTP/1.0", "GET / HTTP/1.0\r\n\r\n", HTTP_WHY_HOST, 400),
        BAD("empty", "GET / HTTP/1.1\r\nHost:\r\n\r\n", HTTP_WHY_HOST, 400),
        BAD("two", REQ "Host: b\r\n\r\n", HTTP_WHY_HOST, 400),
        BAD("two equal ones", REQ "Host: a\r\n\r\n", HTTP_WHY_HOST, 400),
        BAD("a list", "GET / HTTP/1.1\r\nHost: a, b\r\n\r\n", HTTP_WHY_HOST, 400),
        BAD("two words", "GET / HTTP/1.1\r\nHost: a b\r\n\r\n", HTTP_WHY_HOST, 400),
        BAD("a user", "GET / HTTP/1.1\r\nHost: u@a\r\n\r\n", HTTP_WHY_HOST, 400),
        BAD("a path", "GET / HTTP/1.1\r\nHost: a/b\r\n\r\n", HTTP_WHY_HOST, 400),
        BAD("only a port", "GET / HTTP/1.1\r\nHost: :80\r\n\r\n", HTTP_WHY_HOST, 400),
        BAD("two ports", "GET / HTTP/1.1\r\nHost: a:80:81\r\n\r\n", HTTP_WHY_HOST, 400),
        BAD("a port of letters", "GET / HTTP/1.1\r\nHost: a:http\r\n\r\n", HTTP_WHY_HOST,
            400),
        BAD("a port of 6 digits", "GET / HTTP/1.1\r\nHost: a:000080\r\n\r\n",
            HTTP_WHY_HOST, 400),
        BAD("IPv6 without brackets", "GET / HTTP/1.1\r\nHost: ::1\r\n\r\n", HTTP_WHY_HOST,
            400),
        BAD("an open bracket", "GET / HTTP/1.1\r\nHost: [::1\r\n\r\n", HTTP_WHY_HOST,
            400),
        BAD("brackets without an address", "GET / HTTP/1.1\r\nHost: []\r\n\r\n",
            HTTP_WHY_HOST, 400),
        BAD("a name in brackets", "GET / HTTP/1.1\r\nHost: [host]\r\n\r\n", HTTP_WHY_HOST,
            400),
        BAD("text after the bracket", "GET / HTTP/1.1\r\nHost: [::1]x\r\n\r\n",
            HTTP_WHY_HOST, 400),
        BAD("percent", "GET / HTTP/1.1\r\nHost: a%2fb\r\n\r\n", HTTP_WHY_HOST, 400),
        BAD("dots", "GET /a/../b HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_WHY_PATH, 400),
        BAD("dots of a URL", "GET http://a/%2e%2e/b HTTP/1.1\r\nHost: a\r\n\r\n",
            HTTP_WHY_PATH, 400),
        BAD("Latin-1", "GET / HTTP/1.1\r\nHost: \xe9\r\n\r\n", HTTP_WHY_HOST, 400)};
    static const char *const good[] = {"a",
                                       "expo.example.edu",
                                       "expo.example.edu:8080",
                                       "EXPO.example.edu.",
                                       "127.0.0.1:1",
                                       "[::1]",
                                       "[2001:db8::1]:65535",
                                       "[::ffff:1.2.3.4]",
                                       "a_b-c",
                                       "a:"};
    struct http_head h;
    char text[200];
    size_t i;

    (void)state;
    CHECK_ALL(bad, NULL);
    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        snprintf(text, sizeof(text), "GET / HTTP/1.1\r\nHost: %s\r\n\r\n", good[i]);
        httpcase_check_good(text, strlen(text), NULL, &h);
        assert_true(http_head_text_is(h.host, good[i]));
    }
}

static void t_targets_are_paths_or_urls_of_the_host(void **state)
{
    static const struct httpcase bad[] = {
        BAD("a fragment", "GET /a#b HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_WHY_TARGET, 400),
        BAD("a star", "GET * HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_WHY_TARGET, 400),
        BAD("no slash", "GET a HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_WHY_TARGET, 400),
        BAD("another host", "GET http://b/ HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_WHY_TARGET,
            400),
        BAD("a longer host", "GET http://ab/ HTTP/1.1\r\nHost: a\r\n\r\n",
            HTTP_WHY_TARGET, 400),
        BAD("a user", "GET http://u@a/ HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_WHY_TARGET,
            400),
        BAD("a URL without a path", "GET http://a HTTP/1.1\r\nHost: a\r\n\r\n",
            HTTP_WHY_TARGET, 400),
        BAD("another scheme", "GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_WHY_TARGET,
            400),
        BAD("dots", "GET /a/../b HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_WHY_PATH, 400),
        BAD("dots of a URL", "GET http://a/%2e%2e/b HTTP/1.1\r\nHost: a\r\n\r\n",
            HTTP_WHY_PATH, 400),
        BAD("Latin-1", "GET /\xe9 HTTP/1.1\r\nHost: a\r\n\r\n", HTTP_WHY_TARGET, 400)};
    struct http_head h;

    (void)state;
    CHECK_ALL(bad, NULL);
    httpcase_check_good("GET http://A/b?c HTTP/1.1\r\nHost: a\r\n\r\n", 38, NULL, &h);
    assert_true(http_head_text_is(h.target, "/b?c"));
    httpcase_check_good("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", 31, NULL, &h);
    assert_true(http_head_text_is(h.target, "*"));
}

static void t_expect_other_than_100_continue_is_417(void **state)
{
    static const struct httpcase bad[] = {
        BAD("another value", POST "Content-Length: 5\r\nExpect: magic\r\n\r\n",
            HTTP_WHY_EXPECT, 417),
        BAD("two",
            POST "Content-Length: 5\r\nExpect: 100-continue\r\nExpect: "
                 "100-continue\r\n\r\n",
            HTTP_WHY_EXPECT, 417)};

    (void)state;
    CHECK_ALL(bad, NULL);
}

/* --- bounds ------------------------------------------------------------------------ */

/* A request with a target of <n> bytes. */
static size_t long_line(char *text, size_t n)
{
    size_t len = (size_t)sprintf(text, "GET /");

    memset(text + len, 'a', n - 1);
    len += n - 1;
    return len + (size_t)sprintf(text + len, " HTTP/1.1\r\nHost: a\r\n\r\n");
}

static void t_line_of_4096_bytes_is_the_longest(void **state)
{
    char text[8192];
    size_t rest = strlen("GET ") + strlen(" HTTP/1.1"), len;
    struct httpcase c = {"4097 bytes", text, 0, HTTP_WHY_LINE_LONG, 414};
    struct http_head h;

    (void)state;
    len = long_line(text, HTTP_LINE_MAX - rest);
    httpcase_check_good(text, len, NULL, &h);
    assert_int_equal(h.target.len, HTTP_LINE_MAX - rest);
    c.len = long_line(text, HTTP_LINE_MAX - rest + 1);
    httpcase_check_bad(&c, NULL);
    c.len = HTTP_LINE_MAX + 1; /* a line that does not end */
    httpcase_check_bad(&c, NULL);
}

/* A request of <n> bytes in all. */
static void long_head(char *text, size_t n)
{
    size_t at = (size_t)sprintf(text, REQ "X: "), i;

    memset(text + at, 'a', n - at);
    for (i = at + 3000; i + 3000 < n; i += 3000)
        memcpy(text + i, "\r\nX: ", 5);
    memcpy(text + n - 4, "\r\n\r\n", 4);
}

static void t_head_of_16_kib_is_the_longest(void **state)
{
    static char text[HTTP_HEAD_MAX + 100];
    struct httpcase c = {"16 KiB and 1", text, HTTP_HEAD_MAX + 1, HTTP_WHY_HEAD_LONG,
                         431};
    struct http_head h;

    (void)state;
    long_head(text, HTTP_HEAD_MAX - 1);
    httpcase_check_good(text, HTTP_HEAD_MAX - 1, NULL, &h);
    long_head(text, HTTP_HEAD_MAX);
    httpcase_check_good(text, HTTP_HEAD_MAX, NULL, &h);
    for (; c.len < HTTP_HEAD_MAX + 6; c.len++) {
        long_head(text, c.len);
        httpcase_check_bad(&c, NULL);
    }
    memset(text + 100, 'a', sizeof(text) - 100); /* a head that does not end */
    c.len = HTTP_HEAD_MAX + 1;
    httpcase_check_bad(&c, NULL);
}

static size_t many_fields(char *text, unsigned n)
{
    size_t len = (size_t)sprintf(text, REQ);
    unsigned i;

    for (i = 1; i < n; i++)
        len += (size_t)sprintf(text + len, "X-%u: %u\r\n", i, i);
    return len + (size_t)sprintf(text + len, "\r\n");
}

static void t_64_fields_are_the_most(void **state)
{
    char text[2000];
    struct httpcase c = {"65 fields", text, 0, HTTP_WHY_FIELDS, 431};
    struct http_head h;

    (void)state;
    httpcase_check_good(text, many_fields(text, 64), NULL, &h);
    assert_int_equal(h.n_fields, 64);
    assert_string_equal(httpcase_value(&h, "X-63"), "63");
    c.len = many_fields(text, 65);
    httpcase_check_bad(&c, NULL);
}

static void t_length_of_18_digits_is_the_longest(void **state)
{
    const char *text = POST "Content-Length: 999999999999999999\r\n\r\n";
    struct http_head h;

    (void)state;
    httpcase_check_good(text, strlen(text), NULL, &h);
    assert_int_equal(h.framing, HTTP_LENGTH);
    assert_true(h.length == 999999999999999999ull);
    text = POST "Content-Length: 000000000000000005\r\n\r\n";
    httpcase_check_good(text, strlen(text), NULL, &h);
    assert_int_equal(h.length, 5);
}

/* --- what is read ------------------------------------------------------------------ */

static void t_request_is_read_into_its_table(void **state)
{
    const char *text = "POST /a?b=c HTTP/1.1\r\nHOST: Expo:80\r\nX-Empty:\r\nAccept:  "
                       "a, b \t\r\nTransfer-Encoding:  Chunked \r\nX: \xe9\r\n\r\n";
    struct http_head h;

    (void)state;
    httpcase_check_good(text, strlen(text), NULL, &h);
    assert_int_equal(h.method, HTTP_METHOD_POST);
    assert_int_equal(h.minor, 1);
    assert_true(h.keep_alive);
    assert_int_equal(h.framing, HTTP_CHUNKED);
    assert_true(http_head_text_is(h.method_name, "POST"));
    assert_true(http_head_text_is(h.target, "/a?b=c"));
    assert_true(http_head_text_is(h.host, "Expo:80"));
    assert_int_equal(h.n_fields, 5);
    assert_string_equal(httpcase_value(&h, "x-empty"), "");
    assert_string_equal(httpcase_value(&h, "Accept"), "a, b");
    assert_string_equal(httpcase_value(&h, "X"), "\xe9");
    assert_int_equal(h.field[0].id, HTTP_HOST);
    assert_int_equal(h.field[1].id, HTTP_UNKNOWN);
}

static void t_keep_alive_is_of_the_version_and_of_connection(void **state)
{
    static const struct {
        const char *text;
        bool keep;
    } rows[] = {
        {"GET / HTTP/1.1\r\nHost: a\r\n\r\n", true},
        {"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n", false},
        {"GET / HTTP/1.1\r\nHost: a\r\nConnection: x, CLOSE\r\n\r\n", false},
        {"GET / HTTP/1.1\r\nHost: a\r\nConnection: x\r\nConnection: close\r\n\r\n",
         false},
        {"GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, close\r\n\r\n", false},
        {"GET / HTTP/1.1\r\nHost: a\r\nConnection: closed\r\n\r\n", true},
        {"GET / HTTP/1.0\r\nHost: a\r\n\r\n", false},
        {"GET / HTTP/1.0\r\nHost: a\r\nConnection: Keep-Alive\r\n\r\n", true}};
    struct http_head h;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        httpcase_check_good(rows[i].text, strlen(rows[i].text), NULL, &h);
        if (h.keep_alive != rows[i].keep)
            fail_msg("%s", rows[i].text);
    }
}

static void t_upgrade_and_expect_are_read_and_change_nothing(void **state)
{
    const char *text = REQ "Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n";
    struct http_head h;

    (void)state;
    httpcase_check_good(text, strlen(text), NULL, &h);
    assert_int_equal(h.framing, HTTP_NO_BODY);
    assert_true(h.keep_alive);
    text = POST "Content-Length: 3\r\nExpect: 100-Continue\r\n\r\n";
    httpcase_check_good(text, strlen(text), NULL, &h);
    assert_int_equal(h.length, 3);
}

static void t_bytes_behind_the_head_are_not_touched(void **state)
{
    const char *text = REQ "\r\nGET /two HTTP/1.1\r\nHost: a\r\n\r\n\0\n\r";
    struct http_parse p = {0};
    enum http_why why;
    struct http_head h;

    (void)state;
    assert_int_equal(http_parse_request(&p, text, strlen(REQ) + 40, &h, &why),
                     strlen(REQ) + 2);
    assert_true(http_head_text_is(h.target, "/"));
}

static void t_empty_line_before_a_request_is_told_apart(void **state)
{
    struct http_parse p = {0};
    enum http_why why;
    struct http_head h;

    (void)state;
    assert_int_equal(http_parse_request(&p, "\r", 1, &h, &why), -EAGAIN);
    assert_int_equal(http_parse_request(&p, "\r\nGET", 5, &h, &why), 2);
    assert_int_equal(h.target.len, 0);
}

T_MAIN(T(t_two_readings_of_the_length_are_refused), T(t_only_one_chunked_is_a_coding),
       T(t_body_of_get_head_and_options_is_refused),
       T(t_bytes_that_are_read_differently_are_refused),
       T(t_fields_without_a_name_are_refused),
       T(t_first_lines_of_other_protocols_are_refused),
       T(t_exactly_one_host_that_is_a_name), T(t_targets_are_paths_or_urls_of_the_host),
       T(t_expect_other_than_100_continue_is_417), T(t_line_of_4096_bytes_is_the_longest),
       T(t_head_of_16_kib_is_the_longest), T(t_64_fields_are_the_most),
       T(t_length_of_18_digits_is_the_longest), T(t_request_is_read_into_its_table),
       T(t_keep_alive_is_of_the_version_and_of_connection),
       T(t_upgrade_and_expect_are_read_and_change_nothing),
       T(t_bytes_behind_the_head_are_not_touched),
       T(t_empty_line_before_a_request_is_told_apart))
