/* msgq -- a bounded queue of tasks for a loop, with a wake-up by eventfd(2).
 * This is how threads speak to each other: nobody touches another thread's objects, one
 * posts a task to the thread that owns them. */
#ifndef LARS_NET_MSGQ_H
#define LARS_NET_MSGQ_H

#include <stddef.h>

#include "net/evloop.h"

struct msgq;

/* <user> is what msgq_set_user() said: the objects of the thread that runs the task. */
typedef void msgq_run_fn(void *arg, void *user);
typedef void msgq_drop_fn(void *arg);

/* For each task that was posted with success exactly one of the two is called: run, in
 * the queue's loop; or drop, in msgq_destroy().  drop may be NULL. */
struct msgq_task {
    msgq_run_fn *run;
    msgq_drop_fn *drop;
    void *arg;
};

/* At most <limit> tasks wait.  Borrows <l>.  Returns 0; -ENOMEM, -EMFILE.  Thread:
 * init. */
int msgq_create(struct msgq **out, struct evloop *l, size_t limit);

/* Drops what waits.  NULL is fine.  Thread: init (the loop has ended, nobody posts). */
void msgq_destroy(struct msgq *q);

void msgq_set_user(struct msgq *q, void *user); /* borrowed.  Thread: init */

/* Copies <t>.  Tasks of one thread run in the order of posting.  Returns 0; -EAGAIN when
 * <limit> tasks wait already, -ENOMEM: then neither run nor drop is called.  Thread:
 * any. */
int msgq_post(struct msgq *q, const struct msgq_task *t);

#endif
