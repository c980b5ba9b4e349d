/* A wait belongs to its loop and is used there only; the thread that ends a fetch takes
 * the whole list and posts it, one task for each loop.  A wait that is left early is
 * unlinked while it is in the list, and after that only marked: the task frees it.
 *
 * Invariant: the state of a wait changes under the lock of its shard, and decides which
 * thread frees it.
 * Rejected: a task for each wait.  A crowd of 20,000 would fill the queue of a loop. */
#include <stdlib.h>

#include "gateway/cache_private.h"

enum wait_state {
    WAIT_LISTED, /* in the list of its slot */
    WAIT_POSTED, /* in a task, which frees it */
    WAIT_LOST /* its task found no room: it is its owner's */
};

struct cache_wait {
    struct cache_wait *next, **prev;
    struct shard *shard;
    unsigned loop;
    enum wait_state state;
    void (*wake)(void *arg); /* NULL = left; loop */
    void *arg;
};

struct cache_wait *cache_wait_new(struct shard *s, struct slot *slot,
                                  const struct cache_ask *ask)
{
    struct cache_wait *w = malloc(sizeof(*w));

    if (!w)
        return NULL;
    *w = (struct cache_wait){.next = slot->waits,
                             .prev = &slot->waits,
                             .shard = s,
                             .loop = ask->loop,
                             .wake = ask->wake,
                             .arg = ask->arg};
    if (w->next)
        w->next->prev = &w->next;
    slot->waits = w;
    s->n_waited++;
    return w;
}

void cache_wait_end(struct cache_wait *w)
{
    struct shard *s = w->shard;
    bool ours;

    pthread_mutex_lock(&s->lock);
    ours = w->state != WAIT_POSTED;
    if (w->state == WAIT_LISTED) {
        *w->prev = w->next;
        if (w->next)
            w->next->prev = w->prev;
    }
    w->wake = NULL;
    pthread_mutex_unlock(&s->lock);
    if (ours)
        free(w);
}

/* A task: in the loop of the waits. */
static void run_waits(void *arg, void *user)
{
    struct cache_wait *w = arg, *next;

    (void)user;
    for (; w; w = next) {
        if (w->wake)
            w->wake(w->arg); /* may leave this wait or a later one */
        next = w->next;
        free(w);
    }
}

static void drop_waits(void *arg)
{
    struct cache_wait *w = arg, *next;

    for (; w; w = next) {
        next = w->next;
        free(w);
    }
}

/* Cut those of one loop off the list. */
static struct cache_wait *cut_loop(struct cache_wait **list, unsigned loop)
{
    struct cache_wait *cut = NULL, *w;

    while ((w = *list) != NULL) {
        if (w->loop != loop) {
            list = &w->next;
            continue;
        }
        *list = w->next;
        w->next = cut;
        cut = w;
    }
    return cut;
}

/* Under the lock: what is posted may not run before every state is right. */
void cache_wait_wake_all(struct shard *s, struct slot *slot)
{
    struct cache_wait *list = slot->waits, *w, *mine;

    slot->waits = NULL;
    for (w = list; w; w = w->next)
        w->state = WAIT_POSTED;
    while (list) {
        struct msgq_task task = {run_waits, drop_waits, NULL};
        unsigned loop = list->loop;

        task.arg = mine = cut_loop(&list, loop);
        if (looppool_post(s->cache->pool, loop, &task) < 0)
            for (w = mine; w; w = w->next)
                w->state = WAIT_LOST; /* the timer of its owner ends it */
    }
}
