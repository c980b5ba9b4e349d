/* Copies that are no longer fresh: the gateway asks the node whether they are still
 * right, and its 304 renews them for all visitors. */
#include "lib/gatecache.h"

/* Wait until the node has got <n> requests in all; the answers are in gatecache.reply. */
static void get_until(const char *path, const char *fields, unsigned n)
{
    T_WAIT((gatecache_get(path, fields), gatecache.n_requests) >= n);
}

static void t_a_copy_that_the_node_confirms_is_fresh_with_its_new_fields(void **state)
{
    (void)state;
    gatecache_start("");
    assert_int_equal(gatecache_get("/old/strict", ""), 200);
    assert_string_equal(gatecache.reply.body, "number 1 language - encoding -\n");
    get_until("/old/strict", "", 2);
    assert_string_equal(gatecache.condition, "\"v1\" -");
    assert_int_equal(gatecache.n_304, 1);
    assert_int_equal(gatecache.reply.status, 200);
    assert_string_equal(gatecache.reply.body, "number 1 language - encoding -\n");
    assert_non_null(strstr(gatecache.reply.text, "\r\nX-Number: 1\r\n"));
    assert_null(strstr(gatecache.reply.text, "X-Number: 0"));
    assert_non_null(strstr(gatecache.reply.text, "\r\nContent-Type: text/x\r\n"));
    assert_null(strstr(gatecache.reply.text, "text/y"));
    assert_non_null(strstr(gatecache.reply.text, "\r\nContent-Length: 31\r\n"));
    /* it has the cookie of the visit, so it is for this visitor alone */
    assert_non_null(strstr(gatecache.reply.text, "\r\nSet-Cookie: lars_v="));
    assert_non_null(strstr(gatecache.reply.text,
                           "\r\nCache-Control: private, no-store\r\n"));
    assert_null(strstr(gatecache.reply.text, "max-age"));
    assert_int_equal(gatecache_get("/old/strict", ""), 200); /* fresh for 600 s now */
    assert_null(strstr(gatecache.reply.text, "Set-Cookie"));
    assert_non_null(strstr(gatecache.reply.text, "max-age=600"));
    assert_int_equal(gatecache_get("/old/strict", "If-None-Match: W/\"v1\"\r\n"), 304);
    assert_int_equal(gatecache_get("/old/strict", "If-None-Match: *\r\n"), 304);
    assert_int_equal(gatecache.n_requests, 2);
}

static void t_a_copy_is_confirmed_by_its_date_when_it_has_no_usable_tag(void **state)
{
    (void)state;
    gatecache_start("");
    assert_int_equal(gatecache_get("/old/date", ""), 200);
    get_until("/old/date", "", 2);
    assert_string_equal(gatecache.condition, "- Thu, 26 Nov 2026 08:00:00 GMT");
    assert_int_equal(gatecache.reply.status, 200);
    assert_string_equal(gatecache.reply.body, "number 1 language - encoding -\n");
    assert_int_equal(gatecache_get("/old/comma", ""), 200);
    get_until("/old/comma", "", 4); /* a tag that could be read as two is not sent */
    assert_string_equal(gatecache.condition, "- -");
    assert_int_equal(gatecache.n_304, 1);
}

static void t_a_response_that_has_changed_replaces_the_copy(void **state)
{
    (void)state;
    gatecache_start("");
    assert_int_equal(gatecache_get("/old/strict", ""), 200);
    gatecache.changed = true;
    get_until("/old/strict", "", 2);
    assert_string_equal(gatecache.condition, "\"v1\" -");
    assert_string_equal(gatecache.reply.body, "number 2 language - encoding -\n");
    assert_int_equal(gatecache.n_304, 0);
}

static void t_a_304_about_another_response_reaches_no_visitor(void **state)
{
    (void)state;
    gatecache_start("");
    assert_int_equal(gatecache_get("/old/other", ""), 200);
    get_until("/old/other", "", 2);
    assert_int_equal(gatecache.reply.status, 502);
    assert_int_equal(gatecache_get("/old/other", ""), 200); /* without a condition */
    assert_string_equal(gatecache.condition, "- -");
    assert_string_equal(gatecache.reply.body, "number 3 language - encoding -\n");
}

static void t_a_304_with_no_store_answers_once_and_keeps_nothing(void **state)
{
    (void)state;
    gatecache_start("");
    assert_int_equal(gatecache_get("/old/secret", ""), 200);
    get_until("/old/secret", "", 2);
    assert_int_equal(gatecache.n_304, 1);
    assert_int_equal(gatecache.reply.status, 200);
    assert_string_equal(gatecache.reply.body, "number 1 language - encoding -\n");
    assert_int_equal(gatecache_get("/old/secret", ""), 200);
    assert_string_equal(gatecache.condition, "- -"); /* no copy, so no condition */
    assert_string_equal(gatecache.reply.body, "number 3 language - encoding -\n");
}

static void t_a_visitor_who_has_the_confirmed_response_gets_304(void **state)
{
    (void)state;
    gatecache_start("");
    assert_int_equal(gatecache_get("/old/strict", ""), 200);
    T_WAIT((gatecache_get("/old/strict", "If-None-Match: \"v0\", \"v1\"\r\n"),
            gatecache.n_304) >= 1);
    assert_int_equal(gatecache.reply.status, 304);
    assert_int_equal(gatecache.reply.len, 0);
    assert_string_equal(gatecache.condition, "\"v1\" -"); /* that of the copy */
}

TESTDB_MAIN(GATECACHE_TEST(t_a_copy_that_the_node_confirms_is_fresh_with_its_new_fields),
            GATECACHE_TEST(t_a_copy_is_confirmed_by_its_date_when_it_has_no_usable_tag),
            GATECACHE_TEST(t_a_response_that_has_changed_replaces_the_copy),
            GATECACHE_TEST(t_a_304_about_another_response_reaches_no_visitor),
            GATECACHE_TEST(t_a_304_with_no_store_answers_once_and_keeps_nothing),
            GATECACHE_TEST(t_a_visitor_who_has_the_confirmed_response_gets_304))
