/* proc_stop.h -- stop a program with SIGSTOP.  kill() alone returns earlier: on a busy
 * machine the threads of the program go on until the one that was chosen for the signal
 * runs. */
#ifndef LARS_TEST_PROC_STOP_H
#define LARS_TEST_PROC_STOP_H

#include "../proc.h"

/* Returns when all threads of <p>, a child of the test, stand still. */
static inline void proc_stop(const struct proc *p)
{
    siginfo_t how = {0};

    assert_int_equal(kill(p->pid, SIGSTOP), 0);
    T_WAIT(waitid(P_PID, (id_t)p->pid, &how, WSTOPPED | WNOHANG) == 0 &&
           how.si_pid == p->pid);
}

static inline void proc_continue(const struct proc *p)
{
    assert_int_equal(kill(p->pid, SIGCONT), 0);
}

#endif
