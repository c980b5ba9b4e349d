#include "agent/agentparts.h"

static void on_info(const struct msg_module_meta *m, void *arg)
{
    struct agentparts *p = arg;

    dataplane_link_info(p->plane, m);
}

int agentparts_init(struct agentparts *p, const struct agent_config *cfg,
                    struct looppool *pool, unsigned plane, unsigned rep,
                    void (*tell_all)(void *arg), dataplane_link_totals_fn *tell,
                    void *arg)
{
    int rc = batch_link_create(&p->exact, pool, rep, cfg->route_file,
                              cfg->plane.advice.zone, tell_all, arg);

    if (rc == 0)
        rc = dataplane_link_create(&p->plane, pool, plane, p->exact, &cfg->plane, tell,
                                   arg);
    return rc < 0 ? rc : route_sync_create(&p->updates, on_info, p);
}

int agentparts_watch(struct agentparts *p, struct failover_config *sc, struct evloop *dns,
                     struct evloop *rep, const struct agent_config *cfg)
{
    sc->dns_loop = dns;
    sc->rep_loop = rep;
    sc->exact = p->exact;
    sc->first_dns = cfg->dns[0];
    sc->first_rep = cfg->report[0];
    sc->n_dns = cfg->n_dns;
    sc->n_rep = cfg->n_report;
    return failover_create(&p->servers, sc);
}

void agentparts_fini_servers(struct agentparts *p)
{
    failover_destroy(p->servers);
    p->servers = NULL;
}

void agentparts_fini(struct agentparts *p)
{
    route_sync_destroy(p->updates);
    dataplane_link_destroy(p->plane);
    batch_link_destroy(p->exact);
}

bool agentparts_report(struct agentparts *p, const struct module_id *m,
                       const struct msg_result *res, size_t n)
{
    return batch_link_report(p->exact, m, res, n) || p->plane; /* that has its own */
}

void agentparts_on_up(struct agentparts *p, uint32_t caller)
{
    p->n_report_up++;
    batch_link_on_up(p->exact, caller);
}

void agentparts_on_call(struct agentparts *p, unsigned index, const struct msg_call *q)
{
    if (!dataplane_link_call(p->plane, index, q))
        batch_link_on_call(p->exact, index, q);
}
