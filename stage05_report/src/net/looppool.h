/* looppool -- a fixed number of threads, each of which runs its own loop.  Order of use:
 * create the pool; create the objects of each thread on its loop (looppool_loop,
 * looppool_set_user); start; post tasks; stop; destroy the objects; destroy the pool.
 * Before start and after stop no thread of the pool runs, so the calling thread may then
 * use all objects. */
#ifndef LARS_NET_LOOPPOOL_H
#define LARS_NET_LOOPPOOL_H

#include "net/evloop.h"
#include "net/msgq.h"

#define LOOPPOOL_MAX 256                  /* threads */

struct looppool;

/* Returns 0; -EINVAL when <n> is not 1 to LOOPPOOL_MAX; -ENOMEM, -EMFILE.  Thread:
 * init. */
int looppool_create(struct looppool **out, unsigned n);

/* Stop the threads if they run, drop the tasks that have not run, free the pool.  NULL is
 * fine. */
void looppool_destroy(struct looppool *p);

/* Start all threads.  Returns 0; -EAGAIN when the system refuses to create a thread, and
 * then none runs. */
int looppool_start(struct looppool *p);

/* Let each thread run the tasks posted so far, finish its turn and end; return when all
 * have ended.  Tasks posted later stay in the queue until looppool_destroy() drops them.
 * May be called twice.  Not from a thread of the pool. */
void looppool_stop(struct looppool *p);

unsigned looppool_n(const struct looppool *p);
struct evloop *looppool_loop(struct looppool *p, unsigned i); /* borrowed.  init */
void looppool_set_user(struct looppool *p, unsigned i, void *user); /* for tasks.  init */

/* Post a task to thread <i>.  Returns as msgq_post().  Thread: any. */
int looppool_post(struct looppool *p, unsigned i, const struct msgq_task *t);

/* Post the same task to every thread.  For each thread exactly one of run and drop is
 * called; where the queue is full, drop is called at once.  Returns the number of queues
 * that accepted the task.  Thread: any. */
unsigned looppool_post_all(struct looppool *p, const struct msgq_task *t);

#endif
