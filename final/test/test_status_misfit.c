/* A row with a value that the table does not take: it is left out and counted, the other
 * rows are written, and the writer continues. */
#include "base/log.h"
#include "db/statusdb_mysql.h"
#include "mydb.h"
#include "report/writer.h"

static struct statusdb *db;

static int setup(void **state)
{
    struct myconn_config c = {mydb_socket, "", 0, "lars", "lars", "lars_dns", 5};

    t_fds_save(state);
    log_set_level(LOG_LEVEL_ERROR + 1);
    mydb_reset();
    mydb_sql("DELETE FROM ServerCallStatus;"
             "ALTER TABLE ServerCallStatus MODIFY succ_cnt INT NOT NULL DEFAULT 0");
    assert_int_equal(myconn_init(), 0);
    return statusdb_mysql_create(&db, &c);
}

static int teardown(void **state)
{
    myconn_fini();
    mydb_sql("ALTER TABLE ServerCallStatus MODIFY succ_cnt BIGINT UNSIGNED NOT NULL "
             "DEFAULT 0");
    return t_fds_check(state);
}

static struct status_row row(uint32_t modid, uint32_t succ)
{
    return (struct status_row){modid, 2, 0xc0a80001, 80, 0x7f000001,
                               succ,  3, 1700000000, 1};
}

static unsigned long long n_rows(void)
{
    return mydb_number("SELECT COUNT(*) FROM ServerCallStatus");
}

static void t_rows_that_do_not_fit_are_left_out_and_counted(void **state)
{
    static struct status_row r[1000];
    uint32_t i;

    (void)state;
    for (i = 0; i < 1000; i++)
        r[i] = row(i + 1, i);
    r[0].succ = r[500].succ = r[501].succ = r[999].succ = 3000000000u;
    assert_int_equal(statusdb_write(db, r, 1000), 4);
    assert_non_null(strstr(statusdb_error(db), "(1264)"));
    assert_int_equal(n_rows(), 996);
    assert_int_equal(statusdb_write(db, r, 1), 1);
    assert_int_equal(statusdb_write(db, r + 1, 10), 0);
    statusdb_close(db);
}

static void t_no_row_fits_and_the_next_write_succeeds(void **state)
{
    struct status_row r[3] = {row(1, UINT32_MAX), row(2, UINT32_MAX), row(3, UINT32_MAX)};

    (void)state;
    assert_int_equal(statusdb_write(db, r, 3), 3);
    assert_int_equal(n_rows(), 0);
    r[1].succ = 7;
    assert_int_equal(statusdb_write(db, r, 3), 2);
    assert_int_equal(n_rows(), 1);
    statusdb_close(db);
}

static void t_writer_continues_behind_a_row_that_does_not_fit(void **state)
{
    struct writer_config cfg = {100, 10, 5};
    struct status_row r[3] = {row(1, 1), row(2, 3000000000u), row(3, 3)};
    struct writer_stat st;
    struct writer *w;

    (void)state;
    assert_int_equal(writer_start(&w, db, &cfg), 0);
    writer_put(w, r, 3);
    T_WAIT((writer_stat(w, &st), st.n_written == 2));
    assert_int_equal(st.n_rejected, 1);
    assert_int_equal(st.n_fail, 0);
    r[1].succ = 2;
    writer_put(w, &r[1], 1);
    T_WAIT((writer_stat(w, &st), st.n_written == 3));
    assert_int_equal(n_rows(), 3);
    writer_stop(w);
}

#define E(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

MYDB_MAIN(E(t_rows_that_do_not_fit_are_left_out_and_counted),
          E(t_no_row_fits_and_the_next_write_succeeds),
          E(t_writer_continues_behind_a_row_that_does_not_fit))
