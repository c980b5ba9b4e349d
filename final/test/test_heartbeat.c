/* The heartbeat: alive, dead, locked, and files that are none. */
#include "base/heartbeat.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/mono.h"
#include "t.h"

static char path[64];

static int setup(void **state)
{
    int fd;

    t_fds_save(state);
    strcpy(path, "/tmp/lars_hb_XXXXXX");
    fd = mkstemp(path);
    close(fd);
    unlink(path);
    return 0;
}

static int teardown(void **state)
{
    unlink(path);
    return t_fds_check(state);
}

static void t_beat_is_alive_for_two_seconds(void **state)
{
    struct heartbeat *d, *r;

    (void)state;
    assert_int_equal(heartbeat_create(&d, path), 0);
    assert_int_equal(heartbeat_open(&r, path), 0);
    assert_false(heartbeat_is_alive(r, 5000)); /* no beat yet */
    heartbeat_beat(d, 10000);
    assert_true(heartbeat_is_alive(r, 10000));
    assert_true(heartbeat_is_alive(r, 12000));
    assert_false(heartbeat_is_alive(r, 12001));
    assert_true(heartbeat_is_alive(r, 9999)); /* clock read before the beat */
    assert_false(heartbeat_is_alive(r, 7999)); /* from before a reboot */
    heartbeat_beat(d, 20000);
    assert_true(heartbeat_is_alive(r, 20001));
    heartbeat_close(d);               /* closing marks it as dead at once */
    assert_false(heartbeat_is_alive(r, 20001));
    heartbeat_close(r);
    heartbeat_close(NULL);
}

static void t_second_daemon_is_ebusy(void **state)
{
    struct heartbeat *a, *b;

    (void)state;
    assert_int_equal(heartbeat_create(&a, path), 0);
    assert_int_equal(heartbeat_create(&b, path), -EBUSY);
    heartbeat_close(a);
    assert_int_equal(heartbeat_create(&b, path), 0);
    heartbeat_close(b);
}

static void t_killed_daemon_leaves_no_lock(void **state)
{
    struct heartbeat *d, *r;
    pid_t pid = fork();

    (void)state;
    if (pid == 0) {
        if (heartbeat_create(&d, path) == 0)
            heartbeat_beat(d, mono_ms());
        _exit(0);                     /* without closing it */
    }
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    assert_int_equal(heartbeat_open(&r, path), 0);
    assert_true(heartbeat_is_alive(r, mono_ms())); /* until its last beat is 2 s old */
    assert_int_equal(heartbeat_create(&d, path), 0); /* the next daemon */
    heartbeat_beat(d, 99000);
    assert_true(heartbeat_is_alive(r, 99000));
    heartbeat_close(d);
    heartbeat_close(r);
}

static void t_other_files_are_refused(void **state)
{
    struct heartbeat *r;
    int fd = open(path, O_WRONLY | O_CREAT, 0644);

    (void)state;
    assert_int_equal(heartbeat_open(&r, path),
                     -EBADMSG);       /* empty: reading it would raise SIGBUS */
    assert_int_equal(write(fd, "0123456789abcdef", 16), 16);
    assert_int_equal(heartbeat_open(&r, path), -EBADMSG);
    close(fd);
    assert_int_equal(heartbeat_open(&r, "/tmp"), -EBADMSG);
    assert_int_equal(heartbeat_open(&r, "/nonexistent/heartbeat"), -ENOENT);
    assert_int_equal(heartbeat_create(&r, "/nonexistent/heartbeat"), -ENOENT);
}

/* Opening a FIFO waits for a process at its other end. */
static void t_fifo_is_refused_without_waiting(void **state)
{
    struct heartbeat *r;

    (void)state;
    assert_int_equal(mkfifo(path, 0644), 0);
    alarm(T_DEADLINE_MS / 1000);          /* ends a hang */
    assert_int_equal(heartbeat_open(&r, path), -EBADMSG);
    assert_int_equal(heartbeat_create(&r, path), -EINVAL);
    alarm(0);
}

#define E(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

T_MAIN(E(t_beat_is_alive_for_two_seconds), E(t_second_daemon_is_ebusy),
       E(t_killed_daemon_leaves_no_lock), E(t_other_files_are_refused),
       E(t_fifo_is_refused_without_waiting))
