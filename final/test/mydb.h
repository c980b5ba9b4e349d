/* mydb.h -- a private MariaDB for the tests of one program: it starts before the first
 * test and deleted after the last. */
#ifndef LARS_TEST_MYDB_H
#define LARS_TEST_MYDB_H

#include <fcntl.h>
#include <mysql.h>
#include <pwd.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "fastdir.h"
#include "t.h"

static char mydb_dir[64];
static char mydb_socket[80];
static MYSQL mydb_link;               /* the connection of the administrator */
static pid_t mydb_owner;              /* the process that opened it; 0 = not open */
static struct stat mydb_made;         /* the socket to which it was opened */

/* A child process has a copy of the connection, which it must not close. */
static inline void mydb_disconnect(void)
{
    if (mydb_owner == getpid())
        mysql_close(&mydb_link);
    mydb_owner = 0;
}

/* Run common/mariadb <what>.  Returns its exit status, 0 = success. */
static inline int mydb_run(const char *what)
{
    char cmd[200];

    snprintf(cmd, sizeof(cmd), "BARE=1 sh common/mariadb %s %s >%s/err 2>&1", what,
             mydb_dir, mydb_dir);
    return system(cmd);
}

/* Start a child that deletes the database when the test has ended, also when the test was
 * killed: it waits for the end of a pipe whose other end only the test has open. */
static inline int mydb_watch(void)
{
    int fd[2];
    char b;

    if (pipe2(fd, O_CLOEXEC) == -1)
        return -1;
    if (fork() == 0) {
        setsid();                     /* `timeout` kills the group of the test */
        close(fd[1]);
        while (read(fd[0], &b, 1) > 0)
            continue;
        execlp("sh", "sh", "common/mariadb", "wipe", mydb_dir, (char *)NULL);
        _exit(127);
    }
    close(fd[0]);
    return 0;
}

/* Print the errors of the last common/mariadb. */
static inline void mydb_print_errors(void)
{
    char path[80], line[300];
    FILE *f;

    snprintf(path, sizeof(path), "%s/err", mydb_dir);
    f = fopen(path, "r");
    while (f && fgets(line, sizeof(line), f))
        print_error("%s", line);
    if (f)
        fclose(f);
}

/* Fail the test with the error of the server. */
static inline void mydb_fail(const char *sql)
{
    fail_msg("SQL failed: %s: %s", mysql_error(&mydb_link), sql);
}

/* Open the connection of the administrator, unless it is open to the server that created
 * the present socket.  One connection serves many statements, because starting a client
 * process for each would dominate a test that queries until a condition holds. */
static inline void mydb_connect(void)
{
    struct passwd *me = getpwuid(geteuid());
    struct stat st;

    if (stat(mydb_socket, &st) == -1)
        memset(&st, 0, sizeof(st));
    if (mydb_owner == getpid() && st.st_ino == mydb_made.st_ino &&
        st.st_ctim.tv_sec == mydb_made.st_ctim.tv_sec &&
        st.st_ctim.tv_nsec == mydb_made.st_ctim.tv_nsec)
        return;
    mydb_disconnect();
    mysql_init(&mydb_link);
    mydb_owner = getpid();
    mydb_made = st;
    if (!mysql_real_connect(&mydb_link, NULL, me ? me->pw_name : NULL, NULL, NULL, 0,
                            mydb_socket, CLIENT_MULTI_STATEMENTS)) {
        mydb_made.st_ino = 0;         /* the next call tries again */
        mydb_fail("connect");
    }
    mysql_select_db(&mydb_link, "lars_dns");
}

/* Run SQL as administrator, with fresh session settings.  An error fails the test. */
static inline void mydb_sql(const char *sql)
{
    int i, rc = -1;

    mydb_connect();
    for (i = 0; i < 5 && rc != 0; i++) { /* repeat after a deadlock was rolled back */
        if (mysql_reset_connection(&mydb_link) != 0 ||
            mysql_set_character_set(&mydb_link, "utf8mb4") != 0)
            mydb_fail(sql);
        mysql_select_db(&mydb_link, "lars_dns"); /* a test may have dropped it */
        rc = mysql_query(&mydb_link, sql);
        while (rc == 0) {             /* each statement has a result */
            mysql_free_result(mysql_store_result(&mydb_link));
            rc = mysql_errno(&mydb_link) ? 1 : mysql_next_result(&mydb_link);
        }
        if (rc == -1)
            return;                   /* there are no more results */
        if (mysql_errno(&mydb_link) != 1213 && mysql_errno(&mydb_link) != 1205)
            break;
    }
    mydb_fail(sql);
}

/* The number in the first column of the first row that <sql> returns. */
static inline unsigned long long mydb_number(const char *sql)
{
    unsigned long long v = 0;
    MYSQL_RES *res;
    MYSQL_ROW row;

    mydb_connect();
    res = mysql_query(&mydb_link, sql) == 0 ? mysql_store_result(&mydb_link) : NULL;
    row = res ? mysql_fetch_row(res) : NULL;
    if (!row || !row[0])
        mydb_fail(sql);
    v = strtoull(row[0], NULL, 10);
    mysql_free_result(res);
    return v;
}

static inline int mydb_setup(void **state)
{
    (void)state;
    snprintf(mydb_dir, sizeof(mydb_dir), "%s/lars_db_XXXXXX", fastdir());
    if (!mkdtemp(mydb_dir) || mydb_watch() == -1)
        return -1;
    snprintf(mydb_socket, sizeof(mydb_socket), "%s/sock", mydb_dir);
    if (mydb_run("start") != 0) {
        mydb_print_errors();
        return -1;
    }
    mydb_connect();                   /* now, because tests count descriptors */
    return 0;
}

static inline int mydb_teardown(void **state)
{
    (void)state;
    mydb_disconnect();
    mysql_library_end();
    return mydb_run("wipe") == 0 || access(mydb_dir, F_OK) == -1 ? 0 : -1;
}

/* Restore the schema and all triggers, and delete all routes. */
static inline void mydb_reset(void)
{
    char cmd[300];

    snprintf(cmd, sizeof(cmd),
             "cat common/sql/schema.sql common/sql/triggers.sql | sh "
             "common/mariadb sql %s",
             mydb_dir);
    assert_int_equal(system(cmd), 0);
    mydb_sql("DELETE FROM RouteData; DELETE FROM ZoneState");
}

#define MYDB_MAIN(...) MYDB_MAIN_WITH(mydb_setup, mydb_teardown, __VA_ARGS__)
#define MYDB_MAIN_WITH(before, after, ...)                                               \
    int main(void)                                                                       \
    {                                                                                    \
        const struct CMUnitTest tests[] = {__VA_ARGS__};                                 \
                                                                                         \
        if (getenv("LARS_TEST_FILTER"))                                                  \
            cmocka_set_test_filter(getenv("LARS_TEST_FILTER"));                          \
        return cmocka_run_group_tests(tests, before, after);                             \
    }

#endif
