/* What heads say about keeping a response: tables of heads as they are sent, with values
 * that a hostile or broken sender would choose. */
#include "t.h"

#include "http/cache_control.h"
#include "http/http_parse.h"

static struct http_head head;

static const struct http_head *request(const char *method, const char *fields)
{
    static char text[8192];
    struct http_parse parse = {0};
    enum http_why why;

    snprintf(text, sizeof(text), "%s / HTTP/1.1\r\nHost: a\r\n%s\r\n", method, fields);
    if (http_parse_request(&parse, text, strlen(text), &head, &why) <= 0)
        fail_msg("not a request: %s", text);
    return &head;
}

static const struct http_head *response(const char *status, const char *fields)
{
    static char text[8192];
    struct http_parse parse = {0};
    enum http_why why;

    snprintf(text, sizeof(text), "HTTP/1.1 %s X\r\n%s\r\n", status, fields);
    if (http_parse_response(&parse, text, strlen(text), HTTP_METHOD_GET, &head, &why) <=
        0)
        fail_msg("not a response: %s", text);
    return &head;
}

#define LENGTH "Content-Length: 1\r\n"
static const struct cache_control_request any = {.may_use = true,
                                                 .gzip = true,
                                                 .language = CACHE_CONTROL_ZH};

static enum cache_control_why why_of(const char *status, const char *fields)
{
    struct cache_control_times t = {1000, 10000, 600000};

    return cache_control_read_response(response(status, fields), &any, &t);
}

static void t_only_whole_final_statuses_are_kept(void **state)
{
    static const char *const kept[] = {"200", "203", "301", "404", "410"};
    static const char *const others[] = {"201", "206", "302", "400",
                                         "403", "429", "500", "503"};
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(kept) / sizeof(*kept); i++)
        assert_int_equal(why_of(kept[i], LENGTH), CACHE_CONTROL_KEEP);
    for (i = 0; i < sizeof(others) / sizeof(*others); i++)
        assert_int_equal(why_of(others[i], LENGTH), CACHE_CONTROL_STATUS);
}

static void t_a_response_is_not_kept_against_its_will(void **state)
{
    static const struct {
        const char *fields;
        enum cache_control_why why;
    } row[] = {
        {"Cache-Control: no-store\r\n", CACHE_CONTROL_FORBIDDEN},
        {"Cache-Control: max-age=9, NO-STORE\r\n", CACHE_CONTROL_FORBIDDEN},
        {"Cache-Control: max-age=9\r\nCache-Control: private\r\n",
         CACHE_CONTROL_FORBIDDEN},
        {"Cache-Control: private=\"X-A, X-B\", max-age=9\r\n", CACHE_CONTROL_FORBIDDEN},
        {"Cache-Control: no-cache=\"Set-Cookie\"\r\n", CACHE_CONTROL_FORBIDDEN},
        {"Cache-Control: a=\"b, no-store\r\n", CACHE_CONTROL_FORBIDDEN},
        {"Cache-Control: , ,\t, no-cache ,\r\n", CACHE_CONTROL_FORBIDDEN},
        {"Pragma: no-cache\r\n", CACHE_CONTROL_FORBIDDEN},
        {"Cache-Control: max-age=9\r\nPragma: no-cache\r\n", CACHE_CONTROL_KEEP},
        {"Cache-Control: a=\"no-store\", max-age=9\r\n", CACHE_CONTROL_KEEP},
        {"Cache-Control: max-age=9\r\nSet-Cookie: a=b\r\n", CACHE_CONTROL_COOKIE},
        {"Vary: Accept-Encoding, accept-language\r\n", CACHE_CONTROL_KEEP},
        {"Vary: Accept-Encoding\r\nVary: Cookie\r\n", CACHE_CONTROL_VARY},
        {"Vary: *\r\n", CACHE_CONTROL_VARY},
        {"Vary: Origin\r\n", CACHE_CONTROL_VARY},
        {"Content-Encoding: GZIP\r\n", CACHE_CONTROL_KEEP},
        {"Content-Encoding: br\r\n", CACHE_CONTROL_ENCODING},
        {"Content-Encoding: gzip\r\nContent-Encoding: br\r\n", CACHE_CONTROL_ENCODING},
    };
    char fields[600];
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(row) / sizeof(*row); i++) {
        snprintf(fields, sizeof(fields), "%s" LENGTH, row[i].fields);
        if (why_of("200", fields) != row[i].why)
            fail_msg("%s: %d", row[i].fields, why_of("200", fields));
    }
}

static void t_a_response_that_ends_with_its_connection_is_not_kept(void **state)
{
    (void)state;
    assert_int_equal(why_of("200", "Cache-Control: max-age=9\r\n"),
                     CACHE_CONTROL_FRAMING);
    assert_int_equal(why_of("200", "Transfer-Encoding: chunked\r\n"), CACHE_CONTROL_KEEP);
}

static void t_gzip_is_not_kept_for_visitors_without_it(void **state)
{
    struct cache_control_request plain = {.may_use = true};
    struct cache_control_times t = {1000, 0, 0};

    (void)state;
    assert_int_equal(cache_control_read_response(response("200", LENGTH
                                                          "Content-Encoding: gzip\r\n"),
                                                 &plain, &t),
                     CACHE_CONTROL_ENCODING);
}

static void t_a_language_that_is_not_told_apart_is_not_kept_when_it_matters(void **state)
{
    struct cache_control_request french = {.may_use = true,
                                           .language = CACHE_CONTROL_OTHER};
    struct cache_control_times t = {1000, 0, 0};

    (void)state;
    assert_int_equal(cache_control_read_response(response("200", LENGTH), &french, &t),
                     CACHE_CONTROL_KEEP);
    assert_int_equal(cache_control_read_response(response("200", LENGTH
                                                          "Vary: Accept-Language\r\n"),
                                                 &french, &t),
                     CACHE_CONTROL_VARY);
}

#define DATE "Date: Sun, 28 Feb 2100 23:59:59 GMT\r\n"
static const struct {
    const char *fields;
    uint64_t fresh_s, stale_s, error_s; /* fresh_s 0: not kept */
} times[] = {
    {"", 1, 10, 600},
    {"Cache-Control: max-age=5\r\n", 5, 10, 600},
    {"Cache-Control: MAX-AGE = 5\r\n", 5, 10, 600},
    {"Cache-Control: max-age=\"5\"\r\n", 5, 10, 600},
    {"Cache-Control: max-age=5, s-maxage=7\r\n", 7, 0, 0},
    {"Cache-Control: s-maxage=7, stale-if-error=60\r\n", 7, 0, 60},
    {"Cache-Control: s-maxage=7, stale-while-revalidate=3\r\n", 7, 3, 0},
    {"Cache-Control: max-age=2, stale-while-revalidate=3, stale-if-error=4\r\n", 2, 3, 4},
    {"Cache-Control: max-age=2, stale-while-revalidate=x\r\n", 2, 0, 600},
    {"Cache-Control: max-age=2, must-revalidate\r\n", 2, 0, 0},
    {"Cache-Control: max-age=2, proxy-revalidate, stale-if-error=9\r\n", 2, 0, 0},
    {"Cache-Control: must-revalidate\r\n", 1, 0, 0},
    {"Cache-Control: max-age=0\r\n", 0, 0, 0},
    {"Cache-Control: max-age=-1\r\n", 0, 0, 0},
    {"Cache-Control: max-age=\r\n", 0, 0, 0},
    {"Cache-Control: max-age\r\n", 0, 0, 0},
    {"Cache-Control: max-age=1e9\r\n", 0, 0, 0},
    {"Cache-Control: max-age=5 5\r\n", 0, 0, 0},
    {"Cache-Control: max-age=\"\"\r\n", 0, 0, 0},
    {"Cache-Control: max-age=5, max-age=5\r\n", 5, 10, 600},
    {"Cache-Control: max-age=5, max-age=50\r\n", 0, 0, 0},
    {"Cache-Control: max-age=5\r\nCache-Control: max-age=6\r\n", 0, 0, 0},
    {"Cache-Control: max-age=99999999999999999999999999\r\n", 2147483648u, 10, 600},
    {"Cache-Control: max-age=18446744073709551617\r\n", 2147483648u, 10, 600},
    {"Cache-Control: max-age=9\r\nAge: 4\r\n", 5, 10, 600},
    {"Cache-Control: max-age=9\r\nAge: 9\r\n", 0, 0, 0},
    {"Cache-Control: max-age=9\r\nAge: 99999999999999999999\r\n", 0, 0, 0},
    {"Cache-Control: max-age=9\r\nAge: 4, 1\r\n", 5, 10, 600},
    {"Cache-Control: max-age=9\r\nAge: old\r\n", 9, 10, 600},
    {DATE "Expires: Mon, 01 Mar 2100 00:00:04 GMT\r\n", 5, 10, 600},
    {DATE "Expires: Sun, 28 Feb 2100 23:59:59 GMT\r\n", 0, 0, 0},
    {DATE "Expires: 0\r\n", 0, 0, 0},
    {DATE "Expires: Sunday, 28-Feb-00 23:59:59 GMT\r\n", 0, 0, 0},
    {DATE "Expires: Mon, 01 Mrz 2100 00:00:04 GMT\r\n", 0, 0, 0},
    {DATE "Expires: Mon, 99 Mar 2100 00:00:04 GMT\r\n", 0, 0, 0},
    {"Expires: Mon, 01 Mar 2100 00:00:04 GMT\r\n", 0, 0, 0},
    {DATE "Cache-Control: max-age=3\r\nExpires: 0\r\n", 3, 10, 600},
    {"Date: Wed, 28 Feb 2024 00:00:00 GMT\r\nExpires: Fri, 01 Mar 2024 00:00:00 GMT\r\n",
     172800, 10, 600},
};

static void t_times_are_those_that_the_response_names(void **state)
{
    char fields[600];
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(times) / sizeof(*times); i++) {
        struct cache_control_times t = {1000, 10000, 600000};
        enum cache_control_why why;

        snprintf(fields, sizeof(fields), "%s" LENGTH, times[i].fields);
        why = cache_control_read_response(response("200", fields), &any, &t);
        if (times[i].fresh_s == 0 && why == CACHE_CONTROL_EXPIRED)
            continue;
        if (why != CACHE_CONTROL_KEEP || t.fresh_ms != times[i].fresh_s * 1000 ||
            t.stale_ms != times[i].stale_s * 1000 ||
            t.stale_error_ms != times[i].error_s * 1000)
            fail_msg("%s: why %d, fresh %llu, stale %llu, on errors %llu ms", fields, why,
                     (unsigned long long)t.fresh_ms, (unsigned long long)t.stale_ms,
                     (unsigned long long)t.stale_error_ms);
    }
}

static void t_a_rule_without_time_keeps_only_what_names_one(void **state)
{
    struct cache_control_times t = {0, 10000, 600000};

    (void)state;
    assert_int_equal(cache_control_read_response(response("200", LENGTH), &any, &t),
                     CACHE_CONTROL_EXPIRED);
    assert_int_equal(cache_control_read_response(response("200", LENGTH
                                                          "Cache-Control: max-age=1\r\n"),
                                                 &any, &t),
                     CACHE_CONTROL_KEEP);
}

static void t_a_request_for_one_visitor_uses_no_copy(void **state)
{
    static const struct {
        const char *method, *fields;
        bool may_use, ignoring_cookies;
    } row[] = {
        {"GET", "", true, true},
        {"HEAD", "", true, true},
        {"POST", "Content-Length: 0\r\n", false, false},
        {"OPTIONS", "", false, false},
        {"GET", "Authorization: Basic YTpi\r\n", false, false},
        {"GET", "Range: bytes=0-1\r\n", false, false},
        {"GET", "If-Range: \"a\"\r\n", false, false},
        {"GET", "If-Match: \"a\"\r\n", false, false},
        {"GET", "If-Unmodified-Since: Sun, 06 Nov 1994 08:49:37 GMT\r\n", false, false},
        {"GET", "If-None-Match: \"a\"\r\n", true, true},
        {"GET", "If-Modified-Since: Sun, 06 Nov 1994 08:49:37 GMT\r\n", true, true},
        {"GET", "Cache-Control: no-store\r\n", false, false},
        {"GET", "Cache-Control: no-cache, max-age=0\r\n", true, true},
        {"GET", "Cookie: a=b\r\n", false, true},
        {"GET", "Cookie: lars_v=1\r\n", true, true},
        {"GET", "Cookie: lars_v=1; a=b\r\n", false, true},
        {"GET", "Cookie: lars_v=1\r\nCookie: a=b\r\n", false, true},
        {"GET", "Cookie: lars_visit=1\r\n", false, true},
        {"GET", "Cookie: lars_v\r\n", false, true},
        {"GET", "Cookie: ;;\r\n", true, true},
    };
    struct cache_control_request r;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(row) / sizeof(*row); i++) {
        const struct http_head *h = request(row[i].method, row[i].fields);

        cache_control_read_request(h, false, "lars_v", &r);
        if (r.may_use != row[i].may_use)
            fail_msg("%s %s", row[i].method, row[i].fields);
        cache_control_read_request(h, true, "lars_v", &r);
        if (r.may_use != row[i].ignoring_cookies)
            fail_msg("cookies ignored: %s %s", row[i].method, row[i].fields);
    }
}

static void t_requests_are_classed_by_encoding_and_language(void **state)
{
    static const struct {
        const char *fields;
        bool gzip;
        enum cache_control_language language;
    } row[] = {
        {"", false, CACHE_CONTROL_NONE},
        {"Accept-Encoding: gzip, deflate, br\r\n", true, CACHE_CONTROL_NONE},
        {"Accept-Encoding: br, GZIP;q=0.5\r\n", true, CACHE_CONTROL_NONE},
        {"Accept-Encoding: gzip;q=0.001\r\n", true, CACHE_CONTROL_NONE},
        {"Accept-Encoding: gzip; q=0.000\r\n", false, CACHE_CONTROL_NONE},
        {"Accept-Encoding: gzip;q=\r\n", true, CACHE_CONTROL_NONE},
        {"Accept-Encoding: ;;,gzipped\r\n", false, CACHE_CONTROL_NONE},
        {"Accept-Encoding: br\r\nAccept-Encoding: gzip\r\n", true, CACHE_CONTROL_NONE},
        {"Accept-Language: zh-CN,zh;q=0.9,en;q=0.8\r\n", false, CACHE_CONTROL_ZH},
        {"Accept-Language: en;q=0.8, ZH;q=0.9\r\n", false, CACHE_CONTROL_ZH},
        {"Accept-Language: en-US\r\n", false, CACHE_CONTROL_EN},
        {"Accept-Language: fr, en;q=0.1\r\n", false, CACHE_CONTROL_EN},
        {"Accept-Language: zh;q=0, en;q=0\r\n", false, CACHE_CONTROL_OTHER},
        {"Accept-Language: enm, zha\r\n", false, CACHE_CONTROL_OTHER},
        {"Accept-Language: fr\r\n", false, CACHE_CONTROL_OTHER},
        {"Accept-Language: *\r\n", false, CACHE_CONTROL_OTHER},
        {"Accept-Language: \r\n", false, CACHE_CONTROL_OTHER},
    };
    struct cache_control_request r;
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(row) / sizeof(*row); i++) {
        cache_control_read_request(request("GET", row[i].fields), false, NULL, &r);
        if (r.gzip != row[i].gzip || r.language != row[i].language)
            fail_msg("%s: gzip %d language %d", row[i].fields, r.gzip, (int)r.language);
    }
}

static struct http_text text(const char *s)
{
    return (struct http_text){s, (uint32_t)strlen(s)};
}

static void t_tags_are_compared_weakly_and_whole(void **state)
{
    static const struct {
        const char *list, *tag;
        bool same;
    } row[] = {
        {"\"a\"", "\"a\"", true},
        {"W/\"a\"", "\"a\"", true},
        {"\"b\", \"a\"", "W/\"a\"", true},
        {"*", "\"a\"", true},
        {"\"a,b\"", "\"a,b\"", true},
        {"\"a,b\"", "\"b\"", false},
        {"\"ab\"", "\"a\"", false},
        {"\"A\"", "\"a\"", false},
        {"", "\"a\"", false},
        {"*", "", false},
        {"\"\"", "", false},
        {",,", "\"a\"", false},
        {"\"a", "\"a", true},
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(row) / sizeof(*row); i++)
        if (cache_control_etag_matches(text(row[i].list), text(row[i].tag)) !=
            row[i].same)
            fail_msg("%s and %s", row[i].list, row[i].tag);
}

static void t_only_short_plain_tags_are_sent_back(void **state)
{
    static const char *const good[] = {"\"a\"", "W/\"a-1_/+=\"", "\"\""};
    static const char *const bad[] = {"",        "\"",       "a",        "\"a",
                                      "a\"",     "*",        "\"a,b\"",  "\"a\", \"b\"",
                                      "\"a b\"", "\"a\"b\"", "\"\xe5\"", "w/\"a\"",
                                      "W/",      "W/\"",     "\"a\tb\"", "\"a\x7f\""};
    char longest[300];
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(good) / sizeof(*good); i++)
        assert_true(cache_control_etag_usable(text(good[i])));
    for (i = 0; i < sizeof(bad) / sizeof(*bad); i++)
        if (cache_control_etag_usable(text(bad[i])))
            fail_msg("%s", bad[i]);
    memset(longest, 'a', sizeof(longest));
    longest[0] = longest[199] = '"';
    longest[200] = 0;
    assert_true(cache_control_etag_usable(text(longest)));
    longest[199] = 'a';
    longest[200] = '"';
    longest[201] = 0;
    assert_false(cache_control_etag_usable(text(longest)));
}

T_MAIN(T(t_only_whole_final_statuses_are_kept),
       T(t_a_response_is_not_kept_against_its_will),
       T(t_a_response_that_ends_with_its_connection_is_not_kept),
       T(t_gzip_is_not_kept_for_visitors_without_it),
       T(t_a_language_that_is_not_told_apart_is_not_kept_when_it_matters),
       T(t_times_are_those_that_the_response_names),
       T(t_a_rule_without_time_keeps_only_what_names_one),
       T(t_a_request_for_one_visitor_uses_no_copy),
       T(t_requests_are_classed_by_encoding_and_language),
       T(t_tags_are_compared_weakly_and_whole), T(t_only_short_plain_tags_are_sent_back))
