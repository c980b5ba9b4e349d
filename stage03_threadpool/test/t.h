/* t.h -- included first by every test file: cmocka, a check that fails each test that
 * leaks a file descriptor, and a way to wait for a condition with a deadline instead of
 * sleeping. */
#ifndef LARS_TEST_T_H
#define LARS_TEST_T_H

#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "lab.h"

#define T_DEADLINE_MS 30000               /* ends a hang; no test comes near it */

/* Sending to a closed peer must be an error of send() and not end the test program.
 * proc.h restores the default in the programs that it starts. */
__attribute__((constructor)) static void t_ignore_pipe(void)
{
    signal(SIGPIPE, SIG_IGN);
}

static int t_open_fds;

static inline int t_count_fds(void)
{
    DIR *d = opendir("/proc/self/fd");
    int n = 0;

    while (d && readdir(d))
        n++;
    if (d)
        closedir(d);
    return n;
}

static inline int t_fds_save(void **state)
{
    (void)state;
    t_open_fds = t_count_fds();
    return 0;
}

static inline int t_fds_check(void **state)
{
    (void)state;
    if (t_count_fds() == t_open_fds)
        return 0;
    print_error("open descriptors: %d before, %d after\n", t_open_fds, t_count_fds());
    return -1;
}

static inline uint64_t t_now_ms(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000 + (uint64_t)ts.tv_nsec / 1000000;
}

/* Evaluate <cond> once a millisecond until it holds; fail the test at the deadline. */
#define T_WAIT(cond)                                                                     \
    do {                                                                                 \
        uint64_t end_ = t_now_ms() + T_DEADLINE_MS;                                      \
        while (!(cond)) {                                                                \
            if (t_now_ms() > end_)                                                       \
                fail_msg("not true within %d ms: %s", T_DEADLINE_MS, #cond);             \
            poll(NULL, 0, 1);                                                            \
        }                                                                                \
    } while (0)

/* Does the program under test run under this tool (memcheck, asan, tsan)? */
static inline bool t_mode_is(const char *mode)
{
    const char *m = getenv("LARS_MODE");

    return m && strcmp(m, mode) == 0;
}

/* Under valgrind accept() succeeds above the limit and valgrind closes the descriptor, so
 * EMFILE never occurs. */
#define T_SKIP_IF_MEMCHECK()                                                             \
    do {                                                                                 \
        if (t_mode_is("memcheck"))                                                       \
            skip();                                                                      \
    } while (0)

/* T(t_case) names a test; T_MAIN(...) runs those whose name matches LARS_TEST_FILTER, for
 * example "t_a*". */
#define T(fn) cmocka_unit_test_setup_teardown(fn, t_fds_save, t_fds_check)
#define T_MAIN(...)                                                                      \
    int main(void)                                                                       \
    {                                                                                    \
        const struct CMUnitTest tests[] = {__VA_ARGS__};                                 \
                                                                                         \
        if (getenv("LARS_TEST_FILTER"))                                                  \
            cmocka_set_test_filter(getenv("LARS_TEST_FILTER"));                          \
        return cmocka_run_group_tests(tests, NULL, NULL);                                \
    }

#endif
