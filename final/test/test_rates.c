/* Rates are the mean of the last complete seconds, each row counted once. */
#include "web/rates.h"

#include "dbusers.h"

#define NOW 1700000000u

static struct sqldb *db;
static struct rates *r;
static float calls, failed;

static int setup(void **state)
{
    struct myconn_config c = {mydb_socket,   "",         0, "lars",
                              "lars", "lars_dns", 3};

    t_fds_save(state);
    dbusers_create();
    mydb_sql("DELETE FROM CallSecond");
    assert_int_equal(myconn_init(), 0);
    assert_int_equal(rates_create(&r), 0);
    return sqldb_open(&db, &c);
}

static int teardown(void **state)
{
    rates_destroy(r);
    sqldb_close(db);
    myconn_fini();
    return t_fds_check(state);
}

/* Node <ip> had <ok> and <bad> calls in second <at>. */
static void had(uint64_t at, unsigned ip, unsigned ok, unsigned bad)
{
    char sql[200];

    snprintf(sql, sizeof(sql),
             "REPLACE INTO CallSecond VALUES (%llu, 1, 2, %u, 80, %u, "
             "%u)",
             (unsigned long long)at, ip, ok, bad);
    mydb_sql(sql);
}

static void read_at(uint64_t now_s)
{
    assert_int_equal(rates_read(r, db, now_s), 0);
}

static void expect_rate(unsigned ip, double want_calls, double want_failed)
{
    rates_of(r, 1, 2, ip, 80, &calls, &failed);
    if (calls < want_calls - 0.01 || calls > want_calls + 0.01 ||
        failed < want_failed - 0.01 || failed > want_failed + 0.01)
        fail_msg("node %u: %f, %f instead of %f, %f", ip, (double)calls, (double)failed,
                 want_calls, want_failed);
}

static void t_rate_is_the_mean_of_five_complete_seconds(void **state)
{
    unsigned i;

    (void)state;
    for (i = 0; i < 12; i++)
        had(NOW - 8 + i, 1, 90, 10);
    had(NOW - 3, 2, 5, 0);
    had(NOW - 2, 3, 1000, 0); /* not complete yet */
    read_at(NOW);
    assert_int_equal(rates_until_s(r), NOW - RATES_LATE_S);
    expect_rate(1, 100, 10);
    expect_rate(2, 1, 0);
    expect_rate(3, 0, 0);
    expect_rate(4, 0, 0);
}

static void t_second_is_counted_once_however_often_it_is_read(void **state)
{
    (void)state;
    had(NOW - 3, 1, 50, 0);
    read_at(NOW);
    read_at(NOW);
    expect_rate(1, 10, 0);
    read_at(NOW + 1);
    expect_rate(1, 10, 0);
    read_at(NOW + 4);
    expect_rate(1, 10, 0);
    read_at(NOW + 5);
    expect_rate(1, 0, 0);
}

static void t_rate_is_right_after_a_pause(void **state)
{
    unsigned i;

    (void)state;
    had(NOW - 3, 1, 50, 50);
    read_at(NOW);
    for (i = 0; i < 200; i++)
        had(NOW + i, 1, 10, 0);
    read_at(NOW + 150);
    expect_rate(1, 10, 0);
    read_at(NOW + 500);
    expect_rate(1, 0, 0);
}

static void t_other_node_and_module_have_their_own_rates(void **state)
{
    (void)state;
    had(NOW - 3, 1, 50, 0);
    mydb_sql("INSERT INTO CallSecond SELECT at, 3, 4, ip, port, 10, 5 FROM CallSecond");
    read_at(NOW);
    expect_rate(1, 10, 0);
    rates_of(r, 3, 4, 1, 80, &calls, &failed);
    assert_true(calls > 2.99f && calls < 3.01f && failed > 0.99f && failed < 1.01f);
    rates_of(r, 3, 4, 1, 81, &calls, &failed);
    assert_true(calls == 0 && failed == 0);
}

/* The clock of the database was wrong, and is set back. */
static double sum_calls, sum_failed;

static void add_rate(uint32_t modid, uint32_t cmdid, uint32_t ip, uint32_t port, float c,
                     float f, void *arg)
{
    (void)ip;
    (void)arg;
    assert_int_equal(modid * 10 + cmdid, 12);
    assert_int_equal(port, 80);
    sum_calls += (double)c;
    sum_failed += (double)f;
}

static void t_each_node_is_given_once(void **state)
{
    (void)state;
    had(NOW - 3, 1, 50, 0);
    had(NOW - 3, 2, 20, 5);
    had(NOW - 4, 2, 5, 0);
    read_at(NOW);
    rates_each(r, add_rate, NULL);
    assert_int_equal((int)(sum_calls + 0.5), 16);
    assert_int_equal((int)(sum_failed + 0.5), 1);
}

static void t_rates_are_read_after_the_clock_was_set_back(void **state)
{
    unsigned i;

    (void)state;
    had(NOW - 3, 1, 50, 0);
    read_at(NOW);
    for (i = 0; i < 20; i++)
        had(NOW - 3600 - i, 1, 20, 0);
    read_at(NOW - 3600);
    expect_rate(1, 20, 0);
    read_at(NOW - 3599);
    assert_int_equal(rates_until_s(r), NOW - 3599 - RATES_LATE_S);
}

static void t_what_cannot_be_read_is_read_later(void **state)
{
    struct myconn_config c = {"/nowhere", "", 0, "x", "", "x", 1};
    struct sqldb *none;

    (void)state;
    had(NOW - 3, 1, 50, 0);
    assert_int_equal(sqldb_open(&none, &c), 0);
    assert_int_equal(rates_read(r, none, NOW), -ENOTCONN);
    sqldb_close(none);
    expect_rate(1, 0, 0);
    read_at(NOW);
    expect_rate(1, 10, 0);
}

#define R(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
MYDB_MAIN(R(t_rate_is_the_mean_of_five_complete_seconds),
          R(t_second_is_counted_once_however_often_it_is_read),
          R(t_rate_is_right_after_a_pause),
          R(t_other_node_and_module_have_their_own_rates),
          R(t_each_node_is_given_once),
          R(t_rates_are_read_after_the_clock_was_set_back),
          R(t_what_cannot_be_read_is_read_later))
