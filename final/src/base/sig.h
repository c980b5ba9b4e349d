/* sig -- what a network program does about signals before it opens its first socket. */
#ifndef LARS_BASE_SIG_H
#define LARS_BASE_SIG_H

/* Ignore SIGPIPE (a write to a peer that has gone must return EPIPE, not kill us) and
 * SIGHUP (the terminal closed; a server stays).  Both are inherited by exec().
 * Returns 0 or -errno.  Thread: init. */
int sig_ignore_pipe_and_hup(void);

/* Give <signo> the disposition SIG_IGN or SIG_DFL, or a handler.  Slow system calls are
 * *not* restarted afterwards.  Returns 0; -EINVAL for SIGKILL, SIGSTOP and numbers that
 * do not exist. */
int sig_set(int signo, void (*disposition)(int));

#endif
