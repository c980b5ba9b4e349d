/* Orders and slots are both sorted by host and slot, so joining them is one pass.  A slot
 * that runs something else than its order says is two entries: one that leaves and one
 * that has not started.
 *
 * Rejected: a join in SQL.  A snapshot would then be one wide row for each slot, with the
 * rules of what is ready and what is lost in two languages. */
#include "scale/slot_nodes.h"

#include <stdlib.h>
#include <string.h>

#include "scale/node_life.h"

static void take_order(struct slot_node *n, const struct snapshot *s,
                       const struct snapshot_order *o)
{
    *n = (struct slot_node){
        .id = o->id, .host = o->host, .slot = o->slot, .ordered = true, .starting = true};
    n->leaving = !s->host[o->host].in_use || o->slot > s->host[o->host].slots;
}

static void take_slot(struct slot_node *n, const struct snapshot_slot *t)
{
    n->id = t->id;
    n->host = t->host;
    n->slot = t->slot;
    n->port = t->port;
    n->sick = t->state == SNAPSHOT_SICK;
    n->starting = t->state == SNAPSHOT_STARTING;
    n->failed = t->state == SNAPSHOT_FAILED;
    n->bad = n->failed || (n->sick && t->since_ms >= NODE_LIFE_SICK_MS);
    n->ready = t->state == SNAPSHOT_READY || (n->sick && !n->bad);
    n->leaving |= t->state == SNAPSHOT_STOPPING || !n->ordered;
}

/* The lower one in the order of host and slot; 0: they are the same. */
static int compare(const struct snapshot_order *o, const struct snapshot_slot *t)
{
    if (o->host != t->host)
        return o->host < t->host ? -1 : 1;
    return o->slot < t->slot ? -1 : o->slot > t->slot;
}

static void take_route(struct slot_node *n, const struct snapshot *s)
{
    size_t i;

    for (i = 0; n->port > 0 && i < s->n_route; i++)
        if (s->route[i].ip == n->ip && s->route[i].port == n->port &&
            snapshot_is(s->route[i].id, n->id)) {
            n->up = s->route[i].up;
            n->drained = !n->up;
            return;
        }
}

static bool is_measured(const struct snapshot *s, const struct slot_node *n)
{
    size_t i;

    for (i = 0; i < s->n_measure; i++)
        if (s->measure[i].state == SNAPSHOT_GIVEN && s->measure[i].host == n->host &&
            s->measure[i].slot == n->slot && snapshot_is(s->measure[i].id, n->id))
            return true;
    return false;
}

static int add(struct slot_nodes *out, const struct snapshot *s, struct slot_node *n)
{
    const struct snapshot_host *h = &s->host[n->host];

    n->ip = h->ip;
    n->fresh = h->age_ms <= NODE_LIFE_FRESH_MS;
    n->lost = h->age_ms >= NODE_LIFE_LOST_MS;
    n->measured = is_measured(s, n);
    take_route(n, s);
    return snapshot_add_row((void **)&out->at, &out->n, &out->max, sizeof(*n), n);
}

int slot_nodes_join(const struct snapshot *s, struct slot_nodes *out)
{
    size_t i = 0, k = 0;
    int rc = 0;

    memset(out, 0, sizeof(*out));
    while (rc == 0 && (i < s->n_order || k < s->n_slot)) {
        int c = i == s->n_order  ? 1
                : k == s->n_slot ? -1
                                 : compare(&s->order[i], &s->slot[k]);
        struct slot_node n = {0};

        if (c <= 0)
            take_order(&n, s, &s->order[i]);
        if (c == 0 && !snapshot_is(s->order[i].id, s->slot[k].id)) {
            rc = add(out, s, &n);
            n = (struct slot_node){0};
        }
        if (c >= 0)
            take_slot(&n, &s->slot[k]);
        if (rc == 0)
            rc = add(out, s, &n);
        i += c <= 0;
        k += c >= 0;
    }
    return rc;
}

void slot_nodes_empty(struct slot_nodes *nodes)
{
    free(nodes->at);
    memset(nodes, 0, sizeof(*nodes));
}

bool slot_nodes_counts(const struct snapshot *s, const struct slot_node *n,
                       struct module_id id, const char *zone)
{
    return snapshot_is(n->id, id) && !n->lost && !n->measured &&
           strcmp(s->host[n->host].zone, zone) == 0;
}
