/* Changes of operators and other writers at once, and a connection that is lost.  A relay
 * between the client and MariaDB can cut the connection at the COMMIT. */
#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "opsfix.h"

/* --- other writers ------------------------------------------------------------------ */

static void t_change_by_sql_is_in_route_log_with_the_database_user(void **state)
{
    (void)state;
    mydb_sql("UPDATE RouteData SET weight = 1 WHERE modid = 1 AND serverip = 1");
    assert_int_equal(n_log("audit_id = 0 AND db_user = USER() AND new_weight = 1"), 1);
    mydb_sql("UPDATE RouteData SET modid = 5 WHERE modid = 1 AND serverip = 2");
    assert_int_equal(n_log("audit_id = 0 AND modid = 1 AND new_weight IS NULL"), 1);
    assert_int_equal(n_log("audit_id = 0 AND modid = 5 AND old_weight IS NULL"), 1);
    assert_int_equal(n_audit("1"), 0);
}

/* What a test has started.  The teardown ends it, because a test that fails in between
 * does not end it: first other, which holds the locks that the thread waits for. */
static struct myconn *other;
static struct sqldb *second_db;
static pthread_t applying;
static bool is_applying;
static struct change_op applied_op;
static struct ops_request applied;

static void other_close(void)
{
    myconn_destroy(other);
    other = NULL;
}

static void other_sql(const char *sql)
{
    assert_int_equal(myconn_query(other, sql, strlen(sql)), 0);
}

/* The server would end a transaction that says nothing for 3 s, which this program does
 * on a busy machine. */
static void other_open(void)
{
    const struct myconn_config c = {mydb_socket, "", 0, "lars", "lars", "lars_dns", 5};
    static char error[MYCONN_ERROR_MAX];

    assert_int_equal(myconn_create(&other, &c, error), 0);
    assert_int_equal(myconn_ensure(other), 0);
    other_sql("SET idle_transaction_timeout = 0");
}

static void *apply_in_thread(void *arg)
{
    int rc = ops_apply(db, &applied, &out);

    (void)arg;
    mysql_thread_end();
    return (void *)(intptr_t)rc;
}

static void start_applying(struct change_op op)
{
    applied_op = op;
    applied = request(&applied_op, 1);
    assert_int_equal(pthread_create(&applying, NULL, apply_in_thread, NULL), 0);
    is_applying = true;
}

/* Wait for the end of the change.  Returns ops_apply(). */
static int end_applying(void)
{
    void *rc;

    is_applying = false;
    pthread_join(applying, &rc);
    return (int)(intptr_t)rc;
}

/* Statements that lock rows of the table, without those of <other>: the server may show
 * one for a moment after its answer.  The view of InnoDB is not renewed while it is
 * polled. */
static unsigned long long n_waiting(const char *table)
{
    char sql[300];

    snprintf(
        sql, sizeof(sql),
        "SELECT COUNT(*) FROM information_schema.processlist WHERE command = 'Query' "
        "AND id <> CONNECTION_ID() AND info LIKE '%%%s%%FOR UPDATE' AND info NOT LIKE "
        "'%%INTO @%%'",
        table);
    return mydb_number(sql);
}

/* The other transaction has the row that the change reads next, and wants RouteVersion,
 * which the change has.  It has written more, so the server ends the change. */
static void t_change_that_loses_a_deadlock_is_tried_once_more(void **state)
{
    (void)state;
    other_open();
    other_sql("START TRANSACTION");
    other_sql(
        "INSERT INTO Lease (name, holder, until_at) VALUES ('t1', 1, NOW()), ('t2', "
        "1, NOW()), ('t3', 1, NOW()), ('t4', 1, NOW()), ('t5', 1, NOW())");
    other_sql("SELECT COUNT(*) INTO @n FROM RouteData WHERE modid = 1 FOR UPDATE");
    start_applying(weight_op(1, 1, "7"));
    T_WAIT(n_waiting("RouteData") == 1);
    other_sql("UPDATE RouteData SET weight = 5 WHERE modid = 1 AND serverip = 2");
    other_sql("COMMIT");
    assert_int_equal(end_applying(), 0);
    assert_int_equal(out.result, OPS_DONE);
    assert_int_equal(n_log("audit_id > 0 AND ip = 1 AND new_weight = 7"), 1);
    assert_int_equal(n_log("audit_id = 0 AND ip = 2 AND new_weight = 5"), 1);
    assert_int_equal(n_audit("1"), 1);
    mydb_sql("DELETE FROM Lease");
    other_close();
}

/* Two operators remove one of the last two nodes each. */
static void t_two_changes_at_once_do_not_take_the_last_nodes_together(void **state)
{
    const struct myconn_config c = {mydb_socket, "", 0, "lars", "lars", "lars_dns", 5};
    struct change_op b = node_op(CHANGE_REMOVE, 1, 2);
    struct ops_request second = request(&b, 1);
    struct ops_outcome two = {.result = OPS_DONE};

    (void)state;
    mydb_sql("DELETE FROM RouteData WHERE modid = 1 AND serverip = 3");
    assert_int_equal(sqldb_open(&second_db, &c), 0);
    other_open(); /* it holds both back until both have begun */
    other_sql("START TRANSACTION");
    other_sql("SELECT version INTO @v FROM RouteVersion WHERE id = 1 FOR UPDATE");
    start_applying(node_op(CHANGE_REMOVE, 1, 1));
    T_WAIT(n_waiting("RouteVersion") == 1);
    other_sql("COMMIT");
    assert_int_equal(ops_apply(second_db, &second, &two), 0);
    assert_int_equal(end_applying(), 0);
    assert_int_equal((out.result == OPS_DONE) + (two.result == OPS_DONE), 1);
    assert_int_equal(
        (out.result == OPS_NEEDS_CONSENT) + (two.result == OPS_NEEDS_CONSENT), 1);
    assert_int_equal(mydb_number("SELECT COUNT(*) FROM RouteData WHERE modid = 1"), 1);
    assert_int_equal(n_audit("1"), 2);
    ops_free(&two);
    other_close();
}

/* --- a connection that is lost ------------------------------------------------------ */

static pthread_t relay;
static int relay_lfd = -1; /* -1: the relay does not run */
static char relay_path[100];
static _Atomic bool relay_end;
static _Atomic int cut; /* 1: before the COMMIT, 2: behind it; done once */

/* Pass on what <from> sends; false: cut here. */
static bool pass(int from, int to, bool of_client)
{
    static char text[1 << 20];
    ssize_t n = recv(from, text, sizeof(text), 0);
    bool commit = of_client && n == 11 && memcmp(text + 5, "COMMIT", 6) == 0;

    if (n <= 0 || (commit && cut == 1) || send(to, text, (size_t)n, MSG_NOSIGNAL) != n)
        return false;
    if (!commit || cut == 0)
        return true;
    recv(to, text, sizeof(text), 0); /* the answer, which the client does not get */
    return false;
}

static void serve(int client)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    int server = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    struct pollfd p[2] = {{client, POLLIN, 0}, {server, POLLIN, 0}};
    bool open;

    memcpy(a.sun_path, mydb_socket, sizeof(mydb_socket));
    open = connect(server, (struct sockaddr *)&a, sizeof(a)) == 0;
    while (open && !relay_end) {
        poll(p, 2, 10);
        if (p[0].revents)
            open = pass(client, server, true);
        if (open && p[1].revents)
            open = pass(server, client, false);
    }
    cut = 0;
    close(server);
    close(client);
}

static void *relay_main(void *arg)
{
    struct pollfd p = {relay_lfd, POLLIN, 0};

    while (!relay_end)
        if (poll(&p, 1, 10) == 1)
            serve(accept(relay_lfd, NULL, NULL));
    return arg;
}

/* End the relay, when it runs, and the connection through it. */
static void relay_stop(void)
{
    sqldb_close(second_db);
    second_db = NULL;
    if (relay_lfd == -1)
        return;
    relay_end = true;
    pthread_join(relay, NULL);
    close(relay_lfd);
    relay_lfd = -1;
}

/* Apply the change over a connection that is cut at its COMMIT.  Returns ops_apply(). */
static int apply_and_cut(const struct ops_request *r, int where)
{
    const struct myconn_config c = {relay_path, "", 0, "lars", "lars", "lars_dns", 3};
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    int fd, rc;

    snprintf(relay_path, sizeof(relay_path), "%s/relay", mydb_dir);
    memcpy(a.sun_path, relay_path, sizeof(relay_path));
    unlink(relay_path);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
    assert_int_equal(listen(fd, 10), 0);
    relay_end = false;
    cut = where;
    relay_lfd = fd;
    assert_int_equal(pthread_create(&relay, NULL, relay_main, NULL), 0);
    assert_int_equal(sqldb_open(&second_db, &c), 0);
    rc = ops_apply(second_db, r, &out);
    relay_stop();
    return rc;
}

static void t_change_whose_answer_is_lost_is_done_once(void **state)
{
    struct change_op op = weight_op(1, 1, "7");
    struct ops_request r = request(&op, 1);

    (void)state;
    assert_int_equal(apply_and_cut(&r, 2), 0);
    assert_int_equal(out.result, OPS_DONE);
    assert_int_equal(n_audit("1"), 1);
    assert_int_equal(n_log("new_weight = 7"), 1);
}

static void t_change_that_was_lost_leaves_no_row_at_all(void **state)
{
    struct change_op op = weight_op(1, 1, "7");
    struct ops_request r = request(&op, 1);
    unsigned long long v = version();

    (void)state;
    assert_int_equal(apply_and_cut(&r, 1), -ECANCELED);
    assert_int_equal(version(), v);
    assert_int_equal(n_audit("1"), 0);
    assert_int_equal(n_log("1"), 0);
}

static void t_error_of_the_database_leaves_no_row_at_all(void **state)
{
    struct change_op op[2] = {node_op(CHANGE_POLICY, 1, 0), weight_op(1, 1, "7")};
    struct ops_request r = request(op, 2);
    unsigned long long v = version();

    (void)state;
    field(&op[0], "timeout_ms", "5");
    mydb_sql("CREATE TRIGGER no_policy BEFORE INSERT ON ModulePolicy FOR EACH ROW SIGNAL "
             "SQLSTATE '45000' SET MESSAGE_TEXT = 'disk full'");
    assert_int_equal(ops_apply(db, &r, &out), -EIO);
    mydb_sql("DROP TRIGGER no_policy");
    assert_non_null(strstr(sqldb_error(db), "disk full"));
    assert_int_equal(version(), v);
    assert_int_equal(n_audit("1"), 0);
    apply(&r, OPS_DONE); /* the connection works again */
}

static int end_all(void **state)
{
    other_close();
    if (is_applying)
        end_applying();
    relay_stop();
    return teardown(state);
}

#define F(fn) cmocka_unit_test_setup_teardown(fn, setup, end_all)
MYDB_MAIN(F(t_change_by_sql_is_in_route_log_with_the_database_user),
          F(t_change_that_loses_a_deadlock_is_tried_once_more),
          F(t_two_changes_at_once_do_not_take_the_last_nodes_together),
          F(t_change_whose_answer_is_lost_is_done_once),
          F(t_change_that_was_lost_leaves_no_row_at_all),
          F(t_error_of_the_database_leaves_no_row_at_all))
