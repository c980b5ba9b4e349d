/* The end of a change of larsctl when the connection is lost at COMMIT.  Between the
 * client and MariaDB stands lib/commitrelay.h, which cuts the connection there, with or
 * without having passed the COMMIT on. */
#include "db/sqldb.h"

#include "lib/commitrelay.h"
#include "mydb.h"

static struct sqldb *db;
static struct commitrelay relay;
static uint64_t lost_id;              /* for replace_lost() */

static int setup(void **state)
{
    struct myconn_config c = {relay.path, "", 0, "lars", "lars", "lars_dns", 3};
    char path[100];

    t_fds_save(state);
    mydb_reset();
    snprintf(path, sizeof(path), "%s/relay", mydb_dir);
    commitrelay_start(&relay, path, mydb_socket);
    assert_int_equal(myconn_init(), 0);
    return sqldb_open(&db, &c);
}

static int teardown(void **state)
{
    sqldb_close(db);
    commitrelay_stop(&relay);
    myconn_fini();
    return t_fds_check(state);
}

/* A change of routes in a transaction; returns the number of its row in Audit. */
static uint64_t change_route(void)
{
    uint64_t id;

    assert_int_equal(sqldb_run(db, "START TRANSACTION"), 0);
    assert_int_equal(sqldb_run(db, "INSERT INTO Audit (actor, via, action, result) "
                                   "VALUES ('', '', '', '')"),
                     0);
    assert_int_equal(sqldb_number(db, &id, "SELECT LAST_INSERT_ID()"), 0);
    assert_int_equal(sqldb_run(db, "INSERT INTO RouteData (modid, cmdid, serverip, "
                                   "serverport) VALUES (1, 1, 10, 80)"),
                     0);
    return id;
}

static unsigned long long n_routes(void)
{
    return mydb_number("SELECT COUNT(*) FROM RouteData");
}

static void t_commit_with_an_answer_is_done(void **state)
{
    uint64_t id;

    (void)state;
    id = change_route();
    assert_int_equal(sqldb_commit(db, id), 0);
    assert_int_equal(n_routes(), 1);
}

static void t_commit_whose_answer_is_lost_is_found(void **state)
{
    uint64_t id;

    (void)state;
    id = change_route();
    relay.cut = COMMITRELAY_AFTER;
    assert_int_equal(sqldb_commit(db, id), 0);
    assert_int_equal(n_routes(), 1);
}

static void t_commit_that_was_lost_changed_nothing(void **state)
{
    uint64_t id;

    (void)state;
    id = change_route();
    relay.cut = COMMITRELAY_BEFORE;
    assert_int_equal(sqldb_commit(db, id), -ECANCELED);
    assert_non_null(strstr(sqldb_error(db), "nothing was changed"));
    assert_int_equal(n_routes(), 0);
}

/* The number of the lost row is not given to the next one. */
static void t_change_of_another_is_not_taken_for_the_lost_one(void **state)
{
    uint64_t id;

    (void)state;
    id = change_route();
    relay.cut = COMMITRELAY_BEFORE;
    assert_int_equal(sqldb_commit(db, id), -ECANCELED);
    mydb_sql("INSERT INTO Audit (actor, via, action, result) VALUES ('', '', '', '')");
    assert_true(mydb_number("SELECT MAX(id) FROM Audit") > id);
}

/* Waits until the server has undone the lost one.  Both may be of one millisecond, so
 * they differ in the actor. */
static void replace_lost(void)
{
    char sql[160];

    snprintf(sql, sizeof(sql),
             "INSERT INTO Audit (id, actor, via, action, result) VALUES (%llu, 'other', "
             "'', '', '')",
             (unsigned long long)lost_id);
    mydb_sql(sql);
}

/* As another node of a cluster can do it. */
static void t_row_of_another_with_the_same_number_is_not_the_lost_one(void **state)
{
    uint64_t id;

    (void)state;
    lost_id = id = change_route();
    relay.on_lost = replace_lost;
    relay.cut = COMMITRELAY_BEFORE;
    assert_int_equal(sqldb_commit(db, id), -ECANCELED);
    assert_int_equal(n_routes(), 0);
}

static void t_commit_without_a_database_to_ask_may_be_done(void **state)
{
    uint64_t id;

    (void)state;
    id = change_route();
    relay.cut = COMMITRELAY_AFTER_AND_REFUSE;
    assert_int_equal(sqldb_commit(db, id), -EINPROGRESS);
    assert_non_null(strstr(sqldb_error(db), "may be there"));
    assert_int_equal(n_routes(), 1);
}

/* A statement has ended the transaction, and its owner has not seen that. */
static void t_commit_after_the_transaction_has_ended_is_no_success(void **state)
{
    static const struct {
        const char *sql;
        int rc;
    } ends[] = {{"SELECT 1 FROM ThereIsNone", -ENOENT}, {"ROLLBACK", 0}};
    size_t i;

    (void)state;
    for (i = 0; i < 2; i++) {
        uint64_t id = change_route();

        assert_int_equal(sqldb_run_text(db, ends[i].sql), ends[i].rc);
        assert_int_equal(sqldb_commit(db, id), -ECANCELED);
        assert_non_null(strstr(sqldb_error(db), "nothing was changed"));
        assert_int_equal(n_routes(), 0);
    }
}

static void t_text_is_compared_by_the_collation_of_its_column(void **state)
{
    static const char *const collation[] = {"utf8mb4_unicode_ci", "utf8mb4_bin",
                                            "utf8mb4_general_ci"};
    char sql[200];
    uint64_t n;
    size_t i;

    (void)state;
    mydb_sql("INSERT INTO RouteData (modid, cmdid, serverip, serverport, zone) VALUES "
             "(1, 1, 10, 80, '\xe5\x86\x9c')");
    for (i = 0; i < 3; i++) {
        snprintf(sql, sizeof(sql),
                 "ALTER TABLE RouteData CONVERT TO CHARACTER SET "
                 "utf8mb4 COLLATE %s",
                 collation[i]);
        mydb_sql(sql);
        assert_int_equal(sqldb_number(db, &n,
                                      "SELECT COUNT(*) FROM RouteData WHERE zone "
                                      "= %s AND state = 'up'",
                                      "\xe5\x86\x9c"),
                         0);
        assert_int_equal(n, 1);
    }
}

/* All changes of routes wait for the row of RouteVersion. */
static void t_change_that_waits_too_long_is_refused_and_not_done_later(void **state)
{
    struct myconn_config c = {mydb_socket, "", 0, "lars", "lars", "lars_dns", 3};
    static const char lock[] = "UPDATE RouteVersion SET version = version + 1";
    char error[MYCONN_ERROR_MAX];
    struct myconn *other;

    (void)state;
    assert_int_equal(myconn_create(&other, &c, error), 0);
    assert_int_equal(myconn_ensure(other), 0);
    assert_int_equal(myconn_query(other, "SET idle_transaction_timeout = 0", 32), 0);
    assert_int_equal(myconn_query(other, "START TRANSACTION", 17), 0);
    assert_int_equal(myconn_query(other, lock, sizeof(lock) - 1), 0);
    assert_int_equal(sqldb_run(db, "START TRANSACTION"), 0);
    assert_int_equal(
        sqldb_run(db, "INSERT INTO RouteConfirm (modid, cmdid, who) VALUES (1, 1, %s)",
                  "me"),
        -EDEADLK);
    assert_non_null(strstr(sqldb_error(db), "give the command again"));
    assert_int_equal(myconn_query(other, "COMMIT", 6), 0);
    assert_int_equal(mydb_number("SELECT COUNT(*) FROM RouteConfirm WHERE who = 'me'"),
                     0);
    myconn_destroy(other);
}

#define E(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

MYDB_MAIN(E(t_commit_with_an_answer_is_done), E(t_commit_whose_answer_is_lost_is_found),
          E(t_commit_that_was_lost_changed_nothing),
          E(t_change_of_another_is_not_taken_for_the_lost_one),
          E(t_row_of_another_with_the_same_number_is_not_the_lost_one),
          E(t_commit_without_a_database_to_ask_may_be_done),
          E(t_commit_after_the_transaction_has_ended_is_no_success),
          E(t_text_is_compared_by_the_collation_of_its_column),
          E(t_change_that_waits_too_long_is_refused_and_not_done_later))
