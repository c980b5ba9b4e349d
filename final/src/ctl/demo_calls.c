/* A call that falls behind is skipped and not made up for: a burst would show something
 * else than a steady load.  So a caller makes at most <rate> calls a second. */
#include "ctl/demo_calls.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/mono.h"

#define CALL_MS 300
#define NAP_MS 100

struct demo_calls {
    struct demo_calls_config cfg;
    pthread_t thread;
    atomic_bool stop;
    _Atomic uint64_t ok[2], failed;
    struct demo_calls_counts last; /* of the last look */
};

static unsigned zone_of(const struct demo_calls *d, const struct net_addr *at)
{
    unsigned i;

    for (i = 0; i < d->cfg.n_nodes; i++)
        if (d->cfg.node[i].at.port == at->port &&
            memcmp(d->cfg.node[i].at.ip, at->ip, 4) == 0)
            return d->cfg.node[i].zone;
    return 0;
}

static void call_once(struct demo_calls *d)
{
    struct lars_host h;
    struct net_addr at;
    int rc = lars_get_host(d->cfg.lars, d->cfg.modid, d->cfg.cmdid, &h);

    if (rc < 0) {
        d->failed++;
        return;
    }
    at = (struct net_addr){.family = h.addr.family, .port = h.addr.port};
    memcpy(at.ip, h.addr.ip, sizeof(at.ip));
    rc = demo_nodes_call(&at, CALL_MS);
    lars_report(d->cfg.lars, &h, rc);
    if (rc < 0)
        d->failed++;
    else
        d->ok[zone_of(d, &at)]++;
}

static void *call_steadily(void *arg)
{
    struct demo_calls *d = arg;
    uint64_t gap_us = 1000000 / d->cfg.rate, next = mono_us(), now;

    while (!d->stop) {
        now = mono_us();
        if (now < next) {
            uint64_t ms = (next - now + 999) / 1000;

            poll(NULL, 0, (int)(ms < NAP_MS ? ms : NAP_MS));
            continue;
        }
        call_once(d);
        next = next + gap_us > now ? next + gap_us : now;
    }
    return NULL;
}

int demo_calls_start(struct demo_calls **out, const struct demo_calls_config *cfg)
{
    struct demo_calls *d = calloc(1, sizeof(*d));
    int rc;

    if (!d)
        return -ENOMEM;
    d->cfg = *cfg;
    rc = -pthread_create(&d->thread, NULL, call_steadily, d);
    if (rc < 0)
        free(d);
    else
        *out = d;
    return rc;
}

void demo_calls_stop(struct demo_calls *d)
{
    if (!d)
        return;
    d->stop = true;
    pthread_join(d->thread, NULL);
    free(d);
}

void demo_calls_look(struct demo_calls *d, struct demo_calls_counts *out)
{
    const struct demo_calls_counts now = {{d->ok[0], d->ok[1]}, d->failed};

    *out = (struct demo_calls_counts){
        {now.ok[0] - d->last.ok[0], now.ok[1] - d->last.ok[1]},
        now.failed - d->last.failed};
    d->last = now;
}
