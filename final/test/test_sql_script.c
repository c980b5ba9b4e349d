/* A script of SQL is split into the same statements as by the `mariadb` client. */
#include "ctl/sql_script.h"
#include "t.h"

static char got[4000];                /* "LINE:STATEMENT|" for each statement */

static int note(const char *sql, unsigned line, void *arg)
{
    size_t n = strlen(got);

    snprintf(got + n, sizeof(got) - n, "%u:%s|", line, sql);
    return strcmp(sql, "STOP") == 0 ? *(int *)arg : 0;
}

static int split(const char *text)
{
    FILE *f = fmemopen((char *)text, strlen(text), "r");
    int stop = -7, rc;

    assert_non_null(f);
    got[0] = '\0';
    rc = sql_script_each(f, note, &stop);
    fclose(f);
    return rc;
}

static void gives(const char *text, const char *statements)
{
    assert_int_equal(split(text), 0);
    assert_string_equal(got, statements);
}

static void t_statements_end_with_the_delimiter(void **state)
{
    (void)state;
    gives("A;B ;\n\n  C\nD;;E", "1:A|1:B|3:C\nD|4:E|");
    gives("A", "1:A|");
    gives(" \n ; \n", "");
}

static void t_delimiter_is_changed_for_triggers(void **state)
{
    (void)state;
    gives("DELIMITER //\nCREATE TRIGGER t BEGIN a; b; END//\nDELIMITER ;\nX;\n",
          "2:CREATE TRIGGER t BEGIN a; b; END|4:X|");
    gives("delimiter $$\nA;$$\nDELIMITER ;", "2:A;|");
    gives("DELIMITER ;\nA;", "2:A|");
}

static void t_comments_are_left_out(void **state)
{
    (void)state;
    gives("-- a; b\nA -- c; d\n, B;# e;\nC /* ; \n */ D;--\nE;",
          "2:A \n, B|4:C   D|6:E|");
    gives("SELECT 1--1;", "1:SELECT 1--1|");
    gives("A - B;", "1:A - B|");
}

static void t_quoted_text_is_kept_as_it_is(void **state)
{
    (void)state;
    gives("A 'x;-- y''#';B \"/* \\\" ;\";C `d;`;",
          "1:A 'x;-- y''#'|1:B \"/* \\\" ;\"|1:C `d;`|");
}

static void t_callback_ends_the_script(void **state)
{
    (void)state;
    assert_int_equal(split("A;STOP;B;"), -7);
    assert_string_equal(got, "1:A|1:STOP|");
}

static void t_text_without_an_end_is_refused(void **state)
{
    (void)state;
    assert_int_equal(split("A 'x;"), -EINVAL);
    assert_int_equal(split("A /* x;"), -EINVAL);
    assert_int_equal(split("A 'x\\"), -EINVAL);
}

/* schema.sql and triggers.sql are split, and no statement has a command of the client. */
static void t_schema_and_triggers_are_split(void **state)
{
    static const char *const path[] = {"common/sql/schema.sql",
                                       "common/sql/triggers.sql"};
    int stop = 0;
    size_t i;

    (void)state;
    for (i = 0; i < 2; i++) {
        FILE *f = fopen(path[i], "r");

        assert_non_null(f);
        got[0] = '\0';
        assert_int_equal(sql_script_each(f, note, &stop), 0);
        fclose(f);
        assert_null(strstr(got, "DELIMITER"));
        assert_null(strstr(got, "--"));
        assert_null(strstr(got, "//"));
        assert_non_null(strstr(got, "|"));
    }
}

T_MAIN(T(t_statements_end_with_the_delimiter), T(t_delimiter_is_changed_for_triggers),
       T(t_comments_are_left_out), T(t_quoted_text_is_kept_as_it_is),
       T(t_callback_ends_the_script), T(t_text_without_an_end_is_refused),
       T(t_schema_and_triggers_are_split))
