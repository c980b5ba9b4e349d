/* notify -- tells systemd about the state of the program, by the protocol of
 * sd_notify(3), which needs no library: a line to the socket that NOTIFY_SOCKET names. */
#ifndef LARS_OBS_NOTIFY_H
#define LARS_OBS_NOTIFY_H

/* Send <text>, such as "READY=1" or "MAINPID=123".  Without NOTIFY_SOCKET: does nothing.
 * Never waits; an error is logged, at most once in 10 s.  Returns 0 or -errno.  Thread:
 * any. */
int notify_send(const char *text);

#endif
