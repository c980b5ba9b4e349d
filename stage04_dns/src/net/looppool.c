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

int looppool_create(struct looppool **out, unsigned n)
{
    struct looppool *p;
    int rc = 0;
    unsigned i;

    if (n < 1 || n > LOOPPOOL_MAX)
        return -EINVAL;
    p = calloc(1, sizeof(*p) + n * sizeof(p->w[0]));
    if (!p)
        return -ENOMEM;
    p->n = n;
    for (i = 0; i < n && rc == 0; i++) {
        rc = evloop_create(&p->w[i].loop);
        if (rc == 0)
            rc = msgq_create(&p->w[i].q, p->w[i].loop, QUEUE_LIMIT);
    }
    if (rc < 0) {
        looppool_destroy(p);
        return rc;
    }
    *out = p;
    return 0;
}

void looppool_destroy(struct looppool *p)
{
    unsigned i;

    if (!p)
        return;
    looppool_stop(p);
    for (i = 0; i < p->n; i++) {
        msgq_destroy(p->w[i].q);
        evloop_destroy(p->w[i].loop);
    }
    free(p);
}

int looppool_start(struct looppool *p)
{
    unsigned i;
    int rc;

    for (i = 0; i < p->n; i++) {
        rc = pthread_create(&p->w[i].thread, NULL, run_worker, &p->w[i]);
        if (rc != 0) {
            looppool_stop(p);
            return -rc;
        }
        p->w[i].running = true;
    }
    return 0;
}

static void stop_loop(void *arg, void *user)
{
    (void)user;
    evloop_stop(arg);
}

/* Post the stop as a task, so that tasks posted before it run first.  When the queue is
 * full, its thread is emptying it: try again until it accepts the task. */
static void ask_to_stop(struct worker *w)
{
    const struct msgq_task t = {stop_loop, NULL, w->loop};

    while (msgq_post(w->q, &t) < 0)
        sched_yield();
}

void looppool_stop(struct looppool *p)
{
    unsigned i;

    for (i = 0; i < p->n; i++)            /* post to all first: they stop in parallel */
        if (p->w[i].running)
            ask_to_stop(&p->w[i]);
    for (i = 0; i < p->n; i++) {
        if (!p->w[i].running)
            continue;
        pthread_join(p->w[i].thread, NULL);
        p->w[i].running = false;
    }
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

unsigned looppool_post_all(struct looppool *p, const struct msgq_task *t)
{
    unsigned i, n = 0;

    for (i = 0; i < p->n; i++) {
        if (msgq_post(p->w[i].q, t) == 0)
            n++;
        else if (t->drop)
            t->drop(t->arg);
    }
    return n;
}
