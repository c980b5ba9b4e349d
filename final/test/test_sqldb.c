/* The end of a change of larsctl when the connection is lost at COMMIT.  Between the
 * client and MariaDB stands a relay that cuts the connection there, with or without
 * having passed the COMMIT on. */
#include "db/sqldb.h"

#include <poll.h>
#include <pthread.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "mydb.h"

enum cut { CUT_NEVER, CUT_BEFORE, CUT_AFTER, CUT_AND_STOP };

static struct sqldb *db;
static pthread_t relay;
static char relay_path[100];
static int relay_lfd;
static _Atomic enum cut cut; /* done once, then CUT_NEVER */
static _Atomic bool refuse, end;

static int connect_to_server(void)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    memcpy(a.sun_path, mydb_socket, sizeof(mydb_socket));
    if (fd != -1 && connect(fd, (struct sockaddr *)&a, sizeof(a)) == 0)
        return fd;
    close(fd);
    return -1;
}

/* Pass on what <from> sends.  Returns false at its end, or at the COMMIT to cut at. */
static bool pass(int from, int to, bool of_client)
{
    char text[65536];
    ssize_t n = recv(from, text, sizeof(text) - 1, 0), done = 0;
    bool commit = of_client && n == 11 && memcmp(text + 5, "COMMIT", 6) == 0;
    enum cut how = cut;

    if (n <= 0 || (commit && how == CUT_BEFORE))
        return false;
    while (done < n) {
        ssize_t k = send(to, text + done, (size_t)(n - done), MSG_NOSIGNAL);

        if (k <= 0)
            return false;
        done += k;
    }
    if (!commit || how == CUT_NEVER)
        return true;
    recv(to, text, sizeof(text), 0); /* the answer, which the client does not get */
    refuse = how == CUT_AND_STOP;
    return false;
}

static void serve_client(int client)
{
    int server = connect_to_server();
    struct pollfd p[2] = {{client, POLLIN, 0}, {server, POLLIN, 0}};
    bool open = server != -1;

    while (open && !end) {
        poll(p, 2, 10);
        if (p[0].revents)
            open = pass(client, server, true);
        if (open && p[1].revents)
            open = pass(server, client, false);
    }
    cut = CUT_NEVER;
    close(server);
    close(client);
}

static void *relay_main(void *arg)
{
    struct pollfd p = {relay_lfd, POLLIN, 0};

    while (!end) {
        int fd = poll(&p, 1, 10) == 1 ? accept(relay_lfd, NULL, NULL) : -1;

        if (fd != -1 && refuse)
            close(fd);
        else if (fd != -1)
            serve_client(fd);
    }
    return arg;
}

static int setup(void **state)
{
    struct myconn_config c = {relay_path, "", 0, "lars", "lars", "lars_dns", 3};
    struct sockaddr_un a = {.sun_family = AF_UNIX};

    t_fds_save(state);
    mydb_reset();
    snprintf(relay_path, sizeof(relay_path), "%s/relay", mydb_dir);
    memcpy(a.sun_path, relay_path, sizeof(relay_path));
    unlink(relay_path);
    relay_lfd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(relay_lfd, (struct sockaddr *)&a, sizeof(a)), 0);
    assert_int_equal(listen(relay_lfd, 10), 0);
    end = refuse = false;
    cut = CUT_NEVER;
    assert_int_equal(pthread_create(&relay, NULL, relay_main, NULL), 0);
    assert_int_equal(myconn_init(), 0);
    return sqldb_open(&db, &c);
}

static int teardown(void **state)
{
    sqldb_close(db);
    end = true;
    pthread_join(relay, NULL);
    close(relay_lfd);
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
    cut = CUT_AFTER;
    assert_int_equal(sqldb_commit(db, id), 0);
    assert_int_equal(n_routes(), 1);
}

static void t_commit_that_was_lost_changed_nothing(void **state)
{
    uint64_t id;

    (void)state;
    id = change_route();
    cut = CUT_BEFORE;
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
    cut = CUT_BEFORE;
    assert_int_equal(sqldb_commit(db, id), -ECANCELED);
    mydb_sql("INSERT INTO Audit (actor, via, action, result) VALUES ('', '', '', '')");
    assert_true(mydb_number("SELECT MAX(id) FROM Audit") > id);
}

static void t_commit_without_a_database_to_ask_may_be_done(void **state)
{
    uint64_t id;

    (void)state;
    id = change_route();
    cut = CUT_AND_STOP;
    assert_int_equal(sqldb_commit(db, id), -EINPROGRESS);
    assert_non_null(strstr(sqldb_error(db), "may be there"));
    assert_int_equal(n_routes(), 1);
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
        snprintf(sql, sizeof(sql), "ALTER TABLE RouteData CONVERT TO CHARACTER SET "
                                   "utf8mb4 COLLATE %s",
                 collation[i]);
        mydb_sql(sql);
        assert_int_equal(sqldb_number(db, &n, "SELECT COUNT(*) FROM RouteData WHERE zone "
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
        -EIO);
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
          E(t_commit_without_a_database_to_ask_may_be_done),
          E(t_text_is_compared_by_the_collation_of_its_column),
          E(t_change_that_waits_too_long_is_refused_and_not_done_later))
