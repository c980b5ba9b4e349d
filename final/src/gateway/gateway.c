/* The parts of the program and the order in which they start and stop.  Each loop has its
 * own listener, visitors and connections to nodes; the loops share the rules, the client
 * of liblars, the log and two counters.
 *
 * A loop must not wait, so it picks nodes by shared memory only; the registrar asks the
 * agent for the modules of the rules. */
#include "gateway/gateway_private.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/lars.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mono.h"
#include "gateway/admit_queue.h"
#include "gateway/cache.h"
#include "gateway/gateway_demand.h"
#include "gateway/shares.h"
#include "gateway/static_copy.h"
#include "gateway/visit.h"
#include "gateway/visitor.h"
#include "net/inherited.h"
#include "net/looppool.h"

#define SCALE_MS 1000 /* between two looks at the load of the loops */
#define BUSY_PERMILLE 950 /* of a processor: above it a loop ... */
#define ACCEPTS_BUSY 8 /* ... accepts so many clients in a turn, and not ... */
#define ACCEPTS 64
#define REFUSALS_OF_LOOP 1000 /* a second: a tenth of what a loop can do */

/* --- loops -------------------------------------------------------------------------- */

static bool refuse(struct gate_loop *g, int fd)
{
    if (!shortage_refuses(g))
        return false;
    gate_loop_count(&g->counts.refused_short);
    close(fd);
    return true;
}

static void on_accept(int fd, const struct net_addr *peer, void *arg)
{
    if (!refuse(arg, fd))
        visitor_start(arg, fd, peer);
}

static void on_accept_tls(int fd, const struct net_addr *peer, void *arg)
{
    if (!refuse(arg, fd))
        visitor_start_tls(arg, fd, peer);
}

static void on_short(int rc, void *arg)
{
    shortage_note(arg, rc);
}

/* A loop that has no time left takes fewer new visitors in a turn, and so has more for
 * those it has. */
static void on_load(uint32_t permille, void *arg)
{
    struct gate_loop *l = arg;
    unsigned budget = permille > BUSY_PERMILLE ? ACCEPTS_BUSY : ACCEPTS;

    listeners_set_budget(l->listeners, l->index, budget);
    if (l->tls_listeners)
        listeners_set_budget(l->tls_listeners, l->index, budget);
    l->mirror = static_copy_renew(l->statics, l->mirror);
    shortage_look(l);
}

static int create_loop(struct gateway *g, unsigned i)
{
    struct gate_loop *l = calloc(1, sizeof(*l));

    if (!l)
        return -ENOMEM;
    l->loop = looppool_loop(g->pool, i);
    l->index = i;
    l->limits = &g->cfg.limits;
    l->now = generation_ref(registrar_generation(g->registrar));
    l->modules = g->modules;
    l->lars = g->lars;
    l->log = g->log;
    access_log_word(l->zone, sizeof(l->zone), g->cfg.zone);
    l->admit = g->admit;
    l->cache = g->cache;
    l->shortage = &g->shortage;
    l->statics = g->statics;
    l->mirror = static_copy_renew(g->statics, NULL);
    l->n_clients = &g->n_clients;
    l->draining = &g->draining;
    l->gateway_id = gateway_demand_epoch(g->demand);
    g->loop[i] = l;
    g->n_loops = i + 1;
    looppool_set_user(g->pool, i, l);
    return gate_loop_init(l);
}

static int listen_at(struct gateway *g, const struct net_addr *at, const char *key,
                     acceptor_fn *fn, struct listeners **out, char err[CONF_ERR_MAX])
{
    struct listeners_config c = {.loop = g->cfg.loop,
                                 .pool = g->pool,
                                 .at = *at,
                                 .fn = fn,
                                 .on_short = on_short,
                                 .arg = (void *const *)(void *)g->loop};
    unsigned n = inherited_n(at), few = g->cfg.n_accepting;
    char text[NET_ADDR_STRLEN];
    int rc;

    if (n > g->cfg.n_loops) {
        snprintf(err, CONF_ERR_MAX,
                 "the gateway that hands over has %u listeners: [gateway] loops_max must "
                 "be as many at least, until it is started anew",
                 n);
        return -E2BIG;
    }
    rc = listeners_create(out, &c, n > few ? n : few);
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
    shortage_init(&g->shortage, g->cache, g->cfg.cache_bytes);
    for (i = 0; rc == 0 && i < g->cfg.n_loops; i++)
        rc = create_loop(g, i);
    if (rc == 0)
        rc = gateway_tls_start(g, err);
    if (rc == 0)
        rc = listen_at(g, &g->cfg.listen, "listen", on_accept, &g->listeners, err);
    if (rc == 0 && g->tls)
        rc = listen_at(g, &g->cfg.tls_listen, "tls_listen", on_accept_tls,
                       &g->tls_listeners, err);
    for (i = 0; rc == 0 && i < g->n_loops; i++) {
        g->loop[i]->listeners = g->listeners;
        g->loop[i]->tls_listeners = g->tls_listeners;
        rc = loop_load_start(&g->loop[i]->load, g->loop[i]->loop, on_load, g->loop[i]);
    }
    return rc < 0 ? rc : looppool_start(g->pool);
}

/* <n> loops accept visitors, at both ports. */
static void want_loops(struct gateway *g, unsigned n)
{
    listeners_want(g->listeners, n);
    if (g->tls_listeners)
        listeners_want(g->tls_listeners, n);
}

uint32_t gateway_mean_permille(const struct gateway *g)
{
    unsigned i, sum = 0, n = listeners_n(g->listeners);

    for (i = 0; i < n; i++)
        sum += loop_load_permille(&g->loop[i]->load);
    return n ? sum / n : 0;
}

uint64_t gateway_sum_at(const struct gateway *g, size_t offset)
{
    uint64_t sum = 0;
    unsigned i;

    for (i = 0; i < g->n_loops; i++)
        sum += atomic_load_explicit(
            (_Atomic uint64_t *)(void *)((char *)&g->loop[i]->counts + offset),
            memory_order_relaxed);
    return sum;
}

static void scale(void *arg)
{
    struct gateway *g = arg;
    unsigned n = listeners_n(g->listeners);
    unsigned want = loop_rule_next(&g->rule, n, g->cfg.n_loops, gateway_mean_permille(g),
                                   evloop_now_ms(g->cfg.loop) + 1);

    if (want != n) {
        LOG_INFO("gateway.loops", "from=%u to=%u busy=%u/1000", n, want,
                 gateway_mean_permille(g));
        want_loops(g, want);
    }
    evloop_set_timer(g->cfg.loop, &g->scale_timer, SCALE_MS, scale, g);
}

/* --- start and stop ----------------------------------------------------------------- */

static int start_admission(struct gateway *g)
{
    struct admit_config c = {.n_modules = MODULES_MAX,
                             .unmeasured = g->cfg.unmeasured,
                             .reserve_percent = g->cfg.reserve_percent,
                             .affordable = REFUSALS_OF_LOOP * g->cfg.n_loops};
    int rc = admit_create(&g->admit, &c);

    if (rc == 0)
        rc = shares_create(&g->shares);
    if (rc == 0)
        rc = gateway_demand_create(&g->demand);
    return rc < 0 ? rc : modules_create(&g->modules, g->admit);
}

/* The rules and the keys of cookies.  A random key is made once: a reload that made
 * another one would lose the visitors. */
static int read_rules(struct gateway *g, char err[CONF_ERR_MAX])
{
    struct registrar_config c = {.lars = g->lars,
                                 .admit = g->admit,
                                 .shares = g->shares,
                                 .statics = g->statics,
                                 .files = {.rules = g->cfg.rules,
                                           .key_file = g->cfg.key_file,
                                           .modules = g->modules}};
    int rc = 0;

    if (!g->cfg.key_file[0]) {
        rc = fleet_keys_create(&g->random_keys, "", "[gateway] key_file", err);
        LOG_INFO("gateway.key",
                 "random: [gateway] key_file is not set, so other gateways "
                 "do not accept the cookies of this one");
    }
    c.files.keys = g->random_keys;
    return rc < 0 ? rc : registrar_create(&g->registrar, &c, err);
}

static int start_static(struct gateway *g)
{
    struct static_copy_config c = {.state_dir = g->cfg.state_dir, .lars = g->lars};

    return static_copy_create(&g->statics, &c);
}

static int start_parts(struct gateway *g, char err[CONF_ERR_MAX])
{
    int rc = lars_open(&g->lars, &g->cfg.lars);

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
    rc = start_static(g);
    if (rc == 0)
        rc = start_admission(g);
    if (rc == 0)
        rc = read_rules(g, err);
    if (rc == 0 && g->cfg.await_routes_ms > 0)
        rc = registrar_await(g->registrar, g->cfg.await_routes_ms, err);
    if (rc == 0)
        rc = start_loops(g, err);
    if (rc == 0)
        rc = evloop_set_timer(g->cfg.loop, &g->scale_timer, SCALE_MS, scale, g);
    return rc < 0 ? rc : registrar_start(g->registrar, g->pool);
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
    g->start_ms = mono_ms();
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
    registrar_stop(g->registrar);
    if (g->pool)
        looppool_stop(g->pool);
    listeners_destroy(g->listeners);
    listeners_destroy(g->tls_listeners);
    for (i = 0; i < g->n_loops; i++) {
        loop_load_stop(&g->loop[i]->load);
        gate_loop_fini(g->loop[i]);
    }
    looppool_destroy(g->pool);
    registrar_destroy(g->registrar);
    gateway_tls_stop(g);
    shortage_fini(&g->shortage);
    cache_destroy(g->cache);
    for (i = 0; i < g->n_loops; i++)
        free(g->loop[i]);
    free(g->loop);
    access_log_destroy(g->log);
    gateway_demand_destroy(g->demand, g->cfg.loop);
    modules_destroy(g->modules);
    shares_destroy(g->shares);
    admit_destroy(g->admit);
    fleet_keys_destroy(g->random_keys);
    static_copy_destroy(g->statics);
    lars_close(g->lars);
    free(g);
}

const struct net_addr *gateway_address(const struct gateway *g)
{
    return listeners_address(g->listeners);
}

const struct net_addr *gateway_tls_address(const struct gateway *g)
{
    return g->tls_listeners ? listeners_address(g->tls_listeners) : NULL;
}

void gateway_drain(struct gateway *g)
{
    g->draining = g->commanded = true;
}

int gateway_undrain(struct gateway *g)
{
    if (g->ending)
        return -ESHUTDOWN;
    g->draining = false;
    g->commanded = true;
    return 0;
}

/* The order may be a second old, and a command is not: an undrain that has just come is
 * not taken back. */
void gateway_follow_zone(struct gateway *g, bool zone_out)
{
    if (g->ending || g->commanded || g->draining == zone_out)
        return;
    g->draining = zone_out;
    LOG_INFO("gateway.zone", "zone=%s: %s", g->cfg.zone,
             zone_out ? "it is drained, and this gateway drains with it"
                      : "it is in service again, and this gateway serves visitors");
}

void gateway_begin_end(struct gateway *g)
{
    g->draining = g->ending = true;
    evloop_clear_timer(g->cfg.loop, &g->scale_timer);
}

int gateway_offer(struct gateway *g, int *out, unsigned max)
{
    int n = listeners_fds(g->listeners, out, max), tls = 0;

    if (n >= 0 && g->tls_listeners)
        tls = listeners_fds(g->tls_listeners, out + n, max - (unsigned)n);
    if (n < 0 || tls < 0)
        return -EAGAIN;
    want_loops(g, listeners_n(g->listeners));
    evloop_clear_timer(g->cfg.loop, &g->scale_timer);
    return n + tls;
}

void gateway_keep(struct gateway *g)
{
    evloop_set_timer(g->cfg.loop, &g->scale_timer, SCALE_MS, scale, g);
}

void gateway_share(struct gateway *g)
{
    listeners_share(g->listeners);
    if (g->tls_listeners)
        listeners_share(g->tls_listeners);
}

void gateway_reload(struct gateway *g)
{
    char err[CONF_ERR_MAX];

    registrar_reload(g->registrar);
    if (gateway_tls_reload(g, err) < 0)
        LOG_ERROR("gateway.certificate", "%s; the old certificate stays in use", err);
    if (g->log)
        access_log_reopen(g->log);
}

void gateway_stop_accepting(struct gateway *g)
{
    want_loops(g, 0);
}

unsigned gateway_n_listeners(const struct gateway *g)
{
    return listeners_n(g->listeners) +
           (g->tls_listeners ? listeners_n(g->tls_listeners) : 0);
}

uint32_t gateway_n_clients(const struct gateway *g)
{
    return g->n_clients;
}

const char *gateway_health(const struct gateway *g)
{
    struct registrar_view now;

    registrar_look(g->registrar, &now);
    if (g->ending)
        return "the gateway is draining and will end";
    if (g->draining)
        return g->commanded
                   ? "an operator has the gateway draining; larsctl gateway undrain ends "
                     "it"
                   : "the zone of the gateway is drained; larsctl zone return ends it";
    if (now.n_registered + now.n_fallback == 0)
        return "the agent has no routes of any module of the rules";
    return NULL;
}

unsigned gateway_n_fallback(const struct gateway *g)
{
    struct registrar_view now;

    registrar_look(g->registrar, &now);
    return now.n_fallback;
}

const char *gateway_not_ready(const struct gateway *g)
{
    const char *why = gateway_health(g);

    if (why)
        return why;
    return gateway_n_listeners(g) > 0 ? NULL : "no listener for visitors is open";
}
