/* signal_demo -- SIG_IGN and SIG_DFL seen with the eyes: Ctrl-C does nothing, Ctrl-\ ends
 * it (and may leave a core file: that is what SIGQUIT is for), two minutes end it too. */
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
        rc = sig_set(SIGQUIT, SIG_DFL); /* exec() keeps what a parent ignored */
    if (rc < 0) {
        fprintf(stderr, "signal_demo: sigaction: %s\n", err_text(rc));
        return 1;
    }
    printf("pid %d: Ctrl-C is ignored now, Ctrl-\\ ends me\n", (int)getpid());
    fflush(stdout);
    alarm(END_AFTER_S);                   /* SIGALRM keeps its default: to end us */
    for (;;)
        pause();
}
