/* The cookies of a visitor of a load. */
#include "t.h"

#include "load/cookie_jar.h"

static char jar[COOKIE_JAR];

static const char *set(const char *field)
{
    cookie_jar_set(jar, (struct http_text){field, (uint32_t)strlen(field)});
    return jar;
}

static int empty_jar(void **state)
{
    memset(jar, 0, sizeof(jar));
    return t_fds_save(state);
}

static void t_cookie_is_kept_without_its_attributes(void **state)
{
    (void)state;
    assert_string_equal(set("lars_v=w0a; Path=/; HttpOnly"), "lars_v=w0a");
    assert_string_equal(set("b=2"), "lars_v=w0a; b=2");
}

static void t_cookie_of_the_same_name_replaces_the_old_one(void **state)
{
    (void)state;
    set("a=1");
    set("aa=2");
    set("b=3");
    assert_string_equal(set("a=4; Path=/"), "aa=2; b=3; a=4");
    assert_string_equal(set("b=5"), "aa=2; a=4; b=5");
    assert_string_equal(set("b=6"), "aa=2; a=4; b=6");
}

static void t_empty_value_removes_the_cookie(void **state)
{
    (void)state;
    set("a=1");
    set("b=2");
    assert_string_equal(set("b=; Max-Age=0"), "a=1");
    assert_string_equal(set("a="), "");
    assert_string_equal(set("c=3"), "c=3");
}

static void t_what_is_no_cookie_is_left_out(void **state)
{
    (void)state;
    assert_string_equal(set(""), "");
    assert_string_equal(set("a"), "");
    assert_string_equal(set("=1"), "");
    assert_string_equal(set("; a=1"), "");
}

static void t_cookie_without_room_is_left_out(void **state)
{
    char field[COOKIE_JAR + 10];

    (void)state;
    memset(field, 'x', sizeof(field));
    field[1] = '=';
    field[200] = '\0';
    assert_int_equal(strlen(set(field)), 200);
    field[0] = 'y';
    assert_int_equal(strlen(set(field)), 200);
    assert_int_equal(strlen(set("a=123")), 207);
    field[200] = 'x';
    field[COOKIE_JAR + 9] = '\0';
    field[0] = 'z';
    assert_int_equal(strlen(set(field)), 207);
}

#define JAR_TEST(f) cmocka_unit_test_setup_teardown(f, empty_jar, t_fds_check)
T_MAIN(JAR_TEST(t_cookie_is_kept_without_its_attributes),
       JAR_TEST(t_cookie_of_the_same_name_replaces_the_old_one),
       JAR_TEST(t_empty_value_removes_the_cookie),
       JAR_TEST(t_what_is_no_cookie_is_left_out),
       JAR_TEST(t_cookie_without_room_is_left_out))
