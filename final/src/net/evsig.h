/* evsig -- signals as ordinary events of the loop, by signalfd(2).
 * A handler may interrupt anything anywhere and may call next to nothing; here the signal
 * waits until the loop reads it, and the callback may do what every callback may. */
#ifndef LARS_NET_EVSIG_H
#define LARS_NET_EVSIG_H

#include "net/evloop.h"

struct evsig;

typedef void evsig_fn(int signo, void *arg);

/* Block SIGINT and SIGTERM in this thread and in those it starts, and call <fn> from the
 * loop when they come.  Borrows <l>.  Returns 0; -ENOMEM, -EMFILE.  Thread: init, before
 * other threads exist. */
int evsig_create(struct evsig **out, struct evloop *l, evsig_fn *fn, void *arg);

/* Gives the signals their old meaning back.  NULL is fine.  Thread: loop. */
void evsig_destroy(struct evsig *s);

#endif
