/* evloop -- the event loop (reactor): waits for descriptors and timers, calls who asked.
 * One thread runs a loop and only that thread touches it: there is nothing to lock.
 * Level-triggered epoll: what is not read now is reported again, so a handler may stop
 * whenever it likes; edge-triggered saves nothing when each event is read until short. */
#ifndef LARS_NET_EVLOOP_H
#define LARS_NET_EVLOOP_H

#include <stdint.h>

#include "net/evtimer.h"

struct evloop;

/* <events>: EPOLLIN, EPOLLOUT, EPOLLERR, EPOLLHUP as of epoll_ctl(2). */
typedef void evloop_fd_fn(int fd, uint32_t events, void *arg);
typedef void evloop_fn(void *arg);

/* A call for later; lives inside the object it is about.  Zeroed = not queued. */
struct evloop_call {
    struct evloop_call *next;
    evloop_fn *fn;                        /* NULL = not queued */
    void *arg;
};

/* Returns 0; -ENOMEM, -EMFILE.  Thread: init. */
int evloop_create(struct evloop **out);

/* Runs what is deferred, disarms the timers; descriptors stay their owners'.  NULL is
 * fine. */
void evloop_destroy(struct evloop *l);

/* Run until evloop_stop().  The calling thread is the owner from now on.  Returns 0, or
 * the -errno of a failed epoll_wait. */
int evloop_run(struct evloop *l);

/* End evloop_run() after this batch.  Thread: loop (from another: evloop's queue, stage
 * 03). */
void evloop_stop(struct evloop *l);

/* Call <fn> whenever <fd> is ready for <events>.  Borrows <fd>: take it out before you
 * close it.  Returns 0; -EEXIST when it is watched already; -ENOMEM; -EPERM (a plain
 * file). */
int evloop_add_fd(struct evloop *l, int fd, uint32_t events, evloop_fd_fn *fn, void *arg);

/* Other events for a watched fd; 0 = none but EPOLLERR and EPOLLHUP.  Returns 0 or
 * -errno. */
int evloop_mod_fd(struct evloop *l, int fd, uint32_t events);

/* Once this returns, <fn> is not called again, not even for an event of the current batch
 * and not even when the kernel gives the number to somebody else.  Not watched: fine. */
void evloop_del_fd(struct evloop *l, int fd);

/* Call <fn> once, <after_ms> from now, never earlier; an armed timer is moved.
 * Returns 0; -ENOMEM (only when <t> was not armed). */
int evloop_set_timer(struct evloop *l, struct evtimer *t, uint32_t after_ms,
                     evloop_fn *fn, void *arg);
void evloop_clear_timer(struct evloop *l, struct evtimer *t);

/* Call <fn> after all events and timers of this turn, in the order of asking.  Cannot
 * fail.  A call that is queued already stays where it is. */
void evloop_defer(struct evloop *l, struct evloop_call *call, evloop_fn *fn, void *arg);
void evloop_undefer(struct evloop *l, struct evloop_call *call);

/* Monotonic time of this turn: one clock read for all of a batch. */
uint64_t evloop_now_ms(const struct evloop *l);

/* Turns made so far.  An idle loop makes none. */
uint64_t evloop_n_turns(const struct evloop *l);

/* Aborts when called from another thread than the running loop's: our bug, not the
 * world's. */
void evloop_assert_owner(const struct evloop *l);

#endif
