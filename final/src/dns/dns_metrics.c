#include "dns/dns_metrics.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "dns/removal_guard.h"
#include "obs/httpd.h"

struct dns_metrics {
    struct httpd *http;
    struct dnssrv *srv;
    struct dnspoll *poll;
    struct db *guard;                 /* or NULL */
};

static void collect_service(struct metrics *m, struct dns_metrics *o)
{
    struct dnssrv_stat st;

    dnssrv_stat(o->srv, &st);
    metrics_gauge(m, "lars_dnsd_connections", "Agents connected.",
                  mtsrv_n_conns(dnssrv_server(o->srv)));
    metrics_counter(m, "lars_dnsd_queries_total", "Questions for a route.",
                    (double)st.n_query);
    metrics_counter(m, "lars_dnsd_refused_queries_total",
                    "Questions that were malformed or over a limit.",
                    (double)st.n_bad_query);
    metrics_counter(m, "lars_dnsd_pushes_total", "Routes sent because they changed.",
                    (double)st.n_push);
    metrics_counter(m, "lars_dnsd_cut_replies_total",
                    "Replies with more nodes than fit in a frame.", (double)st.n_cut);
}

static void collect_poll(struct metrics *m, struct dns_metrics *o)
{
    struct dnspoll_stat st;

    dnspoll_stat(o->poll, &st);
    metrics_gauge(m, "lars_dnsd_route_version", "Version of the routes served.",
                  (double)st.version);
    metrics_gauge(m, "lars_dnsd_modules", "Modules that have nodes.",
                  (double)st.n_module);
    metrics_gauge(m, "lars_dnsd_nodes", "Nodes of all modules.", (double)st.n_node);
    metrics_counter(m, "lars_dnsd_polls_total", "Looks at the version.",
                    (double)st.n_poll);
    metrics_counter(m, "lars_dnsd_loads_total", "Loads of what changed.",
                    (double)st.n_load);
    metrics_counter(m, "lars_dnsd_full_loads_total", "Loads of everything.",
                    (double)st.n_full);
    metrics_counter(m, "lars_dnsd_drifts_total",
                    "Full loads that found what no version told.", (double)st.n_drift);
    metrics_counter(m, "lars_dnsd_db_failures_total",
                    "Calls of the database that failed.", (double)st.n_fail);
    metrics_gauge(m, "lars_dnsd_db_up", "1 = the last call of the database succeeded.",
                  st.db_up);
}

static void collect_guard(struct metrics *m, struct dns_metrics *o)
{
    struct removal_guard_stat st;

    if (!o->guard)
        return;
    removal_guard_stat(o->guard, &st);
    metrics_gauge(m, "lars_dnsd_held_modules",
                  "Modules that keep nodes a change took away, until it is confirmed.",
                  (double)st.n_held);
    metrics_gauge(m, "lars_dnsd_stale",
                  "1 = the routes are those of the last known good file.",
                  (double)st.stale);
    metrics_counter(m, "lars_dnsd_file_writes_total",
                    "Writes of the last known good file.", (double)st.n_written);
    metrics_counter(m, "lars_dnsd_file_failures_total", "Writes of it that failed.",
                    (double)st.n_write_fail);
}

static void collect(struct metrics *m, void *arg)
{
    collect_service(m, arg);
    collect_poll(m, arg);
    collect_guard(m, arg);
}

/* Without the database routes are served all the same: that is no reason to be taken out
 * of a balancer, and /metrics says it. */
static int health(char *why, void *arg)
{
    struct dns_metrics *o = arg;
    struct dnspoll_stat st;

    dnspoll_stat(o->poll, &st);
    if (st.version > 0)
        return 0;
    snprintf(why, HTTPD_WHY_MAX, "no routes yet: the database has not answered");
    return -1;
}

int dns_metrics_create(struct dns_metrics **out, struct evloop *l, const char *where,
                  struct dnssrv *srv, struct dnspoll *poll, struct db *guard)
{
    struct dns_metrics *o = calloc(1, sizeof(*o));
    struct httpd_config c = {collect, health, o};
    int rc;

    if (!o)
        return -ENOMEM;
    *o = (struct dns_metrics){NULL, srv, poll, guard};
    rc = httpd_create(&o->http, l, where, &c);
    if (rc < 0)
        free(o);
    else
        *out = o;
    return rc;
}

void dns_metrics_destroy(struct dns_metrics *o)
{
    if (!o)
        return;
    httpd_destroy(o->http);
    free(o);
}
