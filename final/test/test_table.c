/* The output of larsctl as text, JSON and CSV, byte for byte; a write error is
 * reported. */
#include "ctl/table.h"

#include <locale.h>

#include "t.h"

#define FARM "\xe5\x86\x9c\xe4\xb8\x9a" /* two characters, four columns */

static struct table *t;
static char *text;
static size_t size;

static int setup(void **state)
{
    (void)state;
    text = NULL;
    assert_non_null(setlocale(LC_CTYPE, "C.UTF-8"));
    return table_create(&t, "id# name");
}

static int teardown(void **state)
{
    (void)state;
    table_destroy(t);
    table_destroy(NULL);
    free(text);
    return 0;
}

static void add(const char *id, const char *name)
{
    char *cell[] = {(char *)id, (char *)name};

    assert_int_equal(table_add(t, cell), 0);
}

static const char *print(enum table_format f)
{
    FILE *to = open_memstream(&text, &size);

    assert_non_null(to);
    assert_int_equal(table_print(t, f, to), 0);
    fclose(to);
    return text;
}

static void t_text_columns_are_aligned_with_wide_characters(void **state)
{
    (void)state;
    add("1", FARM);
    add("200", "a");
    add(NULL, "\xff\xfe"); /* invalid bytes take a column each */
    assert_string_equal(print(TABLE_TEXT), " id  name\n"
                                           "  1  " FARM "\n"
                                           "200  a\n"
                                           "     \xff\xfe\n");
}

static void t_wide_first_column_is_padded_by_its_width(void **state)
{
    char *cell[] = {(char *)FARM, (char *)"x"};

    (void)state;
    table_destroy(t);
    assert_int_equal(table_create(&t, "name end"), 0);
    assert_int_equal(table_add(t, cell), 0);
    assert_string_equal(print(TABLE_TEXT), "name  end\n" FARM "  x\n");
}

static void t_json_has_exact_numbers_and_escapes(void **state)
{
    (void)state;
    add("9007199254740991", "a\"\\\n");
    add("18446744073709551615", "");
    add("2.50", NULL);
    add(NULL, FARM);
    assert_string_equal(print(TABLE_JSON),
                        "[\n  {\n    \"id\": 9007199254740991,\n    \"name\": "
                        "\"a\\\"\\\\\\n\"\n  },\n  {\n    \"id\": "
                        "\"18446744073709551615\",\n    \"name\": \"\"\n  },\n  {\n    "
                        "\"id\": 2.5,\n    \"name\": \"\"\n  },\n  {\n    \"id\": null,\n"
                        "    \"name\": \"" FARM "\"\n  }\n]\n");
}

static void t_csv_quotes_special_characters(void **state)
{
    (void)state;
    add("1", "a,b");
    add("2", "say \"x\"");
    add("3", "two\nlines");
    add("4", "plain");
    assert_string_equal(print(TABLE_CSV), "id,name\n1,\"a,b\"\n2,\"say \"\"x\"\"\"\n"
                                          "3,\"two\nlines\"\n4,plain\n");
}

static void t_empty_table_is_a_header_or_an_empty_array(void **state)
{
    (void)state;
    assert_string_equal(print(TABLE_TEXT), "id  name\n");
    free(text);
    assert_string_equal(print(TABLE_JSON), "[]\n");
    free(text);
    assert_string_equal(print(TABLE_CSV), "id,name\n");
    assert_int_equal(table_n_rows(t), 0);
}

static void t_full_disk_is_reported(void **state)
{
    FILE *full = fopen("/dev/full", "w");

    (void)state;
    assert_non_null(full);
    assert_int_equal(table_print(t, TABLE_TEXT, full), -EIO);
    fclose(full);
}

#define B(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

T_MAIN(B(t_text_columns_are_aligned_with_wide_characters),
       B(t_wide_first_column_is_padded_by_its_width),
       B(t_json_has_exact_numbers_and_escapes), B(t_csv_quotes_special_characters),
       B(t_empty_table_is_a_header_or_an_empty_array), B(t_full_disk_is_reported))
