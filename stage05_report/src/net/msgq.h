/* msgq -- a bounded queue of tasks for one loop, with a wake-up by eventfd(2).
 * Threads communicate through it: a thread never uses the objects of another thread; it
 * posts a task, which the thread that owns the objects runs. */
#ifndef LARS_NET_MSGQ_H
#define LARS_NET_MSGQ_H

#include <stddef.h>

#include "net/evloop.h"

struct msgq;

/* Runs a task in the loop of the queue.  <user> is the pointer given to msgq_set_user():
 * the objects of that thread. */
typedef void msgq_run_fn(void *arg, void *user);

/* Releases a task that will not run. */
typedef void msgq_drop_fn(void *arg);

/* For each task that was posted successfully, exactly one of two functions is called:
 * run, in the loop of the queue, or drop, in msgq_destroy().  drop may be NULL. */
struct msgq_task {
    msgq_run_fn *run;
    msgq_drop_fn *drop;
    void *arg;
};

/* Create a queue in which at most <limit> tasks wait.  Borrows <l>.  Returns 0; -ENOMEM,
 * -EMFILE.  Thread: init. */
int msgq_create(struct msgq **out, struct evloop *l, size_t limit);

/* Drop the waiting tasks and free the queue.  NULL is fine.  Thread: init, after the loop
 * has ended and while no thread posts. */
void msgq_destroy(struct msgq *q);

void msgq_set_user(struct msgq *q, void *user); /* borrowed.  Thread: init */

/* Queue a task.  Copies <t>.  Tasks posted by one thread run in the order of posting.
 * Returns 0; -EAGAIN when <limit> tasks wait already; -ENOMEM.  On failure neither run
 * nor drop is called.  Thread: any. */
int msgq_post(struct msgq *q, const struct msgq_task *t);

#endif
