/* The daemon's loop keeps running, so that /metrics and /healthz answer until the end; a
 * timer looks at the visitors that are left.
 * Rejected: a message from each loop when its last visitor leaves.  A look every POLL_MS
 * at one counter needs no protocol between the threads. */
#include "gateway/drain.h"

#include "base/log.h"

#define POLL_MS 50

static void look(void *arg)
{
    struct drain *d = arg;
    uint64_t ms = evloop_now_ms(d->loop) - d->begin_ms;
    uint32_t left = gateway_n_clients(d->gateway);

    if (ms >= d->accept_ms)
        gateway_stop_accepting(d->gateway);
    if (ms < d->drain_ms && (left > 0 || gateway_n_listeners(d->gateway) > 0) &&
        evloop_set_timer(d->loop, &d->timer, POLL_MS, look, d) == 0)
        return;
    LOG_INFO("gateway.drained", "ms=%llu connections_left=%u", (unsigned long long)ms,
             left);
    evloop_stop(d->loop);
}

void drain_start(struct drain *d, struct evloop *l, struct gateway *g, uint32_t accept_ms,
                 uint32_t drain_ms)
{
    *d = (struct drain){.loop = l,
                        .gateway = g,
                        .begin_ms = evloop_now_ms(l),
                        .accept_ms = accept_ms,
                        .drain_ms = drain_ms};
    LOG_INFO("gateway.drain", "accept_ms=%u drain_ms=%u connections=%u", accept_ms,
             drain_ms, gateway_n_clients(g));
    gateway_begin_end(g);
    if (evloop_set_timer(l, &d->timer, 0, look, d) < 0)
        evloop_stop(l);
}
