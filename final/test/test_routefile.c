/* The file of routes: it is read and written completely or not at all. */
#include "route/routefile.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/rnd.h"
#include "t.h"

static char dir[32], path[64];

static int setup(void **state)
{
    t_fds_save(state);
    strcpy(dir, "/tmp/lars_rf_XXXXXX");
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof(path), "%s/routes", dir);
    return 0;
}

static int teardown(void **state)
{
    chmod(dir, 0755);
    unlink(path);
    rmdir(dir);
    return t_fds_check(state);
}

static void put(const char *text, size_t len)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0644);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, len), len);
    close(fd);
}

static int get(size_t *n)
{
    struct route_row *row = NULL;
    int rc = routefile_read(path, &row, n, NULL);

    if (rc == 0)
        free(row);
    return rc;
}

static void t_what_was_written_is_read(void **state)
{
    struct route_row in[] = {{1, 2, {0x7f000001, 80}},
                             {UINT32_MAX, 0, {UINT32_MAX, 65535}},
                             {0, 7, {0, 1, 10000, UINT32_MAX}}};
    struct route_row *out;
    struct stat st;
    uint64_t version;
    size_t n;

    (void)state;
    assert_int_equal(routefile_write(path, in, 3, UINT64_MAX), 0);
    assert_int_equal(routefile_read(path, &out, &n, &version), 0);
    assert_int_equal(n, 3);
    assert_true(version == UINT64_MAX);
    while (n-- > 0) {
        assert_int_equal(out[n].modid, in[n].modid);
        assert_int_equal(out[n].cmdid, in[n].cmdid);
        assert_int_equal(out[n].node.ip, in[n].node.ip);
        assert_int_equal(out[n].node.port, in[n].node.port);
        assert_int_equal(out[n].node.weight, in[n].node.weight);
        assert_int_equal(out[n].node.zone, in[n].node.zone);
    }
    free(out);
    assert_int_equal(routefile_write(path, in, 0, 0), 0);
    assert_int_equal(get(&n), 0);
    assert_int_equal(n, 0);
    snprintf(path, sizeof(path), "%s/routes.new", dir);
    assert_int_equal(stat(path, &st), -1); /* the second file is gone */
    snprintf(path, sizeof(path), "%s/routes", dir);
}

static void t_failure_leaves_the_old_file(void **state)
{
    struct route_row row = {1, 1, {1, 1}};
    size_t n;
    char beside[80];

    (void)state;
    assert_int_equal(routefile_write(path, &row, 1, 7), 0);
    snprintf(beside, sizeof(beside), "%s.new", path);
    assert_int_equal(mkdir(beside, 0755), 0); /* prevents writing, even for root */
    assert_int_equal(routefile_write(path, &row, 0, 8), -EISDIR);
    assert_int_equal(rmdir(beside), 0);
    assert_int_equal(get(&n), 0);
    assert_int_equal(n, 1);
    assert_int_equal(routefile_write("/nonexistent/routes", &row, 1, 7), -ENOENT);
}

/* Opening a FIFO waits for a process at its other end. */
static void t_fifo_is_not_waited_for(void **state)
{
    struct route_row row = {1, 1, {1, 1}};
    char beside[80];
    size_t n;

    (void)state;
    snprintf(beside, sizeof(beside), "%s.new", path);
    assert_int_equal(mkfifo(path, 0644), 0);
    assert_int_equal(mkfifo(beside, 0644), 0);
    alarm(T_DEADLINE_MS / 1000);          /* ends a hang */
    assert_int_equal(get(&n), -EBADMSG);
    assert_int_equal(routefile_write(path, &row, 1, 7), 0); /* it replaces both */
    alarm(0);
    assert_int_equal(get(&n), 0);
    assert_int_equal(n, 1);
}

/* Read the bytes of a good file.  Returns their number. */
static size_t a_file(char *text, size_t size)
{
    struct route_row row[] = {{1, 1, {0x0a000001, 80}}, {1, 1, {0x0a000002, 80}}};
    int fd;
    ssize_t n;

    assert_int_equal(routefile_write(path, row, 2, 17), 0);
    fd = open(path, O_RDONLY);
    n = read(fd, text, size);
    close(fd);
    assert_true(n > 40 && (size_t)n < size);
    return (size_t)n;
}

static void t_file_cut_anywhere_is_refused(void **state)
{
    char text[200];
    size_t len, n, size = a_file(text, sizeof(text));

    (void)state;
    for (len = 0; len < size; len++) {
        put(text, len);
        assert_int_equal(get(&n), -EBADMSG);
    }
}

static void t_any_byte_changed_is_refused(void **state)
{
    char text[200];
    size_t i, n, size = a_file(text, sizeof(text));
    int bit;

    (void)state;
    for (i = 0; i < size; i++) {
        for (bit = 0; bit < 8; bit++) {
            text[i] ^= (char)(1 << bit);
            put(text, size);
            assert_int_equal(get(&n), -EBADMSG);
            text[i] ^= (char)(1 << bit);
        }
    }
}

/* Write <head> and <rows> with a correct checksum. */
static void put_summed(const char *text)
{
    char whole[400];
    uint32_t sum = 2166136261u;
    const char *p;

    for (p = text; *p; p++)
        sum = (sum ^ (unsigned char)*p) * 16777619u;
    put(whole, (size_t)snprintf(whole, sizeof(whole), "%send %08x\n", text, sum));
}

static void t_hostile_files_are_refused(void **state)
{
    static const char *const bad[] = {
        "lars-routes 1 0 1\n",
        "lars-routes 2 0\n",
        "lars-routes 2 1000001 1\n",
        "lars-routes 2 99999999999999999999 1\n",
        "lars-routes 2 1 1\n0 0 10.0.0.1:80\n",
        "lars-routes 2 1 1\n1 1 10.0.0.256:80\n",
        "lars-routes 2 1 1\n1 1 10.0.0.1:0\n",
        "lars-routes 2 1 1\n1 1 10.0.0.1:70000\n",
        "lars-routes 2 1 1\n1 1 10.0.0.1:80 x\n",
        "lars-routes 2 1 1\n1 1 10.0.0.1\n",
        "lars-routes 2 0 1\n1 1 10.0.0.1:80\n",
        "lars-routes 2 0 1\nend 00000000\n",
    };
    static char line[5000];
    size_t i, n;

    (void)state;
    put_summed("lars-routes 2 1 1\n1 1 10.0.0.1:80\n");
    assert_int_equal(get(&n), 0);
    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        put_summed(bad[i]);
        assert_int_equal(get(&n), -EBADMSG);
    }
    memset(line, '1', sizeof(line));
    put(line, sizeof(line));
    assert_int_equal(get(&n), -EBADMSG);
    unlink(path);
    assert_int_equal(get(&n), -ENOENT);
}

#define E(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

T_MAIN(E(t_fifo_is_not_waited_for), E(t_any_byte_changed_is_refused),
       E(t_what_was_written_is_read), E(t_failure_leaves_the_old_file),
       E(t_file_cut_anywhere_is_refused), E(t_hostile_files_are_refused))
