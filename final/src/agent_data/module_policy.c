#include "agent_data/module_policy.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "lb/health.h"
#include "lb/spillover.h"
#include "lb/policies.h"
#include "lb/controller.h"

#define LOG_GAP_MS 60000

struct one {                          /* of a module */
    uint64_t own_weight, all_weight;
    bool spills;
    struct msg_module_meta *info;            /* owned; NULL = nobody said anything */
};

struct module_policy {
    struct segment *s;
    struct module_policy_config cfg;
    struct one *one;                  /* by mid */
};

/* --- rules -------------------------------------------------------------------------- */

/* The next one of "1/1=p2c 2/3=hash *=wrr".  Returns its rule; -ENOENT at the end;
 * -EINVAL. */
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

/* What the database says; -EINVAL: nothing, or a rule that we do not know. */
static int rule_said(const struct one *o)
{
    int rule = o->info && o->info->rule[0] ? policies_find(o->info->rule) : -ENOENT;

    if (rule == -EINVAL)
        LOG_EVERY(LOG_GAP_MS, LOG_LEVEL_WARN, "rule.unknown",
                  "modid=%u cmdid=%u rule=%s: a newer one? as without it",
                  o->info->mod.modid, o->info->mod.cmdid, o->info->rule);
    return rule;
}

static uint32_t rule_of(const struct module_policy *a, uint32_t mid)
{
    const struct layout_module *line = &a->s->module[mid];
    char mod[24], want[24];
    const char *at = a->cfg.rules;
    int rule, preset = 0; /* scan */

    snprintf(want, sizeof(want), "%u/%u", line->modid, line->cmdid);
    while ((rule = next_rule(&at, mod)) >= 0) {
        if (strcmp(mod, want) == 0)
            return (uint32_t)rule;
        if (strcmp(mod, "*") == 0)
            preset = rule;
    }
    rule = rule_said(&a->one[mid]);
    return (uint32_t)(rule >= 0 ? rule : preset);
}

/* --- the line ----------------------------------------------------------------------- */

static uint32_t need(const struct module_policy *a, struct one *o)
{
    struct spillover_load c = {.own_weight = o->own_weight, .all_weight = o->all_weight};
    uint32_t i;

    if (o->info && a->cfg.zone != 0) {
        c.node_rps = o->info->node_rps;
        for (i = 0; i < o->info->n_zone; i++) {
            c.all_per_s += o->info->zone[i].per_s;
            if (o->info->zone[i].zone == a->cfg.zone)
                c.own_per_s += o->info->zone[i].per_s;
        }
    }
    return spillover_demand(&c, &o->spills);
}

static void apply(struct module_policy *a, uint32_t mid)
{
    struct layout_module *line = &a->s->module[mid];
    struct one *o = &a->one[mid];
    uint32_t timeout_ms = o->info ? o->info->timeout_ms : 0;

    atomic_store(&line->rule, rule_of(a, mid));
    atomic_store(&line->timeout_ms, timeout_ms ? timeout_ms : a->cfg.timeout_ms);
    atomic_store(&line->demand, need(a, o));
    if (atomic_load(&line->eject_after) == 0) { /* new */
        atomic_store(&line->eject_after, health_eject_after(0));
        atomic_store(&line->own_max, PICK_FULL);
        atomic_store(&line->penalty_us, CONTROLLER_PENALTY_MIN_US);
    }
}

void module_policy_set_weights(struct module_policy *a, uint32_t mid, uint64_t own,
                               uint64_t all)
{
    a->one[mid].own_weight = own;
    a->one[mid].all_weight = all;
    apply(a, mid);
}

void module_policy_set(struct module_policy *a, uint32_t mid,
                       const struct msg_module_meta *m)
{
    struct one *o = &a->one[mid];
    struct msg_module_meta was = {.n_zone = 0};

    if (!o->info)
        o->info = malloc(sizeof(*o->info));
    else
        was = *o->info;
    if (!o->info)
        return;                       /* the next news bring it again */
    *o->info = *m;
    if (m->n_zone == 0) {
        o->info->n_zone = was.n_zone;
        memcpy(o->info->zone, was.zone, sizeof(was.zone));
    }
    apply(a, mid);
}

const char *module_policy_probe(const struct module_policy *a, uint32_t mid)
{
    return a->one[mid].info ? a->one[mid].info->probe : "";
}

uint32_t module_policy_slow_ms(const struct module_policy *a, uint32_t mid,
                               uint32_t preset)
{
    const struct msg_module_meta *m = a->one[mid].info;

    return m && m->slow_ms ? m->slow_ms : preset;
}

/* --- life --------------------------------------------------------------------------- */

int module_policy_create(struct module_policy **out, struct segment *s,
                         const struct module_policy_config *cfg)
{
    struct module_policy *a = calloc(1, sizeof(*a));

    if (!a)
        return -ENOMEM;
    a->s = s;
    a->cfg = *cfg;
    a->one = calloc(s->max_modules, sizeof(*a->one));
    if (!a->one) {
        free(a);
        return -ENOMEM;
    }
    *out = a;
    return 0;
}

void module_policy_destroy(struct module_policy *a)
{
    uint32_t mid;

    if (!a)
        return;
    for (mid = 0; mid < a->s->max_modules; mid++)
        free(a->one[mid].info);
    free(a->one);
    free(a);
}
