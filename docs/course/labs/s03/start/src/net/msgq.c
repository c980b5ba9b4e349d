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

/* Called by the loop when the eventfd is readable.  It runs the waiting tasks.
 * 1. Read the 8 bytes of the eventfd, so that it is not readable any more.  When the
 *    read fails with another error than EAGAIN, return.
 * 2. Take all waiting tasks while you hold the lock.  Exchanging q->wait and q->work
 *    is enough and copies no task.
 * 3. Run the tasks in order, without the lock, each with its own arg and with q->user.
 * 4. Keep the array for the next turn: it is empty, and its memory is used again.
 * Which of steps 1 and 2 comes first matters: see the comment at the head of this
 * file. */
static void on_wakeup(int fd, uint32_t events, void *arg)
{
    /* begin on_wakeup */
    (void)fd;
    (void)events;
    (void)arg;
    /* end on_wakeup */
}

/* 1. Allocate a zeroed queue; -ENOMEM when there is no memory.
 * 2. Store <l> and <limit>; initialise the mutex.
 * 3. Create the eventfd, non-blocking and close-on-exec, with the counter 0.
 * 4. Watch it: evloop_add_fd() with EPOLLIN, on_wakeup and the queue as its argument.
 * 5. On success write *out and return 0.  On failure release what exists, in reverse
 *    order, and return the negative errno of the call that failed; *out stays as it
 *    was. */
int msgq_create(struct msgq **out, struct evloop *l, size_t limit)
{
    /* begin msgq_create */
    (void)out;
    (void)l;
    (void)limit;
    (void)on_wakeup;
    return -ENOSYS;
    /* end msgq_create */
}

/* 1. NULL: return.
 * 2. Stop watching the eventfd, then close it.  The order matters: the loop must never
 *    watch a number that the kernel may give away again.
 * 3. Call drop for each task that waits, in order.  A task may have no drop function.
 * 4. Free both arrays, the mutex and the queue. */
void msgq_destroy(struct msgq *q)
{
    /* begin msgq_destroy */
    (void)q;
    /* end msgq_destroy */
}

/* Remember <user> for the tasks that run from now on. */
void msgq_set_user(struct msgq *q, void *user)
{
    /* begin msgq_set_user */
    (void)q;
    (void)user;
    /* end msgq_set_user */
}

/* Put a copy of <task> at the end of <t>.  When the array is full, its size is
 * doubled; the first size is 16.  Returns 0 or -ENOMEM, and then <t> is unchanged and
 * still valid. */
static int append(struct tasks *t, const struct msgq_task *task)
{
    /* begin append */
    (void)t;
    (void)task;
    return -ENOSYS;
    /* end append */
}

/* Any thread calls this function.
 * 1. Under the lock: note how many tasks wait.  When they are q->limit or more, the
 *    result is -EAGAIN; otherwise append a copy of <t>.
 * 2. Without the lock: when the task was appended and no task waited before it, write
 *    the number 1 (a uint64_t) to the eventfd.  Tasks that find another task waiting
 *    need no wake-up.
 * 3. A write that fails with EAGAIN is a success: the counter is full, so a wake-up is
 *    pending already. */
int msgq_post(struct msgq *q, const struct msgq_task *t)
{
    /* begin msgq_post */
    (void)q;
    (void)t;
    (void)append;
    return -ENOSYS;
    /* end msgq_post */
}
