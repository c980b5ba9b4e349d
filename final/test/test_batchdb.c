/* Batches of reports in MariaDB: each is applied once, completely or not at all, also
 * when two services get it, the server restarts, or a service stops inside a
 * transaction. */
#include "db/batchdb.h"
#include "mydb.h"
#include "t.h"

static struct batchdb *db;
static struct msg_batch *b;

static const struct myconn_config cfg = {mydb_socket, "",         0, "lars",
                                         "lars",      "lars_dns", 5};

static int setup(void **state)
{
    t_fds_save(state);
    mydb_reset();
    mydb_sql("DELETE FROM ServerCallStatus; DELETE FROM ReportSeen");
    assert_int_equal(myconn_init(), 0);
    b = calloc(1, sizeof(*b) + MSG_BATCH_ROWS * sizeof(b->row[0]));
    assert_non_null(b);
    memset(b->stream, 0xe7, MSG_STREAM);
    b->caller = 0x7f000001;
    b->ts = 1700000000;
    return batchdb_create(&db, &cfg);
}

static int teardown(void **state)
{
    batchdb_close(db);
    free(b);
    myconn_fini();
    return t_fds_check(state);
}

static int apply(uint64_t seq, size_t rows)
{
    size_t i;

    b->seq = seq;
    b->n = rows;
    for (i = 0; i < rows; i++)
        b->row[i] = (struct msg_count){{1, 1}, (uint32_t)i + 1, 80, 10, 3, i == 0};
    return batchdb_apply(db, b);
}

static unsigned long long sum(void)
{
    return mydb_number("SELECT COALESCE(SUM(succ_cnt), 0) FROM ServerCallStatus");
}

static int ignore_row(char **at, void *arg)
{
    (void)at;
    (void)arg;
    return 0;
}

static void t_each_number_is_applied_once(void **state)
{
    (void)state;
    assert_int_equal(apply(1, 2), 1);
    assert_int_equal(sum(), 20);
    assert_int_equal(apply(1, 2), 0); /* the same batch */
    assert_int_equal(sum(), 20);
    assert_int_equal(apply(2, 2), 1);
    assert_int_equal(sum(), 40);
    assert_int_equal(apply(1, 2), 0); /* an earlier batch */
    assert_int_equal(sum(), 40);
    memset(b->stream, 0x11, MSG_STREAM);
    assert_int_equal(apply(1, 2), 1); /* another stream */
    assert_int_equal(sum(), 60);
    assert_int_equal(mydb_number("SELECT SUM(err_cnt) + SUM(overload) FROM "
                                 "ServerCallStatus"),
                     19);
}

/* The other connection is a service that stopped inside a transaction. */
static void t_lock_of_a_stopped_service_expires(void **state)
{
    char error[MYCONN_ERROR_MAX];
    struct myconn *stopped;
    static const char begin[] = "START TRANSACTION";
    static const char lock[] = "SELECT * FROM ReportSeen FOR UPDATE";
    int rc;

    (void)state;
    assert_int_equal(apply(1, 1), 1);
    assert_int_equal(myconn_create(&stopped, &cfg, error), 0);
    assert_int_equal(myconn_ensure(stopped), 0);
    assert_int_equal(myconn_query(stopped, begin, sizeof(begin) - 1), 0);
    assert_int_equal(myconn_select(stopped, lock, ignore_row, NULL), 0);
    T_WAIT((rc = apply(2, 1)) >= 0); /* the writer repeats it, too */
    assert_int_equal(rc, 1);
    assert_int_equal(sum(), 20);
    myconn_destroy(stopped);
}

static void t_durations_are_stored_in_their_own_table(void **state)
{
    (void)state;
    mydb_sql("DELETE FROM CallLatency; DELETE FROM CallSecond");
    assert_int_equal(apply(1, 2), 1);
    b->seq = 2;
    b->row[1] = (struct msg_count){{1, 1}, MSG_LATENCY_IP, 30, 7, 0, false};
    assert_int_equal(batchdb_apply(db, b), 1);
    assert_int_equal(batchdb_apply(db, b), 0);
    assert_int_equal(sum(), 30); /* three rows of nodes */
    assert_int_equal(mydb_number("SELECT SUM(succ) FROM CallSecond"), 30);
    assert_int_equal(mydb_number("SELECT SUM(n * bucket) FROM CallLatency"), 210);
    assert_int_equal(mydb_number("SELECT MAX(at) MOD 60 FROM CallLatency"), 0);
    b->seq = 3; /* a batch of durations only */
    b->n = 1;
    b->row[0] = b->row[1];
    assert_int_equal(batchdb_apply(db, b), 1);
    assert_int_equal(mydb_number("SELECT SUM(n) FROM CallLatency"), 14);
    assert_int_equal(sum(), 30);
}

static void t_largest_and_empty_batches_are_applied(void **state)
{
    (void)state;
    assert_int_equal(apply(1, MSG_BATCH_ROWS), 1);
    assert_int_equal(sum(), MSG_BATCH_ROWS * 10);
    assert_int_equal(apply(2, 0), 1);
    assert_int_equal(apply(2, 0), 0);
}

static void t_batch_sent_to_two_services_is_applied_once(void **state)
{
    struct batchdb *other;
    int i, applied = 0;

    (void)state;
    assert_int_equal(batchdb_create(&other, &cfg), 0);
    for (i = 1; i <= 20; i++) {
        applied += apply((uint64_t)i, 1);
        applied += batchdb_apply(other, b);
    }
    assert_int_equal(applied, 20);
    assert_int_equal(sum(), 200);
    batchdb_close(other);
}

static void t_failure_applies_nothing(void **state)
{
    (void)state;
    assert_int_equal(apply(1, 1), 1);
    mydb_sql("CREATE TRIGGER few BEFORE INSERT ON CallSecond FOR EACH ROW IF NEW.ip > 1 "
             "THEN SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'disk full'; END IF");
    assert_int_equal(apply(2, 2), -EIO); /* at the second table */
    assert_int_equal(sum(), 10);
    mydb_sql("DROP TRIGGER few");
    assert_int_equal(apply(2, 2), 1);
    assert_int_equal(sum(), 30);
}

/* The columns of a table that others made: its INT takes no 3,000,000,000. */
static void t_rows_that_do_not_fit_are_left_out_once(void **state)
{
    size_t i;

    (void)state;
    mydb_sql("DELETE FROM CallSecond;"
             "ALTER TABLE ServerCallStatus MODIFY succ_cnt INT NOT NULL DEFAULT 0");
    b->seq = 1;
    b->n = MSG_BATCH_ROWS;
    for (i = 0; i < b->n; i++)
        b->row[i] = (struct msg_count){{1, 1}, (uint32_t)i + 1, 80, 10, 3, false};
    b->row[0].succ = b->row[447].succ = b->row[899].succ = 3000000000u;
    assert_int_equal(batchdb_apply(db, b), 1);
    assert_int_equal(batchdb_n_rejected(db), 3);
    assert_int_equal(sum(), 897 * 10);
    assert_int_equal(mydb_number("SELECT COUNT(*) FROM CallSecond"), 900); /* they fit */
    assert_int_equal(batchdb_apply(db, b), 0);
    assert_int_equal(batchdb_n_rejected(db), 3);
    assert_int_equal(apply(2, 2), 1);
    assert_int_equal(sum(), 897 * 10 + 20);
    mydb_sql("ALTER TABLE ServerCallStatus MODIFY succ_cnt BIGINT UNSIGNED NOT NULL "
             "DEFAULT 0");
}

static void t_sum_that_overflows_stops_no_batch(void **state)
{
    (void)state;
    assert_int_equal(apply(1, 2), 1);
    b->seq = 2;
    b->row[0].succ = UINT64_MAX;
    assert_int_equal(batchdb_apply(db, b), 1);
    assert_true(batchdb_n_rejected(db) >= 1);
    assert_int_equal(mydb_number("SELECT succ_cnt FROM ServerCallStatus WHERE ip = 1"),
                     10);
    assert_int_equal(mydb_number("SELECT succ_cnt FROM ServerCallStatus WHERE ip = 2"),
                     20);
}

static void t_clock_of_an_agent_does_not_matter(void **state)
{
    static const uint32_t ts[] = {0, 1, 1700000000, UINT32_MAX};
    uint32_t i;

    (void)state;
    for (i = 0; i < 4; i++) {
        mydb_sql("DELETE FROM CallLatency; DELETE FROM CallSecond; "
                 "DELETE FROM ServerCallStatus");
        b->ts = ts[i];
        b->seq = i + 1;
        b->n = 2;
        b->row[0] = (struct msg_count){{1, 1}, 7, 80, 10, 3, false};
        b->row[1] = (struct msg_count){{1, 1}, MSG_LATENCY_IP, 30, 7, 0, false};
        assert_int_equal(batchdb_apply(db, b), 1);
        assert_in_range(mydb_number("SELECT UNIX_TIMESTAMP() - at FROM CallSecond"), 0,
                        30);
        assert_in_range(mydb_number("SELECT UNIX_TIMESTAMP() - at FROM CallLatency"), 0,
                        90);
        assert_in_range(mydb_number("SELECT UNIX_TIMESTAMP() - ts FROM ServerCallStatus"),
                        0, 30);
    }
}

static void t_restarted_server_is_used_again(void **state)
{
    (void)state;
    assert_int_equal(apply(1, 1), 1);
    assert_int_equal(mydb_run("stop"), 0);
    assert_int_equal(apply(2, 1), -ENOTCONN); /* the connection is lost */
    assert_int_equal(apply(2, 1), -ENOTCONN); /* a new one is refused */
    assert_non_null(strstr(batchdb_error(db), "mend: start the server"));
    assert_int_equal(mydb_run("start"), 0);
    assert_int_equal(apply(2, 1), 1);
    assert_int_equal(apply(2, 1), 0);
    assert_int_equal(sum(), 20);
}

static void t_old_schema_is_reported_with_the_correction(void **state)
{
    (void)state;
    mydb_sql("DROP TABLE ReportSeen");
    assert_int_equal(apply(1, 1), -ENOENT);
    assert_non_null(strstr(batchdb_error(db),
                           "load common/sql/schema.sql, or run larsctl db migrate"));
    mydb_reset();
    assert_int_equal(apply(1, 1), 1);
}

#define E(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

MYDB_MAIN(E(t_each_number_is_applied_once), E(t_lock_of_a_stopped_service_expires),
          E(t_durations_are_stored_in_their_own_table),
          E(t_largest_and_empty_batches_are_applied),
          E(t_batch_sent_to_two_services_is_applied_once), E(t_failure_applies_nothing),
          E(t_rows_that_do_not_fit_are_left_out_once),
          E(t_sum_that_overflows_stops_no_batch), E(t_clock_of_an_agent_does_not_matter),
          E(t_restarted_server_is_used_again),
          E(t_old_schema_is_reported_with_the_correction))
