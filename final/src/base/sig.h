/* sig -- the signal dispositions that a network program sets before its first socket. */
#ifndef LARS_BASE_SIG_H
#define LARS_BASE_SIG_H

/* Ignore SIGPIPE, so that a write to a closed connection returns EPIPE and does not end
 * the process, and SIGHUP, so that a server survives the closing of its terminal.  A
 * program started with exec() inherits both.  Returns 0 or -errno.  Thread: init. */
int sig_ignore_pipe_and_hup(void);

/* Set the disposition of <signo>: SIG_IGN, SIG_DFL or a handler.  A blocking system call
 * that a handler interrupts is not restarted; it fails with EINTR.  Returns 0; -EINVAL
 * for SIGKILL, SIGSTOP and numbers that are no signal.  Thread: init. */
int sig_set(int signo, void (*disposition)(int));

#endif
