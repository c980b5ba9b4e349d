/* Routes in a file: whole or not at all. */
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
    int rc = routefile_read(path, &row, n);

    if (rc == 0)
        free(row);
    return rc;
}

static void t_what_was_written_is_read(void **state)
{
    struct route_row in[] = {{1, 2, {0x7f000001, 80}},
                             {UINT32_MAX, 0, {UINT32_MAX, 65535}},
                             {0, 7, {0, 1}}};
    struct route_row *out;
    struct stat st;
    size_t n;

    (void)state;
    assert_int_equal(routefile_write(path, in, 3), 0);
    assert_int_equal(routefile_read(path, &out, &n), 0);
    assert_int_equal(n, 3);
    while (n-- > 0) {
        assert_int_equal(out[n].modid, in[n].modid);
        assert_int_equal(out[n].cmdid, in[n].cmdid);
        assert_int_equal(out[n].node.ip, in[n].node.ip);
        assert_int_equal(out[n].node.port, in[n].node.port);
    }
    free(out);
    assert_int_equal(routefile_write(path, in, 0), 0);
    assert_int_equal(get(&n), 0);
    assert_int_equal(n, 0);
    snprintf(path, sizeof(path), "%s/routes.new", dir);
    assert_int_equal(stat(path, &st), -1); /* nothing is left beside it */
    snprintf(path, sizeof(path), "%s/routes", dir);
}

static void t_failure_leaves_the_old_file(void **state)
{
    struct route_row row = {1, 1, {1, 1}};
    size_t n;
    char beside[80];

    (void)state;
    assert_int_equal(routefile_write(path, &row, 1), 0);
    snprintf(beside, sizeof(beside), "%s.new", path);
    assert_int_equal(mkdir(beside, 0755), 0); /* in the way, for root as well */
    assert_int_equal(routefile_write(path, &row, 0), -EISDIR);
    assert_int_equal(rmdir(beside), 0);
    assert_int_equal(get(&n), 0);
    assert_int_equal(n, 1);
    assert_int_equal(routefile_write("/nonexistent/routes", &row, 1), -ENOENT);
}

static void t_file_cut_anywhere_is_refused(void **state)
{
    static const char text[] = "lars-routes 1 2\n1 1 10.0.0.1:80\n1 1 10.0.0.2:80\nend\n";
    size_t len, n;

    (void)state;
    put(text, sizeof(text) - 1);
    assert_int_equal(get(&n), 0);
    for (len = 0; len < sizeof(text) - 1; len++) {
        put(text, len);
        assert_int_equal(get(&n), -EBADMSG);
    }
}

static void t_hostile_files_are_refused(void **state)
{
    static const char *const bad[] = {
        "lars-routes 2 0\nend\n",
        "lars-routes 1 1000001\nend\n",
        "lars-routes 1 99999999999999999999\nend\n",
        "lars-routes 1 1\n0 0 10.0.0.1:80\nend\n",
        "lars-routes 1 1\n1 1 10.0.0.256:80\nend\n",
        "lars-routes 1 1\n1 1 10.0.0.1:0\nend\n",
        "lars-routes 1 1\n1 1 10.0.0.1:70000\nend\n",
        "lars-routes 1 1\n1 1 10.0.0.1:80 x\nend\n",
        "lars-routes 1 1\n1 1 10.0.0.1\nend\n",
        "lars-routes 1 0\n1 1 10.0.0.1:80\nend\n",
        "lars-routes 1 0\nend\nmore\n",
    };
    static char line[5000];
    size_t i, n;

    (void)state;
    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        put(bad[i], strlen(bad[i]));
        assert_int_equal(get(&n), -EBADMSG);
    }
    memset(line, '1', sizeof(line));
    put(line, sizeof(line));
    assert_int_equal(get(&n), -EBADMSG);
    unlink(path);
    assert_int_equal(get(&n), -ENOENT);
}

#define E(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

T_MAIN(E(t_what_was_written_is_read), E(t_failure_leaves_the_old_file),
       E(t_file_cut_anywhere_is_refused), E(t_hostile_files_are_refused))
