/* A zone of such a module is like a host with slots whose lars-slotd was heard when
 * the program last listed its nodes; so zones.c decides for both which zones are lost or
 * suspect.
 *
 * The program chooses the node that leaves, so the route follows the list and not the
 * other way round: `stopping` is what takes a node out of the route, and the program has
 * to let it answer for some seconds more.
 * Invariant: only rows that this process has seen in a list are drained or removed.
 * Rejected: all rows of the module that are not listed.  An operator may have added them,
 * for instance while nodes move from hosts to a cluster. */
#include "scale/exec_modules.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct seen { /* a node that was ready in a list */
    struct module_id id;
    size_t zone; /* index into exec_modules.name */
    uint32_t ip, port;
};

struct place {
    const struct snapshot_policy *policy; /* of this round */
    size_t zone;
    struct hook_view view;
};

struct exec_modules {
    struct hook *hook;
    char name[ZONES_MAX][SNAPSHOT_ZONE];
    size_t n_name;
    struct zones zones;
    struct place *place; /* of the last look */
    size_t n_place, max_place;
    struct seen *seen;
    size_t n_seen, max_seen;
    uint64_t since_ms, now_ms; /* of the first look since the start, of the last one */
};

/* --- zones -------------------------------------------------------------------------- */

static bool is_name(const char *text, size_t len)
{
    size_t i;

    for (i = 0; i < len; i++)
        if (!isalnum((unsigned char)text[i]) && !strchr("._-", text[i]))
            return false;
    return len > 0 && len < SNAPSHOT_ZONE && text[0] != '-';
}

int exec_modules_parse_zones(const char *text, char name[ZONES_MAX][SNAPSHOT_ZONE])
{
    int n = 0, i;

    for (;;) {
        size_t len;

        text += strspn(text, " ");
        len = strcspn(text, ", ");
        if (n == ZONES_MAX || !is_name(text, len))
            return -EINVAL;
        snprintf(name[n], SNAPSHOT_ZONE, "%.*s", (int)len, text);
        for (i = 0; i < n; i++)
            if (strcmp(name[i], name[n]) == 0)
                return -EINVAL;
        n++;
        text += len;
        text += strspn(text, " ");
        if (*text == '\0')
            return n;
        if (*text++ != ',')
            return -EINVAL;
    }
}

int exec_modules_create(struct exec_modules **out, struct hook *hook, const char *zones)
{
    struct exec_modules *e = calloc(1, sizeof(*e));
    int n = e ? exec_modules_parse_zones(zones, e->name) : -ENOMEM;

    if (n < 0) {
        free(e);
        return n;
    }
    e->n_name = (size_t)n;
    e->hook = hook;
    *out = e;
    return 0;
}

void exec_modules_destroy(struct exec_modules *e)
{
    if (!e)
        return;
    free(e->place);
    free(e->seen);
    free(e);
}

bool exec_modules_has(const struct snapshot_policy *p)
{
    return strcmp(p->actuator, "exec") == 0;
}

/* --- a look ------------------------------------------------------------------------- */

static int look_at(struct exec_modules *e, const struct snapshot_policy *p, size_t zone,
                   struct snapshot *heard)
{
    struct place x = {.policy = p, .zone = zone};
    struct snapshot_host h = {.slots = 1, .in_use = true};
    int rc;

    hook_look(e->hook, p->id, e->name[zone], &x.view);
    rc = snapshot_add_row((void **)&e->place, &e->n_place, &e->max_place, sizeof(x), &x);
    if (rc < 0 || !x.view.known)
        return rc;
    h.age_ms = x.view.age_ms;
    snprintf(h.zone, sizeof(h.zone), "%s", e->name[zone]);
    return snapshot_add(heard, host, &h);
}

int exec_modules_look(struct exec_modules *e, const struct snapshot *s, uint64_t now_ms,
                      uint64_t hold_ms)
{
    struct snapshot heard = {.frozen = false};
    size_t i, z;
    int rc = 0;

    e->n_place = 0;
    e->now_ms = now_ms;
    if (e->since_ms == 0)
        e->since_ms = now_ms;
    for (i = 0; i < s->n_policy; i++)
        for (z = 0; rc == 0 && z < e->n_name && exec_modules_has(&s->policy[i]); z++)
            rc = look_at(e, &s->policy[i], z, &heard);
    for (i = 0; rc == 0 && i < s->n_zone_out; i++)
        rc = snapshot_add(&heard, zone_out, &s->zone_out[i]);
    if (rc == 0)
        zones_look(&e->zones, &heard, now_ms, hold_ms);
    snapshot_empty(&heard);
    return rc;
}

const struct zones *exec_modules_zones(const struct exec_modules *e)
{
    return &e->zones;
}

static bool is_believed(const struct place *p)
{
    return p->view.known && p->view.age_ms < NODE_LIFE_LOST_MS;
}

bool exec_modules_knows(const struct exec_modules *e, struct module_id id)
{
    size_t i, n = 0, believed = 0;

    for (i = 0; i < e->n_place; i++) {
        n += snapshot_is(e->place[i].policy->id, id);
        believed += snapshot_is(e->place[i].policy->id, id) && is_believed(&e->place[i]);
    }
    return believed > 0 &&
           (believed == n || e->now_ms >= e->since_ms + NODE_LIFE_LOST_MS);
}

const struct hook_view *exec_modules_view(const struct exec_modules *e,
                                          struct module_id id, const char *zone)
{
    size_t i;

    for (i = 0; i < e->n_place; i++) {
        const struct place *p = &e->place[i];

        if (snapshot_is(p->policy->id, id) && strcmp(e->name[p->zone], zone) == 0)
            return is_believed(p) ? &p->view : NULL;
    }
    return NULL;
}

void exec_modules_count(const struct exec_modules *e, struct module_id id,
                        const char *zone, struct node_counts *out)
{
    const struct hook_view *v = exec_modules_view(e, id, zone);

    *out = (struct node_counts){0};
    if (!v)
        return;
    out->up = out->up_now = v->list.n_in[HOOK_NODE_READY];
    out->starting = v->list.n_in[HOOK_NODE_STARTING];
    out->drained = v->list.n_in[HOOK_NODE_STOPPING];
}

/* --- the route ---------------------------------------------------------------------- */

static const struct snapshot_route *row_of(const struct snapshot *s, struct module_id id,
                                           uint32_t ip, uint32_t port)
{
    size_t i;

    for (i = 0; i < s->n_route; i++)
        if (snapshot_is(s->route[i].id, id) && s->route[i].ip == ip &&
            s->route[i].port == port)
            return &s->route[i];
    return NULL;
}

static void step(struct node_steps *out, enum node_step_kind kind, struct module_id id,
                 uint32_t host, uint32_t ip, uint32_t port)
{
    if (out->n < NODE_LIFE_STEPS_MAX)
        out->at[out->n++] = (struct node_step){kind, id, host, 0, ip, port};
}

static int remember(struct exec_modules *e, const struct place *p,
                    const struct hook_node *n)
{
    struct seen x = {p->policy->id, p->zone, n->ip, n->port};
    size_t i;

    for (i = 0; i < e->n_seen; i++)
        if (snapshot_is(e->seen[i].id, x.id) && e->seen[i].zone == x.zone &&
            e->seen[i].ip == x.ip && e->seen[i].port == x.port)
            return 0;
    return snapshot_add_row((void **)&e->seen, &e->n_seen, &e->max_seen, sizeof(x), &x);
}

/* In a zone that an operator keeps out no node gets calls. */
static bool is_zone_out(const struct exec_modules *e, size_t zone)
{
    size_t i;

    for (i = 0; i < e->zones.n; i++)
        if (strcmp(e->zones.at[i].name, e->name[zone]) == 0)
            return e->zones.at[i].is_out;
    return false;
}

/* Ready nodes are remembered and get their row. */
static int add_rows(struct exec_modules *e, const struct place *p,
                    const struct snapshot *s, uint32_t host, struct node_steps *out)
{
    size_t i;
    int rc = 0;

    for (i = 0; rc == 0 && i < p->view.list.n; i++) {
        const struct hook_node *n = &p->view.list.at[i];

        if (n->state != HOOK_NODE_READY)
            continue;
        if (!row_of(s, p->policy->id, n->ip, n->port) && !is_zone_out(e, p->zone))
            step(out, NODE_ROUTE, p->policy->id, host, n->ip, n->port);
        rc = remember(e, p, n);
    }
    return rc;
}

/* The row of a node that was ready once.  True: there is nothing more to do for it. */
static bool follow(const struct place *p, const struct snapshot *s, const struct seen *x,
                   uint32_t host, struct node_steps *out)
{
    const struct hook_node *n = hook_list_find(&p->view.list, x->ip, x->port);
    const struct snapshot_route *row = row_of(s, x->id, x->ip, x->port);

    if (!row)
        return !n;
    if (n && n->state != HOOK_NODE_STOPPING)
        return false;
    if (row->up && p->view.list.n_in[HOOK_NODE_READY] > 0)
        step(out, NODE_DRAIN, x->id, host, x->ip, x->port);
    if (!row->up && !n && p->policy->in_force)
        step(out, NODE_REMOVE, x->id, host, x->ip, x->port);
    return false;
}

static void follow_all(struct exec_modules *e, const struct place *p,
                       const struct snapshot *s, uint32_t host, struct node_steps *out)
{
    size_t i = 0;

    while (i < e->n_seen)
        if (snapshot_is(e->seen[i].id, p->policy->id) && e->seen[i].zone == p->zone &&
            follow(p, s, &e->seen[i], host, out))
            e->seen[i] = e->seen[--e->n_seen];
        else
            i++;
}

int exec_modules_routes(struct exec_modules *e, struct snapshot *s,
                        struct node_steps *out)
{
    size_t i;
    int rc = 0;

    for (i = 0; rc == 0 && i < e->n_place; i++) {
        const struct place *p = &e->place[i];
        struct snapshot_host h = {.in_use = false};
        uint32_t host = (uint32_t)s->n_host;

        if (!p->view.known || p->policy->dry_run || p->view.age_ms > NODE_LIFE_FRESH_MS)
            continue;
        snprintf(h.name, sizeof(h.name), "exec");
        snprintf(h.zone, sizeof(h.zone), "%s", e->name[p->zone]);
        rc = snapshot_add(s, host, &h);
        if (rc == 0)
            rc = add_rows(e, p, s, host, out);
        if (rc == 0)
            follow_all(e, p, s, host, out);
    }
    return rc;
}

/* --- orders ------------------------------------------------------------------------- */

void exec_modules_order(struct exec_modules *e, const struct node_want *want, size_t n,
                        uint64_t fence)
{
    size_t i;

    for (i = 0; i < n; i++)
        hook_order(e->hook, want[i].id, want[i].zone, want[i].n, fence);
}

void exec_modules_forget(struct exec_modules *e)
{
    hook_forget(e->hook);
    e->since_ms = 0;
}
