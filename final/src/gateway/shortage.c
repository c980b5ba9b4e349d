/* Descriptors are short when a system call says so.  Memory is short when an allocation
 * for a connection fails; the cache is the only large pool, so it gives three quarters
 * back.  The loop that notices frees them itself, because memory is wanted at once.
 *
 * Connections that wait for a request are the cheapest to lose: their visitors have
 * nothing to do but to connect again.  The places that become free are for those inside:
 * they need a connection to a node for each request, so new visitors wait for a second.
 *
 * Invariant: the cache has its full size exactly when <on> is false; <lock> holds both.
 * Rejected: to watch the free memory of the host.  It does not say what this process may
 * have, with a limit of a control group or of the process, and a host that uses all its
 * memory for files is not short of any. */
#include "gateway/shortage.h"

#include <errno.h>

#include "base/err.h"
#include "base/log.h"
#include "base/mono.h"
#include "gateway/cache.h"
#include "gateway/gate_loop.h"
#include "gateway/visitor.h"

#define LOG_GAP_MS 1000

void shortage_init(struct shortage *s, struct cache *cache, size_t cache_bytes)
{
    *s = (struct shortage){.cache = cache, .cache_bytes = cache_bytes};
    pthread_mutex_init(&s->lock, NULL);
}

void shortage_fini(struct shortage *s)
{
    pthread_mutex_destroy(&s->lock);
}

bool shortage_is_error(int rc)
{
    return rc == -EMFILE || rc == -ENFILE || rc == -ENOMEM || rc == -ENOBUFS ||
           rc == -ENOSPC; /* of epoll: too many descriptors are watched */
}

static void switch_to(struct shortage *s, bool on)
{
    pthread_mutex_lock(&s->lock);
    if (s->on != on && s->cache)
        cache_set_bytes(s->cache,
                        on ? s->cache_bytes / SHORTAGE_CACHE_PART : s->cache_bytes);
    s->on = on;
    pthread_mutex_unlock(&s->lock);
}

bool shortage_note(struct gate_loop *g, int rc)
{
    struct shortage *s = g->shortage;
    unsigned closed;

    if (!s || !shortage_is_error(rc))
        return false;
    s->last_ms = mono_ms();
    g->n_shortages = ++s->n;
    if (!s->on)
        switch_to(s, true);
    closed = visitor_idle_close(g, SHORTAGE_CLOSES);
    LOG_EVERY(LOG_GAP_MS, LOG_LEVEL_WARN, "gateway.shortage",
              "err=%s closed=%u: new visitors are refused for a second; %s", err_str(rc),
              closed,
              rc == -EMFILE   ? "raise LimitNOFILE, or lower max_clients"
              : rc == -ENFILE ? "raise fs.file-max of the host"
              : rc == -ENOSPC ? "raise fs.epoll.max_user_watches of the host"
                              : "free memory on the host, or lower [cache] mb");
    return closed > 0;
}

static uint64_t calm_ms(const struct shortage *s)
{
    uint64_t last = s->last_ms, now = mono_ms();

    return now > last ? now - last : 0; /* another loop may have noted just now */
}

bool shortage_refuses(const struct gate_loop *g)
{
    const struct shortage *s = g->shortage;

    return s && s->on && calm_ms(s) < SHORTAGE_REFUSE_MS;
}

void shortage_look(struct gate_loop *g)
{
    struct shortage *s = g->shortage;

    if (!s || !s->on)
        return;
    if (g->n_shortages != s->n) {
        g->n_shortages = s->n;
        visitor_idle_close(g, SHORTAGE_CLOSES);
    }
    if (calm_ms(s) < SHORTAGE_CALM_MS)
        return;
    switch_to(s, false);
    LOG_INFO("gateway.shortage.end", "noted=%llu: the cache has its size again",
             (unsigned long long)s->n);
}

bool shortage_is_on(const struct shortage *s)
{
    return s->on;
}

uint64_t shortage_n(const struct shortage *s)
{
    return s->n;
}
