/* looppool -- a number of threads, each running a loop of its own.
 * Life: create, give each thread its objects (looppool_loop, looppool_set_user), start,
 * post tasks, stop, end the objects, destroy.  Between create and start, and between stop
 * and destroy, no thread runs: the objects may be touched from the one that calls. */
#ifndef LARS_NET_LOOPPOOL_H
#define LARS_NET_LOOPPOOL_H

#include "net/evloop.h"
#include "net/msgq.h"

#define LOOPPOOL_MAX 256                  /* threads */

struct looppool;

/* Returns 0; -EINVAL when <n> is not 1 to LOOPPOOL_MAX; -ENOMEM, -EMFILE.  Thread:
 * init. */
int looppool_create(struct looppool **out, unsigned n);

/* Stops first, when needed.  Tasks that never ran are dropped.  NULL is fine. */
void looppool_destroy(struct looppool *p);

/* Returns 0, or -EAGAIN when the system gives no more threads: then none runs. */
int looppool_start(struct looppool *p);

/* Each thread does what was posted before, ends its batch and ends; returns when all
 * have. What is posted later stays for looppool_destroy().  Twice is fine.  Not from a
 * pool thread. */
void looppool_stop(struct looppool *p);

unsigned looppool_n(const struct looppool *p);
struct evloop *looppool_loop(struct looppool *p, unsigned i); /* borrowed.  init */
void looppool_set_user(struct looppool *p, unsigned i, void *user); /* for tasks.  init */

/* A task for thread <i>.  Returns as msgq_post().  Thread: any. */
int looppool_post(struct looppool *p, unsigned i, const struct msgq_task *t);

/* The same task for every thread: for each, exactly one of run and drop is called (drop
 * at once where the queue is full).  Returns how many will run it.  Thread: any. */
unsigned looppool_post_all(struct looppool *p, const struct msgq_task *t);

#endif
