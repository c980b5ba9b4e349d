/* The session of every connection: its settings are the program's, whatever the server's
 * defaults are, and its time-outs nest. */
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
             "GLOBAL max_statement_time = DEFAULT, GLOBAL tx_read_only = DEFAULT");
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
    assert_int_equal(run(con, "UPDATE Lease SET holder = 3"), -EIO);
    assert_non_null(strstr(error, "(1205)"));
    assert_int_equal(run(other, "COMMIT"), 0);
    assert_int_equal(mydb_number("SELECT holder FROM Lease"), 2);
    myconn_destroy(other);
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
    assert_string_equal(
        value_of("SELECT CAST(5 AS UNSIGNED) - CAST(7 AS UNSIGNED)"), "-2");
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
          E(t_localhost_is_reached_by_its_port))
