/* The table of a head: names in any case get their number, lists are searched by whole
 * members, and the fields of one connection are known. */
#include "lib/httpcase.h"

static struct http_text text_of(const char *s)
{
    return (struct http_text){s, (uint32_t)strlen(s)};
}

static void add(struct http_head *h, const char *name, const char *value)
{
    assert_int_equal(http_head_add(h, text_of(name), text_of(value)), 0);
}

static void t_add_numbers_every_known_name_in_any_case(void **state)
{
    static const struct {
        const char *lower, *mixed;
        enum http_id id;
    } rows[] = {{"te", "TE", HTTP_TE},
                {"age", "Age", HTTP_AGE},
                {"via", "VIA", HTTP_VIA},
                {"date", "Date", HTTP_DATE},
                {"etag", "ETag", HTTP_ETAG},
                {"host", "HOST", HTTP_HOST},
                {"vary", "Vary", HTTP_VARY},
                {"range", "Range", HTTP_RANGE},
                {"cookie", "Cookie", HTTP_COOKIE},
                {"expect", "Expect", HTTP_EXPECT},
                {"expires", "Expires", HTTP_EXPIRES},
                {"trailer", "Trailer", HTTP_TRAILER},
                {"upgrade", "Upgrade", HTTP_UPGRADE},
                {"forwarded", "Forwarded", HTTP_FORWARDED},
                {"lars-load", "Lars-Load", HTTP_LARS_LOAD},
                {"connection", "Connection", HTTP_CONNECTION},
                {"keep-alive", "Keep-Alive", HTTP_KEEP_ALIVE},
                {"set-cookie", "Set-Cookie", HTTP_SET_COOKIE},
                {"x-request-id", "X-Request-ID", HTTP_X_REQUEST_ID},
                {"authorization", "Authorization", HTTP_AUTHORIZATION},
                {"cache-control", "Cache-Control", HTTP_CACHE_CONTROL},
                {"content-length", "CONTENT-LENGTH", HTTP_CONTENT_LENGTH},
                {"accept-encoding", "Accept-Encoding", HTTP_ACCEPT_ENCODING},
                {"accept-language", "Accept-Language", HTTP_ACCEPT_LANGUAGE},
                {"x-forwarded-for", "X-Forwarded-For", HTTP_X_FORWARDED_FOR},
                {"proxy-connection", "Proxy-Connection", HTTP_PROXY_CONNECTION},
                {"x-forwarded-host", "X-Forwarded-Host", HTTP_X_FORWARDED_HOST},
                {"transfer-encoding", "Transfer-encoding", HTTP_TRANSFER_ENCODING},
                {"x-forwarded-proto", "X-Forwarded-Proto", HTTP_X_FORWARDED_PROTO}};
    struct http_head h = {0};
    size_t i, n = sizeof(rows) / sizeof(rows[0]);

    (void)state;
    for (i = 0; i < n; i++) {
        add(&h, rows[i].lower, "a");
        add(&h, rows[i].mixed, "b");
        if (h.field[2 * i].id != rows[i].id || h.field[2 * i + 1].id != rows[i].id)
            fail_msg("%s", rows[i].lower);
        assert_true(h.twice & 1ULL << rows[i].id);
        assert_true(http_head_text_is(http_head_value(&h, rows[i].id), "a"));
    }
}

static void t_add_other_names_have_no_number(void **state)
{
    static const char *const names[] = {
        "hos",           "hostx", "h-st", "cookie2", "x", "te-te", "transfer-encodings",
        "content_length"};
    struct http_head h = {0};
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        add(&h, names[i], "a");
        assert_int_equal(h.field[i].id, HTTP_UNKNOWN);
    }
    assert_null(http_head_value(&h, HTTP_HOST).at);
}

static void t_add_refuses_a_name_that_is_no_token(void **state)
{
    struct http_head h = {0};
    int c;

    (void)state;
    for (c = 0; c < 256; c++) {
        char name[] = {'x', (char)c, 'y'};
        bool token = strchr("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"
                            "ABCDEFGHIJKLMNOPQRSTUVWXYZ",
                            c) &&
                     c;

        h.n_fields = 0;
        assert_int_equal(http_head_add(&h, (struct http_text){name, 3}, text_of("a")),
                         token ? 0 : -EINVAL);
    }
    assert_int_equal(http_head_add(&h, text_of(""), text_of("a")), -EINVAL);
}

static void t_add_65th_field_is_e2big(void **state)
{
    struct http_head h = {0};
    unsigned i;

    (void)state;
    for (i = 0; i < HTTP_FIELDS_MAX; i++)
        add(&h, "x", "a");
    assert_int_equal(http_head_add(&h, text_of("x"), text_of("a")), -E2BIG);
    assert_int_equal(h.n_fields, HTTP_FIELDS_MAX);
}

static void t_add_cuts_the_blanks_around_a_value(void **state)
{
    struct http_head h = {0};

    (void)state;
    add(&h, "host", " \t a b \t ");
    add(&h, "via", " \t ");
    assert_true(http_head_text_is(h.field[0].value, "a b"));
    assert_int_equal(h.field[1].value.len, 0);
}

static void t_has_token_finds_whole_members_of_all_fields(void **state)
{
    struct http_head h = {0};

    (void)state;
    assert_false(http_head_has_token(&h, HTTP_CONNECTION, "close"));
    add(&h, "connection", "a, b ,,\tCLOSE");
    add(&h, "x", "d");
    add(&h, "connection", ",upgrade,");
    assert_true(http_head_has_token(&h, HTTP_CONNECTION, "a"));
    assert_true(http_head_has_token(&h, HTTP_CONNECTION, "b"));
    assert_true(http_head_has_token(&h, HTTP_CONNECTION, "close"));
    assert_true(http_head_has_token(&h, HTTP_CONNECTION, "Upgrade"));
    assert_false(http_head_has_token(&h, HTTP_CONNECTION, "d"));
    assert_false(http_head_has_token(&h, HTTP_CONNECTION, "clos"));
    assert_false(http_head_has_token(&h, HTTP_CONNECTION, "closed"));
}

static void t_idempotent_methods_are_those_of_the_standard(void **state)
{
    static const bool want[] = {
        [HTTP_METHOD_GET] = true,     [HTTP_METHOD_HEAD] = true,
        [HTTP_METHOD_PUT] = true,     [HTTP_METHOD_DELETE] = true,
        [HTTP_METHOD_OPTIONS] = true, [HTTP_METHOD_TRACE] = false};
    struct http_head h = {0};
    unsigned m;

    (void)state;
    for (m = HTTP_METHOD_OTHER; m <= HTTP_METHOD_TRACE; m++) {
        h.method = (enum http_method)m;
        assert_int_equal(http_head_is_idempotent(&h), want[m]);
    }
}

static void t_hop_fields_are_the_known_ones_and_those_named(void **state)
{
    static const char *const hop[] = {"Connection", "Keep-Alive", "Proxy-Connection",
                                      "TE",         "Trailer",    "Transfer-Encoding",
                                      "Upgrade",    "X-Named",    "X-Also"};
    struct http_head h = {0};
    size_t i, n = sizeof(hop) / sizeof(hop[0]);

    (void)state;
    for (i = 0; i < n; i++)
        add(&h, hop[i], i == 0 ? "x-named" : "a");
    add(&h, "connection", "close, X-ALSO");
    add(&h, "X-Other", "a");
    for (i = 0; i < n; i++)
        if (!http_head_is_hop(&h, &h.field[i]))
            fail_msg("%s", hop[i]);
    assert_false(http_head_is_hop(&h, &h.field[n + 1]));
}

static void t_keep_alive_is_the_shortest_number_of_seconds(void **state)
{
    static const struct {
        const char *value;
        uint32_t want;
    } row[] = {{"timeout=5", 5},
               {"max=100, Timeout=7", 7},
               {"timeout=0", 0},
               {"timeout=1.5", 1},
               {"timeout=9, timeout=3", 3},
               {"timeout=4294967296", UINT32_MAX},
               {"timeout=99999999999999999999999", UINT32_MAX},
               {"timeout=-1", UINT32_MAX},
               {"timeout=\"5\"", UINT32_MAX},
               {"timeout = 5", UINT32_MAX},
               {"timeout=", UINT32_MAX},
               {"xtimeout=5", UINT32_MAX},
               {"", UINT32_MAX}};
    struct http_head h = {0};
    size_t i;

    (void)state;
    assert_int_equal(http_head_keep_alive_s(&h), UINT32_MAX);
    for (i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        h = (struct http_head){0};
        add(&h, "Keep-Alive", row[i].value);
        if (http_head_keep_alive_s(&h) != row[i].want)
            fail_msg("%s: %u", row[i].value, http_head_keep_alive_s(&h));
    }
    add(&h, "Other", "timeout=1");
    add(&h, "keep-alive", "timeout=2");
    assert_int_equal(http_head_keep_alive_s(&h), 2);
}

T_MAIN(T(t_add_numbers_every_known_name_in_any_case), T(t_add_other_names_have_no_number),
       T(t_add_refuses_a_name_that_is_no_token), T(t_add_65th_field_is_e2big),
       T(t_add_cuts_the_blanks_around_a_value),
       T(t_has_token_finds_whole_members_of_all_fields),
       T(t_idempotent_methods_are_those_of_the_standard),
       T(t_hop_fields_are_the_known_ones_and_those_named),
       T(t_keep_alive_is_the_shortest_number_of_seconds))
