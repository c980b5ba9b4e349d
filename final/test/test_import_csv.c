/* What showcase-import reads from a spreadsheet: every encoding and form that a
 * spreadsheet program writes, and a fault with its place for everything else. */
#include "t.h"

#include <iconv.h>

#include "lib/sheetfix.h"

#define ROW "a,crops,\xe7\xa8\xbb,Rice,,,,,,,,,\n" /* U+7A3B */
#define ZH "\xe7\xa8\xbb"

static struct sheetfix x;

/* Read <utf8> in the encoding <name> behind <bom>. */
static void read_as(const char *name, const char *bom, size_t bom_len, const char *utf8)
{
    char out[4096], *to = out, *from = (char *)(uintptr_t)utf8;
    size_t left = strlen(utf8), room = sizeof(out);
    iconv_t cd = iconv_open(name, "UTF-8");

    assert_true(cd != (iconv_t)-1);
    memcpy(out, bom, bom_len);
    to += bom_len;
    room -= bom_len;
    assert_true(iconv(cd, &from, &left, &to, &room) != (size_t)-1);
    iconv_close(cd);
    assert_int_equal(sheetfix_read(&x, out, (size_t)(to - out)), 0);
}

static void assert_rice(enum import_encoding e)
{
    if (x.f.n > 0)
        fail_msg("%u:%u: %s", x.f.kept[0].at.line, x.f.kept[0].at.column,
                 x.f.kept[0].text);
    assert_int_equal(x.text.encoding, e);
    assert_int_equal(x.sheet.n, 1);
    assert_string_equal(x.sheet.item[0].text[IMPORT_ID], "a");
    assert_string_equal(x.sheet.item[0].text[IMPORT_TITLE_ZH], ZH);
    assert_string_equal(x.sheet.item[0].text[IMPORT_TITLE_EN], "Rice");
    sheetfix_free(&x);
}

static void t_every_encoding_gives_the_same_exhibits(void **state)
{
    static const struct {
        const char *name, *bom;
        size_t len;
        enum import_encoding is;
    } as[] = {{"UTF-8", "", 0, IMPORT_UTF8},
              {"UTF-8", "\xef\xbb\xbf", 3, IMPORT_UTF8},
              {"GBK", "", 0, IMPORT_GB18030},
              {"GB2312", "", 0, IMPORT_GB18030},
              {"GB18030", "", 0, IMPORT_GB18030},
              {"UTF-16LE", "\xff\xfe", 2, IMPORT_UTF16LE},
              {"UTF-16BE", "\xfe\xff", 2, IMPORT_UTF16BE}};
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(as) / sizeof(as[0]); i++) {
        read_as(as[i].name, as[i].bom, as[i].len, SHEETFIX_TITLES ROW);
        assert_int_equal(x.text.has_bom, as[i].len > 0);
        assert_rice(as[i].is);
    }
}

static void t_the_encoding_that_was_taken_has_a_name(void **state)
{
    (void)state;
    read_as("GBK", "", 0, SHEETFIX_TITLES ROW);
    assert_string_equal(import_text_name(&x.text), "GB18030 (GBK)");
    sheetfix_free(&x);
    read_as("UTF-8", "\xef\xbb\xbf", 3, SHEETFIX_TITLES ROW);
    assert_string_equal(import_text_name(&x.text), "UTF-8 with a byte order mark");
    sheetfix_free(&x);
}

/* <titles and row> with each ',' replaced and each '\n' replaced. */
static void read_form(char separator, const char *line_end)
{
    const char *p;
    char out[1024];
    size_t n = 0;

    for (p = SHEETFIX_TITLES ROW; *p; p++) {
        if (*p == '\n')
            n += (size_t)snprintf(out + n, sizeof(out) - n, "%s", line_end);
        else
            out[n++] = *p == ',' ? separator : *p;
    }
    assert_int_equal(sheetfix_read(&x, out, n), 0);
    assert_int_equal(x.sheet.separator, separator);
    assert_rice(IMPORT_UTF8);
}

static void t_every_separator_and_line_end_gives_the_same_exhibits(void **state)
{
    static const char *const ends[] = {"\n", "\r\n", "\r"};
    size_t i;

    (void)state;
    for (i = 0; i < 3; i++) {
        read_form(',', ends[i]);
        read_form(';', ends[i]);
        read_form('\t', ends[i]);
    }
}

static void t_a_first_line_sep_is_obeyed(void **state)
{
    char out[1024];
    int n = snprintf(out, sizeof(out), "sep=,\r\n%s", SHEETFIX_TITLES ROW);

    (void)state;
    assert_int_equal(sheetfix_read(&x, out, (size_t)n), 0);
    assert_int_equal(x.sheet.item[0].row, 3);
    assert_rice(IMPORT_UTF8);
}

static void t_quotes_keep_separators_quotes_and_line_ends(void **state)
{
    (void)state;
    assert_int_equal(sheetfix_rows(&x, "a,soils,\"" ZH
                                       ",\"\"x\"\"\",\"T;\",,,\"one\r\n\r\ntwo\",,,,,,"
                                       "\r\nb,soils,c,d,,,,,,,,,"),
                     0);
    assert_int_equal(x.f.n, 0);
    assert_int_equal(x.sheet.n, 2);
    assert_string_equal(x.sheet.item[0].text[IMPORT_TITLE_ZH], ZH ",\"x\"");
    assert_string_equal(x.sheet.item[0].text[IMPORT_BODY_ZH], "one\n\ntwo");
    assert_int_equal(x.sheet.item[1].row, 3);
    sheetfix_free(&x);
}

static void t_empty_rows_blanks_and_trailing_separators_are_ignored(void **state)
{
    (void)state;
    assert_int_equal(sheetfix_rows(&x, "\n,,,,,,,,,,,,\n  a ,crops,\xe3\x80\x80" ZH
                                       "\xe3\x80\x80, Rice,,,,,,,,,,,,\n,,,\n \n"),
                     0);
    assert_int_equal(x.sheet.item[0].row, 4);
    assert_rice(IMPORT_UTF8);
}

static void t_chinese_titles_and_categories_are_accepted_in_any_order(void **state)
{
    FILE *f = fopen("test/corpus/fuzz_import_csv/chinese_titles", "rb");
    char bytes[4096];
    size_t n;

    (void)state;
    assert_non_null(f);
    n = fread(bytes, 1, sizeof(bytes), f);
    fclose(f);
    assert_int_equal(sheetfix_read(&x, bytes + 1, n - 1), 0);
    assert_string_equal(x.sheet.item[0].category, "crops");
    assert_rice(IMPORT_UTF8);
}

/* Rows behind the titles, and a fault that they have. */
static const struct {
    const char *rows;
    uint32_t line, column, n;
    const char *part;
} hostile[] = {
    {"a,crops,,Rice,,,,,,,,,", 2, 9, 1, "title_zh: it is empty"},
    {"a,crops,x,,,,,,,,,,", 2, 11, 1, "title_en: it is empty"},
    {",crops,x,y,,,,,,,,,", 2, 1, 1, "id: it is empty"},
    {"A b,crops,x,y,,,,,,,,,", 2, 1, 1, "other characters than a-z"},
    {"a/../b,crops,x,y,,,,,,,,,", 2, 1, 1, "other characters than a-z"},
    {"a,crop,x,y,,,,,,,,,", 2, 3, 1, "\"crop\" is no category"},
    {"a,crops,x,y,,,,,,,,,\n\na,crops,x,y,,,,,,,,,", 4, 1, 1, "in row 2 (line 2)"},
    {"a,crops,x\x01z,y,,,,,,,,,", 2, 10, 1, "U+0001"},
    {"a,crops,x\x1b[2J,y,,,,,,,,,", 2, 10, 1, "U+001B"},
    {"a,crops," ZH "\xe2\x80\xae,y,,,,,,,,,", 2, 10, 1, "U+202E"},
    {"a,crops,x,\xc2\x85,,,,,,,,,", 2, 11, 1, "U+0085"},
    {"a,crops,x,y\xef\xbf\xbd,,,,,,,,,", 2, 12, 1, "lost a character"},
    {"a,crops," ZH ZH ZH "\xff\xfe,y,,,,,,,,,", 2, 12, 1, "0xff"},
    {"a,crops," ZH ZH ZH "\xe7\xa8,y,,,,,,,,,", 2, 12, 1, "0xe7"},
    {"a,crops," ZH ZH ZH ZH ZH "\xed\xa0\x80\xc0\xaf,y,,,,,,,,,", 2, 14, 1, "0xed"},
    {"a,crops,\"x\ny\",z,,,,,,,,,", 2, 9, 1, "it has a line end"},
    {"a,crops,x\"y,z,,,,,,,,,", 2, 10, 1, "a quote in a field without quotes"},
    {"a,crops,\"x\"y,z,,,,,,,,,", 2, 12, 1, "text behind the closing quote"},
    {"a,crops,x,y,\"never ends,,,,,,,,\n\n", 2, 13, 1, "not closed"},
    {"a,crops,x,y,,,,,,,,,,more", 2, 22, 1, "a field without a column"},
    {"a,crops,x,y,,,,,,,no.png,a,b", 2, 19, 1, "is not in the folder"},
    {"a,crops,x,y,,,,,,,../x.png,a,b", 2, 19, 1, "without a folder"},
    {"a,crops,x,y,,,,,,,/etc/passwd,a,b", 2, 19, 1, "without a folder"},
    {"a,crops,x,y,,,,,,,.,a,b", 2, 19, 1, "begin with a point"},
    {"a,crops,x,y,,,,,,,n.png;m.png,a;b,c", 2, 35, 3, "1 descriptions for 2 pictures"},
    {"a,crops,x,y,,,,,,,n.png,,c", 2, 25, 2, "0 descriptions for 1 pictures"},
    {"a,crops,x,y,,,,,,,,d,", 2, 20, 1, "1 descriptions for 0 pictures"},
};

static void t_each_fault_has_its_line_and_column(void **state)
{
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(hostile) / sizeof(hostile[0]); i++) {
        assert_int_equal(sheetfix_rows(&x, hostile[i].rows), 0);
        if (!sheetfix_has(&x, hostile[i].line, hostile[i].column, hostile[i].part) ||
            x.f.n != hostile[i].n)
            fail_msg("case %zu (%s): %u faults", i, hostile[i].part, x.f.n);
        sheetfix_free(&x);
    }
}

static void t_nul_is_a_fault_and_does_not_end_the_text(void **state)
{
    static const char rows[] = SHEETFIX_TITLES "a,crops,x\0z,y,,,,,,,,,\nB,crops,x,y\n";

    (void)state;
    assert_int_equal(sheetfix_read(&x, rows, sizeof(rows) - 1), 0);
    assert_true(sheetfix_has(&x, 2, 10, "U+0000"));
    assert_true(sheetfix_has(&x, 3, 1, "\"B\""));
    assert_int_equal(x.f.n, 2);
    sheetfix_free(&x);
}

static void t_titles_at_fault_are_named(void **state)
{
    static const char wrong[] = "id,id,category,title_zh,titel_en\na,b,crops,x,y\n";

    (void)state;
    assert_int_equal(sheetfix_read(&x, wrong, sizeof(wrong) - 1), 0);
    assert_true(sheetfix_has(&x, 1, 4, "the column id is there twice"));
    assert_true(sheetfix_has(&x, 1, 25, "\"titel_en\" is no column"));
    assert_true(sheetfix_has(&x, 1, 1, "the column title_en ("));
    assert_true(sheetfix_has(&x, 1, 1, "the column alt_en ("));
    assert_int_equal(x.f.n, 12);
    sheetfix_free(&x);
}

static void t_a_file_without_exhibits_is_a_fault(void **state)
{
    (void)state;
    assert_int_equal(sheetfix_read(&x, "", 0), 0);
    assert_true(sheetfix_has(&x, 1, 1, "no row"));
    sheetfix_free(&x);
    assert_int_equal(sheetfix_rows(&x, "\n\n"), 0);
    assert_true(sheetfix_has(&x, 1, 1, "no exhibit"));
    sheetfix_free(&x);
}

/* Lengths are counted in characters, not bytes. */
static void t_texts_up_to_their_limit_are_taken(void **state)
{
    char row[2048];
    int extra;
    size_t n, i;

    (void)state;
    for (extra = 0; extra < 2; extra++) {
        n = (size_t)snprintf(row, sizeof(row), "a,crops,");
        for (i = 0; i < (size_t)(200 + extra); i++)
            n += (size_t)snprintf(row + n, sizeof(row) - n, ZH);
        snprintf(row + n, sizeof(row) - n, ",y,,,,,,,,,");
        assert_int_equal(sheetfix_rows(&x, row), 0);
        assert_int_equal(x.f.n, extra);
        assert_true(!extra ||
                    sheetfix_has(&x, 2, 9, "it has 201 characters; at most 200"));
        sheetfix_free(&x);
    }
}

/* <n> rows, each with the category <category>. */
static void read_many(int n, const char *category)
{
    size_t size = (size_t)n * 40 + 1, len = 0;
    char *rows = malloc(size);
    int i;

    assert_non_null(rows);
    rows[0] = '\0';
    for (i = 0; i < n; i++)
        len += (size_t)snprintf(rows + len, size - len, "e%d,%s,x,y\n", i, category);
    assert_int_equal(sheetfix_rows(&x, rows), 0);
    free(rows);
}

static void t_faults_are_counted_and_the_first_fifty_kept(void **state)
{
    char *printed = NULL;
    size_t len = 0;
    FILE *to = open_memstream(&printed, &len);

    (void)state;
    read_many(80, "x");
    assert_int_equal(x.f.n, 80);
    import_fault_print(&x.f, "a.csv", to);
    fclose(to);
    assert_non_null(strstr(printed, "a.csv:2:4: row 2, category: \"x\" is no category"));
    assert_non_null(strstr(printed, "a.csv:51:5: row 51"));
    assert_non_null(strstr(printed, "a.csv: 30 more faults are not printed\n"));
    assert_null(strstr(printed, "a.csv:52:"));
    free(printed);
    sheetfix_free(&x);
}

static void t_more_exhibits_than_an_edition_holds_are_a_fault(void **state)
{
    (void)state;
    read_many(IMPORT_ITEMS_MAX, "crops");
    assert_int_equal(x.f.n, 0);
    assert_int_equal(x.sheet.n, IMPORT_ITEMS_MAX);
    sheetfix_free(&x);
    read_many(IMPORT_ITEMS_MAX + 1, "crops");
    assert_true(sheetfix_has(&x, IMPORT_ITEMS_MAX + 2, 1, "more than 1000 exhibits"));
    assert_int_equal(x.f.n, 1);
    sheetfix_free(&x);
}

static void t_more_fields_than_a_row_may_have_are_faults(void **state)
{
    char row[200];

    (void)state;
    memset(row, ',', sizeof(row));
    row[sizeof(row) - 1] = '\0';
    row[150] = 'x';
    assert_int_equal(sheetfix_rows(&x, row), 0);
    assert_true(sheetfix_has(&x, 2, 151, "more than 64 fields"));
    sheetfix_free(&x);
}

static void t_a_file_above_the_limit_is_refused(void **state)
{
    char *big = calloc(1, IMPORT_TEXT_MAX + 1);
    struct import_faults f = {0};
    struct import_text t;

    (void)state;
    assert_non_null(big);
    assert_int_equal(import_text_decode(&t, big, IMPORT_TEXT_MAX + 1, IMPORT_AUTO, &f),
                     -E2BIG);
    free(big);
}

/* A file in UTF-8 with a damaged byte is not taken for GB18030, and one in GB18030 with a
 * damaged byte has its place. */
static void t_a_damaged_byte_does_not_change_the_encoding(void **state)
{
    char gb[4096], *to = gb, rows[] = SHEETFIX_TITLES "a,crops," ZH ZH ",Rice,,,,,,,,,\n";
    size_t left = strlen(rows), room = sizeof(gb);
    char *from = rows;
    iconv_t cd = iconv_open("GBK", "UTF-8");

    (void)state;
    iconv(cd, &from, &left, &to, &room);
    iconv_close(cd);
    gb[strlen(SHEETFIX_TITLES) + 8 + 2] = (char)0xff;
    assert_int_equal(sheetfix_read(&x, gb, (size_t)(to - gb)), 0);
    assert_int_equal(x.text.encoding, IMPORT_GB18030);
    assert_true(sheetfix_has(&x, 2, 10, "0xff is of no character of GB18030"));
    sheetfix_free(&x);
}

static void t_an_odd_byte_of_utf16_and_a_lone_surrogate_are_faults(void **state)
{
    (void)state;
    assert_int_equal(sheetfix_read(&x, "\xff\xfei\0d\0\n\0x", 9), 0);
    assert_true(sheetfix_has(&x, 2, 1, "UTF-16"));
    sheetfix_free(&x);
    assert_int_equal(sheetfix_read(&x,
                                   "\xff\xfei\0\x00\xd8"
                                   "d\0",
                                   8),
                     0);
    assert_true(sheetfix_has(&x, 1, 2, "UTF-16"));
    sheetfix_free(&x);
}

T_MAIN(T(t_every_encoding_gives_the_same_exhibits),
       T(t_the_encoding_that_was_taken_has_a_name),
       T(t_every_separator_and_line_end_gives_the_same_exhibits),
       T(t_a_first_line_sep_is_obeyed), T(t_quotes_keep_separators_quotes_and_line_ends),
       T(t_empty_rows_blanks_and_trailing_separators_are_ignored),
       T(t_chinese_titles_and_categories_are_accepted_in_any_order),
       T(t_each_fault_has_its_line_and_column),
       T(t_nul_is_a_fault_and_does_not_end_the_text), T(t_titles_at_fault_are_named),
       T(t_a_file_without_exhibits_is_a_fault), T(t_texts_up_to_their_limit_are_taken),
       T(t_faults_are_counted_and_the_first_fifty_kept),
       T(t_more_exhibits_than_an_edition_holds_are_a_fault),
       T(t_more_fields_than_a_row_may_have_are_faults),
       T(t_a_file_above_the_limit_is_refused),
       T(t_a_damaged_byte_does_not_change_the_encoding),
       T(t_an_odd_byte_of_utf16_and_a_lone_surrogate_are_faults))
