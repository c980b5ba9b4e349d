/* Connections without a request: their order, and how long they may stay.  They are the
 * ones that make room when max_clients are there, those that have waited longest first.
 * A handshake of TLS counts as waiting, so half handshakes displace each other and keep
 * no visitor out.
 * Rejected: to refuse the new visitor.  Connections that wait cost their visitor nothing
 * to open again; a page that does not come is what visitors notice. */
#include "gateway/visitor.h"

#include "gateway/visitor_private.h"

#define CROWDED_PERCENT 80 /* of max_clients; above it ... */
#define CROWDED_IDLE_MS 2000 /* ... a connection may wait so long for a request */

/* What waits for a request is in the order in which it began to wait. */
void visitor_idle_enter(struct visitor *v)
{
    struct gate_loop *g = v->g;

    if (v->is_idle)
        return;
    v->is_idle = true;
    v->idle_next = NULL;
    v->idle_prev = g->idle_last;
    *(g->idle_last ? &g->idle_last->idle_next : &g->idle) = v;
    g->idle_last = v;
}

void visitor_idle_leave(struct visitor *v)
{
    struct gate_loop *g = v->g;

    if (!v->is_idle)
        return;
    v->is_idle = false;
    *(v->idle_prev ? &v->idle_prev->idle_next : &g->idle) = v->idle_next;
    *(v->idle_next ? &v->idle_next->idle_prev : &g->idle_last) = v->idle_prev;
}

/* Many visitors: those that wait have less time. */
uint32_t visitor_idle_ms(const struct visitor *v)
{
    const struct gate_limits *l = v->g->limits;
    uint64_t n = atomic_load_explicit(v->g->n_clients, memory_order_relaxed);
    bool crowded = n * 100 > (uint64_t)l->max_clients * CROWDED_PERCENT;
    uint32_t ms = l->idle_ms;

    if (v->state == VISITOR_HANDSHAKE && l->head_ms < ms)
        ms = l->head_ms;
    return crowded && ms > CROWDED_IDLE_MS ? CROWDED_IDLE_MS : ms;
}

unsigned visitor_idle_close(struct gate_loop *g, unsigned n)
{
    unsigned closed;

    for (closed = 0; closed < n && g->idle; closed++) {
        gate_loop_count(&g->counts.displaced);
        visitor_close(g->idle);
    }
    return closed;
}
