#include "agent/agentobs.h"

#include <errno.h>
#include <stdlib.h>

#include "obs/httpd.h"

struct agentobs {
    struct httpd *http;
    struct agent *agent;
};

static void collect(struct metrics *m, void *arg)
{
    struct agentobs *o = arg;
    struct agent_stat st;

    agent_stat(o->agent, &st);
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
    metrics_counter(m, "lars_agentd_report_connects_total",
                    "Connections to a Report Service.", (double)st.n_report_up);
}

static int health(char *why, void *arg)
{
    (void)why;
    (void)arg;
    return 0;                         /* it answers whatever else is away */
}

int agentobs_create(struct agentobs **out, struct evloop *l, const char *where,
                    struct agent *a)
{
    struct agentobs *o = calloc(1, sizeof(*o));
    struct httpd_config c = {collect, health, o};
    int rc;

    if (!o)
        return -ENOMEM;
    o->agent = a;
    rc = httpd_create(&o->http, l, where, &c);
    if (rc < 0)
        free(o);
    else
        *out = o;
    return rc;
}

void agentobs_destroy(struct agentobs *o)
{
    if (!o)
        return;
    httpd_destroy(o->http);
    free(o);
}
