/* A heap for each module, ordered by one number: the class, then the second in which the
 * visitor was seen first, then the order of arrival.  The heap of net/evtimer is such a
 * heap, and a request can leave it from the middle.
 *
 * Those who wait are served in a deferred call and not where a request ends, because the
 * loop's buffers are in use there.
 *
 * Rejected: last in, first out, which keeps the time of those who are served short.  The
 * waits are bounded to less than the patience of a visitor, so the oldest is still there.
 */
#include "gateway/admit_queue.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

#define SERVE_MS 1

struct admit_queue {
    struct evloop *loop;
    struct admit *admit;
    struct evtimer timer;
    struct evloop_call call;
    uint32_t n_calls; /* in flight, of this loop */
    uint32_t n_joined; /* counts arrivals */
    _Atomic unsigned n_waiting;
    unsigned n_modules;
    struct evtimer_heap waiting[]; /* of each module */
};

int admit_queue_create(struct admit_queue **out, struct evloop *l, struct admit *a,
                       unsigned n_modules)
{
    struct admit_queue *q =
        calloc(1, sizeof(*q) + n_modules * sizeof(struct evtimer_heap));

    if (!q)
        return -ENOMEM;
    q->loop = l;
    q->admit = a;
    q->n_modules = n_modules;
    *out = q;
    return 0;
}

void admit_queue_destroy(struct admit_queue *q)
{
    unsigned i;

    if (!q)
        return;
    evloop_clear_timer(q->loop, &q->timer);
    evloop_undefer(q->loop, &q->call);
    for (i = 0; i < q->n_modules; i++)
        evtimer_heap_fini(&q->waiting[i]);
    free(q);
}

unsigned admit_queue_n(const struct admit_queue *q)
{
    return atomic_load_explicit(&q->n_waiting, memory_order_relaxed);
}

static void set_n(struct admit_queue *q, unsigned n)
{
    atomic_store_explicit(&q->n_waiting, n, memory_order_relaxed);
}

/* --- entering ----------------------------------------------------------------------- */

static bool enter(struct admit_queue *q, const struct admit_wait *w)
{
    if (q->n_calls >= ADMIT_CALLS_MAX || !admit_enter(q->admit, w->module, w->class))
        return false;
    q->n_calls++;
    return true;
}

void admit_queue_remove(struct admit_queue *q, struct admit_wait *w)
{
    if (!evtimer_is_armed(&w->place))
        return;
    evtimer_heap_remove(&q->waiting[w->module], &w->place);
    set_n(q, admit_queue_n(q) - 1);
    admit_end_wait(q->admit, w->module);
}

void admit_queue_serve(struct admit_queue *q)
{
    struct evtimer *first;
    unsigned i;

    for (i = 0; i < q->n_modules; i++)
        while ((first = evtimer_heap_first(&q->waiting[i])) != NULL) {
            struct admit_wait *w = first->arg;

            if (!enter(q, w))
                break;
            admit_queue_remove(q, w);
            w->admitted(w);
        }
}

static void on_deferred(void *arg)
{
    admit_queue_serve(arg);
}

static void on_timer(void *arg)
{
    struct admit_queue *q = arg;

    admit_queue_serve(q);
    if (admit_queue_n(q) > 0)
        evloop_set_timer(q->loop, &q->timer, SERVE_MS, on_timer, q);
}

void admit_queue_leave(struct admit_queue *q, unsigned module)
{
    q->n_calls--;
    admit_leave(q->admit, module);
    if (admit_queue_n(q) > 0)
        evloop_defer(q->loop, &q->call, on_deferred, q);
}

/* --- waiting ------------------------------------------------------------------------ */

static uint64_t key_of(struct admit_queue *q, const struct admit_wait *w,
                       uint64_t first_s)
{
    uint64_t key = w->class == ADMIT_CLASS_INSIDE ? 0 : 1;

    return key << 63 | (first_s & 0xffffffffu) << 31 | (q->n_joined++ & 0x7fffffffu);
}

int admit_queue_join(struct admit_queue *q, struct admit_wait *w, uint64_t first_s)
{
    struct evtimer_heap *heap = &q->waiting[w->module];
    const struct evtimer *first = evtimer_heap_first(heap);
    unsigned most = w->class == ADMIT_CLASS_INSIDE ? ADMIT_QUEUE_MAX : ADMIT_QUEUE_NEW;
    uint64_t key = key_of(q, w, first_s);

    if ((!first || key < first->due_us) && enter(q, w))
        return 1;
    admit_waited(q->admit, w->module, evloop_now_ms(q->loop));
    if (admit_queue_n(q) >= most)
        return -ENOBUFS;
    /* Without memory for the timer the queue is served when a request ends. */
    if (!evtimer_is_armed(&q->timer))
        evloop_set_timer(q->loop, &q->timer, SERVE_MS, on_timer, q);
    if (evtimer_heap_set(heap, &w->place, key, NULL, w) < 0)
        return -ENOMEM;
    set_n(q, admit_queue_n(q) + 1);
    admit_begin_wait(q->admit, w->module);
    return 0;
}
