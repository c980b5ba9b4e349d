#include "agent/agent_metrics.h"

static void collect_plane(struct metrics *m, const struct dataplane_stat *p)
{
    metrics_gauge(m, "lars_agentd_shm_clients", "Threads that call by shared memory.",
                  (double)p->n_client);
    metrics_gauge(m, "lars_agentd_shm_modules", "Modules in shared memory.",
                  (double)p->n_module);
    metrics_gauge(m, "lars_agentd_shm_nodes", "Nodes in shared memory.",
                  (double)p->n_node);
    metrics_gauge(m, "lars_agentd_shm_bytes", "Shared memory that routes take.",
                  (double)p->bytes);
    metrics_gauge(m, "lars_agentd_nodes_out", "Nodes that get no calls now.",
                  (double)p->n_out);
    metrics_counter(m, "lars_agentd_ejected_total", "Times that a node was taken out.",
                    (double)p->n_ejected);
    metrics_counter(m, "lars_agentd_returned_total", "Times that a node came back.",
                    (double)p->n_returned);
    metrics_counter(m, "lars_agentd_vetoed_total",
                    "Ejections that the cap of one half kept from happening.",
                    (double)p->n_vetoed);
    metrics_counter(m, "lars_agentd_timeouts_total",
                    "Calls that nobody reported in time.", (double)p->n_timeout);
    metrics_counter(m, "lars_agentd_clients_died_total",
                    "Threads of clients that ended without a word.", (double)p->n_died);
    metrics_counter(m, "lars_agentd_abandoned_total", "Calls that were theirs.",
                    (double)p->n_abandoned);
    metrics_counter(m, "lars_agentd_corrected_total",
                    "Counters of calls under way that the audit corrected.",
                    (double)p->n_corrected);
}

static void collect_all(struct metrics *m, const void *arg)
{
    const struct agent_metrics *parts = arg;
    struct agent_stat st;

    agent_stat(parts->agent, &st);
    metrics_counter(m, "lars_agentd_get_host_total", "Questions for a node.",
                    (double)st.n_get_host);
    metrics_counter(m, "lars_agentd_get_route_total", "Questions for a route.",
                    (double)st.n_get_route);
    metrics_counter(m, "lars_agentd_reports_total", "Calls reported by business code.",
                    (double)st.n_report);
    metrics_counter(m, "lars_agentd_refused_total",
                    "Questions and reports that were malformed or of an unknown node.",
                    (double)st.n_bad);
    metrics_gauge(m, "lars_agentd_modules", "Modules known or asked for.",
                  (double)st.n_module);
    collect_plane(m, &st.dataplane);
    metrics_counter(m, "lars_agentd_report_connects_total",
                    "Connections to a Report Service.", (double)st.n_report_up);
}

static const char *health(const void *arg)
{
    (void)arg;
    return NULL;
}

int agent_metrics_serve(struct httpd **out, struct evloop *l, const char *where,
                        const struct agent_metrics *parts)
{
    const struct httpd_config c = {collect_all, health, parts, sizeof(*parts)};

    return httpd_create(out, l, where, &c);
}
