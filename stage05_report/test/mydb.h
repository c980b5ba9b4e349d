/* mydb.h -- a private MariaDB for the tests of one program: made before the first, wiped
 * after the last. */
#ifndef LARS_TEST_MYDB_H
#define LARS_TEST_MYDB_H

#include <fcntl.h>
#include <sys/wait.h>

#include "t.h"

static char mydb_dir[64] = "/tmp/lars_db_XXXXXX";
static char mydb_socket[80];

static inline int mydb_run(const char *what)
{
    char cmd[200];

    snprintf(cmd, sizeof(cmd), "BARE=1 sh common/mariadb %s %s >%s/err 2>&1", what,
             mydb_dir, mydb_dir);
    return system(cmd);
}

/* A child that outlives a killed test and takes the database away: it sees the end of a
 * pipe that only the test holds open. */
static inline int mydb_watch(void)
{
    int fd[2];
    char b;

    if (pipe2(fd, O_CLOEXEC) == -1)
        return -1;
    if (fork() == 0) {
        setsid();                     /* not in the group that `timeout` kills */
        close(fd[1]);
        while (read(fd[0], &b, 1) > 0)
            continue;
        execlp("sh", "sh", "common/mariadb", "wipe", mydb_dir, (char *)NULL);
        _exit(127);
    }
    close(fd[0]);
    return 0;
}

/* What common/mariadb said last. */
static inline void mydb_say_why(void)
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

static inline int mydb_setup(void **state)
{
    (void)state;
    if (!mkdtemp(mydb_dir) || mydb_watch() == -1)
        return -1;
    snprintf(mydb_socket, sizeof(mydb_socket), "%s/sock", mydb_dir);
    if (mydb_run("start") == 0)
        return 0;
    mydb_say_why();
    return -1;
}

static inline int mydb_teardown(void **state)
{
    (void)state;
    return mydb_run("wipe") == 0 || access(mydb_dir, F_OK) == -1 ? 0 : -1;
}

/* Run SQL as administrator; an error fails the test. */
static inline void mydb_sql(const char *sql)
{
    char cmd[300];
    FILE *f;
    int i, rc = -1;

    for (i = 0; i < 5 && rc != 0; i++) { /* a deadlock is nobody's fault: once more */
        snprintf(cmd, sizeof(cmd), "sh common/mariadb sql %s 2>%s/sql.err", mydb_dir,
                 mydb_dir);
        f = popen(cmd, "w");
        assert_non_null(f);
        fputs(sql, f);
        rc = pclose(f);
        snprintf(cmd, sizeof(cmd), "grep -qE 'ERROR (1213|1205)' %s/sql.err", mydb_dir);
        if (rc != 0 && system(cmd) != 0)
            break;
    }
    snprintf(cmd, sizeof(cmd), "cat %s/sql.err >&2; rm -f %s/sql.err", mydb_dir,
             mydb_dir);
    if (system(cmd) != 0 || rc != 0)
        fail_msg("SQL failed: %s", sql);
}

/* The first number that <sql> returns. */
static inline unsigned long long mydb_number(const char *sql)
{
    char cmd[600];
    unsigned long long v = 0;
    FILE *f;

    snprintf(cmd, sizeof(cmd), "sh common/mariadb sql %s \"%s\"", mydb_dir, sql);
    f = popen(cmd, "r");
    assert_non_null(f);
    assert_int_equal(fscanf(f, "%llu", &v), 1);
    pclose(f);
    return v;
}

/* Empty tables, all triggers, whatever a test before did. */
static inline void mydb_reset(void)
{
    char cmd[300];

    snprintf(cmd, sizeof(cmd),
             "cat common/sql/schema.sql common/sql/triggers.sql | sh "
             "common/mariadb sql %s",
             mydb_dir);
    assert_int_equal(system(cmd), 0);
    mydb_sql("DELETE FROM RouteData");
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
