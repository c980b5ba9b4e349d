/* The load of a module is what gateways say, or, in a zone with callers that use no
 * gateway, what the agents of the zone have reported, if that is more.
 *
 * What is heard of a host in the last 5 s counts, unless no host at all is heard: then
 * the Report Services are away and not the nodes, and the last state counts.  Otherwise
 * a database without reports would look like nodes that are all gone, and eight times
 * as many would be wanted.
 *
 * Rejected: one state for all modules that ends with an error of one of them. */
#include "scale/deciders.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scale/module_load.h"

#define RECORD_MS 60000 /* a decision is recorded at least so often */

struct decider_memory {
    struct module_id id;
    struct decide_state *state;
    uint64_t recorded_ms; /* monotonic; 0 = not by this leader */
    struct recorded { /* of the last one that was recorded */
        unsigned missing, zones;
        bool at_max, no_data;
    } recorded;
    unsigned n_wanted; /* in all zones, in the last round */
    unsigned n_missing; /* of these, had no slot */
    bool has_wanted;
    bool seen; /* in this round */
};

static struct decider_memory *find(struct deciders *d, struct module_id id)
{
    size_t i;

    for (i = 0; i < d->n_memory; i++)
        if (snapshot_is(d->memory[i].id, id))
            return &d->memory[i];
    return NULL;
}

/* Where the nodes of a module run. */
struct place {
    const struct zones *zones;
    const struct exec_modules *exec; /* NULL: in slots */
};

static int count_in(const struct place *l, const struct snapshot *s, struct module_id id,
                    const char *zone, struct node_counts *out)
{
    if (!l->exec)
        return node_life_count(s, id, zone, out);
    exec_modules_count(l->exec, id, zone, out);
    return 0;
}

/* A new leader begins with what was decided last, or with what runs. */
static unsigned begin_with(const struct snapshot *s, const struct snapshot_policy *p,
                           const struct place *l)
{
    unsigned most = p->min_zone;
    size_t i;

    if (p->was_decided)
        return p->last_wanted;
    for (i = 0; i < l->zones->n; i++) {
        struct node_counts c;

        if (count_in(l, s, p->id, l->zones->at[i].name, &c) == 0 && c.up > most)
            most = c.up;
    }
    return most;
}

static int memory_for(struct deciders *d, const struct snapshot *s,
                      const struct snapshot_policy *p, const struct place *l,
                      uint64_t now_ms, struct decider_memory **out)
{
    struct decider_memory fresh = {.id = p->id};
    int rc;

    *out = find(d, p->id);
    if (*out)
        return 0;
    rc = decide_state_create(&fresh.state, &d->pace, begin_with(s, p, l), now_ms);
    if (rc < 0)
        return rc;
    rc = snapshot_add_row((void **)&d->memory, &d->n_memory, &d->max_memory,
                          sizeof(fresh), &fresh);
    if (rc < 0)
        decide_state_destroy(fresh.state);
    else
        *out = &d->memory[d->n_memory - 1];
    return rc;
}

/* --- one module --------------------------------------------------------------------- */

static unsigned plan_of(const struct snapshot *s, struct module_id id, const char *zone)
{
    unsigned n = 0;
    size_t i;

    for (i = 0; i < s->n_plan; i++)
        if (snapshot_is(s->plan[i].id, id) && strcmp(s->plan[i].zone, zone) == 0 &&
            s->plan[i].n_zone > n)
            n = s->plan[i].n_zone;
    return n;
}

static void add_zone(struct deciders *d, const char *zone, const struct demand_view *v,
                     const struct node_counts *c, unsigned up, struct decided *x)
{
    struct decided_zone *z = &d->zone[d->n_zone];
    unsigned i;

    if (d->n_zone == DECIDERS_WANTS_MAX)
        return;
    *z = (struct decided_zone){.up = up,
                               .warm = c->warm,
                               .starting = c->starting,
                               .drained = c->drained,
                               .bad = c->bad};
    snprintf(z->zone, sizeof(z->zone), "%s", zone);
    for (i = 0; i < v->n_zones; i++)
        if (strcmp(v->zone[i].zone, zone) == 0) {
            z->served = v->zone[i].rates.served;
            z->refused = v->zone[i].rates.refused;
        }
    d->n_zone++;
    x->n_zone++;
}

/* What runs, into <in> and <x>, and each zone into <d>. */
static int count_nodes(struct deciders *d, const struct demand_view *v,
                       const struct place *l, const struct snapshot *s,
                       struct module_id id, struct decide_input *in, struct decided *x)
{
    bool heard = l->exec || snapshot_hears(s, NODE_LIFE_FRESH_MS);
    size_t i;

    x->first_zone = d->n_zone;
    for (i = 0; i < l->zones->n; i++) {
        struct node_counts c;
        unsigned up;
        int rc = count_in(l, s, id, l->zones->at[i].name, &c);

        if (rc < 0)
            return rc;
        up = heard ? c.up_now : c.up;
        in->nodes_up += up;
        in->zones_up += up > 0;
        if (up > in->largest_zone_up)
            in->largest_zone_up = up;
        x->warm += c.warm;
        x->starting += c.starting;
        x->drained += c.drained;
        x->bad += c.bad;
        add_zone(d, l->zones->at[i].name, v, &c, up, x);
    }
    return 0;
}

/* Do fewer or more nodes take calls than were wanted in the last round and had a slot?
 * Those without a slot will not come: to wait for them would keep all others for ever. */
static bool is_behind(const struct decider_memory *m, const struct decided *x,
                      unsigned up)
{
    return x->drained > 0 || (m->has_wanted && up + m->n_missing != m->n_wanted);
}

static void remember_wants(const struct deciders *d, const struct decided *x,
                           struct decider_memory *m)
{
    size_t i;

    m->has_wanted = !x->dry_run;
    m->n_wanted = m->n_missing = 0;
    for (i = x->first_want; i < x->first_want + x->n_want; i++)
        m->n_wanted += d->want[i].n;
}

static void add_wants(struct deciders *d, const struct snapshot *s,
                      const struct snapshot_policy *p, const struct zones *z,
                      unsigned wanted, bool reached, struct decided *x)
{
    size_t i;

    x->first_want = d->n_want;
    for (i = 0; i < z->n && d->n_want < DECIDERS_WANTS_MAX && !p->dry_run; i++) {
        const struct zone_view *v = &z->at[i];
        struct node_want w = {p->id, v->name, wanted, p->warm};
        unsigned plan = plan_of(s, p->id, v->name);

        w.n = v->name[0] && plan > w.n ? plan : w.n;
        if (p->max_zone > 0 && w.n > p->max_zone)
            w.n = p->max_zone;
        if (v->emptied && reached)
            w.n = w.warm = 0;
        else if (!v->usable)
            continue;
        d->missing[d->n_want] = 0;
        d->want[d->n_want++] = w;
    }
    x->n_want = d->n_want - x->first_want;
}

static void fill_decision(struct decided *x, const struct demand_view *v,
                          const struct need_demand *nd, const struct decide_input *in,
                          const struct decide_output *out)
{
    struct scale_decision *r = &x->decision;

    r->refused = v->all.refused;
    r->demand = need_wanted_rps(nd);
    r->inflight = nd->inflight;
    r->load_nodes = x->load < 0 ? 0 : x->load;
    r->zones = in->rule.zones;
    r->up = in->nodes_up;
    r->need = out->need;
    r->plan = in->plan > in->min_zone ? in->plan : in->min_zone;
    r->was = out->was;
    r->wanted = out->wanted;
    r->rule =
        out->at_max && out->wanted == out->was ? "max" : decide_rule_name(out->rule);
    x->rule = out->rule;
    x->hold = out->hold;
    x->at_max = out->at_max;
    x->unbounded = out->unbounded;
}

/* When no zone can be used the Report Services are away, and not all hosts: then all
 * zones count.  What agents report is missing as well, so without gateways there are no
 * data; otherwise a load that is not known would look like visitors that have left. */
static unsigned n_zones_to_use(const struct zones *z)
{
    unsigned n = 0;
    size_t i;

    for (i = 0; i < z->n; i++)
        n += !z->at[i].is_out;
    return z->n_usable ? z->n_usable : n;
}

/* Where a program runs the nodes there may be no host that is heard: then calls of any
 * scaled module show that reports arrive. */
static bool agents_report(const struct snapshot *s, const struct place *l)
{
    return snapshot_hears(s, NODE_LIFE_FRESH_MS) || (l->exec && s->n_load > 0);
}

static int decide_module(struct deciders *d, const struct snapshot *s,
                         const struct snapshot_policy *p, const struct demand_view *v,
                         const struct place *l, uint64_t now_ms)
{
    const struct zones *z = l->zones;
    struct decided *x = &d->at[d->n];
    struct need_demand nd = {module_load_served(s, p->id, v), v->all.refused,
                             v->all.inflight};
    struct decide_input in = {.now_ms = now_ms,
                              .fresh = v->n_gateways ? v->fresh : agents_report(s, l),
                              .rule = {p->util_pct / 100.0, p->floor_pct / 100.0,
                                       n_zones_to_use(z)},
                              .min_zone = p->min_zone,
                              .max_zone = p->max_zone,
                              .plan = plan_of(s, p->id, ""),
                              .frozen = s->frozen,
                              .all_gateways_60s = v->all_gateways_60s && z->n_usable > 0,
                              .zone_suspect = z->suspect,
                              .alarm = p->alarm};
    struct decider_memory *m;
    struct decide_output out;
    int rc = memory_for(d, s, p, l, now_ms, &m);

    *x = (struct decided){.decision = {.id = p->id}, .dry_run = p->dry_run};
    if (rc == 0)
        rc = count_nodes(d, v, l, s, p->id, &in, x);
    if (rc < 0)
        return rc;
    m->seen = true;
    x->max_zone = p->max_zone;
    x->is_first = m->recorded_ms == 0;
    x->capacity = module_load_capacity(s, p, &x->factor);
    x->load = in.load = need_load(&nd, &x->capacity);
    in.behind = is_behind(m, x, in.nodes_up);
    decide_round(m->state, &in, &out);
    fill_decision(x, v, &nd, &in, &out);
    add_wants(d, s, p, z, out.wanted, in.nodes_up >= out.wanted * z->n_usable, x);
    remember_wants(d, x, m);
    d->n++;
    return 0;
}

/* Modules whose policy has gone lose their state. */
static void drop_unseen(struct deciders *d)
{
    size_t i = 0;

    while (i < d->n_memory) {
        if (d->memory[i].seen) {
            d->memory[i++].seen = false;
            continue;
        }
        decide_state_destroy(d->memory[i].state);
        d->memory[i] = d->memory[--d->n_memory];
    }
}

/* Decide for the modules with or without <l->exec>. */
static int decide_modules(struct deciders *d, const struct snapshot *s,
                          deciders_demand_fn *look, struct demand *demand,
                          const struct place *l, uint64_t now_ms)
{
    struct demand_view v;
    size_t i;
    int rc = 0;

    for (i = 0; rc == 0 && i < s->n_policy && d->n < DECIDERS_MODULES_MAX; i++) {
        const struct snapshot_policy *p = &s->policy[i];

        if (strcmp(p->actuator, l->exec ? "exec" : "slots") != 0 ||
            (l->exec && !exec_modules_knows(l->exec, p->id)))
            continue;
        look(demand, p->id.modid, p->id.cmdid, now_ms, &v);
        rc = decide_module(d, s, p, &v, l, now_ms);
    }
    return rc;
}

/* Modules whose nodes the program of the operator runs. */
static int decide_exec(struct deciders *d, const struct snapshot *s,
                       deciders_demand_fn *look, struct demand *demand, uint64_t now_ms)
{
    const struct place l = {exec_modules_zones(d->exec), d->exec};
    int rc = exec_modules_look(d->exec, s, now_ms, d->pace.hold_s * UINT64_C(1000));

    return rc < 0 ? rc : decide_modules(d, s, look, demand, &l, now_ms);
}

int deciders_round(struct deciders *d, const struct snapshot *s, deciders_demand_fn *look,
                   struct demand *demand, uint64_t now_ms)
{
    const struct place slots = {&d->zones, NULL};
    int rc;

    d->n = d->n_want = d->n_zone = 0;
    zones_look(&d->zones, s, now_ms, d->pace.hold_s * UINT64_C(1000));
    rc = decide_modules(d, s, look, demand, &slots, now_ms);
    d->n_slots = d->n_want;
    if (rc == 0 && d->exec)
        rc = decide_exec(d, s, look, demand, now_ms);
    if (rc == 0)
        drop_unseen(d);
    return rc;
}

/* --- what is recorded --------------------------------------------------------------- */

/* Nodes without a slot: the load fits without them while no zone is lost, or it does
 * not. */
static void judge_shortage(struct deciders *d, const struct snapshot_policy *p,
                           struct decided *x)
{
    unsigned most = 0;
    double fits;
    size_t i;

    for (i = x->first_want; i < x->first_want + x->n_want; i++) {
        x->missing += d->missing[i];
        if (d->missing[i] > most)
            most = d->missing[i];
    }
    if (x->missing == 0)
        return;
    fits = (x->decision.wanted > most ? x->decision.wanted - most : 0) *
           (double)x->decision.zones * (p->util_pct / 100.0);
    x->ceiling = x->load > fits;
    x->floor_short = !x->ceiling;
}

/* What each zone of a module was to have, for those who look. */
static void note_wants(struct deciders *d, const struct decided *x)
{
    size_t i, k;

    for (i = x->first_zone; i < x->first_zone + x->n_zone; i++)
        for (k = x->first_want; k < x->first_want + x->n_want; k++)
            if (strcmp(d->zone[i].zone, d->want[k].zone) == 0) {
                d->zone[i].wanted = d->want[k].n;
                d->zone[i].missing = d->missing[k];
            }
}

static void append(char *note, size_t size, const char *text)
{
    size_t n = strlen(note);

    snprintf(note + n, size - n, "%s%s", n ? "; " : "", text);
}

static void write_note(struct decided *x)
{
    char *note = x->decision.note, text[160];
    size_t size = sizeof(x->decision.note);

    note[0] = '\0';
    if (x->dry_run)
        append(note, size, "dry run: nothing is changed");
    if (x->load < 0)
        append(note, size, "the capacity of a node is not measured");
    if (x->ceiling || x->floor_short) {
        snprintf(text, sizeof(text), "%s: %u nodes have no slot, add hosts with slots",
                 x->ceiling ? "capacity.ceiling" : "capacity.floor", x->missing);
        append(note, size, text);
    }
    if (x->at_max) {
        snprintf(text, sizeof(text), "capacity.max: each zone needs %u nodes, max=%u",
                 x->unbounded, x->max_zone);
        append(note, size, text);
    }
    if (x->hold != DECIDE_FREE) {
        snprintf(text, sizeof(text), "nothing goes down: %s", decide_hold_name(x->hold));
        append(note, size, text);
    }
}

static struct recorded to_record(const struct decided *x)
{
    return (struct recorded){x->missing, x->decision.zones, x->at_max,
                             x->hold == DECIDE_NO_DATA};
}

/* That max does not matter any more waits for the next minute: a load near it would be
 * recorded each second. */
static bool is_due(const struct decided *x, const struct decider_memory *m,
                   uint64_t now_ms)
{
    struct recorded now = to_record(x);

    return x->is_first || x->decision.was != x->decision.wanted ||
           now_ms >= m->recorded_ms + RECORD_MS || now.missing != m->recorded.missing ||
           now.zones != m->recorded.zones || (now.at_max && !m->recorded.at_max) ||
           now.no_data != m->recorded.no_data;
}

void deciders_conclude(struct deciders *d, const struct snapshot *s, uint64_t now_ms)
{
    size_t i, k;

    for (i = 0; i < d->n; i++) {
        struct decided *x = &d->at[i];
        struct decider_memory *m = find(d, x->decision.id);

        for (k = 0; k < s->n_policy; k++)
            if (snapshot_is(s->policy[k].id, x->decision.id))
                judge_shortage(d, &s->policy[k], x);
        note_wants(d, x);
        write_note(x);
        if (m)
            m->n_missing = x->missing;
        x->due = m && is_due(x, m, now_ms);
    }
}

void deciders_recorded(struct deciders *d, uint64_t now_ms)
{
    size_t i;

    for (i = 0; i < d->n; i++) {
        struct decider_memory *m = find(d, d->at[i].decision.id);

        if (!m || !d->at[i].due)
            continue;
        m->recorded_ms = now_ms;
        m->recorded = to_record(&d->at[i]);
    }
}

void deciders_forget(struct deciders *d)
{
    size_t i;

    for (i = 0; i < d->n_memory; i++)
        decide_state_destroy(d->memory[i].state);
    free(d->memory);
    d->memory = NULL;
    d->n_memory = d->max_memory = 0;
    d->n = d->n_want = d->n_zone = 0;
    memset(&d->zones, 0, sizeof(d->zones));
}
