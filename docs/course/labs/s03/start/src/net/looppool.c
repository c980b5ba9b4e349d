/* Threads that each run their own loop, with a task queue for each.
 *
 * Invariant: while the threads run, a loop and its objects are used by its own thread
 * only; other threads reach them through the queue.  The stop is a task as well, so all
 * tasks that were posted before it have run when looppool_stop() returns.
 * Rejected: pthread_cancel(), which can end a thread while it holds a lock or memory;
 * one queue for all threads, because a task could then run in any of them. */
#include "net/looppool.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/log.h"

#define QUEUE_LIMIT 65536                 /* tasks that may wait for one thread */

struct looppool {
    unsigned n;
    struct worker {
        struct evloop *loop;
        struct msgq *q;
        pthread_t thread;
        bool running;                     /* main thread only */
    } w[];
};

static void *run_worker(void *arg)
{
    struct worker *w = arg;
    int rc = evloop_run(w->loop);

    if (rc < 0)
        LOG_ERROR("loop.end", "err=%s", err_str(rc));
    return NULL;
}

/* 1. Refuse a number of threads below 1 or above LOOPPOOL_MAX with -EINVAL.
 * 2. Allocate the pool with room for n workers, zeroed; -ENOMEM.
 * 3. Create a loop and a queue (QUEUE_LIMIT) for each worker.  Set p->n first, so that
 *    looppool_destroy() can release a pool that is half made: it accepts NULL in every
 *    field.
 * 4. On failure destroy the pool and return the error.  On success write *out. */
int looppool_create(struct looppool **out, unsigned n)
{
    /* begin looppool_create */
    (void)out;
    (void)n;
    return -ENOSYS;
    /* end looppool_create */
}

/* 1. NULL: return.
 * 2. Stop the threads. looppool_stop() does nothing when none runs.
 * 3. Destroy the queue of each worker, which drops its tasks, and then its loop.  In
 *    the other order the queue would use a loop that is freed.
 * 4. Free the pool. */
void looppool_destroy(struct looppool *p)
{
    /* begin looppool_destroy */
    (void)p;
    /* end looppool_destroy */
}

/* 1. Create one thread for each worker, which runs run_worker() with the worker as its
 *    argument, and set running.
 * 2. When a thread cannot be created, stop those that run and return the error.
 *    pthread_create() returns a positive errno and does not set errno. */
int looppool_start(struct looppool *p)
{
    /* begin looppool_start */
    (void)p;
    (void)run_worker;
    return -ENOSYS;
    /* end looppool_start */
}

static void stop_loop(void *arg, void *user)
{
    (void)user;
    evloop_stop(arg);
}

/* Post stop_loop() as a task, so that the tasks posted before it run first.  When the
 * queue is full, its thread is emptying it: let other threads run (sched_yield) and
 * try again, until the queue accepts the task. */
static void ask_to_stop(struct worker *w)
{
    /* begin ask_to_stop */
    (void)w;
    (void)stop_loop;
    /* end ask_to_stop */
}

/* 1. Ask every thread that runs to stop.  Ask all of them before you wait for the
 *    first, so that they stop in parallel.
 * 2. Join each of them and clear running, so that a second call does nothing. */
void looppool_stop(struct looppool *p)
{
    /* begin looppool_stop */
    (void)p;
    (void)ask_to_stop;
    /* end looppool_stop */
}

unsigned looppool_n(const struct looppool *p)
{
    return p->n;
}

struct evloop *looppool_loop(struct looppool *p, unsigned i)
{
    return p->w[i].loop;
}

void looppool_set_user(struct looppool *p, unsigned i, void *user)
{
    msgq_set_user(p->w[i].q, user);
}

int looppool_post(struct looppool *p, unsigned i, const struct msgq_task *t)
{
    return msgq_post(p->w[i].q, t);
}

/* 1. Post a copy of <t> to the queue of every thread and count those that accept it.
 * 2. Where a queue refuses it, call drop at once, if the task has one.  For each
 *    thread exactly one of run and drop is called. */
unsigned looppool_post_all(struct looppool *p, const struct msgq_task *t)
{
    /* begin looppool_post_all */
    (void)p;
    (void)t;
    return 0;
    /* end looppool_post_all */
}
