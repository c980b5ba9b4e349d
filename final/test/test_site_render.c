/* The pages of the exhibition site, made from the templates of site/pages. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "site/site_render.h"
#include "site/site_template.h"
#include "site/site_visits.h"
#include "t.h"

#define PAGES "site/pages"
#define HOSTILE "<b>&\"'x"
#define ESCAPED "&lt;b&gt;&amp;&quot;&#39;x"

static struct site_render *render;

static struct catalogue *make(const char *text)
{
    char *t = (char *)(uintptr_t)text;
    char *edition[] = {"2027", t, t, "published", "2027-01-01"};
    char *exhibit[] = {"2027", "rice", "crops", t, t, t, t, t, t, t, t, "1"};
    char *other[] = {"2027", "tea", "crops", t, t, t, t, t, t, t, t, "0"};
    struct catalogue *c;

    assert_int_equal(catalogue_create(&c), 0);
    assert_int_equal(catalogue_add_edition(c, edition), 0);
    assert_int_equal(catalogue_add_exhibit(c, exhibit), 0);
    assert_int_equal(catalogue_add_exhibit(c, other), 0);
    return c;
}

static bool has(const struct site_body *x, const char *text)
{
    return memmem(x->plain, x->n_plain, text, strlen(text)) != NULL;
}

static int setup(void **state)
{
    char err[SITE_TEXTS_ERROR_MAX] = "";

    (void)state;
    if (site_render_create(&render, PAGES, err) == 0)
        return 0;
    fprintf(stderr, "%s\n", err);
    return -1;
}

static int teardown(void **state)
{
    (void)state;
    site_render_destroy(render);
    return 0;
}

static void t_every_field_is_escaped_on_every_page(void **state)
{
    struct catalogue *c = make(HOSTILE);
    const struct site_body *x = NULL;
    struct site_bodies *b;
    size_t n = 0;

    (void)state;
    assert_int_equal(site_render_all(render, c, &b), 0);
    while ((x = site_bodies_next(b, x))) {
        if (strncmp(x->type, "text/html", 9) != 0)
            continue;
        n++;
        assert_false(has(x, HOSTILE));
        assert_false(has(x, "<b>&"));
        assert_true(has(x, ESCAPED));
    }
    assert_int_equal(n, 2 * (2 + 1 + 2 + 1) + 1); /* with the one for unknown paths */
    site_bodies_destroy(b);
    catalogue_destroy(c);
}

static void t_the_query_is_escaped_in_the_results(void **state)
{
    struct catalogue *c = make("rice");
    struct site_search *s;
    struct buf out = {0};

    (void)state;
    assert_int_equal(site_search_create(&s, c), 0);
    assert_int_equal(
        site_render_search(render, c, s, CATALOGUE_EN, "\"><script>alert(1)", &out), 0);
    assert_int_equal(buf_append(&out, "", 1), 0);
    assert_null(strstr(buf_bytes(&out), "<script"));
    assert_non_null(strstr(buf_bytes(&out), "&quot;&gt;&lt;script&gt;alert(1)"));
    buf_free(&out);
    site_search_destroy(s);
    catalogue_destroy(c);
}

static void t_each_path_is_there_in_both_languages(void **state)
{
    static const char *const paths[] = {"/", "/2027/", "/2027/crops/",
                                        "/2027/exhibit/rice", "/editions/"};
    struct catalogue *c = make("x");
    struct site_bodies *b;
    char path[64];
    size_t i;

    (void)state;
    assert_int_equal(site_render_all(render, c, &b), 0);
    for (i = 0; i < 2 * sizeof(paths) / sizeof(paths[0]); i++) {
        snprintf(path, sizeof(path), "/%s%s", i % 2 ? "zh" : "en", paths[i / 2]);
        assert_non_null(site_bodies_find(b, path));
    }
    assert_null(site_bodies_find(b, "/zh/2027/exhibit/nothing"));
    site_bodies_destroy(b);
    catalogue_destroy(c);
}

static void t_the_compressed_body_is_the_same_page(void **state)
{
    struct catalogue *c = make("x");
    const struct site_body *x;
    struct site_bodies *b;
    static char plain[65536];
    z_stream z = {0};

    (void)state;
    assert_int_equal(site_render_all(render, c, &b), 0);
    x = site_bodies_find(b, "/zh/");
    assert_non_null(x->gzip);
    assert_true(x->n_gzip < x->n_plain);
    assert_int_equal(inflateInit2(&z, 15 + 16), Z_OK);
    z.next_in = (Bytef *)x->gzip;
    z.avail_in = (uInt)x->n_gzip;
    z.next_out = (Bytef *)plain;
    z.avail_out = sizeof(plain);
    assert_int_equal(inflate(&z, Z_FINISH), Z_STREAM_END);
    inflateEnd(&z);
    assert_int_equal(z.total_out, x->n_plain);
    assert_memory_equal(plain, x->plain, x->n_plain);
    site_bodies_destroy(b);
    catalogue_destroy(c);
}

static void t_without_an_edition_the_first_page_is_there(void **state)
{
    struct catalogue *c;
    struct site_bodies *b;

    (void)state;
    assert_int_equal(catalogue_create(&c), 0);
    assert_int_equal(site_render_all(render, c, &b), 0);
    assert_non_null(site_bodies_find(b, "/zh/"));
    assert_non_null(site_bodies_find(b, "/en/editions/"));
    site_bodies_destroy(b);
    catalogue_destroy(c);
}

/* --- templates ---------------------------------------------------------------------- */

static void write_file(const char *dir, const char *name, const char *text)
{
    char path[300];
    FILE *f;

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    f = fopen(path, "we");
    assert_non_null(f);
    fputs(text, f);
    fclose(f);
}

/* The error of a template with this text. */
static void error_of(const char *text, char err[SITE_TEXTS_ERROR_MAX])
{
    static const char *const names[] = {"title", "list", NULL};
    char dir[] = "/tmp/test_site_XXXXXX", cmd[80];
    struct site_texts *texts;
    struct site_template *t = NULL;

    assert_non_null(mkdtemp(dir));
    write_file(dir, "texts.zh", "a = b\n");
    write_file(dir, "texts.en", "a = b\n");
    write_file(dir, "page.html", text);
    err[0] = '\0';
    assert_int_equal(site_texts_load(&texts, dir, err), 0);
    if (site_template_load(&t, dir, "page", names, texts, err) == 0)
        site_template_destroy(t);
    site_texts_destroy(texts);
    snprintf(cmd, sizeof(cmd), "rm -r %s", dir);
    assert_int_equal(system(cmd), 0);
}

static void t_a_wrong_template_is_refused_with_its_line(void **state)
{
    static const char *const wrong[] = {"\n{{titel}}",           "\n{{t.no}}",
                                        "\n{{#list}}",           "\n{{/list}}",
                                        "\n{{#list}}{{/title}}", "\n{{title",
                                        "\n{{{title}}}"};
    char err[SITE_TEXTS_ERROR_MAX];
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        error_of(wrong[i], err);
        assert_non_null(strstr(err, "page.html, line 2"));
    }
    error_of("{{>page}}", err);
    assert_non_null(strstr(err, "too many files"));
    error_of("{{>none}}", err);
    assert_non_null(strstr(err, "none.html cannot be read"));
    error_of("{{#list}}{{title}}{{/list}}{{t.a}}", err);
    assert_string_equal(err, "");
}

static void t_visits_are_taken_once(void **state)
{
    struct site_visit out[4];
    struct site_visits *v;

    (void)state;
    assert_int_equal(site_visits_create(&v), 0);
    assert_int_equal(site_visits_add(v, 2027, "rice", 1), 0);
    assert_int_equal(site_visits_add(v, 2027, "rice", 2), 0);
    assert_int_equal(site_visits_add(v, 2026, "rice", 1), 0);
    assert_int_equal(site_visits_waiting(v), 4);
    assert_int_equal(site_visits_take(v, out, 4), 2);
    assert_int_equal(out[0].n + out[1].n, 4);
    assert_int_equal(site_visits_take(v, out + 2, 2), 0);
    assert_int_equal(site_visits_waiting(v), 4);
    site_visits_written(v, out, 2);
    assert_int_equal(site_visits_waiting(v), 0);
    site_visits_destroy(v);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(t_every_field_is_escaped_on_every_page),
        cmocka_unit_test(t_the_query_is_escaped_in_the_results),
        cmocka_unit_test(t_each_path_is_there_in_both_languages),
        cmocka_unit_test(t_the_compressed_body_is_the_same_page),
        cmocka_unit_test(t_without_an_edition_the_first_page_is_there),
        cmocka_unit_test(t_a_wrong_template_is_refused_with_its_line),
        cmocka_unit_test(t_visits_are_taken_once),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
