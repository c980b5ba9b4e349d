/* The table of shortages on a real MariaDB, written as the user lars_scale: when a row
 * begins, when it begins again, and when it goes. */
#include "scale/shortage_rows.h"

#include "mydb.h"

#include "dbusers.h"

static struct myconn *con;
static char error[MYCONN_ERROR_MAX];
static struct shortages x;

static int setup(void **state)
{
    const struct myconn_config cfg = {mydb_socket,  "",         0, "lars_scale",
                                      "lars_scale", "lars_dns", 5};

    (void)t_fds_save(state);
    mydb_sql("DELETE FROM ScaleShortage");
    memset(&x, 0, sizeof(x));
    x.whole = true;
    assert_int_equal(myconn_init(), 0);
    return myconn_create(&con, &cfg, error);
}

static int teardown(void **state)
{
    myconn_destroy(con);
    myconn_fini();
    return t_fds_check(state);
}

static void set(size_t i, uint32_t cmdid, const char *zone, unsigned up)
{
    x.at[i] = (struct shortage){.id = {20, cmdid}, .wanted = 5, .up = up};
    snprintf(x.at[i].zone, sizeof(x.at[i].zone), "%s", zone);
    snprintf(x.at[i].why, sizeof(x.at[i].why), "it's \"why\" %u", up);
    x.n = x.n > i ? x.n : i + 1;
}

static void write_rows(void)
{
    int rc = myconn_ensure(con);

    if (rc == 0)
        rc = shortage_rows_write(con, &x);
    if (rc < 0)
        fail_msg("%d: %s", rc, error);
}

/* How old the beginning of the row of zone a is, in seconds. */
static long since_s(void)
{
    return (long)mydb_number("SELECT TIMESTAMPDIFF(SECOND, since, NOW(3)) FROM "
                             "ScaleShortage WHERE zone = 'a'");
}

static void age(const char *column, unsigned seconds)
{
    char sql[120];

    snprintf(sql, sizeof(sql),
             "UPDATE ScaleShortage SET %s = NOW(3) - INTERVAL %u SECOND", column,
             seconds);
    mydb_sql(sql);
}

static void t_a_row_has_what_was_found_and_keeps_its_beginning(void **state)
{
    (void)state;
    set(0, 1, "a", 3);
    write_rows();
    assert_int_equal(mydb_number(
                         "SELECT COUNT(*) FROM ScaleShortage WHERE modid = 20 AND "
                         "cmdid = 1 AND zone = 'a' AND wanted = 5 AND up = 3 AND "
                         "most = 3 AND why = 'it\\'s \"why\" 3'"),
                     1);
    age("since", 100);
    set(0, 1, "a", 2);
    write_rows();
    set(0, 1, "a", 3); /* as many as before, so no progress */
    write_rows();
    assert_in_range(since_s(), 100, 110);
    assert_int_equal(mydb_number(
                         "SELECT COUNT(*) FROM ScaleShortage WHERE up = 3 AND most "
                         "= 3 AND why LIKE '%3' AND seen_at > NOW(3) - INTERVAL "
                         "9 SECOND"),
                     1);
}

static void t_a_node_that_comes_up_makes_it_begin_again_until_it_is_an_alarm(void **state)
{
    (void)state;
    set(0, 1, "a", 1);
    write_rows();
    age("since", 100);
    set(0, 1, "a", 2);
    write_rows();
    assert_in_range(since_s(), 0, 10);
    age("since", 121);
    set(0, 1, "a", 4);
    write_rows();
    assert_in_range(since_s(), 121, 140);
    assert_int_equal(mydb_number("SELECT most FROM ScaleShortage"), 4);
}

static void t_a_row_that_was_not_written_begins_again(void **state)
{
    (void)state;
    set(0, 1, "a", 3);
    write_rows();
    age("since", 500);
    age("seen_at", 20);
    set(0, 1, "a", 2);
    write_rows();
    assert_in_range(since_s(), 500, 510);
    age("seen_at", 31);
    write_rows();
    assert_in_range(since_s(), 0, 10);
    assert_int_equal(mydb_number("SELECT most FROM ScaleShortage"), 2);
}

static void t_rows_go_when_it_is_known_that_they_are_mended(void **state)
{
    (void)state;
    set(0, 1, "a", 3);
    set(1, 1, "b", 3);
    set(2, 2, "a", 3);
    write_rows();
    assert_int_equal(mydb_number("SELECT COUNT(*) FROM ScaleShortage"), 3);
    x.n = 1;
    x.whole = false; /* of the others nothing is known */
    write_rows();
    assert_int_equal(mydb_number("SELECT COUNT(*) FROM ScaleShortage"), 3);
    x.whole = true;
    write_rows();
    assert_int_equal(mydb_number("SELECT COUNT(*) FROM ScaleShortage"), 1);
    assert_int_equal(mydb_number("SELECT COUNT(*) FROM ScaleShortage WHERE cmdid = 1 AND "
                                 "zone = 'a'"),
                     1);
    x.n = 0;
    x.whole = false;
    age("seen_at", 61); /* nothing was known of it for a minute */
    write_rows();
    assert_int_equal(mydb_number("SELECT COUNT(*) FROM ScaleShortage"), 0);
    set(0, 1, "a", 3);
    write_rows();
    x.n = 0;
    x.whole = true;
    write_rows();
    assert_int_equal(mydb_number("SELECT COUNT(*) FROM ScaleShortage"), 0);
}

static int group_setup(void **state)
{
    int rc = mydb_setup(state);

    if (rc == 0)
        dbusers_create();
    return rc;
}

#define S(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

MYDB_MAIN_WITH(group_setup, mydb_teardown,
               S(t_a_row_has_what_was_found_and_keeps_its_beginning),
               S(t_a_node_that_comes_up_makes_it_begin_again_until_it_is_an_alarm),
               S(t_a_row_that_was_not_written_begins_again),
               S(t_rows_go_when_it_is_known_that_they_are_mended))
