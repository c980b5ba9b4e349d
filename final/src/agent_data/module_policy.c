/* A module's policy comes from three places.  For the rule by which callers choose, this
 * host's configuration for the module has precedence, then the database, then the
 * configuration's "*", then scan.  For the time-out it is the database, then the
 * configuration.  The share of the own zone's capacity that is demanded follows from the
 * weights of the nodes and the measured calls of each zone (lb/spillover).
 *
 * All of it is recomputed and written to shared memory whenever an input changes, so
 * clients read a few numbers and never parse a rule.
 * Invariant: what is in shared memory follows from the inputs that arrived last.
 * Rejected: to let the database have precedence.  An operator could then not try a rule
 * on one host. */
#include "agent_data/module_policy.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "lb/controller.h"
#include "lb/health.h"
#include "lb/policies.h"
#include "lb/spillover.h"
#include "shmem/module_table.h"

#define LOG_GAP_MS 60000

struct inputs {                       /* of one module */
    uint64_t own_weight, all_weight;  /* of the nodes in the own zone, in all zones */
    bool spills;                      /* kept for spillover_demand() */
    struct msg_module_meta *meta;     /* owned; NULL = none has arrived */
};

struct module_policy {
    struct segment *s;
    struct module_policy_config cfg;
    struct inputs *inputs;            /* by mid */
};

/* --- rules -------------------------------------------------------------------------- */

/* Reads the next part of "1/1=p2c 2/3=hash *=wrr": advances <at>, writes the module to
 * <mod>.  Returns the rule; -ENOENT at the end; -EINVAL. */
static int next_rule(const char **at, char mod[24])
{
    char name[16];
    int len = 0, n = sscanf(*at, " %23[^= ]=%15s%n", mod, name, &len);

    if (n == EOF)
        return -ENOENT;
    *at += len;
    return n == 2 ? policies_find(name) : -EINVAL;
}

int module_policy_check_rules(const char *rules)
{
    char mod[24];
    unsigned a, b;
    int rule, end;

    while ((rule = next_rule(&rules, mod)) >= 0) {
        end = 0;
        if (strcmp(mod, "*") != 0 &&
            (sscanf(mod, "%10u/%10u%n", &a, &b, &end) != 2 || mod[end]))
            return -EINVAL;
    }
    return rule == -ENOENT ? 0 : rule;
}

/* The rule that the database has for the module.  Returns it; -ENOENT when it has none;
 * -EINVAL when this agent has no such rule. */
static int rule_from_database(const struct inputs *in)
{
    int rule = in->meta && in->meta->rule[0] ? policies_find(in->meta->rule) : -ENOENT;

    if (rule == -EINVAL)
        LOG_EVERY(
            LOG_GAP_MS, LOG_LEVEL_WARN, "rule.unknown",
            "modid=%u cmdid=%u rule=%s: this agent has no such rule; the rule of the "
            "database is ignored",
            in->meta->mod.modid, in->meta->mod.cmdid, in->meta->rule);
    return rule;
}

static uint32_t rule_of(const struct module_policy *p, uint32_t mid)
{
    struct module_id id = module_table_id(p->s, mid);
    char mod[24], want[24];
    const char *at = p->cfg.rules;
    int rule, preset = 0;             /* scan */

    snprintf(want, sizeof(want), "%u/%u", id.modid, id.cmdid);
    while ((rule = next_rule(&at, mod)) >= 0) {
        if (strcmp(mod, want) == 0)
            return (uint32_t)rule;
        if (strcmp(mod, "*") == 0)
            preset = rule;
    }
    rule = rule_from_database(&p->inputs[mid]);
    return (uint32_t)(rule >= 0 ? rule : preset);
}

/* --- into shared memory ------------------------------------------------------------- */

static uint32_t own_zone_demand(const struct module_policy *p, struct inputs *in)
{
    struct spillover_load c = {.own_weight = in->own_weight,
                               .all_weight = in->all_weight};
    uint32_t i;

    if (in->meta && p->cfg.zone != 0) {
        c.node_rps = in->meta->node_rps;
        for (i = 0; i < in->meta->n_zone; i++) {
            c.all_per_s += in->meta->zone[i].per_s;
            if (in->meta->zone[i].zone == p->cfg.zone)
                c.own_per_s += in->meta->zone[i].per_s;
        }
    }
    return spillover_demand(&c, &in->spills);
}

static void write_policy(struct module_policy *p, uint32_t mid)
{
    struct module_table_settings set;
    struct inputs *in = &p->inputs[mid];
    uint32_t timeout_ms = in->meta ? in->meta->timeout_ms : 0;

    module_table_get(p->s, mid, &set);
    set.rule = rule_of(p, mid);
    set.timeout_ms = timeout_ms ? timeout_ms : p->cfg.timeout_ms;
    set.demand = own_zone_demand(p, in);
    set.node_rps = in->meta ? in->meta->node_rps : 0;
    set.node_inflight = in->meta ? in->meta->node_inflight : 0;
    set.target_ms = in->meta ? in->meta->target_ms : 0;
    if (set.eject_after == 0) {       /* a new module */
        set.eject_after = health_eject_after(0);
        set.own_max = PICK_FULL;
        set.penalty_us = CONTROLLER_PENALTY_MIN_US;
    }
    module_table_set(p->s, mid, &set);
}

void module_policy_set_weights(struct module_policy *p, uint32_t mid, uint64_t own,
                               uint64_t all)
{
    p->inputs[mid].own_weight = own;
    p->inputs[mid].all_weight = all;
    write_policy(p, mid);
}

void module_policy_set(struct module_policy *p, uint32_t mid,
                       const struct msg_module_meta *m)
{
    struct inputs *in = &p->inputs[mid];
    struct msg_module_meta old = {.n_zone = 0};

    if (!in->meta)
        in->meta = malloc(sizeof(*in->meta));
    else
        old = *in->meta;
    if (!in->meta)
        return;                       /* no memory: the next message has it again */
    *in->meta = *m;
    if (m->n_zone == 0) {             /* no new loads: the last ones stay in force */
        in->meta->n_zone = old.n_zone;
        memcpy(in->meta->zone, old.zone, sizeof(old.zone));
    }
    write_policy(p, mid);
}

const char *module_policy_probe(const struct module_policy *p, uint32_t mid)
{
    return p->inputs[mid].meta ? p->inputs[mid].meta->probe : "";
}

uint32_t module_policy_slow_ms(const struct module_policy *p, uint32_t mid,
                               uint32_t preset)
{
    const struct msg_module_meta *m = p->inputs[mid].meta;

    return m && m->slow_ms ? m->slow_ms : preset;
}

/* --- create and destroy ------------------------------------------------------------- */

int module_policy_create(struct module_policy **out, struct segment *s,
                         const struct module_policy_config *cfg)
{
    struct module_policy *p = calloc(1, sizeof(*p));

    if (!p)
        return -ENOMEM;
    p->s = s;
    p->cfg = *cfg;
    p->inputs = calloc(segment_max_modules(s), sizeof(*p->inputs));
    if (!p->inputs) {
        free(p);
        return -ENOMEM;
    }
    *out = p;
    return 0;
}

void module_policy_destroy(struct module_policy *p)
{
    uint32_t mid;

    if (!p)
        return;
    for (mid = 0; mid < segment_max_modules(p->s); mid++)
        free(p->inputs[mid].meta);
    free(p->inputs);
    free(p);
}
