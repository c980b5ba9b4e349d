/* Signal dispositions by sigaction(2).
 * The two signals are ignored and not handled: an ignored signal interrupts no system
 * call and needs no code that is safe inside a handler.
 * Rejected: signal(), whose meaning depends on the system (here it restarts system calls,
 * elsewhere it resets itself after the first signal); MSG_NOSIGNAL with each send(),
 * which a single forgotten write() would defeat. */
#include "base/sig.h"

#include <errno.h>
#include <signal.h>
#include <string.h>

int sig_set(int signo, void (*disposition)(int))
{
    /* 1. Clear a struct sigaction; its mask is empty, its flags are 0.  Without
     *    SA_RESTART a blocking call that the handler interrupts fails with EINTR, as
     *    the header promises.
     * 2. sigaction(signo, &sa, NULL).  Return 0, or -errno in the line after the call. */
    /* begin sig_set */
    (void)signo;
    (void)disposition;
    return -ENOSYS;
    /* end sig_set */
}

int sig_ignore_pipe_and_hup(void)
{
    /* 1. SIG_IGN for SIGPIPE, then for SIGHUP, by sig_set().
     * 2. Return the first error, or 0. */
    /* begin sig_ignore_pipe_and_hup */
    return -ENOSYS;
    /* end sig_ignore_pipe_and_hup */
}
