/* The owner of a call log, in a program that closes and reuses descriptors of the
 * library. */
#include "lib/shmfix.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "shmem/log_owner.h"
#include "shmem/segment_private.h"

static void t_owner_that_lost_its_lock_no_longer_holds_the_log(void **state)
{
    struct call_log *a, *b, *agent;

    (void)state;
    assert_int_equal(log_owner_take(&a, shmfix_seg), 0);
    assert_true(log_owner_holds(shmfix_seg, a));
    assert_int_equal(call_log_open(&agent, shmfix_seg, call_log_index(a)), 0);
    assert_true(log_owner_seize_dead(shmfix_seg, agent)); /* same process: locked */
    assert_false(log_owner_holds(shmfix_seg, a));
    log_owner_release(shmfix_seg, agent);
    assert_int_equal(log_owner_take(&b, shmfix_seg), 0);
    assert_int_equal(call_log_index(b), call_log_index(a));
    assert_false(log_owner_holds(shmfix_seg, a));
    assert_true(log_owner_holds(shmfix_seg, b));
    log_owner_give(shmfix_seg, a);    /* does not give away the log of the new owner */
    assert_true(log_owner_holds(shmfix_seg, b));
    log_owner_give(shmfix_seg, b);
    call_log_close(agent);
}

static void t_forked_picker_closes_no_file_of_the_child(void **state)
{
    _Atomic int *lost = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
                             MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    struct picker *c;
    int i, fd, status;
    pid_t pid;

    (void)state;
    assert_int_equal(picker_create(&c, shmfix_dir, PICKER_CLAIM), 0);
    pid = fork();
    if (pid == 0) {
        for (i = 3; i < 256; i++)
            close(i);
        while ((fd = open("/dev/null", O_WRONLY)) < 40)
            continue;
        picker_forget(c);
        for (i = 3; i <= fd; i++)
            if (fcntl(i, F_GETFD) == -1)
                *lost = i;
        kill(getpid(), SIGKILL);      /* valgrind looks for no leaks in it then */
    }
    assert_true(pid > 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_int_equal(*lost, 0);
    munmap((void *)lost, 4096);
    picker_destroy(c);
}

#define C(fn) cmocka_unit_test_setup_teardown(fn, shmfix_setup, shmfix_teardown)

T_MAIN(C(t_owner_that_lost_its_lock_no_longer_holds_the_log),
       C(t_forked_picker_closes_no_file_of_the_child))
