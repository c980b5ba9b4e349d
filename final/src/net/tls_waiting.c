/* A list for each thread, the oldest handshake first.  A thread is known by its group of
 * connections; the first handshake of a thread takes one of the lists for it.
 *
 * Invariant: only the thread of a list changes it, so no lock is needed.
 * Rejected: one list and one bound for all threads.  The oldest handshake may be one of
 * another thread, which alone may end it. */
#include "net/tls_waiting.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

struct tls_waiting_list {
    _Atomic(const struct conn_group *) group; /* NULL = the list is free */
    struct tls_waiting_place *first, *last;
    unsigned n;
};

struct tls_waiting {
    unsigned n_threads, max;
    struct tls_waiting_list list[];
};

int tls_waiting_create(struct tls_waiting **out, unsigned n_threads, unsigned max)
{
    struct tls_waiting *w = calloc(1, sizeof(*w) + n_threads * sizeof(w->list[0]));

    if (!w)
        return -ENOMEM;
    w->n_threads = n_threads;
    w->max = max;
    *out = w;
    return 0;
}

void tls_waiting_destroy(struct tls_waiting *w)
{
    free(w);
}

static struct tls_waiting_list *list_of(struct tls_waiting *w, const struct conn_group *g)
{
    unsigned i;

    for (i = 0; i < w->n_threads; i++) {
        const struct conn_group *none = NULL;

        if (w->list[i].group == g ||
            atomic_compare_exchange_strong(&w->list[i].group, &none, g))
            return &w->list[i];
    }
    return NULL; /* more threads than the caller said */
}

bool tls_waiting_enter(struct tls_waiting *w, const struct conn_group *g,
                       struct tls_waiting_place *p, uint64_t now_ms,
                       struct tls_waiting_place **oldest)
{
    struct tls_waiting_list *l = list_of(w, g);

    *oldest = NULL;
    if (!l)
        return false;
    if (l->n >= w->max) {
        if (now_ms < l->first->since_ms + TLS_WAITING_LEAST_MS)
            return false;
        *oldest = l->first;
    }
    *p = (struct tls_waiting_place){.prev = l->last, .list = l, .since_ms = now_ms};
    *(l->last ? &l->last->next : &l->first) = p;
    l->last = p;
    l->n++;
    return true;
}

void tls_waiting_leave(struct tls_waiting_place *p)
{
    struct tls_waiting_list *l = p->list;

    if (!l)
        return;
    *(p->prev ? &p->prev->next : &l->first) = p->next;
    *(p->next ? &p->next->prev : &l->last) = p->prev;
    l->n--;
    p->list = NULL;
}
