#include "agent/agentparts.h"

static void on_info(const struct msg_info *m, void *arg)
{
    struct agentparts *p = arg;

    planelink_info(p->plane, m);
}

int agentparts_init(struct agentparts *p, const struct agent_config *cfg,
                    struct looppool *pool, unsigned plane, unsigned rep,
                    void (*tell_all)(void *arg), planelink_totals_fn *tell, void *arg)
{
    int rc = exactlink_create(&p->exact, pool, rep, cfg->route_file,
                              cfg->plane.advice.zone, tell_all, arg);

    if (rc == 0)
        rc = planelink_create(&p->plane, pool, plane, p->exact, &cfg->plane, tell, arg);
    return rc < 0 ? rc : updatecli_create(&p->updates, on_info, p);
}

int agentparts_watch(struct agentparts *p, struct servers_config *sc, struct evloop *dns,
                     struct evloop *rep, const struct agent_config *cfg)
{
    sc->dns_loop = dns;
    sc->rep_loop = rep;
    sc->exact = p->exact;
    sc->first_dns = cfg->dns[0];
    sc->first_rep = cfg->report[0];
    sc->n_dns = cfg->n_dns;
    sc->n_rep = cfg->n_report;
    return servers_create(&p->servers, sc);
}

void agentparts_fini_servers(struct agentparts *p)
{
    servers_destroy(p->servers);
    p->servers = NULL;
}

void agentparts_fini(struct agentparts *p)
{
    updatecli_destroy(p->updates);
    planelink_destroy(p->plane);
    exactlink_destroy(p->exact);
}

bool agentparts_report(struct agentparts *p, const struct module_id *m,
                       const struct msg_result *res, size_t n)
{
    return exactlink_report(p->exact, m, res, n) || p->plane; /* that has its own */
}

void agentparts_on_up(struct agentparts *p, uint32_t caller)
{
    p->n_report_up++;
    exactlink_on_up(p->exact, caller);
}

void agentparts_on_call(struct agentparts *p, unsigned index, const struct msg_call *q)
{
    if (!planelink_call(p->plane, index, q))
        exactlink_on_call(p->exact, index, q);
}
