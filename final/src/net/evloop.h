/* evloop -- the event loop (reactor): waits for descriptors and timers and calls the
 * functions registered for them.  One thread runs a loop, and only that thread uses it,
 * so nothing needs a lock.
 * epoll is level-triggered: it reports unread data again, so a handler may stop reading
 * at any time.  Edge-triggered mode (EPOLLET) reports a change only once.  It saves no
 * system call, because a handler makes one read per event anyway, but it saves the kernel
 * from asking each reported descriptor again in the next turn.  A handler that stops too
 * early is not called again for the remaining data; net/conn takes care of that.
 *
 * A turn is one pass of the loop: wait, handle the events, run the timers that are due,
 * run the deferred calls.  Thread: loop, except where a function names another. */
#ifndef LARS_NET_EVLOOP_H
#define LARS_NET_EVLOOP_H

#include <stdint.h>

#include "net/evtimer.h"

struct evloop;

/* <events> is a set of EPOLLIN, EPOLLOUT, EPOLLRDHUP, EPOLLERR and EPOLLHUP, with EPOLLET
 * also when it is asked for; see epoll_ctl(2). */
typedef void evloop_fd_fn(int fd, uint32_t events, void *arg);
typedef void evloop_fn(void *arg);

/* A deferred call.  It is a member of the object it concerns, so deferring it allocates
 * nothing and cannot fail.  Zeroed = not queued. */
struct evloop_call {
    struct evloop_call *next;
    evloop_fn *fn;                        /* NULL = not queued */
    void *arg;
};

/* Returns 0; -ENOMEM, -EMFILE.  Thread: init. */
int evloop_create(struct evloop **out);

/* Run the deferred calls, disarm the timers and free the loop.  The watched descriptors
 * stay open; their owners close them.  NULL is fine. */
void evloop_destroy(struct evloop *l);

/* Run until evloop_stop().  The calling thread owns the loop until this returns.  Returns
 * 0, or the -errno of a failed system call. */
int evloop_run(struct evloop *l);

/* Make evloop_run() return at the end of this turn.  To stop a loop from another thread,
 * post it a task that calls this function (net/msgq.h, stage 03). */
void evloop_stop(struct evloop *l);

/* Call <fn> whenever <fd> is ready for <events>.  Borrows <fd>; call evloop_del_fd()
 * before you close it.  Returns 0; -EEXIST when it is watched already; -EBADF; -ENOMEM;
 * -EPERM for a regular file. */
int evloop_add_fd(struct evloop *l, int fd, uint32_t events, evloop_fd_fn *fn, void *arg);

/* Change the events of a watched fd; 0 leaves EPOLLERR and EPOLLHUP, which are always
 * reported.  Returns 0; -ENOENT when <fd> is not watched; another -errno. */
int evloop_mod_fd(struct evloop *l, int fd, uint32_t events);

/* Stop watching <fd>.  After this its handler is not called again: neither for an event
 * that is already in the current batch, nor when the kernel gives the same number to a
 * new descriptor.  Does nothing when <fd> is not watched. */
void evloop_del_fd(struct evloop *l, int fd);

/* Call <fn> once, <after_ms> from now or later, never earlier.  Moves <t> when it is
 * armed already.  Borrows <t> until it fires or is cleared.  Returns 0; -ENOMEM, which
 * cannot happen when <t> is armed. */
int evloop_set_timer(struct evloop *l, struct evtimer *t, uint32_t after_ms,
                     evloop_fn *fn, void *arg);
void evloop_clear_timer(struct evloop *l, struct evtimer *t); /* not armed: fine */

/* Call <fn> after all events and timers of this turn; deferred calls run in the order of
 * evloop_defer().  Borrows <call> until then.  Cannot fail.  A call that is queued
 * already keeps its place.  evloop_undefer() removes a call from the queue. */
void evloop_defer(struct evloop *l, struct evloop_call *call, evloop_fn *fn, void *arg);
void evloop_undefer(struct evloop *l, struct evloop_call *call);

/* Monotonic time in ms, read once a turn: all events of a batch see the same time. */
uint64_t evloop_now_ms(const struct evloop *l);

/* The number of turns so far.  An idle loop makes none. */
uint64_t evloop_n_turns(const struct evloop *l);

/* Abort when the loop is running in another thread than the caller's, which is a bug of
 * the program and no error that a caller could handle.  Thread: any. */
void evloop_assert_owner(const struct evloop *l);

#endif
