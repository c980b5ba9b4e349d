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
    struct sigaction sa;

    memset(&sa, 0, sizeof(sa));
    sa.sa_handler = disposition;
    sigemptyset(&sa.sa_mask);
    return sigaction(signo, &sa, NULL) == -1 ? -errno : 0;
}

int sig_ignore_pipe_and_hup(void)
{
    int rc = 0;

    rc = sig_set(SIGPIPE, SIG_IGN);
    if (rc == 0)
        rc = sig_set(SIGHUP, SIG_IGN);
    return rc;
}
