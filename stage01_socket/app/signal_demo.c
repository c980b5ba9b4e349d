/* signal_demo -- shows what a signal does to a program.
 *     build/signal_demo            SIG_IGN and SIG_DFL at a terminal: Ctrl-C sends
 *                                  SIGINT, which is ignored; Ctrl-\ sends SIGQUIT, whose
 *                                  default action ends the program
 *     build/signal_demo handler    a handler interrupts a read(), which then fails with
 *                                  EINTR, or is restarted
 *     build/signal_demo pipe       a write() to a pipe that no process reads */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/err.h"
#include "base/sig.h"

#define END_AFTER_S 120                   /* SIGALRM by default ends the process */
#define ALARM_US 50000

static int pipe_fd[2];
static volatile sig_atomic_t n_alarms;

/* A handler runs between any two instructions of the program, so it may only set such a
 * variable and call functions that signal-safety(7) lists.  printf() is not among them;
 * write() is.  The third alarm writes the byte that read_once() waits for. */
static void on_alarm(int signo)
{
    (void)signo;
    n_alarms++;
    if (n_alarms == 3)
        (void)!write(pipe_fd[1], "x", 1);
}

/* Read one byte while an alarm arrives every ALARM_US. */
static void read_once(const char *how)
{
    struct itimerval often = {{0, ALARM_US}, {0, ALARM_US}}, off = {{0, 0}, {0, 0}};
    ssize_t n;
    char c;
    int err;

    n_alarms = 0;
    setitimer(ITIMER_REAL, &often, NULL);
    n = read(pipe_fd[0], &c, 1);
    err = errno;
    setitimer(ITIMER_REAL, &off, NULL);
    printf("%s: the handler ran %d times, then read() returned %zd%s%s\n", how,
           (int)n_alarms, n, n == -1 ? " with " : "", n == -1 ? err_str(-err) : "");
}

static int show_handler(void)
{
    int rc = pipe(pipe_fd) == -1 ? -errno : sig_set(SIGALRM, on_alarm);

    if (rc < 0)
        return rc;
    read_once("sigaction() without SA_RESTART");
    signal(SIGALRM, on_alarm);            /* in Linux: sigaction() with SA_RESTART */
    read_once("signal()");
    return 0;
}

/* A child process writes to a pipe whose reading end is closed. */
static int write_to_no_reader(const char *name, void (*disposition)(int))
{
    int status;
    pid_t child = fork();

    if (child == -1)
        return -errno;
    if (child == 0) {
        ssize_t n = sig_set(SIGPIPE, disposition) < 0 ? 0 : write(pipe_fd[1], "x", 1);

        _exit(n == -1 ? errno : 0);
    }
    if (waitpid(child, &status, 0) == -1)
        return -errno;
    if (WIFSIGNALED(status))
        printf("%s: the process was ended by signal %d (%s)\n", name, WTERMSIG(status),
               strsignal(WTERMSIG(status)));
    else
        printf("%s: write() returned -1 with %s, and the process continued\n", name,
               err_str(-WEXITSTATUS(status)));
    return 0;
}

static int show_pipe(void)
{
    int rc = pipe(pipe_fd) == -1 ? -errno : 0;

    if (rc < 0)
        return rc;
    close(pipe_fd[0]);
    rc = write_to_no_reader("SIG_DFL", SIG_DFL);
    return rc < 0 ? rc : write_to_no_reader("SIG_IGN", SIG_IGN);
}

static int show_terminal(void)
{
    int rc = sig_set(SIGINT, SIG_IGN);

    if (rc == 0)
        rc = sig_set(SIGQUIT, SIG_DFL); /* exec() preserves SIG_IGN: set the default */
    if (rc < 0)
        return rc;
    printf("pid %d: Ctrl-C is ignored, Ctrl-\\ ends this program\n", (int)getpid());
    fflush(stdout);
    alarm(END_AFTER_S);
    for (;;)
        pause();
}

int main(int argc, char **argv)
{
    const char *what = argc > 1 ? argv[1] : "";
    int rc;

    setvbuf(stdout, NULL, _IOLBF, 0);     /* else a child would inherit unwritten lines */
    if (strcmp(what, "handler") == 0)
        rc = show_handler();
    else if (strcmp(what, "pipe") == 0)
        rc = show_pipe();
    else
        rc = show_terminal();
    if (rc < 0)
        fprintf(stderr, "signal_demo: %s (%s)\n", err_text(rc), err_str(rc));
    return rc < 0;
}
