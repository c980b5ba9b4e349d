#include "dns/dns_metrics.h"

#include "dns/removal_guard.h"
#include "obs/server_metrics.h"

static void collect_service(struct metrics *m, const struct dns_metrics *parts)
{
    struct dnssrv_stat st;

    dnssrv_stat(parts->srv, &st);
    server_metrics_collect(m, "dnsd", dnssrv_server(parts->srv),
                           dnssrv_admission(parts->srv), st.n_ended);
    metrics_counter(m, "lars_dnsd_queries_total", "Requests for a module's route.",
                    (double)st.n_query);
    metrics_counter(m, "lars_dnsd_refused_queries_total",
                    "Requests that were malformed or over a limit.",
                    (double)st.n_bad_query);
    metrics_counter(m, "lars_dnsd_pushes_total",
                    "Routes sent to subscribers because they changed.",
                    (double)st.n_push);
    metrics_counter(m, "lars_dnsd_cut_replies_total",
                    "Routes sent to legacy peers without the nodes that did not fit in a "
                    "frame.",
                    (double)st.n_cut);
}

static void collect_poll(struct metrics *m, const struct dns_metrics *parts)
{
    struct dnspoll_stat st;

    dnspoll_stat(parts->poll, &st);
    metrics_gauge(m, "lars_dnsd_route_version", "Version of the routes served.",
                  (double)st.version);
    metrics_gauge(m, "lars_dnsd_modules", "Modules that have nodes.",
                  (double)st.n_module);
    metrics_gauge(m, "lars_dnsd_nodes", "Nodes of all modules.", (double)st.n_node);
    metrics_counter(m, "lars_dnsd_polls_total",
                    "Times that the version in the database was read.",
                    (double)st.n_poll);
    metrics_counter(m, "lars_dnsd_loads_total", "Loads of the modules that changed.",
                    (double)st.n_load);
    metrics_counter(m, "lars_dnsd_full_loads_total", "Loads of all modules.",
                    (double)st.n_full);
    metrics_counter(m, "lars_dnsd_drifts_total",
                    "Full loads that found a change without a new version.",
                    (double)st.n_drift);
    metrics_counter(m, "lars_dnsd_db_failures_total", "Database calls that failed.",
                    (double)st.n_fail);
    metrics_gauge(m, "lars_dnsd_db_up", "1 = the last database call succeeded.",
                  st.db_up);
}

static void collect_guard(struct metrics *m, const struct dns_metrics *parts)
{
    struct removal_guard_stat st;

    if (!parts->guard)
        return;
    removal_guard_stat(parts->guard, &st);
    metrics_gauge(m, "lars_dnsd_held_modules",
                  "Modules that keep nodes which a change removes, until it is "
                  "confirmed.",
                  (double)st.n_held);
    metrics_gauge(m, "lars_dnsd_stale",
                  "1 = the routes served are those of the last known good file.",
                  (double)st.stale);
    metrics_counter(m, "lars_dnsd_file_writes_total",
                    "Writes of the last known good file.", (double)st.n_written);
    metrics_counter(m, "lars_dnsd_file_failures_total",
                    "Writes of the last known good file that failed.",
                    (double)st.n_write_fail);
}

static void collect_slots(struct metrics *m, const struct dns_metrics *parts)
{
    struct dnssrv_stat srv;
    struct slot_orders_stat st;

    if (!parts->orders)
        return;
    dnssrv_stat(parts->srv, &srv);
    slot_orders_stat(parts->orders, &st);
    metrics_gauge(m, "lars_dnsd_slotds", "lars-slotd that are connected now.",
                  (double)srv.n_slotd);
    metrics_counter(m, "lars_dnsd_slot_orders_sent_total",
                    "Lists of orders sent to lars-slotd.", (double)srv.n_orders);
    metrics_counter(m, "lars_dnsd_slot_order_reads_total",
                    "Times that the orders of all slots were read from the database.",
                    (double)st.n_read);
    metrics_counter(m, "lars_dnsd_slot_order_failures_total",
                    "Reads of the orders that failed; nothing is sent then.",
                    (double)st.n_fail);
}

static void collect_all(struct metrics *m, const void *arg)
{
    collect_service(m, arg);
    collect_poll(m, arg);
    collect_guard(m, arg);
    collect_slots(m, arg);
    daemon_tls_collect(m, "dnsd", ((const struct dns_metrics *)arg)->tls);
}

/* Routes are served without the database too, so a database that is away is no reason to
 * take this server out of a balancer; lars_dnsd_db_up shows it. */
static const char *health(const void *arg)
{
    const struct dns_metrics *parts = arg;
    struct dnspoll_stat st;

    dnspoll_stat(parts->poll, &st);
    return st.version > 0 ? NULL : "no routes yet: the database has not answered";
}

int dns_metrics_serve(struct httpd **out, struct evloop *l, const char *where,
                      const struct dns_metrics *parts)
{
    const struct httpd_config c = {collect_all, health, parts, sizeof(*parts)};

    return httpd_create(out, l, where, &c);
}
