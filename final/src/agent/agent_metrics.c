/* Health answers one question: does this host get nodes, and are its calls counted?  The
 * agent survives much without help: routes come from its file, counts wait in the outbox.
 * So a peer that is away is no failure until callers notice it, or would soon. */
#include "agent/agent_metrics.h"

#include <errno.h>

#define RECENT_MS 60000               /* a call that was lost within it makes unhealthy */

static void collect_dataplane(struct metrics *m, const struct dataplane_stat *p)
{
    metrics_gauge(m, "lars_agentd_shm_clients",
                  "Client threads that call through shared memory now.",
                  (double)p->n_client);
    metrics_gauge(m, "lars_agentd_shm_modules", "Modules in shared memory.",
                  (double)p->n_module);
    metrics_gauge(m, "lars_agentd_shm_nodes", "Nodes in shared memory.",
                  (double)p->n_node);
    metrics_gauge(m, "lars_agentd_shm_bytes", "Bytes of shared memory that routes take.",
                  (double)p->bytes);
    metrics_gauge(m, "lars_agentd_nodes_out", "Nodes that are down or ejected now.",
                  (double)p->n_out);
    metrics_gauge(m, "lars_agentd_nodes_down",
                  "Nodes that are down now, because their checks fail.",
                  (double)p->n_down);
    metrics_counter(m, "lars_agentd_checks_total", "Active checks of nodes.",
                    (double)p->n_checks);
    metrics_counter(m, "lars_agentd_checks_failed_total",
                    "Active checks of nodes that failed.", (double)p->n_check_failed);
    metrics_counter(m, "lars_agentd_ejected_total",
                    "Nodes that went down or were ejected.", (double)p->n_ejected);
    metrics_counter(m, "lars_agentd_returned_total", "Readmissions of a node.",
                    (double)p->n_returned);
    metrics_counter(m, "lars_agentd_vetoed_total",
                    "Ejections not made, because at most half of the nodes of a module "
                    "that are not down may be ejected.",
                    (double)p->n_vetoed);
    metrics_counter(m, "lars_agentd_timeouts_total",
                    "Calls that were not reported within their time-out.",
                    (double)p->n_timeout);
    metrics_counter(m, "lars_agentd_clients_died_total",
                    "Client threads that ended without closing their call log.",
                    (double)p->n_died);
    metrics_counter(m, "lars_agentd_abandoned_total",
                    "Calls that such threads had not reported.", (double)p->n_abandoned);
    metrics_counter(m, "lars_agentd_corrected_total",
                    "In-flight counters that the audit corrected.",
                    (double)p->n_corrected);
}

/* A call through shared memory is counted when it ends: a client that gets a node sends
 * no message. */
static void collect_calls(struct metrics *m, const struct agent_stat *st)
{
    const struct dataplane_stat *p = &st->dataplane;
    const struct metrics_part get_host[] = {
        {"udp", (double)st->n_get_host},
        {"shm", (double)(p->n_reported + p->n_timeout + p->n_abandoned)}};
    const struct metrics_part reports[] = {{"udp", (double)st->n_report},
                                           {"shm", (double)p->n_reported}};

    metrics_counter_parts(m, "lars_agentd_get_host_total",
                          "Requests for a node, by path; those through shared memory are "
                          "counted when their call ends.",
                          "path", get_host, 2);
    metrics_counter_parts(m, "lars_agentd_reports_total",
                          "Calls reported by business code, by path.", "path", reports,
                          2);
    metrics_counter(m, "lars_agentd_get_route_total", "Requests for a route, by UDP.",
                    (double)st->n_get_route);
    metrics_counter(m, "lars_agentd_refused_total",
                    "UDP requests and reports that were malformed or for an unknown "
                    "node.",
                    (double)st->n_bad);
    metrics_counter(m, "lars_agentd_udp_received_total", "Datagrams that held a frame.",
                    (double)st->n_udp_in);
    metrics_counter(m, "lars_agentd_udp_dropped_total",
                    "Datagrams that did not hold a frame.", (double)st->n_udp_bad);
}

static void collect_all(struct metrics *m, const void *arg)
{
    const struct agent_metrics *parts = arg;
    struct agent_stat st;

    agent_stat(parts->agent, &st);
    collect_calls(m, &st);
    daemon_tls_collect(m, "agentd", parts->tls);
    metrics_gauge(m, "lars_agentd_modules", "Modules that UDP clients have asked for.",
                  (double)st.n_module);
    collect_dataplane(m, &st.dataplane);
    metrics_gauge(m, "lars_agentd_dns_up", "1 = a DNSService is connected.",
                  st.dns_down_ms == 0);
    metrics_gauge(m, "lars_agentd_report_up", "1 = a Report Service is connected.",
                  st.report_down_ms == 0);
    metrics_counter(m, "lars_agentd_report_connects_total",
                    "Connections made to a Report Service.", (double)st.n_report_up);
}

static const char *health(const void *arg)
{
    const struct agent_metrics *parts = arg;
    struct agent_stat st;

    agent_stat(parts->agent, &st);
    if (st.is_dns_wrong)
        return "[dnsserver] names a Report Service: see server.wrong_service in the log";
    if (st.is_report_wrong)
        return "[reporter] names a DNSService: see server.wrong_service in the log";
    if (st.dns_down_ms > 0 && !st.has_route)
        return "no DNSService is connected and no route is known: callers get no node";
    if (st.dataplane.folder_err < 0)
        return "the folder of the shared memory cannot be written: see [shm] dir";
    if (st.dataplane.publish_err < 0)
        return "a route found no room in shared memory: see dataplane.full in the log";
    if ((st.lost_ms > 0 && st.lost_ms < RECENT_MS) ||
        st.dataplane.collect_err == -ENOBUFS)
        return "an outbox is full, so calls are not counted: see outbox.full in the log";
    if (st.dataplane.collect_err < 0)
        return "counts cannot be collected from shared memory: see dataplane.collect in "
               "the log";
    if (st.report_down_ms >= parts->unhealthy_ms)
        return "no Report Service has been connected for long: counts wait in the outbox";
    return NULL;
}

int agent_metrics_serve(struct httpd **out, struct evloop *l, const char *where,
                        const struct agent_metrics *parts)
{
    const struct httpd_config c = {collect_all, health, parts, sizeof(*parts)};

    return httpd_create(out, l, where, &c);
}
