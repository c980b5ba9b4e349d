/* The session of every connection: its settings are the program's, whatever the server's
 * defaults are, and its time-outs nest. */
#include "db/lease.h"
#include "db/myconn.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include "mydb.h"

static char error[MYCONN_ERROR_MAX];
static struct myconn *con;

static struct myconn *connect_with(uint32_t timeout_s)
{
    struct myconn_config c = {mydb_socket, "", 0, "lars", "lars", "lars_dns", timeout_s};
    struct myconn *m;

    assert_int_equal(myconn_create(&m, &c, error), 0);
    if (myconn_ensure(m) < 0)
        fail_msg("%s", error);
    return m;
}

static int setup(void **state)
{
    t_fds_save(state);
    mydb_reset();
    mydb_sql("DELETE FROM Lease; INSERT INTO Lease (name, holder, until_at) VALUES "
             "('x', 1, NOW(3))");
    assert_int_equal(myconn_init(), 0);
    con = NULL;
    return 0;
}

static int teardown(void **state)
{
    myconn_destroy(con);
    myconn_fini();
    mydb_sql("SET GLOBAL sql_mode = DEFAULT, GLOBAL time_zone = DEFAULT, "
             "GLOBAL collation_connection = DEFAULT, GLOBAL wait_timeout = DEFAULT, "
             "GLOBAL innodb_lock_wait_timeout = DEFAULT, GLOBAL autocommit = DEFAULT, "
             "GLOBAL lock_wait_timeout = DEFAULT, GLOBAL completion_type = DEFAULT, "
             "GLOBAL max_statement_time = DEFAULT, GLOBAL tx_read_only = DEFAULT, "
             "GLOBAL read_only = DEFAULT");
    return t_fds_check(state);
}

static int take_text(char **at, void *arg)
{
    snprintf(arg, 200, "%s", at[0] ? at[0] : "NULL");
    return 0;
}

static const char *value_of(const char *sql)
{
    static char text[200];

    text[0] = '\0';
    if (myconn_select(con, sql, take_text, text) < 0)
        fail_msg("%s", error);
    return text;
}

static int run(struct myconn *m, const char *sql)
{
    return myconn_query(m, sql, strlen(sql));
}

static void t_session_does_not_depend_on_the_defaults_of_the_server(void **state)
{
    (void)state;
    mydb_sql("SET GLOBAL sql_mode = 'ANSI_QUOTES,PIPES_AS_CONCAT,NO_BACKSLASH_ESCAPES', "
             "GLOBAL time_zone = '+08:00', GLOBAL collation_connection = 'gbk_bin', "
             "GLOBAL wait_timeout = 7, GLOBAL innodb_lock_wait_timeout = 50, "
             "GLOBAL autocommit = 0, GLOBAL completion_type = 2, "
             "GLOBAL lock_wait_timeout = 77, GLOBAL max_statement_time = 99, "
             "GLOBAL tx_read_only = 1");
    con = connect_with(3);
    assert_string_equal(value_of("SELECT @@sql_mode"),
                        "ONLY_FULL_GROUP_BY,NO_UNSIGNED_SUBTRACTION,STRICT_ALL_TABLES,"
                        "NO_ENGINE_SUBSTITUTION");
    assert_string_equal(value_of("SELECT TIMEDIFF(NOW(), UTC_TIMESTAMP())"), "00:00:00");
    assert_string_equal(value_of("SELECT @@collation_connection"), "utf8mb4_general_ci");
    assert_string_equal(value_of("SELECT @@character_set_results"), "utf8mb4");
    assert_string_equal(value_of("SELECT @@autocommit"), "1");
    assert_string_equal(value_of("SELECT @@completion_type"), "NO_CHAIN");
    assert_string_equal(value_of("SELECT @@tx_isolation"), "REPEATABLE-READ");
    assert_string_equal(value_of("SELECT @@tx_read_only"), "0");
    assert_string_equal(value_of("SELECT @@wait_timeout"), "86400");
    assert_string_equal(value_of("SELECT @@idle_transaction_timeout"), "3");
}

/* A lock wait < a statement < a read: the server gives up before the client does. */
static void t_time_outs_of_a_session_nest(void **state)
{
    (void)state;
    con = connect_with(3);
    assert_string_equal(value_of("SELECT @@innodb_lock_wait_timeout"), "2");
    assert_string_equal(value_of("SELECT @@lock_wait_timeout"), "2");
    assert_string_equal(value_of("SELECT @@max_statement_time"), "2.500000");
    myconn_destroy(con);
    con = connect_with(1);
    assert_string_equal(value_of("SELECT @@innodb_lock_wait_timeout"), "1");
    assert_string_equal(value_of("SELECT @@max_statement_time"), "1.500000");
}

static void t_statement_that_waits_for_a_lock_is_refused_by_the_server(void **state)
{
    struct myconn *other = connect_with(3);

    (void)state;
    assert_int_equal(run(other, "SET idle_transaction_timeout = 0"), 0);
    assert_int_equal(run(other, "START TRANSACTION"), 0);
    assert_int_equal(run(other, "UPDATE Lease SET holder = 2"), 0);
    con = connect_with(2);
    assert_int_equal(run(con, "UPDATE Lease SET holder = 3"), -EDEADLK);
    assert_non_null(strstr(error, "(1205)"));
    assert_int_equal(run(other, "COMMIT"), 0);
    assert_int_equal(mydb_number("SELECT holder FROM Lease"), 2);
    myconn_destroy(other);
}

/* 1205 ends only the statement, ROLLBACK undoes those before it, the connection stays. */
static void t_transaction_that_waited_for_a_lock_is_rolled_back_whole(void **state)
{
    struct myconn *other = connect_with(3);
    char id[200];

    (void)state;
    mydb_sql("INSERT INTO Lease (name, holder, until_at) VALUES ('y', 1, NOW(3))");
    assert_int_equal(run(other, "SET idle_transaction_timeout = 0"), 0);
    assert_int_equal(run(other, "START TRANSACTION"), 0);
    assert_int_equal(run(other, "UPDATE Lease SET holder = 2 WHERE name = 'x'"), 0);
    con = connect_with(2);
    snprintf(id, sizeof(id), "%s", value_of("SELECT CONNECTION_ID()"));
    assert_int_equal(run(con, "START TRANSACTION"), 0);
    assert_int_equal(run(con, "UPDATE Lease SET holder = 3 WHERE name = 'y'"), 0);
    assert_int_equal(run(con, "UPDATE Lease SET holder = 3 WHERE name = 'x'"), -EDEADLK);
    assert_int_equal(myconn_failure(con), DB_ERROR_CONFLICT);
    assert_string_equal(value_of("SELECT CONNECTION_ID()"), id);
    assert_int_equal(run(con, "COMMIT"), 0);
    assert_int_equal(mydb_number("SELECT holder FROM Lease WHERE name = 'y'"), 1);
    assert_int_equal(run(other, "COMMIT"), 0);
    myconn_destroy(other);
}

/* --- a large result ----------------------------------------------------------------- */

#define STREAM_ROWS 1000000
#define STREAM "SELECT seq, REPEAT('x', 20) FROM seq_1_to_1000000"

struct stream {
    unsigned long n;                  /* rows so far */
    unsigned long end_at;             /* the row whose result is <rc>; 0 = none */
    int rc;
    char kill[220];                   /* a statement to run at row 10 */
};

static int take_streamed(char **at, void *arg)
{
    struct stream *s = arg;

    s->n++;
    assert_int_equal(strtoul(at[0], NULL, 10), s->n);
    if (s->n == 10 && s->kill[0])
        mydb_sql(s->kill);
    return s->n == s->end_at ? s->rc : 0;
}

static void t_stream_has_every_row(void **state)
{
    struct stream s = {0};

    (void)state;
    con = connect_with(30);
    assert_int_equal(myconn_stream(con, STREAM, take_streamed, &s), 0);
    assert_int_equal(s.n, STREAM_ROWS);
    assert_string_equal(value_of("SELECT 7"), "7");
}

/* The rows that are left are read, so the next answer belongs to its question. */
static void t_stream_that_is_ended_leaves_the_connection_usable(void **state)
{
    struct stream s = {.end_at = 10, .rc = -ENOMEM};

    (void)state;
    con = connect_with(30);
    assert_int_equal(myconn_stream(con, STREAM, take_streamed, &s), -ENOMEM);
    assert_int_equal(s.n, 10);
    assert_string_equal(value_of("SELECT 7"), "7");
}

static void t_stream_that_is_cut_is_an_error(void **state)
{
    struct stream s = {0};

    (void)state;
    con = connect_with(30);
    snprintf(s.kill, sizeof(s.kill), "KILL %s", value_of("SELECT CONNECTION_ID()"));
    assert_true(myconn_stream(con, STREAM, take_streamed, &s) < 0);
    assert_true(s.n >= 10 && s.n < STREAM_ROWS);
    assert_true(strlen(error) > 0);
    assert_int_equal(myconn_ensure(con), 0);
    assert_string_equal(value_of("SELECT 7"), "7");
}

/* --- endpoints ---------------------------------------------------------------------- */

static void create_with(const char *endpoints, uint32_t timeout_s)
{
    struct myconn_config c = {"",     "",         0,         "lars",
                              "lars", "lars_dns", timeout_s, endpoints};

    assert_int_equal(myconn_create(&con, &c, error), 0);
}

static void t_endpoint_without_a_server_is_passed_over(void **state)
{
    char list[200];

    (void)state;
    snprintf(list, sizeof(list), "/nowhere 127.0.0.1:1 %s", mydb_socket);
    create_with(list, 3);
    assert_int_equal(myconn_ensure(con), 0);
    assert_string_equal(value_of("SELECT DATABASE()"), "lars_dns");
    assert_false(myconn_is_galera(con));
}

/* Its system accepts the connection, as that of a stopped server does. */
static void t_endpoint_that_is_silent_is_passed_over(void **state)
{
    struct sockaddr_in a = {.sin_family = AF_INET};
    socklen_t len = sizeof(a);
    int lfd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    char list[200];

    (void)state;
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(bind(lfd, (struct sockaddr *)&a, sizeof(a)), 0);
    assert_int_equal(listen(lfd, 5), 0);
    getsockname(lfd, (struct sockaddr *)&a, &len);
    snprintf(list, sizeof(list), "127.0.0.1:%u %s", ntohs(a.sin_port), mydb_socket);
    create_with(list, 60);            /* a wait of so long would end the test */
    assert_int_equal(myconn_ensure(con), 0);
    close(lfd);
}

static void t_read_only_server_is_passed_over_and_named(void **state)
{
    char list[200];

    (void)state;
    mydb_sql("SET GLOBAL read_only = 1");
    snprintf(list, sizeof(list), "/nowhere %s", mydb_socket);
    create_with(list, 3);
    assert_int_equal(myconn_ensure(con), -ENOTCONN);
    assert_int_equal(myconn_failure(con), DB_ERROR_REFUSING);
    assert_non_null(strstr(error, mydb_socket));
    assert_non_null(strstr(error, "read-only"));
    mydb_sql("SET GLOBAL read_only = 0");
    T_WAIT(myconn_ensure(con) == 0);  /* after the wait of a failed round */
}

/* With one server there is no other one to go to, and reading still works. */
static void t_read_only_server_is_used_when_it_is_the_only_one(void **state)
{
    (void)state;
    mydb_sql("SET GLOBAL read_only = 1");
    create_with(mydb_socket, 3);
    assert_int_equal(myconn_ensure(con), 0);
    assert_string_equal(value_of("SELECT holder FROM Lease"), "1");
    assert_int_equal(run(con, "UPDATE Lease SET holder = 3"), -EIO);
    assert_int_equal(myconn_failure(con), DB_ERROR_REFUSING);
    mydb_sql("SET GLOBAL read_only = 0");
}

static void t_wrong_password_is_tried_at_all_and_told(void **state)
{
    char list[200];
    struct myconn_config c = {"", "", 0, "lars", "wrong", "lars_dns", 3, list};

    (void)state;
    snprintf(list, sizeof(list), "/nowhere %s", mydb_socket);
    assert_int_equal(myconn_create(&con, &c, error), 0);
    assert_int_equal(myconn_ensure(con), -ENOTCONN);
    assert_non_null(strstr(error, "see [db] user, password"));
}

/* The only endpoint that works is the second one. */
static void t_staying_uses_the_endpoint_of_the_last_connection_only(void **state)
{
    char list[200], moved[100];

    (void)state;
    snprintf(moved, sizeof(moved), "%s/moved", mydb_dir);
    snprintf(list, sizeof(list), "%s %s", moved, mydb_socket);
    create_with(list, 3);
    assert_int_equal(myconn_ensure(con), 0);
    assert_int_equal(symlink(mydb_socket, moved), 0);
    myconn_stay(con, true);
    mydb_sql("SET GLOBAL read_only = 1"); /* asked of no server that is stayed at */
    assert_int_equal(run(con, "KILL CONNECTION_ID()"), -EIO);
    assert_int_equal(myconn_ensure(con), 0);
    mydb_sql("SET GLOBAL read_only = 0");
    myconn_stay(con, false);
    assert_int_equal(run(con, "KILL CONNECTION_ID()"), -EIO);
    assert_int_equal(myconn_ensure(con), 0); /* the first one is tried first */
    assert_int_equal(unlink(moved), 0);
}

/* The next statement finds its connection lost. */
static void cut(void)
{
    char sql[230];

    snprintf(sql, sizeof(sql), "KILL %s", value_of("SELECT CONNECTION_ID()"));
    mydb_sql(sql);
}

static void t_lost_work_begins_again_at_another_endpoint_at_once(void **state)
{
    char list[200], other[100];
    int rc;

    (void)state;
    snprintf(other, sizeof(other), "%s/other", mydb_dir);
    snprintf(list, sizeof(list), "%s %s", mydb_socket, other);
    assert_int_equal(symlink(mydb_socket, other), 0);
    create_with(list, 3);
    assert_int_equal(myconn_ensure(con), 0);
    cut();
    rc = run(con, "DO 1");
    assert_true(rc < 0 && myconn_may_go_on(con, rc));
    assert_int_equal(myconn_begin_work(con), 0);
    assert_false(myconn_may_go_on(con, -ENOTCONN)); /* this is a new connection */
    rc = run(con, "DO nothing");
    assert_true(rc < 0 && !myconn_may_go_on(con, rc)); /* no server knows it */
    assert_int_equal(myconn_begin_work(con), 0);
    cut();
    assert_int_equal(lease_take(con, "x", 1, 10), 1);
    assert_int_equal(unlink(other), 0);
}

static void t_lost_work_waits_when_there_is_one_endpoint(void **state)
{
    (void)state;
    create_with(mydb_socket, 3);
    assert_int_equal(myconn_ensure(con), 0);
    cut();
    assert_true(lease_take(con, "x", 1, 10) < 0);
    assert_false(myconn_may_go_on(con, -ENOTCONN));
    assert_int_equal(lease_take(con, "x", 1, 10), 1);
}

static void t_wrong_list_of_endpoints_is_einval(void **state)
{
    struct myconn_config c = {"", "", 0, "lars", "lars", "lars_dns", 3, "10.0.0.1"};
    struct myconn *none = NULL;

    (void)state;
    assert_int_equal(myconn_create(&none, &c, error), -EINVAL);
    assert_null(none);
}

static void t_socket_is_preferred_to_endpoints(void **state)
{
    struct myconn_config c = {mydb_socket, "",         0, "lars",
                              "lars",      "lars_dns", 3, "/nowhere"};

    (void)state;
    assert_int_equal(myconn_create(&con, &c, error), 0);
    assert_int_equal(myconn_ensure(con), 0);
}

/* Several lock waits, each short enough, can add up; so can the work of a statement. */
static void t_statement_that_takes_too_long_is_ended_by_the_server(void **state)
{
    (void)state;
    con = connect_with(2);
    assert_int_equal(run(con, "UPDATE Lease SET holder = 3 + SLEEP(30)"), -EIO);
    assert_non_null(strstr(error, "(1969)"));
    assert_int_equal(mydb_number("SELECT holder FROM Lease"), 1);
}

static void t_unsigned_differences_may_be_negative(void **state)
{
    (void)state;
    con = connect_with(3);
    assert_string_equal(value_of("SELECT CAST(5 AS UNSIGNED) - CAST(7 AS UNSIGNED)"),
                        "-2");
}

/* The client libraries take "localhost" for a socket path of their own and ignore the
 * port. */
static void t_localhost_is_reached_by_its_port(void **state)
{
    struct sockaddr_in a = {.sin_family = AF_INET};
    socklen_t len = sizeof(a);
    int fd, lfd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    struct myconn_config c = {"", "localhost", 0, "lars", "lars", "lars_dns", 1};

    (void)state;
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    assert_int_equal(bind(lfd, (struct sockaddr *)&a, sizeof(a)), 0);
    assert_int_equal(listen(lfd, 5), 0);
    getsockname(lfd, (struct sockaddr *)&a, &len);
    c.port = ntohs(a.sin_port);
    assert_int_equal(myconn_create(&con, &c, error), 0);
    assert_int_equal(myconn_ensure(con), -ENOTCONN); /* no server answers there */
    fd = accept(lfd, NULL, NULL);
    assert_true(fd >= 0);
    close(fd);
    close(lfd);
}

#define E(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

MYDB_MAIN(E(t_session_does_not_depend_on_the_defaults_of_the_server),
          E(t_time_outs_of_a_session_nest),
          E(t_statement_that_waits_for_a_lock_is_refused_by_the_server),
          E(t_statement_that_takes_too_long_is_ended_by_the_server),
          E(t_unsigned_differences_may_be_negative),
          E(t_localhost_is_reached_by_its_port),
          E(t_transaction_that_waited_for_a_lock_is_rolled_back_whole),
          E(t_stream_has_every_row),
          E(t_stream_that_is_ended_leaves_the_connection_usable),
          E(t_stream_that_is_cut_is_an_error),
          E(t_endpoint_without_a_server_is_passed_over),
          E(t_endpoint_that_is_silent_is_passed_over),
          E(t_read_only_server_is_passed_over_and_named),
          E(t_read_only_server_is_used_when_it_is_the_only_one),
          E(t_wrong_password_is_tried_at_all_and_told),
          E(t_staying_uses_the_endpoint_of_the_last_connection_only),
          E(t_lost_work_begins_again_at_another_endpoint_at_once),
          E(t_lost_work_waits_when_there_is_one_endpoint),
          E(t_wrong_list_of_endpoints_is_einval), E(t_socket_is_preferred_to_endpoints))
