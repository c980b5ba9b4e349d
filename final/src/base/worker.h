/* worker -- a thread that works until it is stopped, with the lock, the wake-up and the
 * stop flag that its owner needs to hand it work and to end it.
 *     create, start            <run> begins in a thread of its own
 *     lock, wake, unlock       the owner hands over work
 *     wait, wait_until, pause  <run> waits for work, for a moment, or for the stop
 *     stop                     sets the flag, wakes <run>, joins the thread
 * The lock guards whatever the owner puts under it.  Waiting uses monotonic time. */
#ifndef LARS_BASE_WORKER_H
#define LARS_BASE_WORKER_H

#include <stdbool.h>
#include <stdint.h>
#include <time.h>

struct worker;

/* No thread runs yet; the lock can be used.  Returns 0 or -ENOMEM.  Thread: any. */
int worker_create(struct worker **out);

/* Stops first.  NULL is fine.  Thread: not its own. */
void worker_destroy(struct worker *w);

/* Call <run> in a new thread; once for each worker.  <run> returns soon after a wait or
 * pause tells it to stop.  Borrows <arg>.  Returns 0; -EAGAIN when the system has no more
 * threads.  Thread: the owner's. */
int worker_start(struct worker *w, void (*run)(void *arg), void *arg);

/* Ask <run> to return and wait until it has.  Calling it again, or for a worker that was
 * never started, changes nothing.  NULL is fine.  Thread: the owner's. */
void worker_stop(struct worker *w);

void worker_lock(struct worker *w);   /* Thread: any, for these three */
void worker_unlock(struct worker *w);
void worker_wake(struct worker *w);   /* the caller holds the lock */

/* The caller holds the lock.  Thread: its own, for the rest. */
bool worker_is_stopping(const struct worker *w);

/* The caller holds the lock, which is released while waiting.  Waits until it is woken or
 * stopped; it may also return without a reason, so check and wait again. */
void worker_wait(struct worker *w);

/* As worker_wait(), at most until <at>, from deadline_in().  False: <at> has passed. */
bool worker_wait_until(struct worker *w, const struct timespec *at);

/* The caller does not hold the lock.  Sleeps for <ms>, whatever wakes it in between, or
 * until it is to stop.  Returns true to go on, false to stop. */
bool worker_pause(struct worker *w, uint32_t ms);

#endif
