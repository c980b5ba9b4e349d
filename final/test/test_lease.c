/* The fence of a lease on a real MariaDB: it grows with each taker, and a holder whose
 * lease has passed to another process writes nothing. */
#include "db/lease.h"

#include "base/log.h"
#include "mydb.h"

#define NAME "scale"
#define TTL_S 10

static struct myconn *one, *two; /* the connections of two processes */
static char error_one[MYCONN_ERROR_MAX], error_two[MYCONN_ERROR_MAX];

static int setup(void **state)
{
    const struct myconn_config cfg = {mydb_socket, "", 0, "lars", "lars", "lars_dns", 5};

    (void)t_fds_save(state);
    log_set_level(LOG_LEVEL_ERROR + 1);
    mydb_sql("DELETE FROM Lease; DELETE FROM Freeze");
    assert_int_equal(myconn_init(), 0);
    assert_int_equal(myconn_create(&one, &cfg, error_one), 0);
    assert_int_equal(myconn_create(&two, &cfg, error_two), 0);
    assert_int_equal(myconn_ensure(one), 0);
    assert_int_equal(myconn_ensure(two), 0);
    return 0;
}

static int teardown(void **state)
{
    myconn_destroy(one);
    myconn_destroy(two);
    myconn_fini();
    return t_fds_check(state);
}

static int run(struct myconn *con, const char *sql)
{
    return myconn_query(con, sql, strlen(sql));
}

/* Takes the lease, which must succeed.  Returns its fence. */
static uint64_t take(struct myconn *con, uint64_t holder)
{
    uint64_t fence = 0;

    assert_int_equal(lease_take_fenced(con, NAME, holder, TTL_S, &fence), 1);
    return fence;
}

static void let_it_end(void)
{
    mydb_sql("UPDATE Lease SET until_at = NOW(3) - INTERVAL 1 SECOND");
}

/* One transaction that writes a row if the lease is held.  Returns lease_hold(). */
static int write_row(struct myconn *con, uint64_t holder, uint64_t fence)
{
    int rc;

    assert_int_equal(run(con, "START TRANSACTION"), 0);
    rc = lease_hold(con, NAME, holder, fence, TTL_S);
    if (rc == 1)
        assert_int_equal(run(con, "REPLACE INTO Freeze (name) VALUES ('row')"), 0);
    assert_int_equal(run(con, rc == 1 ? "COMMIT" : "ROLLBACK"), 0);
    return rc;
}

static unsigned long long n_rows(void)
{
    return mydb_number("SELECT COUNT(*) FROM Freeze");
}

static void t_the_fence_grows_with_each_taker_and_not_with_a_renewal(void **state)
{
    uint64_t fence = 0;

    (void)state;
    assert_int_equal(take(one, 1), 1);
    assert_int_equal(take(one, 1), 1);
    assert_int_equal(lease_take_fenced(two, NAME, 2, TTL_S, &fence), 0);
    assert_int_equal(fence, 1); /* of the holder */
    let_it_end();
    assert_int_equal(take(two, 2), 2);
    let_it_end();
    assert_int_equal(take(one, 1), 3);
}

static void t_a_lease_that_is_given_back_keeps_its_fence(void **state)
{
    (void)state;
    assert_int_equal(take(one, 1), 1);
    assert_int_equal(lease_release(one, NAME, 1), 0);
    assert_int_equal(take(two, 2), 2);
    assert_int_equal(lease_release(one, NAME, 1), 0); /* another holder's */
    assert_int_equal(write_row(two, 2, 2), 1);
}

static void t_the_holder_writes_and_its_lease_is_renewed(void **state)
{
    (void)state;
    assert_int_equal(take(one, 1), 1);
    mydb_sql("UPDATE Lease SET until_at = NOW(3) + INTERVAL 5 SECOND");
    assert_int_equal(write_row(one, 1, 1), 1);
    assert_int_equal(n_rows(), 1);
    assert_int_equal(mydb_number("SELECT until_at > NOW(3) + INTERVAL 7 SECOND FROM "
                                 "Lease"),
                     1);
    assert_int_equal(write_row(one, 1, 1), 1); /* also twice in a millisecond */
}

static void
t_a_frozen_holder_writes_nothing_after_another_has_taken_the_lease(void **state)
{
    (void)state;
    assert_int_equal(take(one, 1), 1);
    let_it_end(); /* while the first process is suspended */
    assert_int_equal(take(two, 2), 2);
    assert_int_equal(write_row(one, 1, 1), 0);
    assert_int_equal(n_rows(), 0);
    assert_int_equal(write_row(two, 2, 2), 1);
    let_it_end(); /* and the first has it again, by a new fence */
    assert_int_equal(take(one, 1), 3);
    assert_int_equal(write_row(one, 1, 1), 0);
    assert_int_equal(write_row(one, 1, 3), 1);
}

static void t_a_lease_that_has_ended_is_not_held_although_it_is_not_taken(void **state)
{
    (void)state;
    assert_int_equal(write_row(one, 1, 1), 0); /* there is none */
    assert_int_equal(take(one, 1), 1);
    let_it_end();
    assert_int_equal(write_row(one, 1, 1), 0);
    assert_int_equal(n_rows(), 0);
    assert_int_equal(take(one, 1), 1);
    assert_int_equal(write_row(one, 1, 1), 1);
}

/* The holder is suspended in its transaction.  The server ends it after 3 s, so the
 * other process can take the lease, and the first one's COMMIT comes too late. */
static void t_a_holder_that_is_frozen_in_its_transaction_writes_nothing(void **state)
{
    uint64_t fence = 0;

    (void)state;
    assert_int_equal(take(one, 1), 1);
    assert_int_equal(run(one, "START TRANSACTION"), 0);
    assert_int_equal(lease_hold(one, NAME, 1, 1, 1), 1);
    assert_int_equal(run(one, "REPLACE INTO Freeze (name) VALUES ('row')"), 0);
    T_WAIT(myconn_ensure(two) == 0 && lease_take_fenced(two, NAME, 2, 1, &fence) ==
                                          1); /* it may wait for the lock */
    assert_int_equal(fence, 2);
    assert_true(run(one, "COMMIT") < 0);
    assert_int_equal(n_rows(), 0);
}

#define L(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

MYDB_MAIN(L(t_the_fence_grows_with_each_taker_and_not_with_a_renewal),
          L(t_a_lease_that_is_given_back_keeps_its_fence),
          L(t_the_holder_writes_and_its_lease_is_renewed),
          L(t_a_frozen_holder_writes_nothing_after_another_has_taken_the_lease),
          L(t_a_lease_that_has_ended_is_not_held_although_it_is_not_taken),
          L(t_a_holder_that_is_frozen_in_its_transaction_writes_nothing))
