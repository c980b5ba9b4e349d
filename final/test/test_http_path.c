/* Paths that servers read in different ways are not clear; equivalent ones have one
 * spelling. */
#include "t.h"

#include "http/http_path.h"

static struct http_text text_of(const char *s)
{
    return (struct http_text){s, (uint32_t)strlen(s)};
}

static void t_paths_that_servers_read_differently_are_not_clear(void **state)
{
    static const char *const bad[] = {
        "/..",       "/.",          "/a/..",     "/a/../b",      "/./a",   "/a/.",
        "/%2e",      "/%2E%2e",     "/.%2e/a",   "/%2e./",       "/..;a",  "/..;/a",
        "/.;a/b",    "/..%3Ba/b",   "/a%2fb",    "/a%2Fb",       "/a%5cb", "/a\\b",
        "/%2f",      "/a%00",       "/a%0d%0ab", "/a%1f",        "/a%7f",  "/%",
        "/a%2",      "/a%2?",       "/a%g0",     "/a%0g",        "/%%41",  "/a//..",
        "/a/..?x=y", "/a%5C..%5Cb", "*/..",      "/a/%2e%2e%2fb"};
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
        if (http_path_is_clear(text_of(bad[i])))
            fail_msg("%s", bad[i]);
}

static void t_paths_with_one_reading_are_clear(void **state)
{
    static const char *const good[] = {
        "/",         "/a",         "/a//b",      "//",       "/.well-known/a",
        "/a.b/c..d", "/...",       "/a../b",     "/..a",     "/a;b/c",
        "/a?../%zz", "/%E5%B1%95", "/%20%25%3F", "/a?%2f\\", "/a%252e%252e/",
        "/a.html",   "/%61.%62",   "*",          "/a%2e%2e", "/a;../b"};
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        if (!http_path_is_clear(text_of(good[i])))
            fail_msg("%s", good[i]);
}

static void t_equivalent_paths_have_one_spelling(void **state)
{
    static const char *const row[][2] = {{"/", "/"},
                                         {"/a?b", "/a"},
                                         {"?", ""},
                                         {"//a///b//", "/a/b/"},
                                         {"/%61%41%7a%30%2d%2E%5f%7e", "/aAz0-._~"},
                                         {"/%e5%b1%95%3f%25", "/%E5%B1%95%3F%25"},
                                         {"/a%20b+c", "/a%20b+c"},
        {"/a%4", "/a%4"}, /* not clear, and within its bytes */
        {"/%", "/%"}};
    char out[64];
    size_t i, n;

    (void)state;
    for (i = 0; i < sizeof(row) / sizeof(row[0]); i++) {
        n = http_path_normal(text_of(row[i][0]), out, sizeof(out) - 1);
        out[n] = 0;
        assert_string_equal(out, row[i][1]);
    }
}

static void t_what_does_not_fit_is_cut_off_whole(void **state)
{
    char out[8] = "";

    (void)state;
    assert_int_equal(http_path_normal(text_of("/abcdef"), out, 3), 3);
    assert_string_equal(out, "/ab");
    memset(out, 0, sizeof(out));
    assert_int_equal(http_path_normal(text_of("/a%20"), out, 4), 2);
    assert_string_equal(out, "/a");
    assert_int_equal(http_path_normal(text_of("/"), out, 0), 0);
}

T_MAIN(T(t_paths_that_servers_read_differently_are_not_clear),
       T(t_paths_with_one_reading_are_clear), T(t_equivalent_paths_have_one_spelling),
       T(t_what_does_not_fit_is_cut_off_whole))
