/* testdb.h -- the private MariaDB of a test program whose helpers are compiled into the
 * test library.  It starts before the first test and is deleted after the last.
 *
 * mydb.h, which comes from the stages, keeps its connection in static variables.  The
 * library includes it once, in testdb.c, so that a test and its helpers use the same
 * server.  A program that includes testdb.h must not include mydb.h as well. */
#ifndef LARS_TEST_LIB_TESTDB_H
#define LARS_TEST_LIB_TESTDB_H

#include "../t.h"

extern const char *const testdb_dir;    /* folder of the server; "" before its start */
extern const char *const testdb_socket; /* the path of its socket */

/* Runs SQL as administrator; an error fails the test with the server's text. */
void testdb_sql(const char *sql);
void testdb_sqlf(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* The number in the first column of the first row that <sql> returns.  A statement that
 * fails or returns no row fails the test. */
unsigned long long testdb_number(const char *sql);

/* Loads the schema and all triggers again, and deletes all routes. */
void testdb_reset(void);

/* Both fail the test with the output of the script when it fails.  The data of a stopped
 * server stay. */
void testdb_start(void);
void testdb_stop(void);

/* Removes what a killed server has left.  False: try again, it has not ended yet. */
bool testdb_try_stop(void);

/* The process of the server, which must run. */
pid_t testdb_pid(void);

/* For cmocka: before the first and after the last test of a program. */
int testdb_group_setup(void **state);
int testdb_group_teardown(void **state);

/* TESTDB_MAIN(...) is T_MAIN(...) with the database. */
#define TESTDB_MAIN(...)                                                                 \
    int main(void)                                                                       \
    {                                                                                    \
        const struct CMUnitTest tests[] = {__VA_ARGS__};                                 \
                                                                                         \
        if (getenv("LARS_TEST_FILTER"))                                                  \
            cmocka_set_test_filter(getenv("LARS_TEST_FILTER"));                          \
        return cmocka_run_group_tests(tests, testdb_group_setup,                         \
                                      testdb_group_teardown);                            \
    }

#endif
