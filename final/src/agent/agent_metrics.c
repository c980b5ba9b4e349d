/* Callers use the agent in two ways, and each has counters of its own: by UDP, where the
 * agent answers each question, and by shared memory, where the callers choose and the
 * agent only collects their counts.
 *
 * Health answers two questions: are the routes fresh, and do reports leave this host?  A
 * connection that is away counts only after unhealthy_ms, because every restart of a
 * service closes it for a moment.  Calls go on in both cases: callers keep the routes,
 * and counts wait in the outbox; so 503 is a reason to look, not to restart the agent. */
#include "agent/agent_metrics.h"

static void collect_plane(struct metrics *m, const struct dataplane_stat *p)
{
    metrics_gauge(m, "lars_agentd_shm_clients",
                  "Threads of callers that use shared memory now.", (double)p->n_client);
    metrics_counter(m, "lars_agentd_shm_ok_total",
                    "Calls by shared memory that succeeded.", (double)p->n_ok);
    metrics_counter(m, "lars_agentd_shm_failed_total",
                    "Calls by shared memory that failed.", (double)p->n_failed);
    metrics_gauge(m, "lars_agentd_shm_modules", "Modules in shared memory.",
                  (double)p->n_module);
    metrics_gauge(m, "lars_agentd_shm_nodes", "Nodes in shared memory.",
                  (double)p->n_node);
    metrics_gauge(m, "lars_agentd_shm_bytes", "Bytes of shared memory that routes take.",
                  (double)p->bytes);
    metrics_gauge(m, "lars_agentd_nodes_out", "Nodes that are ejected now.",
                  (double)p->n_out);
    metrics_counter(m, "lars_agentd_ejected_total", "Ejections of nodes.",
                    (double)p->n_ejected);
    metrics_counter(m, "lars_agentd_returned_total", "Readmissions of nodes.",
                    (double)p->n_returned);
    metrics_counter(m, "lars_agentd_vetoed_total",
                    "Ejections not made, because half of the nodes were ejected.",
                    (double)p->n_vetoed);
    metrics_counter(m, "lars_agentd_timeouts_total",
                    "Calls by shared memory that ended by their time-out.",
                    (double)p->n_timeout);
    metrics_counter(m, "lars_agentd_clients_died_total",
                    "Threads of callers that ended without closing their client.",
                    (double)p->n_died);
    metrics_counter(m, "lars_agentd_abandoned_total",
                    "Calls that were open when such a thread ended.",
                    (double)p->n_abandoned);
    metrics_counter(m, "lars_agentd_corrected_total",
                    "Counters of calls in flight that the audit corrected.",
                    (double)p->n_corrected);
}

static void collect_all(struct metrics *m, const void *arg)
{
    const struct agent_metrics *parts = arg;
    struct agent_stat st;

    agent_stat(parts->agent, &st);
    metrics_counter(m, "lars_agentd_get_host_total", "Questions for a node by UDP.",
                    (double)st.n_get_host);
    metrics_counter(m, "lars_agentd_get_route_total", "Questions for a route by UDP.",
                    (double)st.n_get_route);
    metrics_counter(m, "lars_agentd_reports_total", "Calls reported by UDP.",
                    (double)st.n_report);
    metrics_counter(
        m, "lars_agentd_refused_total",
        "Questions and reports by UDP that were malformed or of an unknown node.",
        (double)st.n_bad);
    metrics_gauge(m, "lars_agentd_modules", "Modules that callers by UDP asked for.",
                  (double)st.n_module);
    collect_plane(m, &st.dataplane);
    metrics_counter(m, "lars_agentd_report_connects_total",
                    "Connections made to a Report Service.", (double)st.n_report_up);
    metrics_gauge(m, "lars_agentd_dnsd_connected", "1 = connected to a DNSService.",
                  st.dns_down_ms == 0);
    metrics_gauge(m, "lars_agentd_reportd_connected",
                  "1 = connected to a Report Service.", st.report_down_ms == 0);
}

static const char *health(const void *arg)
{
    const struct agent_metrics *parts = arg;
    struct agent_stat st;

    agent_stat(parts->agent, &st);
    if (st.dns_down_ms > parts->unhealthy_ms)
        return "no DNSService is connected: routes are those of before; start lars-dnsd, "
               "or correct [dnsserver]";
    if (st.report_down_ms > parts->unhealthy_ms)
        return "no Report Service is connected: counts wait in the outbox; start "
               "lars-reportd, or correct [reporter]";
    return NULL;
}

int agent_metrics_serve(struct httpd **out, struct evloop *l, const char *where,
                        const struct agent_metrics *parts)
{
    const struct httpd_config c = {collect_all, health, parts, sizeof(*parts)};

    return httpd_create(out, l, where, &c);
}
