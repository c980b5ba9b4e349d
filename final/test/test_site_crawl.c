/* The crawl of a site that is a table in the test: what is copied, what is broken, and
 * sites that have no end. */
#include "t.h"

#include <sys/stat.h>

#include "gateway/site_crawl.h"

struct row {
    const char *path, *language; /* language: NULL = any */
    uint16_t status;
    const char *type, *body; /* body: of a redirect the place */
};

static const struct row *site;
static size_t n_rows;
static unsigned n_fetched, fail_at;
static struct mirror_draft *d;
static struct mirror *m;
static struct mirror_page page;
static struct site_crawl_report report;
static char path[240];

static void put(struct buf *b, const char *s)
{
    assert_int_equal(buf_append(b, s, strlen(s)), 0);
}

static int fetch(void *arg, const char *at, const char *language, struct site_answer *out,
                 char why[CRAWL_WHY])
{
    size_t i;

    (void)arg;
    if (++n_fetched == fail_at) {
        snprintf(why, CRAWL_WHY, "it was cut off");
        return -EHOSTUNREACH;
    }
    out->status = 404;
    for (i = 0; i < n_rows; i++) {
        if (strcmp(site[i].path, at) != 0)
            continue;
        out->varies = site[i].language != NULL;
        if (out->varies && strcmp(site[i].language, language) != 0)
            continue;
        out->status = site[i].status;
        snprintf(out->type, sizeof(out->type), "%s", site[i].type);
        if (out->status >= 300 && out->status < 400)
            snprintf(out->location, sizeof(out->location), "%s", site[i].body);
        else
            put(&out->body, site[i].body);
        put(&out->fields, "Cache-Control: no-cache\r\n");
        return 0;
    }
    return 0;
}

static int setup(void **state)
{
    (void)t_fds_save(state);
    snprintf(path, sizeof(path), "%s/lars_crawl_%d",
             getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp", (int)getpid());
    assert_int_equal(mirror_draft_create(&d), 0);
    m = NULL;
    n_fetched = fail_at = 0;
    return 0;
}

static int teardown(void **state)
{
    mirror_draft_destroy(d);
    mirror_unref(m);
    unlink(path);
    return t_fds_check(state);
}

static int crawl_with(site_fetch_fn *fn, const struct row *rows, size_t n)
{
    struct site_crawl c = {
        .fetch = fn, .host = "expo", .start = "/", .taken_s = 1800000000};

    site = rows;
    n_rows = n;
    return site_crawl_run(&c, d, &report);
}

#define CRAWL(rows) crawl_with(fetch, rows, sizeof(rows) / sizeof(rows[0]))

static bool found(const char *target, enum cache_control_language language,
                  uint16_t status, const char *text)
{
    struct http_text t = {target, (uint32_t)strlen(target)};

    if (!m)
        assert_int_equal(mirror_draft_store(d, path, 1, &m), 0);
    return mirror_find(m, t, language, &page) && page.status == status &&
           (memmem(page.plain.at, page.plain.len, text, strlen(text)) ||
            memmem(page.fields.at, page.fields.len, text, strlen(text)));
}

static const struct row whole[] = {
    {"/", "zh", 302, "", "/zh/"},
    {"/", "en", 302, "", "/en/"},
    {"/zh/", NULL, 200, "text/html",
     "<html lang=\"zh-CN\"><body><a href=crops/>c</a><img src=/p.svg>"
     "<link href=/s.css><a href=//other/x>"},
    {"/en/", NULL, 200, "text/html",
     "<html lang=\"en\"><body><a href=\"http://expo/zh/\">"},
    {"/zh/crops/", NULL, 200, "text/html", "<body class=x><a href=../>up</a>crops"},
    {"/p.svg", NULL, 200, "image/svg+xml", "<svg><a href=/not-followed></svg>"},
    {"/s.css", NULL, 200, "text/css", "a{b:url(bg.png)}"},
    {"/bg.png", NULL, 200, "image/png", "png"},
    {"/lars-gateway-asks-for-the-missing-page", NULL, 404, "text/html", "<body>not here"},
};

static void t_all_pages_and_what_they_need_are_copied(void **state)
{
    (void)state;
    assert_int_equal(CRAWL(whole), 0);
    assert_string_equal(report.why, "");
    assert_int_equal(report.n_broken, 0);
    assert_int_equal(report.n_pages, 4);
    assert_true(found("/", CACHE_CONTROL_ZH, 302, "Location: /zh/\r\n"));
    assert_true(found("/", CACHE_CONTROL_EN, 302, "Location: /en/\r\n"));
    assert_true(found("/zh/crops/", CACHE_CONTROL_EN, 200, "crops"));
    assert_true(found("/zh/crops", CACHE_CONTROL_EN, 301, "Location: /zh/crops/\r\n"));
    assert_true(found("/p.svg", CACHE_CONTROL_ZH, 200, "<svg>"));
    assert_true(found("/bg.png", CACHE_CONTROL_ZH, 200, "png"));
    assert_true(found("/nothing", CACHE_CONTROL_ZH, 404, "not here"));
    assert_int_equal(mirror_n_pages(m), report.n_files);
}

static void t_every_page_says_in_its_language_that_it_is_a_copy(void **state)
{
    (void)state;
    assert_int_equal(CRAWL(whole), 0);
    assert_true(
        found("/en/", CACHE_CONTROL_NONE, 200, "<body>\n<p role=\"status\" lang=\"en\""));
    assert_true(found("/en/", CACHE_CONTROL_NONE, 200, "This is a copy of the site"));
    assert_true(found("/zh/", CACHE_CONTROL_NONE, 200,
                      "<body>\n<p role=\"status\" lang=\"zh-CN\""));
    assert_true(found("/zh/crops/", CACHE_CONTROL_NONE, 200, "<body class=x>\n<p role="));
    assert_true(found("/x", CACHE_CONTROL_NONE, 404, "<p role="));
    assert_false(found("/p.svg", CACHE_CONTROL_NONE, 200, "role"));
}

static void t_a_link_that_leads_nowhere_is_counted_and_named(void **state)
{
    static const struct row rows[] = {
        {"/", NULL, 200, "text/html",
         "<a href=/gone><a href=/gone><a href=/out><a href=/b>"},
        {"/out", NULL, 302, "", "http://other/"},
        {"/b", NULL, 200, "text/html", "<a href=/also-gone>"}};

    (void)state;
    assert_int_equal(CRAWL(rows), -ENOLINK);
    assert_int_equal(report.n_broken, 3);
    assert_string_equal(report.why, "/gone (a link of /): the node answered status 404");
}

static void t_a_first_page_that_is_not_there_is_broken(void **state)
{
    static const struct row rows[] = {{"/x", NULL, 200, "text/html", ""}};

    (void)state;
    assert_int_equal(CRAWL(rows), -ENOLINK);
    assert_string_equal(report.why,
                        "/ (a link of the rule): the node answered status 404");
}

static void t_circles_end(void **state)
{
    static const struct row rows[] = {{"/", NULL, 200, "text/html",
                                       "<a href=/><a href=/a?x=1><a href=/a?x=2>"},
                                      {"/a", NULL, 301, "", "/b"},
                                      {"/b", NULL, 301, "", "/a"}};

    (void)state;
    assert_int_equal(CRAWL(rows), 0);
    assert_int_equal(n_fetched, 6); /* with two files and the missing page */
}

static void t_a_node_that_fails_in_between_leaves_no_copy(void **state)
{
    unsigned i;

    (void)state;
    for (i = 1; i <= 8; i++) {
        mirror_draft_destroy(d);
        assert_int_equal(mirror_draft_create(&d), 0);
        n_fetched = 0;
        fail_at = i;
        assert_int_equal(CRAWL(whole), -EHOSTUNREACH);
        assert_non_null(strstr(report.why, "it was cut off"));
    }
}

/* Each page has a link to another new one, in a row or beside each other. */
static int fetch_deep(void *arg, const char *at, const char *language,
                      struct site_answer *out, char why[CRAWL_WHY])
{
    char body[100];

    (void)arg;
    (void)language;
    (void)why;
    out->status = 200;
    snprintf(out->type, sizeof(out->type), "text/html");
    snprintf(body, sizeof(body), "<a href=/%lu>", strtoul(at + 1, NULL, 10) + 1);
    put(&out->body, body);
    return 0;
}

static int fetch_wide(void *arg, const char *at, const char *language,
                      struct site_answer *out, char why[CRAWL_WHY])
{
    static unsigned n;
    char body[100];
    int i;

    (void)arg;
    (void)at;
    (void)language;
    (void)why;
    out->status = 200;
    snprintf(out->type, sizeof(out->type), "text/html");
    for (i = 0; i < 100; i++) {
        snprintf(body, sizeof(body), "<a href=/%u>", ++n);
        put(&out->body, body);
    }
    return 0;
}

static void t_a_site_without_an_end_is_refused_at_a_bound(void **state)
{
    (void)state;
    assert_int_equal(crawl_with(fetch_deep, NULL, 0), -E2BIG);
    assert_non_null(strstr(report.why, "more than"));
    assert_true(report.n_files <= CRAWL_DEPTH_MAX + 4);
    mirror_draft_destroy(d);
    assert_int_equal(mirror_draft_create(&d), 0);
    assert_int_equal(crawl_with(fetch_wide, NULL, 0), -E2BIG);
    assert_true(report.n_files < MIRROR_PAGES_MAX);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(t_all_pages_and_what_they_need_are_copied),
        TEST(t_every_page_says_in_its_language_that_it_is_a_copy),
        TEST(t_a_link_that_leads_nowhere_is_counted_and_named),
        TEST(t_a_first_page_that_is_not_there_is_broken),
        TEST(t_circles_end),
        TEST(t_a_node_that_fails_in_between_leaves_no_copy),
        TEST(t_a_site_without_an_end_is_refused_at_a_bound)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
