/* The build of a process is the beginning of the SHA-256 of the file that it runs, and a
 * file is read once. */
#include "slot/program_build.h"

#include "lib/slotfix.h"
#include "loop.h"

#include <fcntl.h>
#include <limits.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define KEPT_MAX 8

static struct evloop *loop;
static struct program_build *builds;
static unsigned n_read; /* calls of on_read() */
static pid_t kept[KEPT_MAX]; /* processes, which the end of the test ends */
static unsigned n_kept;

static void on_read(void *arg)
{
    (void)arg;
    n_read++;
}

static int setup(void **state)
{
    t_fds_save(state);
    slotfix_open();
    n_read = n_kept = 0;
    assert_int_equal(evloop_create(&loop), 0);
    return program_build_create(&builds, loop, on_read, NULL);
}

static int teardown(void **state)
{
    while (n_kept > 0) {
        kill(kept[--n_kept], SIGKILL);
        waitpid(kept[n_kept], NULL, 0);
    }
    program_build_destroy(builds);
    program_build_destroy(NULL);
    evloop_destroy(loop);
    slotfix_close();
    return t_fds_check(state);
}

/* Replaces `sleep` of the folder by the program sleep with <build> after its last byte,
 * and then as many bytes 0 as it has less than <size>. */
static void make_program(const char *build, unsigned long long size)
{
    char command[600];

    snprintf(command, sizeof(command),
             "cd '%s' && cp \"$(command -v sleep)\" new && printf %%s '%s' >>new && "
             "truncate -s '>%llu' new && mv new sleep",
             slotfix_dir, build, size);
    assert_int_equal(system(command), 0);
}

/* A process that executes `sleep` of the folder. */
static pid_t run_program(void)
{
    char path[200], link[60], text[PATH_MAX] = "";
    pid_t pid;

    snprintf(path, sizeof(path), "%s/sleep", slotfix_dir);
    pid = fork();
    if (pid == 0) {
        execl(path, path, "300", (char *)NULL);
        _exit(127);
    }
    assert_true(pid > 0 && n_kept < KEPT_MAX);
    kept[n_kept++] = pid;
    snprintf(link, sizeof(link), "/proc/%d/exe", (int)pid);
    T_WAIT(readlink(link, text, sizeof(text) - 1) > 0 && strstr(text, "/sleep"));
    return pid;
}

/* What is answered in the end. */
static int ask(pid_t pid, char build[PROGRAM_BUILD])
{
    unsigned before;
    int rc = program_build_of(builds, pid, build);

    while (rc == -EAGAIN) {
        assert_string_equal(build, "");
        before = n_read;
        LOOP_UNTIL(loop, n_read > before);
        rc = program_build_of(builds, pid, build);
    }
    return rc;
}

static void t_build_is_the_sha256_and_a_file_is_read_once(void **state)
{
    char build[PROGRAM_BUILD];
    pid_t first, second;

    (void)state;
    make_program("one", 0);
    first = run_program();
    second = run_program();
    assert_int_equal(program_build_of(builds, first, build), -EAGAIN);
    assert_int_equal(program_build_of(builds, second, build), -EAGAIN);
    LOOP_UNTIL(loop, n_read > 0);
    assert_int_equal(program_build_of(builds, second, build), 0);
    assert_string_equal(build, slotfix_digits("sleep"));
    assert_int_equal(program_build_of(builds, first, build), 0);
    assert_string_equal(build, slotfix_digits("sleep"));
    assert_int_equal(program_build_n_read(builds), 1);
    assert_int_equal(n_read, 1);
}

static void t_process_keeps_its_build_when_its_file_is_replaced_or_deleted(void **state)
{
    char build[PROGRAM_BUILD], before[PROGRAM_BUILD];
    char path[200];
    pid_t old, young;

    (void)state;
    make_program("one", 0);
    snprintf(before, sizeof(before), "%s", slotfix_digits("sleep"));
    old = run_program();
    make_program("two", 0);
    assert_int_equal(ask(old, build), 0); /* not read before it was replaced */
    assert_string_equal(build, before);
    young = run_program();
    assert_int_equal(ask(young, build), 0);
    assert_string_equal(build, slotfix_digits("sleep"));
    assert_string_not_equal(build, before);
    assert_int_equal(program_build_n_read(builds), 2);
    snprintf(before, sizeof(before), "%s", build);
    snprintf(path, sizeof(path), "%s/sleep", slotfix_dir);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(ask(young, build), 0);
    assert_string_equal(build, before);
    assert_int_equal(program_build_n_read(builds), 3); /* its ctime has changed */
}

static void t_file_that_changes_while_it_is_read_has_no_mixed_build(void **state)
{
    struct timespec times[2] = {{1000, 0}, {1000, 0}};
    char build[PROGRAM_BUILD], path[200];
    pid_t pid;

    (void)state;
    make_program("big", 4 << 20); /* of more than one part */
    pid = run_program();
    assert_int_equal(program_build_of(builds, pid, build), -EAGAIN);
    snprintf(path, sizeof(path), "%s/sleep", slotfix_dir);
    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
    LOOP_UNTIL(loop, n_read > 0);
    assert_int_equal(program_build_n_read(builds), 0);
    assert_int_equal(ask(pid, build), 0); /* as it is now */
    assert_string_equal(build, slotfix_digits("sleep"));
    assert_int_equal(n_read, 2);
}

static void t_file_that_is_too_large_is_not_read(void **state)
{
    char build[PROGRAM_BUILD];

    (void)state;
    make_program("sparse", PROGRAM_BUILD_SIZE_MAX + 1);
    assert_int_equal(program_build_of(builds, run_program(), build), -EFBIG);
    assert_string_equal(build, "");
    assert_int_equal(n_read, 0);
}

static void t_process_that_has_ended_has_no_build(void **state)
{
    char build[PROGRAM_BUILD] = "x";
    pid_t pid;

    (void)state;
    make_program("one", 0);
    pid = run_program();
    kill(pid, SIGKILL);
    T_WAIT(program_build_of(builds, pid, build) == -ENOENT); /* a zombie */
    assert_string_equal(build, "");
    waitpid(pid, NULL, 0);
    n_kept--;
    assert_int_equal(program_build_of(builds, pid, build), -ENOENT);
}

/* Its descriptor and its timer end with it. */
static void t_destroy_ends_the_reading(void **state)
{
    char build[PROGRAM_BUILD];

    (void)state;
    make_program("big", 4 << 20);
    assert_int_equal(program_build_of(builds, run_program(), build), -EAGAIN);
    loop_turn(loop);
    program_build_destroy(builds);
    builds = NULL;
    loop_turn(loop);
    loop_turn(loop);
    loop_turn(loop);
    assert_int_equal(n_read, 0);
}

#define B(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

T_MAIN(B(t_build_is_the_sha256_and_a_file_is_read_once),
       B(t_process_keeps_its_build_when_its_file_is_replaced_or_deleted),
       B(t_file_that_changes_while_it_is_read_has_no_mixed_build),
       B(t_file_that_is_too_large_is_not_read), B(t_process_that_has_ended_has_no_build),
       B(t_destroy_ends_the_reading))
