#include "sim/events.h"

#include <stdlib.h>

static bool is_before(const struct event *a, const struct event *b)
{
    return a->at != b->at ? a->at < b->at : a->order < b->order;
}

void events_add(struct events *e, uint64_t at, uint32_t type, uint32_t id, uint32_t gen)
{
    struct event ev = {at, e->order++, type, id, gen}, *more;
    uint32_t i, cap = e->cap ? 2 * e->cap : 1024;

    if (e->n == e->cap) {
        more = realloc(e->heap, cap * sizeof(*more));
        if (!more) {
            e->no_memory = true;
            return;
        }
        e->heap = more;
        e->cap = cap;
    }
    for (i = e->n++; i > 0 && is_before(&ev, &e->heap[(i - 1) / 2]); i = (i - 1) / 2)
        e->heap[i] = e->heap[(i - 1) / 2];
    e->heap[i] = ev;
}

struct event events_next(struct events *e)
{
    struct event first = e->heap[0], last = e->heap[--e->n];
    uint32_t i = 0, k;

    for (; (k = 2 * i + 1) < e->n; i = k) {
        k += k + 1 < e->n && is_before(&e->heap[k + 1], &e->heap[k]);
        if (!is_before(&e->heap[k], &last))
            break;
        e->heap[i] = e->heap[k];
    }
    e->heap[i] = last;
    return first;
}

void events_free(struct events *e)
{
    free(e->heap);
    *e = (struct events){0};
}
