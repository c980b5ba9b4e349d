/* The files of a host are written as a whole, are not touched when they are the same, and
 * only those of an earlier list are removed. */
#include "t.h"

#include <sys/stat.h>

#include "roster/host_files.h"
#include "roster/text_file.h"

static char top[] = "/tmp/lars_hf_XXXXXX", dir[100];
static struct host_files f;

static int setup(void **state)
{
    snprintf(top, sizeof(top), "/tmp/lars_hf_XXXXXX");
    assert_non_null(mkdtemp(top));
    snprintf(dir, sizeof(dir), "%s/a1", top);
    return t_fds_save(state);
}

static int teardown(void **state)
{
    host_files_free(&f);
    assert_int_equal(rmdir(top), 0); /* each test has removed its files */
    return t_fds_check(state);
}

static void add(const char *from, const char *text)
{
    char to[100];

    snprintf(to, sizeof(to), "/etc/lars/%s", from);
    assert_int_equal(host_files_add(&f, from, to, 0640, "root", "mysql", strdup(text)),
                     0);
}

static unsigned write_all(void)
{
    char path[PATH_MAX];
    unsigned changed = 0;

    assert_int_equal(host_files_add_list(&f), 0);
    assert_int_equal(host_files_write(&f, dir, &changed, path), 0);
    host_files_free(&f);
    return changed;
}

static unsigned remove_all(int expected)
{
    char path[PATH_MAX];
    unsigned changed = 0;

    assert_int_equal(host_files_remove(dir, &changed, path), expected);
    return changed;
}

static bool is_there(const char *name, unsigned *mode)
{
    char path[200];
    struct stat st;

    snprintf(path, sizeof(path), "%s/%s", dir, name);
    if (lstat(path, &st) < 0)
        return false;
    if (mode)
        *mode = st.st_mode & 07777;
    return true;
}

static void t_files_are_written_with_their_list(void **state)
{
    char path[200], *text;
    unsigned mode;

    (void)state;
    add("conf/x.ini", "x\n");
    add("tls/x.key", "key\n");
    assert_int_equal(write_all(), 3);
    assert_true(is_there("tls/x.key", &mode));
    assert_int_equal(mode, 0600);
    assert_true(is_there("tls", &mode));
    assert_int_equal(mode, 0700);
    snprintf(path, sizeof(path), "%s/files", dir);
    assert_int_equal(text_file_read(path, &text), 0);
    assert_string_equal(text, "0640 root mysql conf/x.ini /etc/lars/conf/x.ini\n"
                              "0640 root mysql tls/x.key /etc/lars/tls/x.key\n");
    free(text);
    remove_all(0);
}

static void t_same_files_are_not_touched(void **state)
{
    char path[200];

    (void)state;
    add("x", "x\n");
    write_all();
    add("x", "x\n");
    assert_int_equal(write_all(), 0);
    snprintf(path, sizeof(path), "%s/x", dir);
    assert_int_equal(chmod(path, 0644), 0);
    add("x", "x\n");
    assert_int_equal(write_all(), 1); /* others could read it */
    add("x", "y\n");
    assert_int_equal(write_all(), 1);
    remove_all(0);
}

static void t_file_that_is_no_more_wanted_is_removed(void **state)
{
    (void)state;
    add("tls/a.key", "a\n");
    add("b", "b\n");
    write_all();
    add("b", "b\n");
    assert_int_equal(write_all(), 2); /* the key, and the list */
    assert_false(is_there("tls/a.key", NULL));
    assert_false(is_there("tls", NULL));
    assert_true(is_there("b", NULL));
    remove_all(0);
}

static void t_files_of_others_stay(void **state)
{
    char path[200];

    (void)state;
    add("x", "x\n");
    write_all();
    snprintf(path, sizeof(path), "%s/notes", dir);
    assert_int_equal(text_file_write(path, "mine\n"), 1);
    assert_int_equal(remove_all(-ENOTEMPTY), 2);
    assert_true(is_there("notes", NULL));
    assert_false(is_there("x", NULL));
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(dir), 0);
}

/* The list may be any text: it must not reach files outside of the folder. */
static void t_list_reaches_no_file_outside(void **state)
{
    char outside[200], list[200], text[600];

    (void)state;
    snprintf(outside, sizeof(outside), "%s/outside", top);
    assert_int_equal(text_file_write(outside, "mine\n"), 1);
    add("x", "x\n");
    write_all();
    snprintf(list, sizeof(list), "%s/files", dir);
    snprintf(text, sizeof(text), "0600 a b ../outside /x\n0600 a b %s /x\n\n0600\n",
             outside);
    assert_int_equal(text_file_write(list, text), 1);
    add("x", "x\n");
    write_all();
    assert_int_equal(access(outside, F_OK), 0);
    assert_int_equal(unlink(outside), 0);
    remove_all(0);
}

static void t_text_file_refuses_what_is_no_text(void **state)
{
    char path[200], *text;
    FILE *to;

    (void)state;
    assert_int_equal(mkdir(dir, 0700), 0);
    assert_int_equal(text_file_read(dir, &text), -EISDIR);
    snprintf(path, sizeof(path), "%s/x", dir);
    assert_int_equal(text_file_read(path, &text), -ENOENT);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_int_equal(text_file_read(path, &text), -EINVAL);
    assert_int_equal(text_file_write(path, "x"), 1); /* replaces it */
    to = fopen(path, "we");
    assert_non_null(to);
    assert_int_equal(fwrite("a\0b", 1, 3, to), 3);
    fclose(to);
    assert_int_equal(text_file_read(path, &text), -EINVAL);
    assert_int_equal(truncate(path, TEXT_FILE_MAX + 1), 0);
    assert_int_equal(text_file_read(path, &text), -EFBIG);
    assert_int_equal(text_file_folder(path), -ENOTDIR);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(dir), 0);
}

static void t_too_many_files_are_refused(void **state)
{
    char name[20];
    int i;

    (void)state;
    for (i = 0; i < HOST_FILES_MAX; i++) {
        snprintf(name, sizeof(name), "f%d", i);
        add(name, "x");
    }
    assert_int_equal(host_files_add(&f, "more", "", 0600, "-", "-", strdup("x")), -E2BIG);
    assert_int_equal(host_files_add(&f, "more", "", 0600, "-", "-", NULL), -ENOMEM);
}

#define C(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)
T_MAIN(C(t_files_are_written_with_their_list), C(t_same_files_are_not_touched),
       C(t_file_that_is_no_more_wanted_is_removed), C(t_files_of_others_stay),
       C(t_list_reaches_no_file_outside), C(t_text_file_refuses_what_is_no_text),
       C(t_too_many_files_are_refused))
