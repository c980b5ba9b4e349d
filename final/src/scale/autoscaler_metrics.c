/* The values of modules are those of the last round of the leader.  A process that stands
 * by shows none, so a sum over all processes counts each module once.
 *
 * Health answers one question: could this process decide?  Gateways that are silent are
 * no fault of it, and are shown as metrics. */
#include "scale/autoscaler_metrics.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mono.h"

struct look { /* the modules of the last round */
    struct decided *at;
    size_t n;
    char (*name)[24];
    struct metrics_part *part;
};

static void free_look(struct look *l)
{
    free(l->at);
    free(l->name);
    free(l->part);
}

static int make_look(struct rounds *r, struct look *l)
{
    size_t i;

    l->at = calloc(DECIDERS_MODULES_MAX, sizeof(*l->at));
    l->name = calloc(DECIDERS_MODULES_MAX, sizeof(*l->name));
    l->part = calloc(DECIDERS_MODULES_MAX, sizeof(*l->part));
    if (!l->at || !l->name || !l->part)
        return -1;
    l->n = rounds_look(r, l->at, DECIDERS_MODULES_MAX);
    for (i = 0; i < l->n; i++) {
        snprintf(l->name[i], sizeof(l->name[i]), "%u/%u", l->at[i].decision.id.modid,
                 l->at[i].decision.id.cmdid);
        l->part[i].value = l->name[i];
    }
    return 0;
}

static double demand_of(const struct decided *x)
{
    return x->decision.demand;
}

static double refused_of(const struct decided *x)
{
    return x->decision.refused;
}

static double load_of(const struct decided *x)
{
    return x->decision.load_nodes;
}

static double wanted_of(const struct decided *x)
{
    return x->decision.wanted;
}

static double need_of(const struct decided *x)
{
    return x->decision.need;
}

static double up_of(const struct decided *x)
{
    return x->decision.up;
}

static double warm_of(const struct decided *x)
{
    return x->warm;
}

static double starting_of(const struct decided *x)
{
    return x->starting;
}

static double drained_of(const struct decided *x)
{
    return x->drained;
}

static double bad_of(const struct decided *x)
{
    return x->bad;
}

static double missing_of(const struct decided *x)
{
    return x->missing;
}

static double floor_of(const struct decided *x)
{
    return x->floor_short;
}

static double ceiling_of(const struct decided *x)
{
    return x->ceiling;
}

static double capacity_of(const struct decided *x)
{
    return x->capacity.rps;
}

static const struct {
    const char *name, *help;
    double (*of)(const struct decided *x);
} values[] = {
    {"lars_autoscaler_demand_rps", "Requests a second that are wanted, refused ones too.",
     demand_of},
    {"lars_autoscaler_refused_rps", "Requests a second that gateways refuse.",
     refused_of},
    {"lars_autoscaler_load_nodes", "The load in nodes of measured capacity.", load_of},
    {"lars_autoscaler_nodes_wanted", "Nodes wanted in each zone.", wanted_of},
    {"lars_autoscaler_nodes_needed",
     "Nodes that the load and the floor need in each zone; 0 = unmeasured.", need_of},
    {"lars_autoscaler_nodes_up", "Nodes in the route that serve, in all zones.", up_of},
    {"lars_autoscaler_nodes_warm", "Nodes that run without a route.", warm_of},
    {"lars_autoscaler_nodes_starting", "Nodes that start.", starting_of},
    {"lars_autoscaler_nodes_drained", "Nodes that get no new calls and are to end.",
     drained_of},
    {"lars_autoscaler_nodes_bad", "Nodes that are sick or have failed.", bad_of},
    {"lars_autoscaler_nodes_missing", "Nodes that are wanted and have no slot.",
     missing_of},
    {"lars_autoscaler_capacity_floor", "1 = slots do not suffice for the loss of a zone.",
     floor_of},
    {"lars_autoscaler_capacity_ceiling", "1 = slots do not suffice for the load.",
     ceiling_of},
    {"lars_autoscaler_node_rps",
     "Requests a second that a node can answer; 0 = unmeasured.", capacity_of},
};

static void collect_modules(struct metrics *m, struct rounds *r)
{
    struct look l = {0};
    size_t i, k;

    if (make_look(r, &l) == 0)
        for (i = 0; i < sizeof(values) / sizeof(values[0]); i++) {
            for (k = 0; k < l.n; k++)
                l.part[k].count = values[i].of(&l.at[k]);
            metrics_gauge_parts(m, values[i].name, values[i].help, "module", l.part, l.n);
        }
    else
        m->rc = -1;
    free_look(&l);
}

static void collect_counts(struct metrics *m, const struct rounds_stat *st)
{
    static const char *const steps[] = {"order", "route", "drain", "remove", "cancel"};
    struct metrics_part rule[DECIDE_DOWN + 1], step[NODE_CANCEL + 1];
    size_t i;

    for (i = 0; i <= DECIDE_DOWN; i++)
        rule[i] = (struct metrics_part){decide_rule_name((enum decide_rule)i),
                                        (double)st->n_by_rule[i]};
    for (i = 0; i <= NODE_CANCEL; i++)
        step[i] = (struct metrics_part){steps[i], (double)st->n_step[i]};
    metrics_counter_parts(m, "lars_autoscaler_decisions_total",
                          "Decisions that changed what is wanted, by rule.", "rule", rule,
                          DECIDE_DOWN + 1);
    metrics_counter_parts(m, "lars_autoscaler_steps_total", "Steps of nodes, by kind.",
                          "step", step, NODE_CANCEL + 1);
    metrics_counter(m, "lars_autoscaler_rounds_total", "Rounds as the leader.",
                    (double)st->n_round);
    metrics_counter(m, "lars_autoscaler_failures_total", "Rounds that failed.",
                    (double)st->n_fail);
    metrics_counter(m, "lars_autoscaler_lease_losses_total",
                    "Times that this process lost its lease.", (double)st->n_lost);
}

static void collect_gateways(struct metrics *m, struct demand *d)
{
    unsigned i, answers = 0, n = demand_n_gateways(d);
    uint64_t failed = 0;

    for (i = 0; i < n; i++) {
        struct demand_gateway_view v;

        demand_look_gateway(d, i, mono_ms(), &v);
        answers += v.answers;
        failed += v.n_failed;
    }
    metrics_gauge(m, "lars_autoscaler_gateways", "Gateways of the configuration.", n);
    metrics_gauge(m, "lars_autoscaler_gateways_answering",
                  "Of these, have answered in the last 1.5 s.", answers);
    metrics_counter(m, "lars_autoscaler_gateway_failures_total",
                    "Questions that no gateway answered.", (double)failed);
}

static void collect_hook(struct metrics *m, struct hook *h)
{
    struct hook_stat st = {0};

    if (h)
        hook_stat(h, &st);
    metrics_counter(m, "lars_autoscaler_hook_failures_total",
                    "Programs of [hook] exec that were not accepted.",
                    (double)st.n_failed);
    metrics_gauge(m, "lars_autoscaler_hook_stuck",
                  "Zones of modules in which the program did not reach the wanted number "
                  "for 60 s.",
                  st.n_stuck);
}

static void collect(struct metrics *m, const void *arg)
{
    const struct autoscaler_metrics *parts = arg;
    struct rounds_stat st;

    rounds_stat(parts->rounds, &st);
    metrics_gauge(m, "lars_autoscaler_leader",
                  "1 = this process has the lease: it decides.", st.is_leader);
    metrics_gauge(m, "lars_autoscaler_fence", "The fence of the leader, as last read.",
                  (double)st.fence);
    metrics_gauge(m, "lars_autoscaler_data_age_seconds",
                  "Seconds since the leader read the tables.", (double)st.age_ms / 1000);
    metrics_gauge(m, "lars_autoscaler_zones", "Zones that can be used.", st.zones);
    metrics_gauge(m, "lars_autoscaler_resting_hosts",
                  "Hosts on which a module failed to start three times.", st.n_resting);
    collect_counts(m, &st);
    collect_gateways(m, parts->demand);
    collect_hook(m, parts->hook);
    collect_modules(m, parts->rounds);
}

static const char *health(const void *arg)
{
    const struct autoscaler_metrics *parts = arg;
    struct rounds_stat st;

    rounds_stat(parts->rounds, &st);
    if (st.failing_ms >= parts->unhealthy_ms)
        return "rounds fail, so nothing is scaled: see db.down in the log";
    return NULL;
}

int autoscaler_metrics_serve(struct httpd **out, struct evloop *l, const char *where,
                             const struct autoscaler_metrics *parts)
{
    const struct httpd_config c = {
        .collect = collect, .health = health, .arg = parts, .arg_size = sizeof(*parts)};

    return httpd_create(out, l, where, &c);
}
