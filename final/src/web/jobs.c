/* One queue under one lock for all threads of the pool; a finished job comes back through
 * the loop's msgq, so <done> runs where the connection belongs.
 *
 * Invariant: <done> is called exactly once for each job that was added.  A job counts
 * until then, so the msgq has room for every job that is finished.
 * Rejected: a thread for each request.  The number of threads, and of connections to the
 * database, would be set by the client that sends most requests. */
#include "web/jobs.h"

#include <errno.h>
#include <stdlib.h>

#include "base/worker.h"
#include "net/msgq.h"

#define THREADS_MAX 8

struct thread {
    struct jobs *pool;
    struct worker *worker;
    struct sqldb *db;
    struct job *first, *last;
    unsigned n;                       /* in the queue, and the one that runs */
};

struct jobs {
    struct thread thread[THREADS_MAX];
    unsigned n, max;
    unsigned n_open;                  /* added and not done; the loop's */
    struct msgq *finished;
};

static struct job *take(struct thread *t)
{
    struct job *j;

    worker_lock(t->worker);
    while (!t->first && !worker_is_stopping(t->worker))
        worker_wait(t->worker);
    j = worker_is_stopping(t->worker) ? NULL : t->first;
    if (j) {
        t->first = j->next;
        if (!t->first)
            t->last = NULL;
    }
    worker_unlock(t->worker);
    return j;
}

static void end_job(struct job *j, bool cancelled)
{
    j->pool->n_open--;
    j->done(j, cancelled);
}

static void run_done(void *arg, void *user)
{
    (void)user;
    end_job(arg, false);
}

static void drop_done(void *arg)
{
    end_job(arg, false);              /* its work is done, and the loop has ended */
}

static void run(void *arg)
{
    struct thread *t = arg;
    struct job *j;

    while ((j = take(t))) {
        struct msgq_task task = {run_done, drop_done, j};

        sqldb_go_back(t->db);
        j->work(j, t->db);
        worker_lock(t->worker);
        t->n--;
        worker_unlock(t->worker);
        msgq_post(t->pool->finished, &task); /* it has room for all jobs */
    }
    sqldb_close(t->db);               /* by the thread that used it */
    t->db = NULL;
}

static int start_thread(struct jobs *p, const struct myconn_config *cfg)
{
    struct thread *t = &p->thread[p->n];
    int rc = sqldb_open(&t->db, cfg);

    if (rc < 0)
        return rc;
    t->pool = p;
    rc = worker_create(&t->worker);
    if (rc < 0) {
        sqldb_close(t->db);
        return rc;
    }
    p->n++;
    return worker_start(t->worker, run, t);
}

int jobs_start(struct jobs **out, struct evloop *l, const struct myconn_config *cfg,
               unsigned n, unsigned max)
{
    struct jobs *p = calloc(1, sizeof(*p));
    int rc = p ? msgq_create(&p->finished, l, max + THREADS_MAX) : -ENOMEM;

    if (rc < 0) {
        free(p);
        return rc;
    }
    p->max = max;
    while (rc == 0 && p->n < n && p->n < THREADS_MAX)
        rc = start_thread(p, cfg);
    if (rc < 0)
        jobs_stop(p);
    else
        *out = p;
    return rc;
}

static unsigned n_of(struct thread *t)
{
    unsigned n;

    worker_lock(t->worker);
    n = t->n;
    worker_unlock(t->worker);
    return n;
}

unsigned jobs_n_waiting(struct jobs *p)
{
    unsigned i, n = 0;

    for (i = 0; i < p->n; i++)
        n += n_of(&p->thread[i]);
    return n;
}

/* To the thread with the fewest jobs. */
int jobs_add(struct jobs *p, struct job *j)
{
    struct thread *best = &p->thread[0];
    unsigned i, least = n_of(best);

    if (p->n_open >= p->max + p->n)
        return -EAGAIN;
    for (i = 1; i < p->n; i++) {
        unsigned n = n_of(&p->thread[i]);

        if (n < least) {
            least = n;
            best = &p->thread[i];
        }
    }
    p->n_open++;
    j->pool = p;
    j->next = NULL;
    worker_lock(best->worker);
    *(best->last ? &best->last->next : &best->first) = j;
    best->last = j;
    best->n++;
    worker_wake(best->worker);
    worker_unlock(best->worker);
    return 0;
}

void jobs_stop(struct jobs *p)
{
    unsigned i;

    if (!p)
        return;
    for (i = 0; i < p->n; i++)
        worker_stop(p->thread[i].worker);
    msgq_destroy(p->finished);
    for (i = 0; i < p->n; i++) {
        struct thread *t = &p->thread[i];
        struct job *j, *next;

        for (j = t->first; j; j = next) {
            next = j->next;
            end_job(j, true);
        }
        worker_destroy(t->worker);
        sqldb_close(t->db);
    }
    free(p);
}
