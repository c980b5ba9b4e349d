/* A node counts as up here while its host was heard in the last minute, which is longer
 * than for decisions: that a host is silent for seconds is no shortage.
 *
 * Invariant: without a host that is heard, and without a list of the program, there is no
 * shortage.  Otherwise a Report Service that is away would look like nodes that do not
 * come up.
 * Rejected: the reasons as numbers.  An operator reads them, and programs do not. */
#include "scale/shortage.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "scale/start_failures.h"

struct hosts { /* some hosts, of which one is named */
    const char *name;
    unsigned n;
};

static void add_host(struct hosts *h, const char *name)
{
    if (h->n++ == 0)
        h->name = name;
}

__attribute__((format(printf, 2, 3))) static void add(struct shortage *x, const char *fmt,
                                                      ...)
{
    size_t n = strlen(x->why);
    va_list ap;

    if (n > 0)
        n += (size_t)snprintf(x->why + n, sizeof(x->why) - n, "; ");
    if (n >= sizeof(x->why))
        return;
    va_start(ap, fmt);
    vsnprintf(x->why + n, sizeof(x->why) - n, fmt, ap);
    va_end(ap);
}

static void add_hosts(struct shortage *x, const char *what, const struct hosts *h)
{
    if (h->n == 1)
        add(x, "%s host %s", what, h->name);
    else if (h->n > 1)
        add(x, "%s %u hosts, one is %s", what, h->n, h->name);
}

/* --- nodes in slots ----------------------------------------------------------------- */

static bool has_order(const struct snapshot *s, uint32_t host, struct module_id id)
{
    size_t i;

    for (i = 0; i < s->n_order; i++)
        if (s->order[i].host == host && snapshot_is(s->order[i].id, id))
            return true;
    return false;
}

static bool has_failed(const struct snapshot *s, uint32_t host, struct module_id id)
{
    size_t i;

    for (i = 0; i < s->n_slot; i++)
        if (s->slot[i].host == host && snapshot_is(s->slot[i].id, id) &&
            s->slot[i].state == SNAPSHOT_FAILED)
            return true;
    return false;
}

static void explain_slots(struct shortage *x, const struct decided_zone *z,
                          const struct snapshot *s, const struct node_life *life,
                          uint64_t now_ms)
{
    const struct start_failures *f = node_life_failures(life);
    struct hosts gone = {.n = 0}, failing = {.n = 0};
    uint32_t i;

    for (i = 0; i < s->n_host; i++) {
        const struct snapshot_host *h = &s->host[i];

        if (strcmp(h->zone, x->zone) != 0)
            continue;
        if (h->age_ms >= NODE_LIFE_LOST_MS && has_order(s, i, x->id))
            add_host(&gone, h->name);
        else if (h->age_ms < NODE_LIFE_LOST_MS &&
                 (start_failures_recent(f, h->name, x->id, now_ms) > 0 ||
                  has_failed(s, i, x->id)))
            add_host(&failing, h->name);
    }
    add_hosts(x, "nothing is heard of", &gone);
    add_hosts(x, "starts fail on", &failing);
    if (z->missing > 0)
        add(x, "no free slot for %u", z->missing);
    if (z->bad > 0)
        add(x, "%u sick or ended", z->bad);
    if (z->starting > 0)
        add(x, "%u starting", z->starting);
}

/* Returns 1: short; 0: not, or not known; -ENOMEM. */
static int look_at_slots(struct shortage *x, const struct decided_zone *z,
                         const struct snapshot *s, const struct node_life *life,
                         uint64_t now_ms, bool *whole)
{
    struct node_counts c;
    int rc;

    if (!snapshot_hears(s, NODE_LIFE_FRESH_MS)) {
        *whole = false;
        return 0;
    }
    rc = node_life_count(s, x->id, x->zone, &c);
    x->up = c.up;
    if (rc < 0 || x->up >= x->wanted)
        return rc;
    explain_slots(x, z, s, life, now_ms);
    return 1;
}

/* --- nodes that a program runs ------------------------------------------------------ */

static int look_at_list(struct shortage *x, const struct exec_modules *e, bool *whole)
{
    const struct hook_view *v = exec_modules_view(e, x->id, x->zone);

    if (!v) {
        *whole = false;
        return 0;
    }
    x->up = v->list.n_in[HOOK_NODE_READY];
    if (x->up >= x->wanted)
        return 0;
    if (v->refused)
        add(x, "[hook] exec did not accept the last scale");
    if (v->list.n_in[HOOK_NODE_STARTING] > 0)
        add(x, "%u starting", v->list.n_in[HOOK_NODE_STARTING]);
    else
        add(x, "[hook] exec starts none");
    return 1;
}

/* --- all ---------------------------------------------------------------------------- */

static const struct snapshot_policy *policy_of(const struct snapshot *s,
                                               struct module_id id)
{
    size_t i;

    for (i = 0; i < s->n_policy; i++)
        if (snapshot_is(s->policy[i].id, id))
            return &s->policy[i];
    return NULL;
}

static bool was_decided(const struct deciders *d, struct module_id id)
{
    size_t i;

    for (i = 0; i < d->n; i++)
        if (snapshot_is(d->at[i].decision.id, id))
            return true;
    return false;
}

static int look_at_zone(const struct deciders *d, const struct snapshot *s,
                        const struct node_life *life, uint64_t now_ms,
                        const struct decided_zone *z, struct module_id id,
                        struct shortages *out)
{
    const struct snapshot_policy *p = policy_of(s, id);
    struct shortage x = {.id = id, .wanted = z->wanted};
    int rc;

    if (!p || z->wanted == 0)
        return 0;
    snprintf(x.zone, sizeof(x.zone), "%s", z->zone);
    if (d->exec && exec_modules_has(p))
        rc = look_at_list(&x, d->exec, &out->whole);
    else
        rc = look_at_slots(&x, z, s, life, now_ms, &out->whole);
    if (rc < 1)
        return rc;
    if (x.why[0] == '\0')
        add(&x, "no cause is known; see scale.step in the log of lars-autoscaler");
    if (out->n < SHORTAGE_MAX)
        out->at[out->n++] = x;
    else
        out->whole = false;
    return 0;
}

int shortage_find(const struct deciders *d, const struct snapshot *s,
                  const struct node_life *life, uint64_t now_ms, struct shortages *out)
{
    size_t i, k;
    int rc = 0;

    out->n = 0;
    out->whole = true;
    for (i = 0; i < d->n; i++) {
        const struct decided *x = &d->at[i];

        for (k = x->first_zone; rc == 0 && k < x->first_zone + x->n_zone; k++)
            rc = look_at_zone(d, s, life, now_ms, &d->zone[k], x->decision.id, out);
    }
    for (i = 0; d->exec && i < s->n_policy; i++) /* of which no list is known */
        out->whole &= !exec_modules_has(&s->policy[i]) || was_decided(d, s->policy[i].id);
    return rc;
}

bool shortage_differs(const struct shortages *a, const struct shortages *b)
{
    size_t i;

    if (a->n != b->n)
        return true;
    for (i = 0; i < a->n; i++)
        if (!snapshot_is(a->at[i].id, b->at[i].id) ||
            strcmp(a->at[i].zone, b->at[i].zone) != 0 ||
            a->at[i].wanted != b->at[i].wanted || a->at[i].up != b->at[i].up)
            return true;
    return false;
}
