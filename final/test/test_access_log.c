/* The log of requests: whole lines, those of each thread in their order, a bounded
 * buffer, and a disk that takes no more for a while. */
#include "t.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "gateway/access_log.h"

#define THREADS 4
#define LINES 3000

static char path[200], moved[220], text[4 << 20];
static struct access_log *a;

static int setup(void **state)
{
    (void)t_fds_save(state);
    snprintf(path, sizeof(path), "%s/lars_access_%d.log",
             getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp", (int)getpid());
    snprintf(moved, sizeof(moved), "%s.1", path);
    unlink(path);
    a = NULL;
    return 0;
}

static int teardown(void **state)
{
    access_log_destroy(a);
    unlink(path);
    unlink(moved);
    return t_fds_check(state);
}

static size_t read_file(const char *name)
{
    FILE *f = fopen(name, "r");
    size_t n = f ? fread(text, 1, sizeof(text) - 1, f) : 0;

    if (f)
        fclose(f);
    text[n] = 0;
    return n;
}

static void end_log(void)
{
    access_log_destroy(a);
    a = NULL;
}

static void *write_lines(void *arg)
{
    char line[100];
    int i;

    for (i = 0; i < LINES; i++) {
        int n = snprintf(line, sizeof(line), "thread=%d line=%d end", *(int *)arg, i);

        access_log_line(a, line, (size_t)n, 0);
    }
    return NULL;
}

/* Every line is whole, and those of each thread are in order.  Returns their number. */
static int check_lines(void)
{
    int next[THREADS] = {0}, n = 0, thread, number, used;
    char *line = text, *end;

    for (; (end = strchr(line, '\n')) != NULL; line = end + 1, n++) {
        *end = 0;
        used = 0;
        if (sscanf(line, "%*24s thread=%d line=%d end%n", &thread, &number, &used) != 2 ||
            line[used] != 0 || used == 0)
            fail_msg("line %d: \"%s\"", n, line);
        assert_in_range(thread, 0, THREADS - 1);
        assert_true(number >= next[thread]);
        next[thread] = number + 1;
    }
    assert_int_equal(*line, 0);
    return n;
}

static void run_threads(void)
{
    pthread_t t[THREADS];
    int id[THREADS], i;

    for (i = 0; i < THREADS; i++) {
        id[i] = i;
        assert_int_equal(pthread_create(&t[i], NULL, write_lines, &id[i]), 0);
    }
    for (i = 0; i < THREADS; i++)
        pthread_join(t[i], NULL);
}

static void t_lines_of_threads_are_whole_and_in_order(void **state)
{
    struct stat st;

    (void)state;
    assert_int_equal(access_log_create(&a, path, 1), 0);
    run_threads();
    assert_int_equal(access_log_dropped(a), 0);
    end_log();
    read_file(path);
    assert_int_equal(check_lines(), THREADS * LINES);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 07777 & (mode_t)~0640, 0);
}

static void t_line_begins_with_the_time(void **state)
{
    int y, mo, d, h, mi, s, ms, n = 0;

    (void)state;
    assert_int_equal(access_log_create(&a, path, 1), 0);
    access_log_line(a, "x", 1, 0);
    end_log();
    assert_int_equal(read_file(path), 27);
    assert_int_equal(sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2d.%3dZ x%n", &y, &mo, &d, &h,
                            &mi, &s, &ms, &n),
                     7);
    assert_int_equal(n, 26);
}

static void t_line_is_written_while_the_log_is_open(void **state)
{
    (void)state;
    assert_int_equal(access_log_create(&a, path, 1), 0);
    access_log_line(a, "first", 5, 0);
    T_WAIT(read_file(path) > 0);
    access_log_line(a, "second", 6, 0);
    T_WAIT(read_file(path) > 40);
    assert_non_null(strstr(text, "first\n"));
    assert_non_null(strstr(text, "second\n"));
}

static void t_reopen_writes_to_the_new_file(void **state)
{
    (void)state;
    assert_int_equal(access_log_create(&a, path, 1), 0);
    access_log_line(a, "old", 3, 0);
    T_WAIT(read_file(path) > 0);
    assert_int_equal(rename(path, moved), 0);
    access_log_reopen(a);
    T_WAIT(access(path, F_OK) == 0);
    access_log_line(a, "new", 3, 0);
    end_log();
    read_file(path);
    assert_non_null(strstr(text, "new\n"));
    assert_null(strstr(text, "old\n"));
    read_file(moved);
    assert_null(strstr(text, "new\n"));
}

static void t_reopen_that_fails_keeps_the_old_file(void **state)
{
    (void)state;
    assert_int_equal(access_log_create(&a, path, 1), 0);
    assert_int_equal(rename(path, moved), 0);
    assert_int_equal(mkdir(path, 0700), 0);
    access_log_reopen(a);
    access_log_line(a, "kept", 4, 0);
    end_log();
    assert_int_equal(rmdir(path), 0);
    read_file(moved);
    assert_non_null(strstr(text, "kept\n"));
}

static void limit_files(rlim_t bytes)
{
    struct rlimit l;

    assert_int_equal(getrlimit(RLIMIT_FSIZE, &l), 0);
    l.rlim_cur = bytes;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &l), 0);
}

static void t_full_disk_tears_no_line_and_what_is_lost_is_counted(void **state)
{
    static char line[900];
    struct stat st;
    int i, n = 12000;
    uint64_t dropped;

    (void)state;
    signal(SIGXFSZ, SIG_IGN);
    memset(line, 'x', sizeof(line));
    assert_int_equal(access_log_create(&a, path, 1), 0);
    limit_files(100000);
    for (i = 0; i < n; i++) /* 11 MB for a buffer of 8 MiB */
        access_log_line(a, line, sizeof(line), 0);
    T_WAIT(stat(path, &st) == 0 && st.st_size == 100000);
    dropped = access_log_dropped(a);
    assert_in_range(dropped, 1, n - 100);
    for (i = 0; i < 200 && access_log_dropped(a) == dropped; i++, n++)
        access_log_line(a, line, sizeof(line), 0); /* into what the file has taken */
    dropped++;
    assert_int_equal(access_log_dropped(a), dropped);
    access_log_line(a, "an error", 8, 1); /* has a reserve */
    assert_int_equal(access_log_dropped(a), dropped);
    limit_files(RLIM_INFINITY);
    end_log();
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_size, ((uint64_t)n - dropped) * (25 + 900 + 1) + 25 + 8 + 1);
    read_file(path);
    assert_int_equal(text[925], '\n');
    assert_int_equal(text[100 * 926 + 925], '\n');
    assert_int_equal(text[200 * 926 + 925], '\n');
}

static void t_sample_takes_one_of_so_many(void **state)
{
    int i, n = 0;

    (void)state;
    assert_int_equal(access_log_create(&a, path, 10), 0);
    for (i = 0; i < 1000; i++)
        n += access_log_wants(a) != 0;
    assert_int_equal(n, 100);
    end_log();
    assert_int_equal(access_log_create(&a, path, 0), 0);
    assert_true(access_log_wants(a));
    assert_true(access_log_wants(a));
}

static void t_a_word_is_one_column(void **state)
{
    char out[8];

    (void)state;
    access_log_word(out, sizeof(out), "");
    assert_string_equal(out, "-");
    access_log_word(out, sizeof(out), "a b\n\tc\x7f");
    assert_string_equal(out, "a_b__c_");
    access_log_word(out, sizeof(out), "123456789");
    assert_string_equal(out, "1234567");
}

static void t_create_in_a_missing_folder_fails(void **state)
{
    (void)state;
    assert_int_equal(access_log_create(&a, "/nowhere/at/all.log", 1), -ENOENT);
    assert_null(a);
}

#define L(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

T_MAIN(L(t_lines_of_threads_are_whole_and_in_order), L(t_line_begins_with_the_time),
       L(t_line_is_written_while_the_log_is_open), L(t_reopen_writes_to_the_new_file),
       L(t_reopen_that_fails_keeps_the_old_file),
       L(t_full_disk_tears_no_line_and_what_is_lost_is_counted),
       L(t_sample_takes_one_of_so_many), L(t_create_in_a_missing_folder_fails),
       L(t_a_word_is_one_column))
