/* listeners -- the listeners of one port, of which each belongs to a loop of the pool:
 * the first <n> loops have one.  <n> can be changed while visitors connect, and no
 * connection is lost by that.
 * Thread: the daemon's loop, except where a function names another. */
#ifndef LARS_GATEWAY_LISTENERS_H
#define LARS_GATEWAY_LISTENERS_H

#include "net/acceptor.h"
#include "net/looppool.h"

struct listeners;

struct listeners_config {
    struct evloop *loop; /* the daemon's loop; borrowed */
    struct looppool *pool; /* borrowed */
    struct net_addr at; /* port 0: the kernel chooses */
    acceptor_fn *fn; /* is called in the loop of the listener, with */
    void *const *arg; /* arg[number of the loop]; borrowed */
    acceptor_short_fn *on_short; /* of acceptor_on_short(), also in that loop */
};

/* Open the first <n> listeners; they accept when the pool runs.  Copies <c>.  Returns 0;
 * -EADDRINUSE ... of portgroup_listen(); -ENOMEM.  Thread: init. */
int listeners_create(struct listeners **out, const struct listeners_config *c,
                     unsigned n);
void listeners_destroy(struct listeners *ls); /* the pool has stopped; NULL is fine */

const struct net_addr *listeners_address(const struct listeners *ls); /* with its port */

/* Have <n> listeners, 0 to looppool_n().  More are opened at once.  Fewer: the last ones
 * get no further connection, are accepted empty 1.5 s later, and closed; with 0 the first
 * one does so after them, and leaves new connections to another process that listens on
 * the port. */
void listeners_want(struct listeners *ls, unsigned n);
unsigned listeners_n(const struct listeners *ls); /* open now */

/* The descriptors of the open ones, borrowed, in the order in which they were opened, for
 * a process that is to inherit them.  The caller opens and closes none until that process
 * has been started.  Returns how many; -EAGAIN while one is being closed. */
int listeners_fds(const struct listeners *ls, int *out, unsigned max);

/* Another process has the same listeners and accepts from them: to close one loses no
 * connection, so it takes no time from now on. */
void listeners_share(struct listeners *ls);

/* Accept at most <n> clients in a turn.  Thread: that of loop <i>. */
void listeners_set_budget(struct listeners *ls, unsigned i, unsigned n);

#endif
