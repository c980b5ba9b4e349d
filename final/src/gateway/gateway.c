/* The parts of the program and the order in which they start and stop.  Each loop has its
 * own listener, visitors and connections to nodes; the loops share the rules, the client
 * of liblars, the log and two counters.
 *
 * A loop must not wait, so it picks nodes by shared memory only; a worker asks the agent
 * for the modules of the rules, at the start and again until it has them. */
#include "gateway/gateway.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/lars.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mono.h"
#include "base/worker.h"
#include "gateway/admit_queue.h"
#include "gateway/visit.h"
#include "gateway/cache.h"
#include "gateway/listeners.h"
#include "gateway/loop_rule.h"
#include "gateway/visitor.h"
#include "net/looppool.h"

#define REGISTER_MS 1000 /* between two rounds of the worker */
#define NODES_MAX 1024 /* of a module: more count as so many */
#define SCALE_MS 1000 /* between two looks at the load of the loops */
#define BUSY_PERMILLE 950 /* of a processor: above it a loop ... */
#define ACCEPTS_BUSY 8 /* ... accepts so many clients in a turn, and not ... */
#define ACCEPTS 64
#define REFUSALS_OF_LOOP 1000 /* a second: a tenth of what a loop can do */

struct gateway {
    struct gateway_config cfg;
    struct rules *rules;
    struct lars_client *lars;
    struct access_log *log;
    struct admit *admit;
    struct visit_keys *keys;
    struct cache *cache; /* NULL = none */
    struct worker *registrar;
    struct looppool *pool;
    struct gate_loop **loop;
    unsigned n_loops; /* that exist */
    struct listeners *listeners;
    struct loop_rule rule;
    struct evtimer scale_timer;
    _Atomic uint32_t n_clients;
    _Atomic bool draining;
    _Atomic unsigned n_registered; /* modules that the agent has routes of */
    struct lars_addr nodes[NODES_MAX]; /* of the registrar */
};

/* --- modules ------------------------------------------------------------------------ */

static void register_modules(struct gateway *g)
{
    unsigned i, n = 0;

    for (i = 0; i < rules_n_modules(g->rules); i++) {
        const struct rules_module *m = rules_module(g->rules, i);
        int rc = lars_register(g->lars, m->modid, m->cmdid);

        if (rc < 0)
            LOG_EVERY(10000, LOG_LEVEL_WARN, "gateway.module", "module=%u/%u err=%s: %s",
                      m->modid, m->cmdid, err_str(rc), lars_strerror(rc));
        n += rc == 0;
    }
    g->n_registered = n;
}

/* The capacity of each module: the number of its nodes; what they can do is not known. */
static void update_capacity(struct gateway *g)
{
    unsigned i;

    for (i = 0; i < rules_n_modules(g->rules); i++) {
        const struct rules_module *m = rules_module(g->rules, i);
        struct admit_capacity c = {.share = 1};
        int n = lars_get_route(g->lars, m->modid, m->cmdid, g->nodes, NODES_MAX);

        c.nodes_in = n == -E2BIG ? NODES_MAX : n > 0 ? (uint32_t)n : 0;
        if (c.nodes_in > 0) /* otherwise the last number stays */
            admit_set_capacity(g->admit, i, &c);
    }
    admit_tick(g->admit);
}

static void run_registrar(void *arg)
{
    struct gateway *g = arg;

    do {
        register_modules(g);
        update_capacity(g);
    } while (worker_pause(g->registrar, REGISTER_MS));
}

/* --- loops -------------------------------------------------------------------------- */

static void on_accept(int fd, const struct net_addr *peer, void *arg)
{
    visitor_start(arg, fd, peer);
}

/* A loop that has no time left takes fewer new visitors in a turn, and so has more for
 * those it has. */
static void on_load(uint32_t permille, void *arg)
{
    struct gate_loop *l = arg;

    listeners_set_budget(l->listeners, l->index,
                         permille > BUSY_PERMILLE ? ACCEPTS_BUSY : ACCEPTS);
}

static int create_loop(struct gateway *g, unsigned i)
{
    struct gate_loop *l = calloc(1, sizeof(*l));

    if (!l)
        return -ENOMEM;
    l->loop = looppool_loop(g->pool, i);
    l->index = i;
    l->limits = &g->cfg.limits;
    l->rules = g->rules;
    l->lars = g->lars;
    l->log = g->log;
    l->admit = g->admit;
    l->keys = g->keys;
    l->cache = g->cache;
    l->n_clients = &g->n_clients;
    l->draining = &g->draining;
    g->loop[i] = l;
    g->n_loops = i + 1;
    looppool_set_user(g->pool, i, l);
    return gate_loop_init(l);
}

static int listen_at(struct gateway *g, const struct net_addr *at, const char *key,
                     struct listeners **out, char err[CONF_ERR_MAX])
{
    struct listeners_config c = {.loop = g->cfg.loop,
                                 .pool = g->pool,
                                 .at = *at,
                                 .fn = on_accept,
                                 .arg = (void *const *)(void *)g->loop};
    char text[NET_ADDR_STRLEN];
    int rc = listeners_create(out, &c, g->cfg.n_accepting);

    if (rc < 0)
        snprintf(err, CONF_ERR_MAX, "cannot listen on %s, [gateway] %s: %s",
                 net_addr_str(at, text), key, strerror(-rc));
    return rc;
}

static int start_loops(struct gateway *g, char err[CONF_ERR_MAX])
{
    unsigned i;
    int rc;

    g->loop = calloc(g->cfg.n_loops, sizeof(struct gate_loop *));
    if (!g->loop)
        return -ENOMEM;
    rc = looppool_create(&g->pool, g->cfg.n_loops);
    if (rc == 0 && g->cfg.cache_bytes > 0)
        rc = cache_create(&g->cache, g->cfg.cache_bytes, g->pool);
    for (i = 0; rc == 0 && i < g->cfg.n_loops; i++)
        rc = create_loop(g, i);
    if (rc == 0)
        rc = listen_at(g, &g->cfg.listen, "listen", &g->listeners, err);
    for (i = 0; rc == 0 && i < g->n_loops; i++) {
        g->loop[i]->listeners = g->listeners;
        rc = loop_load_start(&g->loop[i]->load, g->loop[i]->loop, on_load, g->loop[i]);
    }
    return rc < 0 ? rc : looppool_start(g->pool);
}

/* Of the loops that accept visitors. */
static uint32_t mean_permille(const struct gateway *g)
{
    unsigned i, sum = 0, n = listeners_n(g->listeners);

    for (i = 0; i < n; i++)
        sum += loop_load_permille(&g->loop[i]->load);
    return n ? sum / n : 0;
}

static void scale(void *arg)
{
    struct gateway *g = arg;
    unsigned n = listeners_n(g->listeners);
    unsigned want = loop_rule_next(&g->rule, n, g->cfg.n_loops, mean_permille(g),
                                   evloop_now_ms(g->cfg.loop) + 1);

    if (want != n) {
        LOG_INFO("gateway.loops", "from=%u to=%u busy=%u/1000", n, want,
                 mean_permille(g));
        listeners_want(g->listeners, want);
    }
    evloop_set_timer(g->cfg.loop, &g->scale_timer, SCALE_MS, scale, g);
}

/* --- start and stop ----------------------------------------------------------------- */

static int start_admission(struct gateway *g, char err[CONF_ERR_MAX])
{
    struct admit_config c = {.n_modules = RULES_MAX,
                             .unmeasured = g->cfg.unmeasured,
                             .reserve_percent = g->cfg.reserve_percent,
                             .affordable = REFUSALS_OF_LOOP * g->cfg.n_loops};
    int rc = visit_keys_create(&g->keys, g->cfg.key_file, err);

    if (rc == 0 && !g->cfg.key_file[0])
        LOG_INFO("gateway.key",
                 "random: [gateway] key_file is not set, so other gateways "
                 "do not accept the cookies of this one");
    return rc < 0 ? rc : admit_create(&g->admit, &c);
}

static int start_parts(struct gateway *g, char err[CONF_ERR_MAX])
{
    int rc = rules_create(&g->rules, g->cfg.rules, err);

    if (rc < 0)
        return rc;
    rc = lars_open(&g->lars, &g->cfg.lars);
    if (rc < 0) {
        snprintf(err, CONF_ERR_MAX, "cannot use the agent, [agent]: %s %s",
                 lars_strerror(rc), lars_last_error());
        return rc;
    }
    if (g->cfg.log[0]) {
        rc = access_log_create(&g->log, g->cfg.log, g->cfg.log_sample);
        if (rc < 0) {
            snprintf(err, CONF_ERR_MAX, "cannot write %.200s, [log] path: %s", g->cfg.log,
                     strerror(-rc));
            return rc;
        }
    }
    rc = start_admission(g, err);
    if (rc == 0)
        rc = worker_create(&g->registrar);
    if (rc == 0)
        rc = start_loops(g, err);
    if (rc == 0)
        rc = evloop_set_timer(g->cfg.loop, &g->scale_timer, SCALE_MS, scale, g);
    return rc < 0 ? rc : worker_start(g->registrar, run_registrar, g);
}

int gateway_create(struct gateway **out, const struct gateway_config *c,
                   char err[CONF_ERR_MAX])
{
    struct gateway *g = calloc(1, sizeof(*g));
    int rc;

    snprintf(err, CONF_ERR_MAX, "no memory or no thread");
    if (!g)
        return -ENOMEM;
    g->cfg = *c;
    rc = start_parts(g, err);
    if (rc < 0)
        gateway_destroy(g);
    else
        *out = g;
    return rc;
}

void gateway_destroy(struct gateway *g)
{
    unsigned i;

    if (!g)
        return;
    evloop_clear_timer(g->cfg.loop, &g->scale_timer);
    worker_destroy(g->registrar);
    if (g->pool)
        looppool_stop(g->pool);
    listeners_destroy(g->listeners);
    for (i = 0; i < g->n_loops; i++) {
        loop_load_stop(&g->loop[i]->load);
        gate_loop_fini(g->loop[i]);
    }
    looppool_destroy(g->pool);
    cache_destroy(g->cache);
    for (i = 0; i < g->n_loops; i++)
        free(g->loop[i]);
    free(g->loop);
    access_log_destroy(g->log);
    admit_destroy(g->admit);
    visit_keys_destroy(g->keys);
    lars_close(g->lars);
    rules_destroy(g->rules);
    free(g);
}

const struct net_addr *gateway_address(const struct gateway *g)
{
    return listeners_address(g->listeners);
}

void gateway_drain(struct gateway *g)
{
    g->draining = true;
    evloop_clear_timer(g->cfg.loop, &g->scale_timer);
}

void gateway_stop_accepting(struct gateway *g)
{
    listeners_want(g->listeners, 0);
}

unsigned gateway_n_listeners(const struct gateway *g)
{
    return listeners_n(g->listeners);
}

uint32_t gateway_n_clients(const struct gateway *g)
{
    return g->n_clients;
}

const char *gateway_health(const struct gateway *g)
{
    if (g->draining)
        return "the gateway is draining";
    if (g->n_registered == 0)
        return "the agent has no routes of any module of the rules";
    return NULL;
}

/* --- metrics ------------------------------------------------------------------------ */

static double sum_of(const struct gateway *g, size_t offset)
{
    uint64_t sum = 0;
    unsigned i;

    for (i = 0; i < g->n_loops; i++)
        sum += atomic_load_explicit(
            (_Atomic uint64_t *)(void *)((char *)&g->loop[i]->counts + offset),
            memory_order_relaxed);
    return (double)sum;
}

#define SUM(field) sum_of(g, offsetof(struct gate_counts, field))

static void collect_parts(struct gateway *g, struct metrics *m)
{
    static const char *const result[GATE_RESULTS] = {"node",   "cache",   "stale",
                                                     "static", "waiting", "error"};
    static const char *const why[GATE_ATTEMPTS] = {"first",   "stale_connection",
                                                   "connect", "reset",
                                                   "timeout", "bad_answer",
                                                   "status",  "rejected"};
    struct metrics_part part[HTTP_WHYS];
    size_t i;

    for (i = 0; i < GATE_RESULTS; i++)
        part[i] = (struct metrics_part){result[i], SUM(requests[i])};
    metrics_counter_parts(m, "lars_gateway_requests_total",
                          "Requests that were answered.", "result", part, GATE_RESULTS);
    for (i = 0; i < GATE_ATTEMPTS; i++)
        part[i] = (struct metrics_part){why[i], SUM(attempts[i])};
    metrics_counter_parts(m, "lars_gateway_attempts_total",
                          "First attempts at nodes, and attempts that failed, by cause.",
                          "why", part, GATE_ATTEMPTS);
    for (i = 1; i < HTTP_WHYS; i++)
        part[i - 1] =
            (struct metrics_part){http_parse_why_name((enum http_why)i), SUM(bad[i])};
    metrics_counter_parts(m, "lars_gateway_bad_requests_total",
                          "Requests that were refused because of their form.", "why",
                          part, HTTP_WHYS - 1);
}

/* One sample for each module, with the label module="MODID/CMDID". */
static void collect_admission(struct gateway *g, struct metrics *m)
{
    static const char *const class[ADMIT_CLASSES] = {"new", "waiting", "inside"};
    struct metrics_part limit[RULES_MAX], factor[RULES_MAX], state[RULES_MAX],
        inflight[RULES_MAX], refused[ADMIT_CLASSES] = {{0}};
    char name[RULES_MAX][24];
    unsigned i, n = rules_n_modules(g->rules), c;

    for (i = 0; i < n; i++) {
        const struct rules_module *at = rules_module(g->rules, i);
        struct admit_view now;

        admit_look(g->admit, i, mono_ms(), &now);
        snprintf(name[i], sizeof(name[i]), "%u/%u", at->modid, at->cmdid);
        limit[i] = (struct metrics_part){name[i], now.limit};
        factor[i] = (struct metrics_part){name[i], now.factor};
        state[i] = (struct metrics_part){name[i], now.state};
        inflight[i] = (struct metrics_part){name[i], now.inflight};
        for (c = 0; c < ADMIT_CLASSES; c++)
            refused[c] = (struct metrics_part){class[c],
                                               refused[c].count + (double)now.refused[c]};
    }
    metrics_counter_parts(m, "lars_gateway_refused_total",
                          "Requests answered with the waiting page.", "class", refused,
                          ADMIT_CLASSES);
    metrics_gauge_parts(m, "lars_gateway_limit",
                        "Requests that may be in progress at nodes.", "module", limit, n);
    metrics_gauge_parts(m, "lars_gateway_limit_factor",
                        "The correction of the limit; 1 = none.", "module", factor, n);
    metrics_gauge_parts(m, "lars_gateway_module_inflight",
                        "Admitted requests in progress.", "module", inflight, n);
    metrics_gauge_parts(m, "lars_gateway_state",
                        "0 normal, 1 queueing, 2 waiting pages for new visitors, 3 also "
                        "for visitors inside, 4 copy of the site.",
                        "module", state, n);
}

static unsigned n_queued(const struct gateway *g)
{
    unsigned i, n = 0;

    for (i = 0; i < g->n_loops; i++)
        n += admit_queue_n(g->loop[i]->queue);
    return n;
}

static void collect_cache(struct gateway *g, struct metrics *m)
{
    struct cache_stats s = {0};

    if (g->cache)
        cache_read_stats(g->cache, &s);
    metrics_gauge(m, "lars_gateway_cache_bytes", "Memory of the cache, with its keys.",
                  (double)s.bytes);
    metrics_gauge(m, "lars_gateway_cache_entries", "Responses in the cache.",
                  (double)s.copies);
    metrics_counter(m, "lars_gateway_cache_evictions_total",
                    "Responses that left the cache to make room.", (double)s.evicted);
    metrics_counter(m, "lars_gateway_cache_waits_total",
                    "Requests that waited for another request's fetch.",
                    (double)s.waited);
}

void gateway_collect(struct gateway *g, struct metrics *m)
{
    collect_parts(g, m);
    collect_admission(g, m);
    metrics_gauge(m, "lars_gateway_queue", "Requests that wait for their admission.",
                  n_queued(g));
    collect_cache(g, m);
    metrics_counter(m, "lars_gateway_connections_total",
                    "Visitors' connections accepted.", SUM(accepted));
    metrics_gauge(m, "lars_gateway_connections", "Visitors' connections open now.",
                  g->n_clients);
    metrics_counter(m, "lars_gateway_connections_refused_total",
                    "Connections closed at once because max_clients were in use.",
                    SUM(refused_clients));
    metrics_counter(m, "lars_gateway_connections_displaced_total",
                    "Connections without a request that were closed for new ones.",
                    SUM(displaced));
    metrics_gauge(m, "lars_gateway_inflight", "Requests in progress at nodes.",
                  SUM(inflight));
    metrics_counter(m, "lars_gateway_budget_empty_total",
                    "Further attempts that the retry budget did not allow.",
                    SUM(budget_empty));
    metrics_counter(m, "lars_gateway_no_node_total",
                    "Requests for which no node was usable.", SUM(no_node));
    metrics_counter(m, "lars_gateway_no_rule_total", "Requests for hosts without a rule.",
                    SUM(no_rule));
    metrics_counter(m, "lars_gateway_too_large_total",
                    "Requests with a body over the limit.", SUM(too_large));
    metrics_counter(m, "lars_gateway_broken_total",
                    "Responses that broke off after their head was passed on.",
                    SUM(broken));
    metrics_counter(
        m, "lars_gateway_log_dropped_total",
        "Lines of the access log that were dropped because its buffer was full.",
        g->log ? (double)access_log_dropped(g->log) : 0);
    metrics_gauge(m, "lars_gateway_loop_busy_ratio",
                  "Processor time of a loop in the last second, of those that accept.",
                  mean_permille(g) / 1000.0);
    metrics_gauge(m, "lars_gateway_loops", "Loops that accept visitors.",
                  listeners_n(g->listeners));
}
