/* There are two arrays of tasks.  Any thread appends to one of them under the lock; the
 * loop runs the tasks of the other without the lock, and swaps the arrays when it has
 * finished.  So the lock is held for a copy of three words and never while a task runs.
 *
 * Only a post that finds the queue empty writes to the eventfd, so a burst of a thousand
 * tasks costs one wake-up.  Invariant: the loop reads the eventfd *before* it takes the
 * tasks.  In the other order, a task posted in between would find the queue empty and
 * write, the loop would then consume that wake-up, and the task would wait for ever.
 * Rejected: a pipe, which needs two descriptors and can be full; a lock-free queue, which
 * is harder to understand and not needed at this rate of messages. */
#include "net/msgq.h"

#include <errno.h>
#include <pthread.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct tasks {
    struct msgq_task *at;
    size_t n, cap;
};

struct msgq {
    struct evloop *loop;
    void *user;
    int efd;
    size_t limit;
    struct tasks work;                    /* loop thread only; empty between turns */
    pthread_mutex_t lock;                 /* guards the field below */
    struct tasks wait;
};

static void on_wakeup(int fd, uint32_t events, void *arg)
{
    struct msgq *q = arg;
    struct tasks t;
    uint64_t n;
    size_t i;

    (void)events;
    if (read(fd, &n, sizeof(n)) == -1 && errno != EAGAIN)
        return;
    pthread_mutex_lock(&q->lock);
    t = q->wait;
    q->wait = q->work;
    pthread_mutex_unlock(&q->lock);
    for (i = 0; i < t.n; i++)
        t.at[i].run(t.at[i].arg, q->user);
    t.n = 0;
    q->work = t;
}

int msgq_create(struct msgq **out, struct evloop *l, size_t limit)
{
    struct msgq *q = calloc(1, sizeof(*q));
    int rc;

    if (!q)
        return -ENOMEM;
    q->loop = l;
    q->limit = limit;
    pthread_mutex_init(&q->lock, NULL);   /* cannot fail with default attributes */
    q->efd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    rc = q->efd == -1 ? -errno : evloop_add_fd(l, q->efd, EPOLLIN, on_wakeup, q);
    if (rc == 0) {
        *out = q;
        return 0;
    }
    if (q->efd != -1)
        close(q->efd);
    pthread_mutex_destroy(&q->lock);
    free(q);
    return rc;
}

void msgq_destroy(struct msgq *q)
{
    size_t i;

    if (!q)
        return;
    evloop_del_fd(q->loop, q->efd);
    close(q->efd);
    for (i = 0; i < q->wait.n; i++)
        if (q->wait.at[i].drop)
            q->wait.at[i].drop(q->wait.at[i].arg);
    free(q->wait.at);
    free(q->work.at);
    pthread_mutex_destroy(&q->lock);
    free(q);
}

void msgq_set_user(struct msgq *q, void *user)
{
    q->user = user;
}

static int append(struct tasks *t, const struct msgq_task *task)
{
    size_t cap = t->cap ? t->cap * 2 : 16;
    struct msgq_task *at;

    if (t->n == t->cap) {
        at = realloc(t->at, cap * sizeof(*at));
        if (!at)
            return -ENOMEM;
        t->at = at;
        t->cap = cap;
    }
    t->at[t->n++] = *task;
    return 0;
}

int msgq_post(struct msgq *q, const struct msgq_task *t)
{
    uint64_t one = 1;
    size_t before;
    int rc = 0;

    pthread_mutex_lock(&q->lock);
    before = q->wait.n;
    rc = before < q->limit ? append(&q->wait, t) : -EAGAIN;
    pthread_mutex_unlock(&q->lock);
    if (rc == 0 && before == 0 && write(q->efd, &one, sizeof(one)) == -1)
        rc = errno == EAGAIN ? 0 : -errno; /* EAGAIN: a wake-up is pending */
    return rc;
}
