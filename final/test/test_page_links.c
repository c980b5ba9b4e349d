/* The links of a page: where they lead, which are found, and pages of hostile bytes. */
#include "t.h"

#include "gateway/page_links.h"

static char out[MIRROR_PATH_MAX], all[2000];

static enum page_link resolve(const char *link, const char *base)
{
    return page_links_resolve(link, strlen(link), base, "expo.example.edu", out);
}

static void t_a_link_leads_to_a_path_of_the_site(void **state)
{
    static const char *const table[][3] = {
        {"/zh/", "/", "/zh/"},
        {"/a?b=c#d", "/", "/a"},
        {" /a\n", "/", "/a"},
        {"b", "/zh/a", "/zh/b"},
        {"b/", "/zh/", "/zh/b/"},
        {"b", "", "/b"},
        {".", "/zh/a", "/zh/"},
        {"./b", "/zh/a", "/zh/b"},
        {"..", "/zh/2027/a", "/zh/"},
        {"../b", "/zh/2027/a", "/zh/b"},
        {"http://expo.example.edu/x", "/", "/x"},
        {"https://EXPO.example.edu:8443/x?y", "/", "/x"},
        {"//expo.example.edu", "/zh/", "/"},
        {"/\xe5\xb1\x95 a", "/", "/%E5%B1%95%20a"},
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        assert_int_equal(resolve(table[i][0], table[i][1]), PAGE_LINK_PATH);
        assert_string_equal(out, table[i][2]);
    }
}

static void t_no_link_leads_above_the_first_folder(void **state)
{
    (void)state;
    assert_int_equal(resolve("../../../../etc/passwd", "/zh/"), PAGE_LINK_PATH);
    assert_string_equal(out, "/etc/passwd");
    assert_int_equal(resolve("/../..", "/"), PAGE_LINK_PATH);
    assert_string_equal(out, "/");
    assert_int_equal(resolve("/a/../../b/./../c", "/"), PAGE_LINK_PATH);
    assert_string_equal(out, "/c");
}

static void t_other_sites_and_parts_of_the_page_are_passed_over(void **state)
{
    static const char *const links[] = {"http://other.example/x",
                                        "//other.example/",
                                        "https:expo.example.edu",
                                        "//expo.example.edu.evil.example/",
                                        "//expo.example.edu@evil.example/",
                                        "//expo.example.edu:80:81/",
                                        "mailto:a@b",
                                        "javascript:alert(1)",
                                        "data:image/png,x",
                                        "#main",
                                        "?page=2",
                                        ""};
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(links) / sizeof(links[0]); i++)
        assert_int_equal(resolve(links[i], "/zh/"), PAGE_LINK_ELSEWHERE);
}

static void t_a_link_longer_than_a_path_is_bad(void **state)
{
    char link[MIRROR_PATH_MAX + 10];

    (void)state;
    memset(link, 'a', sizeof(link));
    link[0] = '/';
    assert_int_equal(page_links_resolve(link, MIRROR_PATH_MAX - 1, "/", "", out),
                     PAGE_LINK_PATH);
    assert_int_equal(strlen(out), MIRROR_PATH_MAX - 1);
    assert_int_equal(page_links_resolve(link, MIRROR_PATH_MAX, "/", "", out),
                     PAGE_LINK_BAD);
    memset(link + 1, 0x80, sizeof(link) - 1);
    assert_int_equal(page_links_resolve(link, MIRROR_PATH_MAX / 2, "/", "", out),
                     PAGE_LINK_BAD);
}

static int collect(void *arg, const char *link, size_t len)
{
    size_t n = strlen(all);

    (void)arg;
    snprintf(all + n, sizeof(all) - n, "[%.*s]", (int)len, link);
    return 0;
}

static const char *links_of(const char *text, bool is_css)
{
    all[0] = '\0';
    assert_int_equal(page_links_read(text, strlen(text), is_css, collect, NULL), 0);
    return all;
}

static void t_links_stand_in_the_attributes_of_tags(void **state)
{
    static const char *const table[][2] = {
        {"<a href=\"/a\">x</a>", "[/a]"},
        {"<A class=x HREF='/b' >", "[/b]"},
        {"<img alt=\"a > b\" src = /c>", "[/c]"},
        {"<img src=/c/d.svg>", "[/c/d.svg]"},
        {"<form action=/find><video poster=/p src=/v>", "[/find][/p][/v]"},
        {"<a data-href=/no name=href>", ""},
        {"href=/no <b>src=/no</b>", ""},
        {"<!-- <a href=/no> --><a href=/yes>", "[/yes]"},
        {"<script src=/s>'<a href=/no>'</script><a href=/yes>", "[/s][/yes]"},
        {"<br/><link rel=icon href=\"/f\"/>", "[/f]"},
        {"<a href=>", "[]"},
        {"<a href=\"/cut", "[/cut]"},
        {"<a href", ""},
        {"<", ""},
        {"<!--", ""},
        {"<a = = ==/// href = ''>", "[]"},
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(table) / sizeof(table[0]); i++)
        assert_string_equal(links_of(table[i][0], false), table[i][1]);
}

static void t_links_of_a_style_stand_in_url(void **state)
{
    (void)state;
    assert_string_equal(links_of("a{b:url(/x.png) url( \"y\" );c:url('z')}", true),
                        "[/x.png][y][z]");
    assert_string_equal(links_of("url(", true), "");
    assert_string_equal(links_of("url(\"", true), "");
    assert_string_equal(links_of("url()", true), "[]");
}

static int refuse(void *arg, const char *link, size_t len)
{
    (void)link;
    (void)len;
    ++*(int *)arg;
    return -E2BIG;
}

static void t_a_function_that_refuses_a_link_ends_the_reading(void **state)
{
    static const char page[] = "<a href=/a><a href=/b>";
    int n = 0;

    (void)state;
    assert_int_equal(page_links_read(page, strlen(page), false, refuse, &n), -E2BIG);
    assert_int_equal(n, 1);
}

static int resolve_it(void *arg, const char *link, size_t len)
{
    size_t i;

    (void)arg;
    if (page_links_resolve(link, len, "/zh/2027/", "h", out) == PAGE_LINK_PATH) {
        assert_int_equal(out[0], '/');
        for (i = 0; out[i]; i++)
            assert_true(out[i] > ' ' && out[i] <= '~' && out[i] != '?' && out[i] != '#');
        assert_null(strstr(out, "/../"));
    }
    return 0;
}

static void t_any_bytes_give_paths_that_a_copy_accepts(void **state)
{
    static const char pool[] = "<<<>\"'= /..?#:h\n\x80%aref";
    static const char start[] = "<a href=\"";
    unsigned seed = 7, i, k;
    char text[120];

    (void)state;
    for (i = 0; i < 20000; i++) {
        memcpy(text, start, sizeof(start) - 1);
        for (k = sizeof(start) - 1; k < sizeof(text); k++) {
            seed = seed * 1103515245u + 12345u;
            text[k] = pool[(seed >> 16) % (sizeof(pool) - 1)];
        }
        assert_int_equal(page_links_read(text, sizeof(text), i % 2, resolve_it, NULL), 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(t_a_link_leads_to_a_path_of_the_site),
        cmocka_unit_test(t_no_link_leads_above_the_first_folder),
        cmocka_unit_test(t_other_sites_and_parts_of_the_page_are_passed_over),
        cmocka_unit_test(t_a_link_longer_than_a_path_is_bad),
        cmocka_unit_test(t_links_stand_in_the_attributes_of_tags),
        cmocka_unit_test(t_links_of_a_style_stand_in_url),
        cmocka_unit_test(t_a_function_that_refuses_a_link_ends_the_reading),
        cmocka_unit_test(t_any_bytes_give_paths_that_a_copy_accepts)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
