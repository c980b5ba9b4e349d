/* The values of the gateway at /metrics.  Each loop counts for itself without a locked
 * instruction, and the sum is made here, once for each scrape.
 * Rejected: counters that the loops share.  Their cache line would move between the
 * processors with every request. */
#include <stdio.h>

#include "base/mono.h"
#include "gateway/admit_queue.h"
#include "gateway/cache.h"
#include "gateway/gateway_private.h"
#include "net/tls_context.h"

#define SUM(field) ((double)GATEWAY_SUM(g, field))

static void collect_parts(struct gateway *g, struct metrics *m)
{
    static const char *const why[GATE_ATTEMPTS] = {
        "first",      "stale_connection", "connect",  "reset", "timeout",
        "bad_answer", "status",           "rejected", "own"};
    struct metrics_part part[HTTP_WHYS];
    size_t i;

    for (i = 0; i < GATE_RESULTS; i++)
        part[i] = (struct metrics_part){gate_loop_result_name[i], SUM(requests[i])};
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
    struct metrics_part limit[MODULES_MAX], factor[MODULES_MAX], state[MODULES_MAX],
        inflight[MODULES_MAX], nodes[MODULES_MAX], unmeasured[MODULES_MAX],
        fallback[MODULES_MAX], share[MODULES_MAX], refused[ADMIT_CLASSES];
    struct modules_entry list[MODULES_MAX];
    char name[MODULES_MAX][24];
    unsigned i, n = modules_list(g->modules, list), c;
    uint64_t n_refused[ADMIT_CLASSES];

    for (i = 0; i < n; i++) {
        const struct modules_entry *at = &list[i];
        struct admit_view now;

        admit_look(g->admit, at->slot, mono_ms(), &now);
        snprintf(name[i], sizeof(name[i]), "%u/%u", at->modid, at->cmdid);
        limit[i] = (struct metrics_part){name[i], now.limit};
        factor[i] = (struct metrics_part){name[i], now.factor};
        share[i] = (struct metrics_part){name[i], now.share};
        state[i] = (struct metrics_part){name[i], now.state};
        inflight[i] = (struct metrics_part){name[i], now.inflight};
        nodes[i] = (struct metrics_part){name[i], now.nodes_in};
        unmeasured[i] = (struct metrics_part){name[i], !now.measured};
        fallback[i] = (struct metrics_part){
            name[i], fallback_is_used(modules_fallback(g->modules, at->slot))};
    }
    admit_count_refused(g->admit, n_refused);
    for (c = 0; c < ADMIT_CLASSES; c++)
        refused[c] = (struct metrics_part){admit_class_name[c], (double)n_refused[c]};
    metrics_counter_parts(m, "lars_gateway_refused_total",
                          "Requests answered with the waiting page.", "class", refused,
                          ADMIT_CLASSES);
    metrics_gauge_parts(m, "lars_gateway_limit",
                        "Requests that may be in progress at nodes.", "module", limit, n);
    metrics_gauge_parts(m, "lars_gateway_limit_factor",
                        "The correction of the limit; 1 = none.", "module", factor, n);
    metrics_gauge_parts(m, "lars_gateway_share",
                        "The part of the capacity that this gateway may use; 1 without "
                        "an autoscaler.",
                        "module", share, n);
    metrics_gauge_parts(m, "lars_gateway_module_inflight",
                        "Admitted requests in progress.", "module", inflight, n);
    metrics_gauge_parts(m, "lars_gateway_nodes_in",
                        "Nodes that take requests; those that are down, ejected or "
                        "drained do not count.",
                        "module", nodes, n);
    metrics_gauge_parts(m, "lars_gateway_capacity_unmeasured",
                        "1: the policy has no node_inflight, so the limit is a guess.",
                        "module", unmeasured, n);
    metrics_gauge_parts(m, "lars_gateway_fallback",
                        "1: nodes of the rules serve the module, because the agent has "
                        "no route of it.",
                        "module", fallback, n);
    metrics_gauge_parts(m, "lars_gateway_state",
                        "0 normal, 1 queueing, 2 waiting pages for new visitors, 3 also "
                        "for visitors inside, 4 copy of the site.",
                        "module", state, n);
}

static double n_budget_empty(const struct gateway *g)
{
    double n = 0;
    unsigned i;

    for (i = 0; i < MODULES_MAX; i++)
        n += SUM(module[i].budget_empty);
    return n;
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
    metrics_gauge(m, "lars_gateway_cache_limit_bytes",
                  "What the cache may keep now: [cache] mb, or a quarter in a shortage.",
                  (double)s.bytes_max);
    metrics_gauge(m, "lars_gateway_cache_entries", "Responses in the cache.",
                  (double)s.copies);
    metrics_counter(m, "lars_gateway_cache_evictions_total",
                    "Responses that left the cache to make room.", (double)s.evicted);
    metrics_counter(m, "lars_gateway_cache_waits_total",
                    "Requests that waited for another request's fetch.",
                    (double)s.waited);
}

static void collect_reloads(struct gateway *g, struct metrics *m)
{
    struct registrar_view now;

    registrar_look(g->registrar, &now);
    metrics_counter(m, "lars_gateway_reloads_total",
                    "Times that the rules and keys were read again and put in force.",
                    (double)now.n_reloads);
    metrics_counter(m, "lars_gateway_reload_errors_total",
                    "Times that the rules or keys were wrong and the old ones stayed.",
                    (double)now.n_failed);
}

static void collect_drill(struct gateway *g, struct metrics *m)
{
    struct metrics_part part[] = {{"no", SUM(drill[0])}, {"yes", SUM(drill[1])}};

    metrics_counter_parts(m, "lars_gateway_drill_requests_total",
                          "Requests for nodes with the field Lars-Drill, by whether it "
                          "was valid; others count as visits.",
                          "valid", part, 2);
}

static void collect_shortage(struct gateway *g, struct metrics *m)
{
    metrics_gauge(m, "lars_gateway_shortage",
                  "1: descriptors or memory were short within the last 10 s.",
                  shortage_is_on(&g->shortage));
    metrics_counter(m, "lars_gateway_shortages_total",
                    "Connections that failed because descriptors or memory were short.",
                    (double)shortage_n(&g->shortage));
    metrics_counter(m, "lars_gateway_connections_refused_short_total",
                    "Connections closed at once within a second after a shortage.",
                    SUM(refused_short));
}

static void collect_tls(struct gateway *g, struct metrics *m)
{
    struct metrics_part part[] = {{"full", SUM(tls_full)},
                                  {"resumed", SUM(tls_resumed)},
                                  {"failed", SUM(tls_failed)}};

    metrics_counter_parts(m, "lars_gateway_tls_handshakes_total",
                          "Handshakes of TLS that have ended.", "result", part, 3);
    if (g->tls)
        metrics_gauge(m, "lars_gateway_certificate_expires_seconds",
                      "When the certificate expires, in seconds since 1970.",
                      (double)tls_context_expiry_s(g->tls));
}

void gateway_metrics_collect(struct gateway *g, struct metrics *m)
{
    collect_reloads(g, m);
    collect_parts(g, m);
    collect_admission(g, m);
    gateway_module_metrics_collect(g, m);
    metrics_gauge(m, "lars_gateway_queue", "Requests that wait for their admission.",
                  n_queued(g));
    collect_cache(g, m);
    collect_tls(g, m);
    collect_shortage(g, m);
    collect_drill(g, m);
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
                    n_budget_empty(g));
    metrics_counter(m, "lars_gateway_pool_stale_total",
                    "Waiting connections to nodes that were found closed when a request "
                    "was sent; it was sent again on a new one.",
                    SUM(attempts[GATE_STALE_CONN]));
    metrics_counter(m, "lars_gateway_no_node_total",
                    "Requests for which no node was usable.", SUM(no_node));
    metrics_counter(m, "lars_gateway_fallback_attempts_total",
                    "Attempts at nodes of the rules, while the agent had no route.",
                    SUM(fallback));
    metrics_counter(m, "lars_gateway_no_rule_total", "Requests for hosts without a rule.",
                    SUM(no_rule));
    metrics_counter(m, "lars_gateway_redirects_total",
                    "Requests without TLS that were sent to https ([gateway] "
                    "https_redirect).",
                    SUM(redirects));
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
                  gateway_mean_permille(g) / 1000.0);
    metrics_gauge(m, "lars_gateway_loops", "Loops that accept visitors.",
                  listeners_n(g->listeners));
}
