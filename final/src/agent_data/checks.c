/* A target is an address with a probe; the nodes that are watched hang on their target,
 * so a process that serves in fifty modules is asked once.  Each target has a timer.  It
 * is due a second after the last result, give or take a tenth, so that the hosts of a
 * zone do not ask in step; and after 250 ms while the result has not been confirmed by
 * another.
 *
 * Invariant: a target is freed only when no node hangs on it and none of its checks runs.
 *
 * Rejected: checks of every node all the time.  A thousand hosts with a thousand nodes
 * would make a million connections a second, for nodes that calls show to work. */
#include "agent_data/checks.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/mono.h"
#include "base/rnd.h"
#include "net/probe.h"

#define HASH_NONFATAL_OOM 1           /* else uthash ends the process without memory */
#include <uthash.h>

#define EVERY_MS 1000
#define JITTER_MS 200                 /* EVERY_MS less or more the half of it */
#define CONFIRM_MS 250                /* to the next check after a result that is new */
#define CONFIRMED 2                   /* equal results in a row */
#define GAP_MS 200
#define FULL_MS 20                    /* until another attempt when all slots are busy */
#define PROBE_LEN 64

struct watch {
    struct target *target;
    uint32_t nid;
    struct watch *next;               /* of the same target */
};

struct key {                          /* padding is zero */
    struct net_addr at;
    char probe[PROBE_LEN];
};

struct target {
    struct key key;
    struct checks *c;
    struct watch *first;
    struct evtimer timer;
    uint64_t ended_ms;                /* the last check; 0 = none yet */
    uint32_t n_same;                  /* equal results in a row */
    bool ok;                          /* the last result */
    bool running;
    UT_hash_handle hh;
};

struct checks {
    struct evloop *loop;
    struct probe *probe;
    checks_fn *fn;
    void *arg;
    struct target *targets;
    struct watch **watch;             /* by nid; calloc: only used pages take memory */
    uint32_t max_nodes;
    struct rnd rnd;
};

static void free_if_unused(struct target *t)
{
    if (t->first || t->running)
        return;
    evloop_clear_timer(t->c->loop, &t->timer);
    HASH_DEL(t->c->targets, t);
    free(t);
}

static void begin_check(void *arg)
{
    struct target *t = arg;
    int rc;

    if (t->running)
        return;
    t->running = true;                /* the result may arrive before probe_start()
                                       * returns */
    rc = probe_start(t->c->probe, (uint64_t)(uintptr_t)t, &t->key.at, t->key.probe);
    if (rc == 0)
        return;
    t->running = false;
    evloop_set_timer(t->c->loop, &t->timer, rc == -ENOBUFS ? FULL_MS : EVERY_MS,
                     begin_check, t);
}

static void plan_next(struct target *t)
{
    uint32_t ms = CONFIRM_MS;

    if (t->n_same >= CONFIRMED)
        ms = EVERY_MS - JITTER_MS / 2 + rnd_u32(&t->c->rnd) % JITTER_MS;
    evloop_set_timer(t->c->loop, &t->timer, ms, begin_check, t);
}

static enum node_check kind_of(enum probe_shows shows)
{
    switch (shows) {
    case PROBE_SHOWS_PROCESS:
        return NODE_CHECK_PROCESS;
    case PROBE_SHOWS_SERVICE:
        return NODE_CHECK_SERVICE;
    case PROBE_SHOWS_PORT:
        break;
    }
    return NODE_CHECK_PORT;
}

static void on_probe(uint64_t id, bool ok, enum probe_shows shows, void *arg)
{
    struct checks *c = arg;
    struct target *t = (struct target *)(uintptr_t)id;
    struct watch *w;

    t->running = false;
    t->n_same = t->ended_ms != 0 && ok == t->ok ? t->n_same + 1 : 1;
    t->ok = ok;
    t->ended_ms = evloop_now_ms(c->loop);
    for (w = t->first; w; w = w->next)
        c->fn(w->nid, kind_of(shows), ok, c->arg);
    if (t->first)
        plan_next(t);
    else
        free_if_unused(t);
}

static struct target *target_of(struct checks *c, const struct net_addr *at,
                                const char *probe)
{
    struct key key;
    struct target *t;

    memset(&key, 0, sizeof(key));
    key.at = *at;
    strncpy(key.probe, probe, PROBE_LEN - 1);
    HASH_FIND(hh, c->targets, &key, sizeof(key), t);
    if (t)
        return t;
    t = calloc(1, sizeof(*t));
    if (!t)
        return NULL;
    t->key = key;
    t->c = c;
    HASH_ADD(hh, c->targets, key, sizeof(t->key), t);
    if (t->hh.tbl)
        return t;
    free(t);
    return NULL;
}

int checks_watch(struct checks *c, uint32_t nid, const struct net_addr *at,
                 const char *probe)
{
    struct watch *w = nid < c->max_nodes ? c->watch[nid] : NULL;
    struct target *t;

    if (nid >= c->max_nodes)
        return -ENOMEM;
    if (w && net_addr_equal(&w->target->key.at, at) &&
        strncmp(w->target->key.probe, probe, PROBE_LEN) == 0)
        return 0;
    checks_unwatch(c, nid);
    t = target_of(c, at, probe);
    w = malloc(sizeof(*w));
    if (!t || !w) {
        if (t)
            free_if_unused(t);
        free(w);
        return -ENOMEM;
    }
    *w = (struct watch){t, nid, t->first};
    t->first = w;
    c->watch[nid] = w;
    if (!evtimer_is_armed(&t->timer) && !t->running)
        evloop_set_timer(c->loop, &t->timer, 0, begin_check, t);
    return 0;
}

void checks_hurry(struct checks *c, uint32_t nid)
{
    struct target *t = nid < c->max_nodes && c->watch[nid] ? c->watch[nid]->target : NULL;
    uint64_t since;

    if (!t || t->running)
        return;
    since = t->ended_ms != 0 ? evloop_now_ms(c->loop) - t->ended_ms : GAP_MS;
    evloop_set_timer(c->loop, &t->timer, since < GAP_MS ? (uint32_t)(GAP_MS - since) : 0,
                     begin_check, t);
}

void checks_unwatch(struct checks *c, uint32_t nid)
{
    struct watch *w = nid < c->max_nodes ? c->watch[nid] : NULL, **at;

    if (!w)
        return;
    for (at = &w->target->first; *at != w; at = &(*at)->next)
        continue;
    *at = w->next;
    c->watch[nid] = NULL;
    free_if_unused(w->target);
    free(w);
}

int checks_create(struct checks **out, struct evloop *l, uint32_t max_nodes,
                  uint32_t timeout_ms, checks_fn *fn, void *arg)
{
    struct checks *c = calloc(1, sizeof(*c));
    int rc;

    if (!c)
        return -ENOMEM;
    c->loop = l;
    c->fn = fn;
    c->arg = arg;
    c->max_nodes = max_nodes;
    rnd_init(&c->rnd, mono_us());
    c->watch = calloc(max_nodes, sizeof(struct watch *));
    rc = c->watch ? probe_create(&c->probe, l, timeout_ms, on_probe, c) : -ENOMEM;
    if (rc < 0)
        checks_destroy(c);
    else
        *out = c;
    return rc;
}

void checks_destroy(struct checks *c)
{
    struct target *t, *next;
    struct watch *w;

    if (!c)
        return;
    probe_destroy(c->probe);
    HASH_ITER(hh, c->targets, t, next)
    {
        while ((w = t->first)) {
            t->first = w->next;
            free(w);
        }
        t->running = false;
        free_if_unused(t);
    }
    free(c->watch);
    free(c);
}
