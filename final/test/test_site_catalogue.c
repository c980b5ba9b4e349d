/* The catalogue of the exhibition site: what it takes, its snapshot file, its search. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "site/site_search.h"
#include "site/site_snapshot.h"
#include "t.h"

#define HASH "d4dc56669143034f31aa309635d4113d9ad76a02b1739da22c965ed2049be9e6"
#define PICTURE "<svg/>"

static char file[64];

static int add_edition(struct catalogue *c, const char *year, const char *state)
{
    char *row[] = {(char *)(uintptr_t)year, "\xe5\xb1\x95", "Show",
                   (char *)(uintptr_t)state, "2027-01-01"};

    return catalogue_add_edition(c, row);
}

static int add_exhibit(struct catalogue *c, const char *id, const char *zh,
                       const char *en)
{
    char *row[] = {"2027",
                   (char *)(uintptr_t)id,
                   "crops",
                   (char *)(uintptr_t)zh,
                   (char *)(uintptr_t)en,
                   "",
                   "a summary",
                   "",
                   "first\n\nsecond",
                   "",
                   "",
                   "1"};

    return catalogue_add_exhibit(c, row);
}

static int add_view(struct catalogue *c, const char *id, const char *hash)
{
    char *row[] = {"2027", (char *)(uintptr_t)id, (char *)(uintptr_t)hash, "alt-zh",
                   "alt-en"};

    return catalogue_add_view(c, row);
}

static struct catalogue *make(void)
{
    struct catalogue *c;

    assert_int_equal(catalogue_create(&c), 0);
    assert_int_equal(add_edition(c, "2027", "published"), 0);
    assert_int_equal(catalogue_add_picture(c, HASH, "image/svg+xml", PICTURE, 6), 0);
    assert_int_equal(add_exhibit(c, "rice",
                                 "\xe6\xb0\xb4\xe7\xa8\xbb\xe6\xa0\xbd\xe5\x9f\xb9",
                                 "Rice"),
                     0);
    assert_int_equal(add_exhibit(c, "tea", "\xe8\x8c\xb6", "Tea gardens"), 0);
    assert_int_equal(add_view(c, "rice", HASH), 0);
    return c;
}

static void t_rows_that_are_wrong_are_left_out_and_counted(void **state)
{
    struct catalogue *c = make();

    (void)state;
    assert_int_equal(add_edition(c, "2027", "published"), -EINVAL); /* there already */
    assert_int_equal(add_edition(c, "27", "published"), -EINVAL);
    assert_int_equal(add_edition(c, "2026", "draft"), -EINVAL);
    assert_int_equal(add_exhibit(c, "rice", "", ""), -EINVAL);
    assert_int_equal(add_exhibit(c, "../etc", "", ""), -EINVAL);
    assert_int_equal(add_exhibit(c, "", "", ""), -EINVAL);
    assert_int_equal(add_exhibit(c, "a<b", "", ""), -EINVAL);
    assert_int_equal(add_view(c, "no-such", HASH), -EINVAL);
    assert_int_equal(add_view(c, "tea", "00"), -EINVAL);
    assert_int_equal(catalogue_add_picture(c, HASH, "image/svg+xml", "other", 5),
                     -EINVAL);
    assert_int_equal(catalogue_add_picture(c, HASH, "text/html", PICTURE, 6), -EINVAL);
    assert_int_equal(catalogue_n_bad(c), 11);
    assert_int_equal(catalogue_n_exhibits(c), 2);
    catalogue_destroy(c);
}

static void t_a_shared_picture_outlives_the_catalogue_that_it_came_from(void **state)
{
    struct catalogue *c = make(), *next;

    (void)state;
    assert_int_equal(catalogue_create(&next), 0);
    assert_int_equal(catalogue_share_picture(next, c, HASH), 0);
    catalogue_destroy(c);
    assert_memory_equal(catalogue_picture(next, 0)->bytes, PICTURE, 6);
    catalogue_destroy(next);
}

static void t_broken_characters_are_replaced(void **state)
{
    struct catalogue *c = make();

    (void)state;
    assert_int_equal(add_exhibit(c, "x", "a\xff", "\xe6\xb0"), 0);
    assert_string_equal(catalogue_exhibit(c, 2)->title[CATALOGUE_ZH], "a?");
    catalogue_destroy(c);
}

/* --- the snapshot file -------------------------------------------------------------- */

static void t_a_snapshot_gives_back_the_whole_catalogue(void **state)
{
    struct catalogue *c = make(), *back;
    const struct catalogue_exhibit *x;
    uint64_t revision = 0;

    (void)state;
    assert_int_equal(site_snapshot_write(file, c, 42), 0);
    assert_int_equal(site_snapshot_read(file, &back, &revision), 0);
    assert_int_equal(revision, 42);
    assert_int_equal(catalogue_n_exhibits(back), 2);
    x = catalogue_exhibit(back, 0);
    assert_string_equal(x->id, "rice");
    assert_string_equal(x->body[CATALOGUE_EN], "first\n\nsecond");
    assert_int_equal(x->edition->year, 2027);
    assert_true(x->is_sample);
    assert_int_equal(x->n_view, 1);
    assert_string_equal(x->view[0].alt[CATALOGUE_EN], "alt-en");
    assert_memory_equal(x->view[0].picture->bytes, PICTURE, 6);
    catalogue_destroy(back);
    catalogue_destroy(c);
}

static void write_bytes(const char *bytes, size_t len)
{
    FILE *f = fopen(file, "we");

    assert_non_null(f);
    assert_int_equal(fwrite(bytes, 1, len, f), len);
    fclose(f);
}

static void t_a_damaged_snapshot_is_refused_at_every_byte(void **state)
{
    struct catalogue *c = make(), *back;
    static char bytes[8192];
    uint64_t revision;
    size_t len, i;
    FILE *f;

    (void)state;
    assert_int_equal(site_snapshot_write(file, c, 1), 0);
    f = fopen(file, "re");
    assert_non_null(f);
    len = fread(bytes, 1, sizeof(bytes), f);
    fclose(f);
    for (i = 0; i < len; i++) {
        write_bytes(bytes, i);
        assert_int_equal(site_snapshot_read(file, &back, &revision), -EBADMSG);
        bytes[i] ^= 1;
        write_bytes(bytes, len);
        assert_int_equal(site_snapshot_read(file, &back, &revision), -EBADMSG);
        bytes[i] ^= 1;
    }
    unlink(file);
    assert_int_equal(site_snapshot_read(file, &back, &revision), -ENOENT);
    catalogue_destroy(c);
}

/* --- the search --------------------------------------------------------------------- */

static size_t find(const char *query, const char *first)
{
    struct catalogue *c = make();
    const struct catalogue_exhibit *out[SITE_SEARCH_RESULTS];
    struct site_search *s;
    size_t n_all, n;

    assert_int_equal(site_search_create(&s, c), 0);
    n = site_search_find(s, query, out, &n_all);
    assert_int_equal(n, n_all);
    if (first)
        assert_string_equal(out[0]->id, first);
    site_search_destroy(s);
    catalogue_destroy(c);
    return n;
}

static void t_search_finds_pairs_of_chinese_characters(void **state)
{
    (void)state;
    assert_int_equal(find("\xe6\xb0\xb4\xe7\xa8\xbb", "rice"), 1);
    assert_int_equal(find("\xe7\xa8\xbb\xe6\xa0\xbd", "rice"), 1);
    assert_int_equal(find("\xe7\xa8\xbb\xe6\xb0\xb4", NULL), 0); /* the other order */
    assert_int_equal(find("\xe8\x8c\xb6", "tea"), 1); /* one character */
}

static void t_search_finds_words_in_any_case_and_number(void **state)
{
    (void)state;
    assert_int_equal(find("RICE", "rice"), 1);
    assert_int_equal(find("garden", "tea"), 1);
    assert_int_equal(find("\xef\xbc\xb2ice", "rice"), 1); /* a full-width R */
    assert_int_equal(find("ric", NULL), 0);
    assert_int_equal(find("summary", NULL), 2);
    assert_int_equal(find("rice tea", NULL), 0); /* no exhibit has both */
}

static void t_a_hostile_query_finds_nothing_and_breaks_nothing(void **state)
{
    char longest[70001];
    size_t i;

    (void)state;
    assert_int_equal(find("", NULL), 0);
    assert_int_equal(find("' OR 1=1 -- %00 <script>", NULL), 0);
    assert_int_equal(find("\xff\xfe\xe6\xb0\xf8", NULL), 0);
    for (i = 0; i < 70000; i++)
        longest[i] = (char)(128 + i % 127);
    longest[70000] = '\0';
    assert_int_equal(find(longest, NULL), 0);
}

static void t_a_query_is_cut_to_64_characters(void **state)
{
    char query[3 * 100 + 1] = "";
    size_t i;

    (void)state;
    for (i = 0; i < 100; i++)
        memcpy(query + 3 * i, "\xe6\xb0\xb4", 4);
    site_search_trim(query);
    assert_int_equal(strlen(query), 3 * 64);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(t_rows_that_are_wrong_are_left_out_and_counted),
        cmocka_unit_test(t_a_shared_picture_outlives_the_catalogue_that_it_came_from),
        cmocka_unit_test(t_broken_characters_are_replaced),
        cmocka_unit_test(t_a_snapshot_gives_back_the_whole_catalogue),
        cmocka_unit_test(t_a_damaged_snapshot_is_refused_at_every_byte),
        cmocka_unit_test(t_search_finds_pairs_of_chinese_characters),
        cmocka_unit_test(t_search_finds_words_in_any_case_and_number),
        cmocka_unit_test(t_a_hostile_query_finds_nothing_and_breaks_nothing),
        cmocka_unit_test(t_a_query_is_cut_to_64_characters),
    };
    int rc;

    snprintf(file, sizeof(file), "/tmp/test_site_%d.snapshot", (int)getpid());
    rc = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(file);
    return rc;
}
