/* Call results in both databases: rows are overwritten, and errors name their mend. */
#include "statusdb_mem.h"
#include "db/statusdb_mysql.h"
#include "mydb.h"
#include "t.h"

static struct statusdb *db;

static int setup(void **state)
{
    struct myconn_config c = {mydb_socket, "", 0, "lars", "lars", "lars_dns", 5};

    t_fds_save(state);
    mydb_reset();
    mydb_sql("DELETE FROM ServerCallStatus");
    assert_int_equal(myconn_init(), 0);
    return statusdb_mysql_create(&db, &c);
}

static int teardown(void **state)
{
    statusdb_close(db);
    myconn_fini();
    return t_fds_check(state);
}

static struct status_row row(uint32_t modid, uint32_t succ)
{
    return (struct status_row){modid, 2, 0xc0a80001, 80, 0x7f000001,
                               succ,  3, 1700000000, 1};
}

static void t_write_then_overwrite(void **state)
{
    struct status_row r[2] = {row(1, 10), row(UINT32_MAX, UINT32_MAX)};

    (void)state;
    assert_int_equal(statusdb_check(db), 0);
    assert_int_equal(statusdb_write(db, r, 0), 0);
    assert_int_equal(statusdb_write(db, r, 2), 0);
    assert_int_equal(mydb_number("SELECT COUNT(*) FROM ServerCallStatus WHERE cmdid = 2 "
                                 "AND ip = INET_ATON('192.168.0.1') AND port = 80 AND "
                                 "caller = INET_ATON('127.0.0.1') AND err_cnt = 3 AND "
                                 "ts = 1700000000 AND overload = 1"),
                     2);
    assert_int_equal(mydb_number("SELECT succ_cnt FROM ServerCallStatus WHERE modid = "
                                 "4294967295"),
                     UINT32_MAX);
    r[0].succ = 4; /* smaller: the caller has restarted */
    r[0].overload = 0;
    assert_int_equal(statusdb_write(db, r, 1), 0);
    assert_int_equal(mydb_number("SELECT succ_cnt FROM ServerCallStatus WHERE modid = 1"),
                     4);
    assert_int_equal(mydb_number("SELECT COUNT(*) FROM ServerCallStatus"), 2);
}

static void t_five_thousand_rows_are_one_statement(void **state)
{
    static struct status_row r[5000];
    uint32_t i;

    (void)state;
    for (i = 0; i < 5000; i++)
        r[i] = row(i + 1, UINT32_MAX);
    assert_int_equal(statusdb_write(db, r, 5000), 0);
    assert_int_equal(mydb_number("SELECT COUNT(*) FROM ServerCallStatus"), 5000);
}

static void t_server_stopped_and_started(void **state)
{
    struct status_row r = row(1, 1);

    (void)state;
    assert_int_equal(statusdb_write(db, &r, 1), 0);
    assert_int_equal(mydb_run("stop"), 0);
    assert_int_equal(statusdb_write(db, &r, 1), -ENOTCONN);
    assert_int_equal(statusdb_check(db), -ENOTCONN);
    assert_non_null(strstr(statusdb_error(db), "mend: start the server"));
    assert_int_equal(mydb_run("start"), 0);
    r.succ = 2;
    assert_int_equal(statusdb_write(db, &r, 1), 0);
    assert_int_equal(mydb_number("SELECT succ_cnt FROM ServerCallStatus"), 2);
}

static void t_missing_table_or_column_names_the_mend(void **state)
{
    struct status_row r = row(1, 1);

    (void)state;
    mydb_sql("ALTER TABLE ServerCallStatus DROP COLUMN overload");
    assert_int_equal(statusdb_check(db), -ENOENT);
    assert_non_null(strstr(statusdb_error(db), "mend: load common/sql/schema.sql"));
    mydb_sql("DROP TABLE ServerCallStatus");
    assert_int_equal(statusdb_check(db), -ENOENT);
    assert_int_equal(statusdb_write(db, &r, 1), -ENOENT);
    mydb_reset();
    assert_int_equal(statusdb_write(db, &r, 1), 0);
}

static void t_wrong_password_is_no_connection(void **state)
{
    struct myconn_config c = {mydb_socket, "", 0, "lars", "wrong", "lars_dns", 5};
    struct statusdb *bad;

    (void)state;
    assert_int_equal(statusdb_mysql_create(&bad, &c), 0);
    assert_int_equal(statusdb_check(bad), -ENOTCONN);
    assert_non_null(strstr(statusdb_error(bad), "mend: see [db] user, password"));
    statusdb_close(bad);
}

static void t_memory_behaves_the_same(void **state)
{
    struct status_row r = row(1, 10), found = row(1, 0);
    struct statusdb *m = NULL;

    (void)state;
    assert_int_equal(statusdb_mem_create(&m), 0);
    assert_int_equal(statusdb_check(m), 0);
    assert_false(statusdb_mem_find(m, &found));
    assert_int_equal(statusdb_write(m, &r, 1), 0);
    r.succ = 4;
    assert_int_equal(statusdb_write(m, &r, 1), 0);
    assert_true(statusdb_mem_find(m, &found));
    assert_int_equal(found.succ, 4);
    assert_int_equal(statusdb_mem_n_rows(m), 1);
    statusdb_mem_set_rc(m, -EIO);
    assert_int_equal(statusdb_check(m), -EIO);
    assert_int_equal(statusdb_write(m, &r, 1), -EIO);
    statusdb_close(m);
    statusdb_close(NULL);
}

#define E(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

MYDB_MAIN(E(t_write_then_overwrite), E(t_five_thousand_rows_are_one_statement),
          E(t_server_stopped_and_started), E(t_missing_table_or_column_names_the_mend),
          E(t_wrong_password_is_no_connection), E(t_memory_behaves_the_same))
