/* sig_watch -- one signal as an event of the loop, by signalfd(2), for daemons that do
 * something at a signal besides ending (net/evsig.h) and the level of the log
 * (loglevel.h).  Thread: loop, except where a function names another. */
#ifndef LARS_OBS_SIG_WATCH_H
#define LARS_OBS_SIG_WATCH_H

#include "net/evloop.h"

struct sig_watch;

typedef void sig_watch_fn(int signo, void *arg);

/* Block <signo> in this thread and in those that it starts later, and call <fn> from the
 * loop when it has arrived: once for signals that arrive together.  Borrows <l> and
 * <arg>.  Returns 0; -ENOMEM, -EMFILE.  Thread: init, before other threads exist. */
int sig_watch_create(struct sig_watch **out, struct evloop *l, int signo,
                     sig_watch_fn *fn, void *arg);

/* The signal stays blocked, so that one that comes late does not end the process.  NULL
 * is fine. */
void sig_watch_destroy(struct sig_watch *w);

#endif
