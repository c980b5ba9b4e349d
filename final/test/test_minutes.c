/* The last hour by the minute, of all nodes and of each zone, whatever table a count is
 * in when it is read. */
#include "web/minutes.h"

#include <errno.h>

#include "dbusers.h"

#define MINUTE 28333333u              /* since 1970 */
#define AT(minute, s) ((uint64_t)(minute) * 60 + (s))

static struct sqldb *db;
static struct minutes *m;
static struct minutes_hour hour;

static int setup(void **state)
{
    struct myconn_config c = {mydb_socket,   "",         0, "lars",
                              "lars", "lars_dns", 3};

    t_fds_save(state);
    dbusers_create();
    mydb_sql("DELETE FROM CallSecond; DELETE FROM CallMinute; DELETE FROM CallHour; "
             "DELETE FROM RouteData");
    mydb_sql("INSERT INTO RouteData (modid, cmdid, serverip, serverport, zone) VALUES "
             "(1, 2, 1, 80, 'a'), (1, 2, 2, 80, 'b'), (1, 2, 3, 80, 'A')");
    assert_int_equal(myconn_init(), 0);
    assert_int_equal(minutes_create(&m), 0);
    return sqldb_open(&db, &c);
}

static int teardown(void **state)
{
    minutes_destroy(m);
    sqldb_close(db);
    myconn_fini();
    return t_fds_check(state);
}

static void had(const char *table, uint64_t at, unsigned ip, unsigned ok, unsigned bad)
{
    char sql[200];

    snprintf(sql, sizeof(sql), "INSERT INTO %s VALUES (%llu, 1, 2, %u, 80, %u, %u)",
             table, (unsigned long long)at, ip, ok, bad);
    mydb_sql(sql);
}

static void read_at(uint64_t now_s)
{
    if (minutes_read(m, db, now_s) != 0)
        fail_msg("%s", sqldb_error(db));
}

/* Minute <i> of the hour has this, and all others nothing. */
static void expect(const char *zone, size_t i, uint64_t calls, uint64_t failed)
{
    size_t k;

    minutes_of(m, zone, &hour);
    for (k = 0; k < MINUTES_N; k++)
        if (hour.calls[k] != (k == i ? calls : 0) ||
            hour.failed[k] != (k == i ? failed : 0))
            fail_msg("zone %s, minute %zu: %llu, %llu", zone ? zone : "(all)", k,
                     (unsigned long long)hour.calls[k],
                     (unsigned long long)hour.failed[k]);
}

static void t_hour_has_the_calls_of_each_zone(void **state)
{
    (void)state;
    had("CallSecond", AT(MINUTE - 1, 0), 1, 5, 1);
    had("CallSecond", AT(MINUTE - 1, 59), 1, 3, 0);
    had("CallMinute", AT(MINUTE - 1, 0), 1, 10, 2);
    had("CallSecond", AT(MINUTE - 1, 30), 2, 100, 0);
    had("CallSecond", AT(MINUTE - 1, 30), 3, 1000, 0);
    had("CallSecond", AT(MINUTE - 1, 30), 4, 7, 0); /* a node that is removed */
    had("CallSecond", AT(MINUTE, 0), 1, 9, 9);      /* of the next minute */
    read_at(AT(MINUTE, MINUTES_LATE_S));
    assert_int_equal(minutes_until_s(m), AT(MINUTE, 0));
    expect("a", 59, 21, 3);
    expect("b", 59, 100, 0);
    expect("A", 59, 1000, 0);
    expect("none", 0, 0, 0);
    expect(NULL, 59, 1128, 3);
}

static void t_minute_is_read_once_and_when_it_is_complete(void **state)
{
    (void)state;
    read_at(AT(MINUTE, MINUTES_LATE_S - 1));
    assert_int_equal(minutes_until_s(m), AT(MINUTE - 1, 0));
    had("CallSecond", AT(MINUTE - 1, 10), 1, 5, 0);
    read_at(AT(MINUTE, MINUTES_LATE_S));
    expect("a", 59, 5, 0);
    read_at(AT(MINUTE, MINUTES_LATE_S + 1));
    expect("a", 59, 5, 0);
    read_at(AT(MINUTE + 1, MINUTES_LATE_S));
    expect("a", 58, 5, 0);
    read_at(AT(MINUTE + 59, 30));
    expect("a", 0, 5, 0);
    read_at(AT(MINUTE + 60, 30));
    expect("a", 0, 0, 0);
    expect(NULL, 0, 0, 0);
}

static void t_hour_is_read_at_the_start_and_after_a_pause(void **state)
{
    (void)state;
    had("CallMinute", AT(MINUTE - 60, 0), 1, 6, 0);
    had("CallMinute", AT(MINUTE - 61, 0), 1, 50, 0);
    read_at(AT(MINUTE, 30));
    expect("a", 0, 6, 0);
    had("CallMinute", AT(MINUTE + 500, 0), 1, 8, 0);
    read_at(AT(MINUTE + 520, 30));
    expect("a", 40, 8, 0);
    expect(NULL, 40, 8, 0);
}

static void t_clock_that_is_set_back_begins_anew(void **state)
{
    (void)state;
    had("CallMinute", AT(MINUTE - 1, 0), 1, 6, 0);
    had("CallMinute", AT(MINUTE - 31, 0), 1, 2, 0);
    read_at(AT(MINUTE, 30));
    read_at(AT(MINUTE - 30, 30));
    expect("a", 59, 2, 0);
    expect(NULL, 59, 2, 0);
}

static void t_hour_that_cannot_be_read_is_tried_again_after_a_minute(void **state)
{
    (void)state;
    had("CallMinute", AT(MINUTE - 1, 0), 1, 6, 0);
    mydb_sql("RENAME TABLE CallHour TO Hidden");
    assert_int_equal(minutes_read(m, db, AT(MINUTE, 30)), -EIO);
    assert_int_equal(minutes_until_s(m), 0);
    mydb_sql("RENAME TABLE Hidden TO CallHour");
    read_at(AT(MINUTE, 31));
    assert_int_equal(minutes_until_s(m), 0);
    read_at(AT(MINUTE + 1, 30));
    expect("a", 58, 6, 0);
}

#define M(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
MYDB_MAIN(M(t_hour_has_the_calls_of_each_zone),
          M(t_minute_is_read_once_and_when_it_is_complete),
          M(t_hour_is_read_at_the_start_and_after_a_pause),
          M(t_hour_that_cannot_be_read_is_tried_again_after_a_minute),
          M(t_clock_that_is_set_back_begins_anew))
