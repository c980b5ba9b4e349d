/* Each round looks at what is, and not at what was ordered before, so a step that was not
 * written, or that another leader wrote, needs no memory.  A round has five passes:
 *     finish     drained nodes that no caller uses any more are stopped
 *     give_up    orders whose start failed, and those of hosts that are to be empty
 *     route      warm nodes get a row in the route while nodes are wanted
 *     order      free slots get orders: first for wanted nodes, then for warm ones
 *     shrink     nodes that are bad or too many leave the route, at most a tenth of them
 *                and one zone of a module at a time; warm nodes too many are stopped
 *
 * Invariant: a pass that takes away counts only what was heard in the last 5 s; a pass
 * that adds counts what was heard in the last minute.  So missing data neither start nor
 * stop anything twice.
 *
 * Rejected: a state machine for each node in memory.  A new leader would not have it.
 * Rejected: giving a drained node its calls back when more are wanted.  An operator may
 * have drained it. */
#include "scale/node_life.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "scale/slot_nodes.h"
#include "scale/start_failures.h"

struct in_force { /* of a module */
    struct module_id id;
    uint64_t sum; /* of its route */
    uint64_t since_ms; /* each agent has that route since; 0 = not now */
};

struct node_life {
    struct start_failures *failures;
    struct in_force *in_force;
    size_t n_in_force, max_in_force;
};

struct round {
    struct node_life *l;
    const struct snapshot *s;
    struct slot_nodes nodes;
    uint64_t now_ms;
    struct node_steps *out;
    uint32_t *used; /* slots of each host */
};

int node_life_create(struct node_life **out)
{
    struct node_life *l = calloc(1, sizeof(*l));
    int rc = l ? start_failures_create(&l->failures) : -ENOMEM;

    if (rc < 0)
        free(l);
    else
        *out = l;
    return rc;
}

void node_life_destroy(struct node_life *l)
{
    if (!l)
        return;
    start_failures_destroy(l->failures);
    free(l->in_force);
    free(l);
}

const struct start_failures *node_life_failures(const struct node_life *l)
{
    return l->failures;
}

/* --- counting ----------------------------------------------------------------------- */

static void count_node(const struct slot_node *n, struct node_counts *out)
{
    out->up += slot_nodes_serves(n);
    out->up_now += slot_nodes_serves(n) && n->fresh;
    out->warm += n->ready && !n->up && !n->drained && !n->leaving;
    out->starting += n->starting && !n->leaving;
    out->drained += n->drained;
    out->bad += n->bad;
    out->leaving += n->leaving && n->up;
}

static void count(const struct round *r, struct module_id id, const char *zone,
                  struct node_counts *out)
{
    size_t i;

    *out = (struct node_counts){0};
    for (i = 0; i < r->nodes.n; i++)
        if (slot_nodes_counts(r->s, &r->nodes.at[i], id, zone))
            count_node(&r->nodes.at[i], out);
}

int node_life_count(const struct snapshot *s, struct module_id id, const char *zone,
                    struct node_counts *out)
{
    struct round r = {.s = s};
    int rc = slot_nodes_join(s, &r.nodes);

    if (rc == 0)
        count(&r, id, zone, out);
    slot_nodes_empty(&r.nodes);
    return rc;
}

/* Nodes of the module that serve on the host, as far as is known. */
static unsigned n_on_host(const struct round *r, struct module_id id, uint32_t host)
{
    unsigned n = 0;
    size_t i;

    for (i = 0; i < r->nodes.n; i++)
        n += r->nodes.at[i].host == host && snapshot_is(r->nodes.at[i].id, id) &&
             slot_nodes_serves(&r->nodes.at[i]);
    return n;
}

/* --- steps -------------------------------------------------------------------------- */

static bool has_room(const struct round *r, size_t n)
{
    return r->out->n + n <= NODE_LIFE_STEPS_MAX;
}

static void step(struct round *r, enum node_step_kind kind, const struct slot_node *n)
{
    r->out->at[r->out->n++] =
        (struct node_step){kind, n->id, n->host, n->slot, n->ip, n->port};
}

/* --- finish ------------------------------------------------------------------------- */

static struct in_force *in_force_of(struct node_life *l, struct module_id id)
{
    struct in_force fresh = {.id = id};
    size_t i;

    for (i = 0; i < l->n_in_force; i++)
        if (snapshot_is(l->in_force[i].id, id))
            return &l->in_force[i];
    if (snapshot_add_row((void **)&l->in_force, &l->n_in_force, &l->max_in_force,
                         sizeof(fresh), &fresh) < 0)
        return NULL;
    return &l->in_force[l->n_in_force - 1];
}

/* Since when each agent has the route: a change of it makes that begin again. */
static void note_in_force(struct round *r)
{
    size_t i;

    for (i = 0; i < r->s->n_policy; i++) {
        const struct snapshot_policy *p = &r->s->policy[i];
        struct in_force *f = in_force_of(r->l, p->id);

        if (f && (!p->in_force || f->sum != p->route_sum))
            f->since_ms = 0;
        if (f && p->in_force && f->since_ms == 0)
            f->since_ms = r->now_ms;
        if (f)
            f->sum = p->route_sum;
    }
}

static bool no_caller_uses_drained(struct round *r, struct module_id id)
{
    const struct in_force *f = in_force_of(r->l, id);

    return f && f->since_ms > 0 && r->now_ms >= f->since_ms + NODE_LIFE_IN_FORCE_MS;
}

static void finish(struct round *r, const struct node_want *w)
{
    size_t i;

    for (i = 0; i < r->nodes.n && has_room(r, 2); i++) {
        struct slot_node *n = &r->nodes.at[i];

        if (!slot_nodes_counts(r->s, n, w->id, w->zone) || !n->drained || !n->fresh ||
            !no_caller_uses_drained(r, w->id))
            continue;
        step(r, NODE_REMOVE, n);
        if (n->ordered)
            step(r, NODE_CANCEL, n);
        n->drained = n->ordered = false; /* and leaving: no further step */
        n->leaving = true;
    }
}

/* --- give up ------------------------------------------------------------------------ */

static void give_up(struct round *r, const struct node_want *w)
{
    size_t i;

    for (i = 0; i < r->nodes.n && has_room(r, 1); i++) {
        struct slot_node *n = &r->nodes.at[i];

        if (!slot_nodes_counts(r->s, n, w->id, w->zone) || !n->ordered || !n->fresh ||
            n->up || n->drained || !(n->bad || n->leaving))
            continue;
        if (n->failed)
            start_failures_add(r->l->failures, r->s->host[n->host].name, n->id,
                               r->now_ms);
        step(r, NODE_CANCEL, n);
        n->ordered = false;
        n->leaving = true;
    }
}

/* --- route -------------------------------------------------------------------------- */

/* The warm node whose host has the fewest nodes in the route. */
static struct slot_node *best_warm(const struct round *r, const struct node_want *w)
{
    struct slot_node *best = NULL;
    unsigned n, least = 0;
    size_t i;

    for (i = 0; i < r->nodes.n; i++) {
        struct slot_node *x = &r->nodes.at[i];

        if (!slot_nodes_counts(r->s, x, w->id, w->zone) || !x->ready || !x->ordered ||
            !x->fresh || x->sick || x->leaving || x->up || x->drained || x->ip == 0)
            continue;
        n = n_on_host(r, w->id, x->host);
        if (!best || n < least) {
            best = x;
            least = n;
        }
    }
    return best;
}

static void route(struct round *r, const struct node_want *w)
{
    struct node_counts c;
    struct slot_node *x;

    count(r, w->id, w->zone, &c);
    while (c.up < w->n && has_room(r, 1) && (x = best_warm(r, w))) {
        step(r, NODE_ROUTE, x);
        x->up = true;
        c.up++;
    }
}

/* --- order -------------------------------------------------------------------------- */

static uint32_t free_slot(const struct round *r, uint32_t host)
{
    uint32_t slot = 1;
    size_t i;

    for (i = 0; i < r->nodes.n; i++) /* sorted by slot, but for orders of this round */
        if (r->nodes.at[i].host == host && r->nodes.at[i].slot == slot) {
            slot++;
            i = (size_t)-1; /* begin again */
        }
    return slot;
}

/* The host that gets the next order: with the fewest failures, then with the most free
 * slots.  n_host: there is none. */
static uint32_t best_host(const struct round *r, const struct node_want *w)
{
    uint32_t i, best = (uint32_t)r->s->n_host;
    unsigned least = NODE_LIFE_FAILED_MAX;
    uint32_t most = 0;

    for (i = 0; i < r->s->n_host; i++) {
        const struct snapshot_host *h = &r->s->host[i];
        unsigned failed;

        if (strcmp(h->zone, w->zone) != 0 || h->age_ms > NODE_LIFE_FRESH_MS ||
            !h->in_use || h->ip == 0 || r->used[i] >= h->slots)
            continue;
        failed = start_failures_recent(r->l->failures, h->name, w->id, r->now_ms);
        if (failed < least ||
            (best < r->s->n_host && failed == least && h->slots - r->used[i] > most)) {
            best = i;
            least = failed;
            most = h->slots - r->used[i];
        }
    }
    return best;
}

static unsigned n_starting(const struct round *r, const char *zone)
{
    unsigned n = 0;
    size_t i;

    for (i = 0; i < r->nodes.n; i++)
        n += r->nodes.at[i].starting && !r->nodes.at[i].lost &&
             !r->nodes.at[i].measured &&
             strcmp(r->s->host[r->nodes.at[i].host].zone, zone) == 0;
    return n;
}

static unsigned n_running(const struct round *r, const struct node_want *w)
{
    unsigned n = 0;
    size_t i;

    for (i = 0; i < r->nodes.n; i++)
        n += slot_nodes_counts(r->s, &r->nodes.at[i], w->id, w->zone) &&
             slot_nodes_runs(&r->nodes.at[i]);
    return n;
}

/* Order until <n> nodes run or start.  Returns 0 or -ENOMEM. */
static int order(struct round *r, const struct node_want *w, unsigned n)
{
    unsigned running = n_running(r, w), starting = n_starting(r, w->zone);
    uint32_t host;
    int rc = 0;

    while (rc == 0 && running < n && starting < NODE_LIFE_STARTING_MAX &&
           has_room(r, 1) && (host = best_host(r, w)) < r->s->n_host) {
        struct slot_node x = {
            .id = w->id, .host = host, .ordered = true, .fresh = true, .starting = true};

        x.slot = free_slot(r, host);
        step(r, NODE_ORDER, &x);
        r->used[host]++;
        running++;
        starting++;
        rc = snapshot_add_row((void **)&r->nodes.at, &r->nodes.n, &r->nodes.max,
                              sizeof(x), &x);
    }
    return rc;
}

/* Nodes that are wanted and neither run nor can be ordered now or when others have
 * started. */
static unsigned missing_of(const struct round *r, const struct node_want *w)
{
    unsigned running = n_running(r, w);

    if (running >= w->n || best_host(r, w) < r->s->n_host)
        return 0;
    return w->n - running;
}

/* --- shrink ------------------------------------------------------------------------- */

/* Has another zone nodes of the module that leave? */
static bool another_zone_drains(const struct round *r, const struct node_want *w)
{
    size_t i;

    for (i = 0; i < r->nodes.n; i++) {
        const struct slot_node *n = &r->nodes.at[i];

        if (snapshot_is(n->id, w->id) && n->drained && !n->lost &&
            strcmp(r->s->host[n->host].zone, w->zone) != 0)
            return true;
    }
    return false;
}

/* The node that leaves the route next: a bad one, then one of a host that is to be empty,
 * then, if <healthy>, one of the host with the most nodes. */
static struct slot_node *next_to_drain(const struct round *r, const struct node_want *w,
                                       bool healthy)
{
    struct slot_node *best = NULL;
    unsigned most = 0;
    size_t i;

    for (i = 0; i < r->nodes.n; i++) {
        struct slot_node *n = &r->nodes.at[i];
        unsigned rank;

        if (!slot_nodes_counts(r->s, n, w->id, w->zone) || !n->up || !n->fresh)
            continue;
        if (n->leaving || n->bad)
            rank = n->bad ? UINT32_MAX : UINT32_MAX - 1;
        else
            rank = healthy ? n_on_host(r, w->id, n->host) : 0;
        if (rank > most) {
            best = n;
            most = rank;
        }
    }
    return best;
}

static void drain(struct round *r, const struct node_want *w)
{
    struct node_counts c;
    unsigned most;

    count(r, w->id, w->zone, &c);
    most = c.up_now > 20 ? c.up_now / 10 : 1;
    while (c.drained < most && c.up_now >= w->n && has_room(r, 1) &&
           !another_zone_drains(r, w)) {
        struct slot_node *n = next_to_drain(r, w, c.up_now > w->n);

        if (!n)
            return;
        c.up_now -= slot_nodes_serves(n);
        step(r, NODE_DRAIN, n);
        n->up = false;
        n->drained = true;
        c.drained++;
    }
}

/* Warm nodes that are too many, those that have not started first. */
static struct slot_node *next_to_stop(const struct round *r, const struct node_want *w)
{
    struct slot_node *best = NULL;
    size_t i;

    for (i = 0; i < r->nodes.n; i++) {
        struct slot_node *n = &r->nodes.at[i];

        if (slot_nodes_counts(r->s, n, w->id, w->zone) && n->ordered && n->fresh &&
            slot_nodes_runs(n) && !n->up && (!best || (n->starting && !best->starting)))
            best = n;
    }
    return best;
}

static void stop_warm(struct round *r, const struct node_want *w)
{
    struct node_counts c;
    struct slot_node *n;
    unsigned running = 0;
    size_t i;

    count(r, w->id, w->zone, &c);
    for (i = 0; i < r->nodes.n; i++)
        running += slot_nodes_counts(r->s, &r->nodes.at[i], w->id, w->zone) &&
                   slot_nodes_runs(&r->nodes.at[i]) && r->nodes.at[i].fresh;
    while (c.up_now >= w->n && running > w->n + w->warm && has_room(r, 1) &&
           (n = next_to_stop(r, w))) {
        step(r, NODE_CANCEL, n);
        n->ordered = false;
        n->leaving = true;
        running--;
    }
}

/* --- a round ------------------------------------------------------------------------ */

static int begin(struct round *r)
{
    size_t i;

    int rc = slot_nodes_join(r->s, &r->nodes);

    r->used = calloc(r->s->n_host + 1, sizeof(*r->used));
    if (rc < 0 || !r->used)
        return -ENOMEM;
    for (i = 0; i < r->nodes.n; i++) { /* a slot with two entries is used once */
        const struct slot_node *n = &r->nodes.at[i];

        r->used[n->host] += i == 0 || n->host != n[-1].host || n->slot != n[-1].slot;
    }
    note_in_force(r);
    return 0;
}

int node_life_round(struct node_life *l, const struct snapshot *s,
                    const struct node_want *want, size_t n_want, uint64_t now_ms,
                    struct node_steps *out, unsigned *missing)
{
    struct round r = {.l = l, .s = s, .now_ms = now_ms, .out = out};
    size_t i;
    int rc;

    out->n = 0;
    rc = begin(&r);
    for (i = 0; rc == 0 && i < n_want; i++) {
        finish(&r, &want[i]);
        give_up(&r, &want[i]);
        route(&r, &want[i]);
    }
    for (i = 0; rc == 0 && i < n_want; i++) {
        rc = order(&r, &want[i], want[i].n);
        missing[i] = missing_of(&r, &want[i]);
    }
    for (i = 0; rc == 0 && i < n_want; i++)
        rc = order(&r, &want[i], want[i].n + want[i].warm);
    for (i = 0; rc == 0 && i < n_want; i++) {
        drain(&r, &want[i]);
        stop_warm(&r, &want[i]);
    }
    slot_nodes_empty(&r.nodes);
    free(r.used);
    return rc;
}
