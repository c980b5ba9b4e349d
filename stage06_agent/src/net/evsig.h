/* evsig -- receives signals as ordinary events of the loop, by signalfd(2).
 * A signal handler interrupts the program at any instruction and may call almost no
 * function.  Here a signal stays pending until the loop reads it, and the callback runs
 * between two events, so it may call every function that other callbacks may call. */
#ifndef LARS_NET_EVSIG_H
#define LARS_NET_EVSIG_H

#include "net/evloop.h"

struct evsig;

typedef void evsig_fn(int signo, void *arg);

/* Block SIGINT and SIGTERM in this thread and in the threads that it starts later, and
 * call <fn> from the loop when one arrives.  Borrows <l> and <arg>.  Returns 0; -ENOMEM,
 * -EMFILE.  Thread: init, before other threads exist. */
int evsig_create(struct evsig **out, struct evloop *l, evsig_fn *fn, void *arg);

/* Restore the signal mask from before.  NULL is fine.  Thread: loop. */
void evsig_destroy(struct evsig *s);

#endif
