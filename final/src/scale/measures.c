/* Visitors come before a measurement: a slot that a module needs is emptied in the round
 * in which the module lacks it, and the node that was measured has SIGTERM to end.
 *
 * Rejected: an order of node_life with one node more.  It would be counted as warm, and
 * be put into the route when nodes are wanted. */
#include "scale/measures.h"

#include <stdio.h>
#include <string.h>

struct plan {
    const struct snapshot *s;
    const struct node_want *want;
    const unsigned *missing;
    size_t n_want;
    const struct node_steps *steps;
    struct measures_changes *out;
};

static struct measures_change *add(const struct plan *p, enum measures_verb verb,
                                   size_t measure)
{
    struct measures_change *c = &p->out->at[p->out->n++];

    memset(c, 0, sizeof(*c));
    c->verb = verb;
    c->measure = measure;
    return c;
}

/* Does a node lack a slot in the zone? */
static bool is_short(const struct plan *p, const char *zone)
{
    size_t i;

    for (i = 0; i < p->n_want; i++)
        if (p->missing[i] > 0 && strcmp(p->want[i].zone, zone) == 0)
            return true;
    return false;
}

static bool is_given_now(const struct plan *p, uint32_t host, uint32_t slot)
{
    size_t i;

    for (i = 0; i < p->steps->n; i++)
        if (p->steps->at[i].kind == NODE_ORDER && p->steps->at[i].host == host &&
            p->steps->at[i].slot == slot)
            return true;
    for (i = 0; i < p->out->n; i++)
        if (p->out->at[i].verb == MEASURES_GIVE && p->out->at[i].host == host &&
            p->out->at[i].slot == slot)
            return true;
    return false;
}

static bool is_free(const struct plan *p, uint32_t host, uint32_t slot)
{
    size_t i;

    for (i = 0; i < p->s->n_order; i++)
        if (p->s->order[i].host == host && p->s->order[i].slot == slot)
            return false;
    for (i = 0; i < p->s->n_slot; i++)
        if (p->s->slot[i].host == host && p->s->slot[i].slot == slot)
            return false;
    return !is_given_now(p, host, slot);
}

/* How many slots are free, and the first of them. */
static uint32_t n_free(const struct plan *p, uint32_t host, uint32_t *first)
{
    uint32_t slot, n = 0;

    for (slot = p->s->host[host].slots; slot > 0; slot--)
        if (is_free(p, host, slot)) {
            *first = slot;
            n++;
        }
    return n;
}

static bool measures_another(const struct plan *p, uint32_t host)
{
    size_t i;

    for (i = 0; i < p->s->n_measure; i++)
        if (p->s->measure[i].state == SNAPSHOT_GIVEN && p->s->measure[i].host == host)
            return true;
    for (i = 0; i < p->out->n; i++)
        if (p->out->at[i].verb == MEASURES_GIVE && p->out->at[i].host == host)
            return true;
    return false;
}

static bool may_use(const struct plan *p, const struct snapshot_measure *m, uint32_t host)
{
    const struct snapshot_host *h = &p->s->host[host];

    return h->in_use && h->ip != 0 && h->age_ms <= NODE_LIFE_FRESH_MS &&
           (m->any_class || strcmp(h->class, m->class) == 0);
}

/* The host with the most free slots; n_host: there is none. */
static uint32_t best_host(const struct plan *p, const struct snapshot_measure *m,
                          uint32_t *slot)
{
    uint32_t i, n, first = 0, most = 0, best = (uint32_t)p->s->n_host;

    for (i = 0; i < p->s->n_host; i++) {
        if (!may_use(p, m, i) || measures_another(p, i) ||
            is_short(p, p->s->host[i].zone))
            continue;
        n = n_free(p, i, &first);
        if (n > most) {
            most = n;
            best = i;
            *slot = first;
        }
    }
    return best;
}

/* Why nothing runs in slots for this module, or NULL. */
static const char *why_never(const struct snapshot *s, const struct snapshot_measure *m)
{
    size_t i = 0;

    while (i < s->n_policy && !snapshot_is(s->policy[i].id, m->id))
        i++;
    if (i == s->n_policy)
        return "the module is not scaled: see larsctl scale set, or give node=";
    if (strcmp(s->policy[i].actuator, "slots") != 0)
        return "a program of the operator runs the nodes of the module, and not "
               "lars-slotd: give node=";
    if (s->frozen)
        return "scaling is frozen or a drill runs: see larsctl scale list and larsctl "
               "drill status";
    return NULL;
}

/* Why the slot that was given is taken back, or NULL. */
static const char *why_end(const struct plan *p, const struct snapshot_measure *m)
{
    const struct snapshot_host *h;
    size_t i = 0;

    if (m->host >= p->s->n_host)
        return "the host has been removed";
    h = &p->s->host[m->host];
    while (i < p->s->n_order &&
           (p->s->order[i].host != m->host || p->s->order[i].slot != m->slot ||
            !snapshot_is(p->s->order[i].id, m->id)))
        i++;
    if (i == p->s->n_order)
        return "the order of its slot has been removed";
    if (h->age_ms >= NODE_LIFE_LOST_MS)
        return "nothing has been heard of its host for a minute";
    if (!h->in_use || m->slot > h->slots)
        return "its host is to be empty";
    if (is_short(p, h->zone))
        return "its slot is needed for visitors: a module of the zone has too few slots";
    return NULL;
}

static void refuse(const struct plan *p, size_t i, const char *why)
{
    snprintf(add(p, MEASURES_REFUSE, i)->note, SNAPSHOT_NOTE, "%s", why);
}

static void give(const struct plan *p, size_t i)
{
    const struct snapshot_measure *m = &p->s->measure[i];
    uint32_t slot = 0, host = best_host(p, m, &slot);
    struct measures_change *c;

    if (host == p->s->n_host) {
        snprintf(add(p, MEASURES_REFUSE, i)->note, SNAPSHOT_NOTE,
                 "no slot is free on a host%s%s that is heard and measures nothing else, "
                 "in a zone in which no module lacks one: see larsctl host list",
                 m->any_class ? "" : " of the class ", m->any_class ? "" : m->class);
        return;
    }
    c = add(p, MEASURES_GIVE, i);
    c->host = host;
    c->slot = slot;
}

void measures_round(const struct snapshot *s, const struct node_want *want,
                    const unsigned *missing, size_t n_want,
                    const struct node_steps *steps, struct measures_changes *out)
{
    const struct plan p = {s, want, missing, n_want, steps, out};
    const char *why;
    size_t i;

    out->n = 0;
    for (i = 0; i < s->n_measure && i < SNAPSHOT_MEASURES_MAX; i++) {
        const struct snapshot_measure *m = &s->measure[i];

        if (m->over) {
            add(&p, MEASURES_END, i);
            continue;
        }
        if (m->state == SNAPSHOT_REFUSED)
            continue;
        why = why_never(s, m);
        if (!why && m->state == SNAPSHOT_GIVEN)
            why = why_end(&p, m);
        if (why)
            refuse(&p, i, why);
        else if (m->state == SNAPSHOT_ASKED)
            give(&p, i);
    }
}
