/* Every service has threads that wait for work or for the next round and must end at once
 * when the program ends.  Written out each time, the lock, condition variable and stop
 * flag are forty lines in which a missed wake-up hides; here they are once.
 *
 * Invariant: <stop> changes from false to true once, under the lock, and the signal is
 * sent under the same lock.  A thread that holds the lock and has seen <stop> false is
 * therefore waiting when the signal comes, and cannot miss it.
 *
 * Rejected: a queue of tasks inside the worker.  Two of its owners have queues that merge
 * or drop in ways of their own, the others have none. */
#include "base/worker.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

#include "base/deadline.h"

struct worker {
    pthread_t thread;
    void (*run)(void *arg);
    void *arg;                        /* borrowed */
    bool running; /* started and not joined; the owner's thread only */
    pthread_mutex_t lock;             /* guards stop, and what the owner says */
    pthread_cond_t wake;
    bool stop;
};

int worker_create(struct worker **out)
{
    struct worker *w = calloc(1, sizeof(*w));

    if (!w)
        return -ENOMEM;
    pthread_mutex_init(&w->lock, NULL);
    deadline_cond_init(&w->wake);
    *out = w;
    return 0;
}

void worker_destroy(struct worker *w)
{
    if (!w)
        return;
    worker_stop(w);
    pthread_cond_destroy(&w->wake);
    pthread_mutex_destroy(&w->lock);
    free(w);
}

static void *worker_main(void *arg)
{
    struct worker *w = arg;

    w->run(w->arg);
    return NULL;
}

int worker_start(struct worker *w, void (*run)(void *arg), void *arg)
{
    int rc;

    w->run = run;
    w->arg = arg;
    rc = pthread_create(&w->thread, NULL, worker_main, w);
    w->running = rc == 0;
    return -rc;
}

void worker_stop(struct worker *w)
{
    if (!w || !w->running)
        return;
    pthread_mutex_lock(&w->lock);
    w->stop = true;
    pthread_cond_signal(&w->wake);
    pthread_mutex_unlock(&w->lock);
    pthread_join(w->thread, NULL);
    w->running = false;
}

void worker_lock(struct worker *w)
{
    pthread_mutex_lock(&w->lock);
}

void worker_unlock(struct worker *w)
{
    pthread_mutex_unlock(&w->lock);
}

void worker_wake(struct worker *w)
{
    pthread_cond_signal(&w->wake);
}

bool worker_is_stopping(const struct worker *w)
{
    return w->stop;
}

void worker_wait(struct worker *w)
{
    if (!w->stop)
        pthread_cond_wait(&w->wake, &w->lock);
}

bool worker_wait_until(struct worker *w, const struct timespec *at)
{
    return pthread_cond_timedwait(&w->wake, &w->lock, at) != ETIMEDOUT;
}

bool worker_pause(struct worker *w, uint32_t ms)
{
    return deadline_pause(&w->wake, &w->lock, &w->stop, ms);
}
