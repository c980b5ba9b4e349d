/* Shared memory on a full file system: an operation that needs room returns an error, and
 * none ends in SIGBUS. */
#include "lib/shmfix.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>

/* Mounts a small file system that only this process sees.  False: not permitted. */
static bool small_disk(const char *size)
{
    if (unshare(CLONE_NEWNS) != 0 && unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0)
        return false;
    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL);
    return mount("none", shmfix_dir, "tmpfs", 0, size) == 0;
}

static void fill(void) /* uses all room that is left */
{
    char path[100], page[4096] = "";
    int fd;

    snprintf(path, sizeof(path), "%s/rest", shmfix_dir);
    fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    while (fd >= 0 && write(fd, page, sizeof(page)) > 0)
        continue;
    close(fd);
}

/* Returns 0, or the number of the step that had the wrong result. */
static int on_a_full_disk(void)
{
    struct picker_pick p = {.token = 0};
    struct picker *c, *late;
    int i;

    shmfix_close_agent();
    if (!small_disk("size=2m"))
        return 99;
    shmfix_open_agent();
    if (shmfix_publish(1, 1, 100) != 0 ||
        picker_create(&c, shmfix_dir, PICKER_CLAIM) != 0)
        return 1;
    for (i = 0; i < 8; i++) /* some nodes have a page now and others do not */
        if (picker_get(c, 1, 1, 0, &p) != 0 ||
            picker_end(c, NULL, &p, PICKER_WELL, NULL) != 0)
            return 2;
    fill();
    if (picker_create(&late, shmfix_dir, PICKER_CLAIM) != -ENOSPC)
        return 3;
    if (shmfix_publish(2, 1, 4000) != -ENOSPC)
        return 4;
    for (i = 0; i < 1000;
         i++) { /* a call that cannot be counted is -ENOSPC */
        int rc = picker_get(c, 1, 1, 0, &p);

        if (rc != 0 && rc != -ENOSPC)
            return 5;
        if (rc == 0 && picker_end(c, NULL, &p, PICKER_WELL, NULL) != 0)
            return 6;
    }
    return 0;
}

static void t_full_file_system_is_an_error_and_no_signal(void **state)
{
    int status;
    pid_t pid = fork();

    (void)state;
    if (pid == 0)
        _exit(on_a_full_disk());
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == 99)
        skip(); /* mounting is not permitted */
    assert_int_equal(WEXITSTATUS(status), 0);
}

T_MAIN(SHMFIX_TEST(t_full_file_system_is_an_error_and_no_signal))
