/* A binary heap in an array.  Each timer stores its own index, so that moving or removing
 * it needs no search.
 *
 * Invariant: at[i]->due_us <= at[2i+1]->due_us and at[2i+2]->due_us, and at[i]->pos is
 * i + 1 for every timer in the heap.
 * Rejected: a sorted list, in which inserting costs O(n); a timer wheel, which is cheaper
 * but rounds every time to its tick. */
#include "net/evtimer.h"

#include <errno.h>
#include <stdlib.h>

static void put(struct evtimer_heap *h, size_t i, struct evtimer *t)
{
    h->at[i] = t;
    t->pos = i + 1;
}

/* Move the timer at <i> up or down until the invariant holds again. */
static void sift(struct evtimer_heap *h, size_t i)
{
    struct evtimer *t = h->at[i];

    while (i > 0 && t->due_us < h->at[(i - 1) / 2]->due_us) {
        put(h, i, h->at[(i - 1) / 2]);
        i = (i - 1) / 2;
    }
    for (;;) {
        size_t child = 2 * i + 1;

        if (child + 1 < h->n && h->at[child + 1]->due_us < h->at[child]->due_us)
            child++;
        if (child >= h->n || h->at[child]->due_us >= t->due_us)
            break;
        put(h, i, h->at[child]);
        i = child;
    }
    put(h, i, t);
}

int evtimer_heap_set(struct evtimer_heap *h, struct evtimer *t, uint64_t due_us,
                     evtimer_fn *fn, void *arg)
{
    if (t->pos == 0) {
        if (h->n == h->cap) {
            size_t cap = h->cap ? h->cap * 2 : 64;
            struct evtimer **at = realloc(h->at, cap * sizeof(struct evtimer *));

            if (!at)
                return -ENOMEM;
            h->at = at;
            h->cap = cap;
        }
        put(h, h->n++, t);
    }
    t->due_us = due_us;
    t->fn = fn;
    t->arg = arg;
    sift(h, t->pos - 1);
    return 0;
}

void evtimer_heap_remove(struct evtimer_heap *h, struct evtimer *t)
{
    size_t i = t->pos - 1;
    struct evtimer *last;

    if (t->pos == 0)
        return;
    t->pos = 0;
    last = h->at[--h->n];
    if (last == t)
        return;
    put(h, i, last);
    sift(h, i);
}

struct evtimer *evtimer_heap_first(const struct evtimer_heap *h)
{
    return h->n > 0 ? h->at[0] : NULL;
}

bool evtimer_is_armed(const struct evtimer *t)
{
    return t->pos != 0;
}

void evtimer_heap_fini(struct evtimer_heap *h)
{
    while (h->n > 0)
        h->at[--h->n]->pos = 0;
    free(h->at);
    h->at = NULL;
    h->cap = 0;
}
