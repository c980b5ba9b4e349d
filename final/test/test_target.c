/* The URL of the server that lars-load loads. */
#include "t.h"

#include "load/target.h"

static struct target to;

static const char *at(const char *url)
{
    static char text[NET_ADDR_STRLEN];
    const char *why = target_parse(&to, url);

    if (why)
        fail_msg("%s: %s", url, why);
    return net_addr_str(&to.to, text);
}

static void t_url_gives_address_host_and_path(void **state)
{
    (void)state;
    assert_string_equal(at("http://127.0.0.1:8080/a/b?c=d"), "127.0.0.1:8080");
    assert_string_equal(to.host, "127.0.0.1:8080");
    assert_string_equal(to.path, "/a/b?c=d");
    assert_string_equal(at("http://localhost:81"), "127.0.0.1:81");
    assert_string_equal(to.host, "localhost:81");
    assert_string_equal(to.path, "/");
    assert_string_equal(at("http://[::1]:82/"), "[::1]:82");
}

static void t_url_that_names_no_server_is_refused(void **state)
{
    static const char *const wrong[] = {
        "",
        "127.0.0.1:80",
        "https://127.0.0.1:80/",
        "http://",
        "http:///x",
        "http://127.0.0.1/",
        "http://127.0.0.1:0/",
        "http://127.0.0.1:70000/",
        "http://example.org:80/",
        "http://localhost.example.org:80/",
        "http://localhost",
        "http://u@127.0.0.1:80/",
        "http://127.0.0.1:80/a b",
        "http://127.0.0.1:80/\r\nX: y",
        "http://127.0.0.1:80?x",
    };
    char url[TARGET_HOST + 20];
    unsigned i;

    (void)state;
    for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        if (!target_parse(&to, wrong[i]))
            fail_msg("accepted: %s", wrong[i]);
    memset(url, '1', sizeof(url));
    memcpy(url, "http://", 7);
    url[sizeof(url) - 1] = '\0';
    assert_non_null(target_parse(&to, url));
}

static void t_only_addresses_of_this_host_are_loopback(void **state)
{
    (void)state;
    at("http://127.9.9.9:80");
    assert_true(target_is_loopback(&to));
    at("http://[::1]:80");
    assert_true(target_is_loopback(&to));
    at("http://128.0.0.1:80");
    assert_false(target_is_loopback(&to));
    at("http://[::2]:80");
    assert_false(target_is_loopback(&to));
    at("http://[::ffff:127.0.0.1]:80"); /* unusual, so it needs consent */
    assert_false(target_is_loopback(&to));
}

static void t_host_has_no_blanks_and_no_line_ends(void **state)
{
    (void)state;
    assert_true(target_is_host(""));
    assert_true(target_is_host("expo.example.edu:8080"));
    assert_false(target_is_host("a b"));
    assert_false(target_is_host("a\r\nX: y"));
    assert_false(target_is_host("a/b"));
}

T_MAIN(T(t_url_gives_address_host_and_path), T(t_url_that_names_no_server_is_refused),
       T(t_only_addresses_of_this_host_are_loopback),
       T(t_host_has_no_blanks_and_no_line_ends))
