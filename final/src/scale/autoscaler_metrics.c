/* The values of modules are those of the last round of the leader.  A process that stands
 * by shows none, so a sum over all processes counts each module once.
 *
 * Health answers one question: could this process decide?  Gateways that are silent are
 * no fault of it, and are shown as metrics. */
#include "scale/autoscaler_metrics.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mono.h"

struct look { /* the last round, and room for its samples */
    struct rounds_view *view;
    struct metrics_sample *sample; /* DECIDERS_WANTS_MAX */
};

static void free_look(struct look *l)
{
    free(l->view);
    free(l->sample);
}

static int make_look(struct rounds *r, struct look *l)
{
    l->view = malloc(sizeof(*l->view));
    l->sample = calloc(DECIDERS_WANTS_MAX, sizeof(*l->sample));
    if (!l->view || !l->sample)
        return -1;
    rounds_look(r, l->view);
    return 0;
}

/* --- of a module -------------------------------------------------------------------- */

static double demand_of(const struct decided *x)
{
    return x->decision.demand;
}

static double load_of(const struct decided *x)
{
    return x->decision.load_nodes;
}

static double need_of(const struct decided *x)
{
    return x->decision.need;
}

static double floor_of(const struct decided *x)
{
    return x->floor_short;
}

static double ceiling_of(const struct decided *x)
{
    return x->ceiling;
}

static double plan_of(const struct decided *x)
{
    return x->decision.plan;
}

static double at_max_of(const struct decided *x)
{
    return x->at_max;
}

static double capacity_of(const struct decided *x)
{
    return x->capacity.rps;
}

static double factor_of(const struct decided *x)
{
    return x->factor;
}

static const struct {
    const char *name, *help;
    double (*of)(const struct decided *x);
} of_module[] = {
    {"lars_autoscaler_demand_rps",
     "Requests a second that are wanted: served in all zones, and refused ones.",
     demand_of},
    {"lars_autoscaler_load_nodes", "The load in nodes of measured capacity.", load_of},
    {"lars_autoscaler_nodes_needed",
     "Nodes that the load and the floor need in each zone; 0 = unmeasured.", need_of},
    {"lars_autoscaler_nodes_planned", "Nodes of plan and minimum in each zone.", plan_of},
    {"lars_autoscaler_capacity_floor", "1 = slots do not suffice for the loss of a zone.",
     floor_of},
    {"lars_autoscaler_capacity_ceiling", "1 = slots do not suffice for the load.",
     ceiling_of},
    {"lars_autoscaler_capacity_max", "1 = the load needs more nodes than max allows.",
     at_max_of},
    {"lars_autoscaler_node_rps",
     "Requests a second that a node can answer; 0 = unmeasured.", capacity_of},
    {"lars_autoscaler_capacity_factor",
     "The part of the measured capacity that counts, because nodes have become slower.",
     factor_of},
};

/* --- of a module in a zone ---------------------------------------------------------- */

#define ZONE_VALUE(field)                                                                \
    static double zone_##field(const struct decided_zone *z)                             \
    {                                                                                    \
        return z->field;                                                                 \
    }

ZONE_VALUE(served)
ZONE_VALUE(refused)
ZONE_VALUE(wanted)
ZONE_VALUE(up)
ZONE_VALUE(warm)
ZONE_VALUE(starting)
ZONE_VALUE(drained)
ZONE_VALUE(bad)
ZONE_VALUE(missing)

static const struct {
    const char *name, *help;
    double (*of)(const struct decided_zone *z);
} of_zone[] = {
    {"lars_autoscaler_served_rps", "Requests a second that the gateways of a zone sent.",
     zone_served},
    {"lars_autoscaler_refused_rps",
     "Requests a second that the gateways of a zone "
     "refuse.",
     zone_refused},
    {"lars_autoscaler_nodes_wanted",
     "Nodes wanted in a zone; 0 in one that is lost or to be empty, and in a dry run.",
     zone_wanted},
    {"lars_autoscaler_nodes_up", "Nodes in the route that serve.", zone_up},
    {"lars_autoscaler_nodes_warm", "Nodes that run without a route.", zone_warm},
    {"lars_autoscaler_nodes_starting", "Nodes that start.", zone_starting},
    {"lars_autoscaler_nodes_drained", "Nodes that get no new calls and are to end.",
     zone_drained},
    {"lars_autoscaler_nodes_bad", "Nodes that are sick or have failed.", zone_bad},
    {"lars_autoscaler_nodes_missing", "Nodes that are wanted and have no slot.",
     zone_missing},
};

static void collect_of_module(struct metrics *m, struct look *l, size_t i)
{
    size_t k;

    for (k = 0; k < l->view->n; k++) {
        const struct decided *x = &l->view->at[k];

        snprintf(l->sample[k].labels, sizeof(l->sample[k].labels), "module=\"%u/%u\"",
                 x->decision.id.modid, x->decision.id.cmdid);
        l->sample[k].value = of_module[i].of(x);
    }
    metrics_gauge_samples(m, of_module[i].name, of_module[i].help, l->sample, k);
}

/* A zone is named by the configuration of a host: what ends a label is replaced. */
static void put_labels(struct metrics_sample *to, struct module_id id, const char *zone)
{
    char name[SNAPSHOT_ZONE];
    size_t i;

    snprintf(name, sizeof(name), "%s", zone);
    for (i = 0; name[i]; i++)
        if (name[i] == '"' || name[i] == '\\' || (unsigned char)name[i] < ' ')
            name[i] = '_';
    snprintf(to->labels, sizeof(to->labels), "module=\"%u/%u\",zone=\"%s\"", id.modid,
             id.cmdid, name);
}

static void collect_of_zone(struct metrics *m, struct look *l, size_t i)
{
    size_t k, z, n = 0;

    for (k = 0; k < l->view->n; k++) {
        const struct decided *x = &l->view->at[k];

        for (z = x->first_zone; z < x->first_zone + x->n_zone; z++, n++) {
            put_labels(&l->sample[n], x->decision.id, l->view->zone[z].zone);
            l->sample[n].value = of_zone[i].of(&l->view->zone[z]);
        }
    }
    metrics_gauge_samples(m, of_zone[i].name, of_zone[i].help, l->sample, n);
}

static void collect_modules(struct metrics *m, struct rounds *r)
{
    struct look l = {0};
    size_t i;

    if (make_look(r, &l) < 0)
        m->rc = -1;
    for (i = 0; m->rc == 0 && i < sizeof(of_module) / sizeof(of_module[0]); i++)
        collect_of_module(m, &l, i);
    for (i = 0; m->rc == 0 && i < sizeof(of_zone) / sizeof(of_zone[0]); i++)
        collect_of_zone(m, &l, i);
    free_look(&l);
}

/* --- of the process ----------------------------------------------------------------- */

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

static void collect_gateways(struct metrics *m, struct demand *d, unsigned n_timed)
{
    unsigned i, answers = 0, all = 0, n = demand_n_gateways(d);
    uint64_t failed = 0;

    for (i = 0; i < n; i++) {
        struct demand_gateway_view v;

        if (!demand_look_gateway(d, i, mono_ms(), &v))
            continue;
        all++;
        answers += v.answers;
        failed += v.n_failed;
    }
    metrics_gauge(m, "lars_autoscaler_gateways",
                  "Gateways that are asked: of the configuration, and announced ones.",
                  all);
    metrics_gauge(m, "lars_autoscaler_gateways_answering",
                  "Of these, have answered in the last 1.5 s.", answers);
    metrics_gauge(m, "lars_autoscaler_gateways_timed",
                  "Of these, told the response times of nodes at the last look.",
                  n_timed);
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

static void collect_front(struct metrics *m, const struct front_stat *f)
{
    metrics_gauge(m, "lars_autoscaler_front_serving",
                  "Gateways that count as capacity, those of the configuration too.",
                  f->n_serving);
    metrics_gauge(m, "lars_autoscaler_front_busy_ratio",
                  "How busy their loops are, of all that they may have; -1 = not known.",
                  f->busy);
    metrics_gauge(m, "lars_autoscaler_front_none_left",
                  "1 = a further gateway is wanted, and no standby host is left.",
                  f->none_left);
    metrics_counter(m, "lars_autoscaler_front_failures_total",
                    "Programs of [hook] front that were not accepted.",
                    (double)f->n_failed);
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
    collect_gateways(m, parts->demand, st.n_timed);
    collect_hook(m, parts->hook);
    collect_front(m, &st.front);
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
