/* signal_demo -- shows SIG_IGN and SIG_DFL at a terminal.  Ctrl-C sends SIGINT, which is
 * ignored here and has no effect.  Ctrl-\ sends SIGQUIT, whose default action ends the
 * program and may write a core file.  SIGALRM ends the program after two minutes. */
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "base/err.h"
#include "base/sig.h"

#define END_AFTER_S 120

int main(void)
{
    int rc = sig_set(SIGINT, SIG_IGN);

    if (rc == 0)
        rc = sig_set(SIGQUIT, SIG_DFL); /* exec() preserves SIG_IGN: set the default */
    if (rc < 0) {
        fprintf(stderr, "signal_demo: sigaction: %s\n", err_text(rc));
        return 1;
    }
    printf("pid %d: Ctrl-C is ignored, Ctrl-\\ ends this program\n", (int)getpid());
    fflush(stdout);
    alarm(END_AFTER_S);                   /* SIGALRM by default ends the process */
    for (;;)
        pause();
}
