/* Our connections on a real Galera cluster of two nodes, a and b (lib/galera): what a
 * plain server cannot show.  Node a has two votes of three, so it keeps running
 * without b. */
#include "db/repeat.h"
#include "db/sqldb.h"

#include <pthread.h>

#include "fastdir.h"
#include "lib/commitrelay.h"
#include "t.h"

#define N_ADDED 150                   /* increments of each writer */

static char dir[64], at_a[200], at_b[200], b_first[200];
static struct sqldb *one, *two;

static int run_galera(const char *what)
{
    char cmd[200];

    snprintf(cmd, sizeof(cmd), "sh test/lib/galera %s %s >&2", what, dir);
    return system(cmd);
}

static int group_setup(void **state)
{
    (void)state;
    snprintf(dir, sizeof(dir), "%s/lars_gal_XXXXXX", fastdir());
    if (!mkdtemp(dir))
        return -1;
    snprintf(at_a, sizeof(at_a), "%s/a/sock", dir);
    snprintf(at_b, sizeof(at_b), "%s/b/sock", dir);
    snprintf(b_first, sizeof(b_first), "%s/b/sock %s/a/sock", dir, dir);
    return run_galera("start") == 0 && myconn_init() == 0 ? 0 : -1;
}

static int group_teardown(void **state)
{
    (void)state;
    myconn_fini();
    return run_galera("wipe") == 0 ? 0 : -1;
}

static struct sqldb *open_at(const char *endpoints, uint32_t timeout_s)
{
    struct myconn_config c = {"",     "",         0,         "lars",
                              "lars", "lars_dns", timeout_s, endpoints};
    struct sqldb *d;

    assert_int_equal(sqldb_open(&d, &c), 0);
    return d;
}

static void run_at(struct sqldb *d, const char *sql)
{
    if (sqldb_run_text(d, sql) < 0)
        fail_msg("%s: %s", sql, sqldb_error(d));
}

static uint64_t holder_at(struct sqldb *d)
{
    uint64_t n = UINT64_MAX;

    if (sqldb_number(d, &n, "SELECT holder FROM Lease WHERE name = 'n'") < 0)
        fail_msg("%s", sqldb_error(d));
    return n;
}

static int setup(void **state)
{
    t_fds_save(state);
    one = open_at(at_a, 6);
    two = open_at(at_b, 6);
    run_at(one, "DELETE FROM Lease");
    run_at(one, "INSERT INTO Lease (name, holder, until_at) VALUES ('n', 0, NOW(3))");
    assert_int_equal(sqldb_sync(two), 0);
    return 0;
}

static int teardown(void **state)
{
    sqldb_close(one);
    sqldb_close(two);
    return t_fds_check(state);
}

static void t_node_of_a_cluster_is_known_as_one(void **state)
{
    (void)state;
    assert_true(sqldb_is_cluster(one));
    assert_true(sqldb_is_cluster(two));
}

static void t_read_after_a_wait_sees_what_another_node_has_committed(void **state)
{
    unsigned i, stale = 0, stale_before = 0;

    (void)state;
    for (i = 1; i <= 300; i++) {
        assert_int_equal(sqldb_run(one, "UPDATE Lease SET holder = %u", i), 0);
        stale_before += holder_at(two) != i;
        assert_int_equal(sqldb_sync(two), 0);
        stale += holder_at(two) != i;
    }
    print_message("stale without the wait: %u of 300, with it: %u\n", stale_before,
                  stale);
    assert_int_equal(stale, 0);
}

/* A new connection has waited as well: after a change of endpoints nothing is older. */
static void t_new_connection_sees_what_another_node_has_committed(void **state)
{
    unsigned i;

    (void)state;
    for (i = 1; i <= 50; i++) {
        struct sqldb *fresh = open_at(at_b, 6);

        assert_int_equal(sqldb_run(one, "UPDATE Lease SET holder = %u", i), 0);
        assert_int_equal(holder_at(fresh), i);
        sqldb_close(fresh);
    }
}

/* --- two writers -------------------------------------------------------------------- */

struct adder {
    const char *at;
    int (*add)(struct sqldb *d);
    unsigned n_done, n_conflicts;
};

static int add_by_statement(struct sqldb *d)
{
    return sqldb_run(d, "UPDATE Lease SET holder = holder + 1 WHERE name = 'n'");
}

static int add_once(struct sqldb *d)
{
    uint64_t n;
    int rc = sqldb_run(d, "START TRANSACTION");

    if (rc == 0)
        rc = sqldb_number(d, &n, "SELECT holder FROM Lease WHERE name = 'n' FOR UPDATE");
    if (rc == 0)
        rc = sqldb_run(d, "UPDATE Lease SET holder = %llu WHERE name = 'n'",
                       (unsigned long long)n + 1);
    return rc < 0 ? rc : sqldb_commit(d, 0);
}

static int add_by_transaction(struct sqldb *d)
{
    REPEAT_RETURN(add_once(d));
}

static void *adder_main(void *arg)
{
    struct adder *a = arg;
    struct sqldb *d = open_at(a->at, 6);

    while (a->n_done < N_ADDED) {
        int rc = a->add(d);

        if (rc == 0)
            a->n_done++;
        else if (rc == -EDEADLK)
            a->n_conflicts++;         /* said to the user, who gives the command again */
        else
            break;
    }
    if (a->n_done < N_ADDED)
        print_error("%s\n", sqldb_error(d));
    sqldb_close(d);
    return NULL;
}

static void add_at_both(const char *what, int (*add)(struct sqldb *d))
{
    struct adder a = {at_a, add, 0, 0}, b = {at_b, add, 0, 0};
    pthread_t t;

    assert_int_equal(pthread_create(&t, NULL, adder_main, &a), 0);
    adder_main(&b);
    pthread_join(t, NULL);
    assert_int_equal(sqldb_sync(one), 0);
    print_message("%s: %u + %u done, %u + %u told as conflicts, %llu stored\n", what,
                  a.n_done, b.n_done, a.n_conflicts, b.n_conflicts,
                  (unsigned long long)holder_at(one));
    assert_int_equal(a.n_done + b.n_done, 2 * N_ADDED);
    assert_int_equal(holder_at(one), 2 * N_ADDED);
}

static void t_statements_at_two_nodes_are_each_done_once(void **state)
{
    (void)state;
    add_at_both("statements", add_by_statement);
}

static void t_transactions_at_two_nodes_are_each_done_once(void **state)
{
    (void)state;
    add_at_both("transactions", add_by_transaction);
}

/* --- COMMIT without an answer ------------------------------------------------------- */

static struct commitrelay relay;      /* before a */

static struct sqldb *open_by_relay(void)
{
    char list[300], path[100];

    snprintf(path, sizeof(path), "%s/relay", dir);
    commitrelay_start(&relay, path, at_a);
    snprintf(list, sizeof(list), "%s %s", path, at_b);
    return open_at(list, 2);
}

/* A change in a transaction; returns the number of its row in Audit. */
static uint64_t change(struct sqldb *d)
{
    uint64_t id = 0;

    run_at(d, "START TRANSACTION");
    run_at(d, "INSERT INTO Audit (actor, via, action, result) VALUES ('me', 'larsctl', "
              "'route add', 'done')");
    assert_int_equal(sqldb_number(d, &id, "SELECT LAST_INSERT_ID()"), 0);
    run_at(d, "UPDATE Lease SET holder = 7 WHERE name = 'n'");
    return id;
}

static uint64_t n_audit(struct sqldb *d, uint64_t id, const char *result)
{
    uint64_t n = 0;

    assert_int_equal(sqldb_sync(d), 0);
    assert_int_equal(sqldb_number(d, &n,
                                  "SELECT COUNT(*) FROM Audit WHERE id = %llu AND result "
                                  "= %s",
                                  (unsigned long long)id, result),
                     0);
    return n;
}

/* COMMIT is on its way to a while b is asked: it must not be done afterwards. */
static void t_commit_that_comes_late_is_not_done_when_that_was_told(void **state)
{
    struct sqldb *d = open_by_relay();
    uint64_t id;

    (void)state;
    id = change(d);
    relay.cut = COMMITRELAY_LATE;
    assert_int_equal(sqldb_commit(d, id), -ECANCELED);
    relay.go = true;
    T_WAIT(relay.answer >= 0);
    print_message("the late COMMIT is answered with error %d\n", relay.answer);
    assert_int_not_equal(relay.answer, 0);
    assert_int_equal(n_audit(one, id, "nothing changed"), 1);
    assert_int_equal(holder_at(one), 0);
    assert_int_equal(sqldb_sync(two), 0);
    assert_int_equal(holder_at(two), 0);
    sqldb_close(d);
    commitrelay_stop(&relay);
}

static void t_commit_that_was_lost_is_told_as_nothing_changed(void **state)
{
    struct sqldb *d = open_by_relay();
    uint64_t id;

    (void)state;
    id = change(d);
    relay.cut = COMMITRELAY_BEFORE;
    assert_int_equal(sqldb_commit(d, id), -ECANCELED);
    assert_int_equal(n_audit(two, id, "nothing changed"), 1);
    assert_int_equal(holder_at(two), 0);
    sqldb_close(d);
    commitrelay_stop(&relay);
}

static void t_commit_whose_answer_is_lost_is_found_at_the_other_node(void **state)
{
    struct sqldb *d = open_by_relay();
    uint64_t id;

    (void)state;
    id = change(d);
    relay.cut = COMMITRELAY_AFTER_AND_REFUSE;
    assert_int_equal(sqldb_commit(d, id), 0);
    assert_int_equal(n_audit(two, id, "done"), 1);
    assert_int_equal(holder_at(two), 7);
    sqldb_close(d);
    commitrelay_stop(&relay);
}

/* --- a node that is lost ------------------------------------------------------------ */

/* Is the process stopped?  A signal takes a moment to reach all threads. */
static bool is_stopped(int pid)
{
    char path[64], state = '?';
    FILE *f;

    snprintf(path, sizeof(path), "/proc/%d/stat", pid);
    f = fopen(path, "r");
    assert_non_null(f);
    assert_int_equal(fscanf(f, "%*d %*s %c", &state), 1);
    fclose(f);
    return state == 'T';
}

static void signal_node(const char *node, int signo)
{
    char path[120];
    int pid = 0;
    FILE *f;

    snprintf(path, sizeof(path), "%s/%s/pid", dir, node);
    f = fopen(path, "r");
    assert_non_null(f);
    assert_int_equal(fscanf(f, "%d", &pid), 1);
    fclose(f);
    assert_int_equal(kill(pid, signo), 0);
    T_WAIT(is_stopped(pid) == (signo == SIGSTOP));
}

static bool is_whole(struct sqldb *d)
{
    uint64_t n = 0;

    return sqldb_number(
               d, &n,
               "SELECT COUNT(*) FROM information_schema.global_status WHERE "
               "variable_name = 'wsrep_cluster_size' AND variable_value = '2'") == 0 &&
           n == 1;
}

/* A node that was frozen believes for a moment that it belongs to the cluster. */
static bool has_after_sync(struct sqldb *d, uint64_t holder)
{
    uint64_t n = UINT64_MAX;

    return is_whole(d) && sqldb_sync(d) == 0 &&
           sqldb_number(d, &n, "SELECT holder FROM Lease WHERE name = 'n'") == 0 &&
           n == holder;
}

/* Writes of a program that uses b go on at a, and come back. */
static void t_writes_go_on_at_the_other_node_when_one_is_frozen(void **state)
{
    struct sqldb *d = open_at(b_first, 4);
    uint64_t begin, longest = 0;
    unsigned i, n_failed = 0;

    (void)state;
    run_at(d, "UPDATE Lease SET holder = 0");
    signal_node("b", SIGSTOP);
    begin = t_now_ms();
    for (i = 1; i <= 20;) {           /* each is repeated until it is done */
        uint64_t t = t_now_ms();

        if (sqldb_run(d, "UPDATE Lease SET holder = %u WHERE name = 'n'", i) == 0)
            i++;
        else
            n_failed++;
        if (t_now_ms() - t > longest)
            longest = t_now_ms() - t;
        assert_true(t_now_ms() - begin < T_DEADLINE_MS);
    }
    print_message("20 writes: %llu ms, the longest call %llu ms, %u calls failed\n",
                  (unsigned long long)(t_now_ms() - begin), (unsigned long long)longest,
                  n_failed);
    assert_int_equal(sqldb_sync(one), 0);
    assert_int_equal(holder_at(one), 20);
    signal_node("b", SIGCONT);
    T_WAIT(is_whole(one) && has_after_sync(two, 20));
    sqldb_close(d);
}

/* b alone has one vote of three. */
static void t_node_without_a_majority_is_left_and_named(void **state)
{
    char list[220];
    struct sqldb *d;

    (void)state;
    snprintf(list, sizeof(list), "/nowhere %s", at_b);
    d = open_at(list, 2);
    run_at(d, "UPDATE Lease SET holder = 0");
    signal_node("a", SIGSTOP);
    T_WAIT(sqldb_run(d, "UPDATE Lease SET holder = 1 WHERE name = 'n'") == -ENOTCONN &&
           strstr(sqldb_error(d), "(1047)"));
    print_message("%s\n", sqldb_error(d));
    assert_int_equal(myconn_failure(sqldb_connection(d)), DB_ERROR_DETACHED);
    signal_node("a", SIGCONT);
    T_WAIT(sqldb_run(d, "UPDATE Lease SET holder = 2 WHERE name = 'n'") == 0);
    T_WAIT(is_whole(two) && has_after_sync(one, 2));
    sqldb_close(d);
}

#define E(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        E(t_node_of_a_cluster_is_known_as_one),
        E(t_read_after_a_wait_sees_what_another_node_has_committed),
        E(t_new_connection_sees_what_another_node_has_committed),
        E(t_statements_at_two_nodes_are_each_done_once),
        E(t_transactions_at_two_nodes_are_each_done_once),
        E(t_commit_that_comes_late_is_not_done_when_that_was_told),
        E(t_commit_that_was_lost_is_told_as_nothing_changed),
        E(t_commit_whose_answer_is_lost_is_found_at_the_other_node),
        E(t_writes_go_on_at_the_other_node_when_one_is_frozen),
        E(t_node_without_a_majority_is_left_and_named)};

    if (getenv("LARS_TEST_FILTER"))
        cmocka_set_test_filter(getenv("LARS_TEST_FILTER"));
    return cmocka_run_group_tests(tests, group_setup, group_teardown);
}
