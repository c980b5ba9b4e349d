/* A file that is replaced as a whole: its parts, what a crash has left beside it, and a
 * disk that takes no more. */
#include "t.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "base/new_file.h"

static char dir[200], path[240], beside[PATH_MAX];

static int setup(void **state)
{
    (void)t_fds_save(state);
    snprintf(dir, sizeof(dir), "%s/lars_new_file_%d",
             getenv("TMPDIR") ? getenv("TMPDIR") : "/tmp", (int)getpid());
    snprintf(path, sizeof(path), "%s/file", dir);
    snprintf(beside, sizeof(beside), "%s.new", path);
    mkdir(dir, 0755);
    return 0;
}

static int teardown(void **state)
{
    unlink(path);
    unlink(beside);
    rmdir(dir);
    return t_fds_check(state);
}

static int write_text(const char *text)
{
    const struct new_file_part part = {text, strlen(text)};

    return new_file_write(beside, path, 0640, &part, 1);
}

static void replace(const char *text)
{
    assert_int_equal(write_text(text), 0);
    assert_int_equal(new_file_use(beside, path), 0);
}

static bool has(const char *name, const char *text)
{
    char bytes[100];
    int fd = open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    ssize_t n = fd < 0 ? -1 : read(fd, bytes, sizeof(bytes));

    if (fd >= 0)
        close(fd);
    return n == (ssize_t)strlen(text) && memcmp(bytes, text, strlen(text)) == 0;
}

static void t_the_parts_stand_in_the_file_in_their_order(void **state)
{
    const struct new_file_part part[] = {{"one ", 4}, {NULL, 0}, {"two", 3}};
    struct stat st;

    (void)state;
    umask(022);
    assert_int_equal(new_file_write(beside, path, 0640, part, 3), 0);
    assert_int_equal(new_file_use(beside, path), 0);
    assert_true(has(path, "one two"));
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0640);
    assert_int_equal(access(beside, F_OK), -1);
}

static void t_the_old_file_stays_until_the_new_one_is_used(void **state)
{
    (void)state;
    replace("the old one");
    assert_int_equal(write_text("new"), 0);
    assert_true(has(path, "the old one"));
    assert_true(has(beside, "new"));
    assert_int_equal(new_file_use(beside, path), 0);
    assert_true(has(path, "new"));
}

static void t_a_file_that_a_crash_has_left_is_replaced(void **state)
{
    (void)state;
    assert_int_equal(write_text("half of a long file"), 0);
    replace("new");
    assert_true(has(path, "new"));
}

static void t_a_link_beside_the_file_is_not_followed(void **state)
{
    char other[240];

    (void)state;
    snprintf(other, sizeof(other), "%s/other", dir);
    assert_int_equal(symlink(other, beside), 0);
    replace("new");
    assert_int_equal(access(other, F_OK), -1);
    assert_true(has(path, "new"));
}

static void t_a_fifo_beside_the_file_is_not_waited_for(void **state)
{
    (void)state;
    assert_int_equal(mkfifo(beside, 0600), 0);
    replace("new");
    assert_true(has(path, "new"));
}

static void t_a_disk_that_takes_no_more_leaves_the_old_file_and_no_other(void **state)
{
    struct rlimit old, limit;

    (void)state;
    replace("old");
    getrlimit(RLIMIT_FSIZE, &old);
    limit = (struct rlimit){5, old.rlim_max};
    signal(SIGXFSZ, SIG_IGN);
    setrlimit(RLIMIT_FSIZE, &limit);
    assert_int_equal(write_text("too long"), -EFBIG);
    setrlimit(RLIMIT_FSIZE, &old);
    assert_int_equal(access(beside, F_OK), -1);
    assert_true(has(path, "old"));
}

static void t_a_file_that_cannot_be_renamed_is_removed(void **state)
{
    (void)state;
    assert_int_equal(mkdir(path, 0755), 0);
    assert_int_equal(write_text("new"), 0);
    assert_int_equal(new_file_use(beside, path), -EISDIR);
    assert_int_equal(access(beside, F_OK), -1);
    assert_int_equal(rmdir(path), 0);
}

static void t_a_folder_that_is_missing_and_a_name_too_long_are_errors(void **state)
{
    char name[PATH_MAX], to[PATH_MAX];

    (void)state;
    assert_int_equal(new_file_write(to, "/no/such/folder/file", 0640, NULL, 0), -ENOENT);
    memset(name, 'a', sizeof(name));
    name[PATH_MAX - 4] = '\0';
    assert_int_equal(new_file_write(to, name, 0640, NULL, 0), -ENAMETOOLONG);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(t_the_parts_stand_in_the_file_in_their_order),
        TEST(t_the_old_file_stays_until_the_new_one_is_used),
        TEST(t_a_file_that_a_crash_has_left_is_replaced),
        TEST(t_a_link_beside_the_file_is_not_followed),
        TEST(t_a_fifo_beside_the_file_is_not_waited_for),
        TEST(t_a_disk_that_takes_no_more_leaves_the_old_file_and_no_other),
        TEST(t_a_file_that_cannot_be_renamed_is_removed),
        TEST(t_a_folder_that_is_missing_and_a_name_too_long_are_errors),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
