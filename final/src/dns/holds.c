/* Each judgement compares two whole tables: the one that is served and the next one.
 * Both are sorted and share the routes that did not change, so this is one pass that
 * mostly compares pointers.
 *
 * Invariant: a module that is held stays held until it has its nodes again or the removal
 * of each is confirmed.  Consent counts node by node, so a confirmed change of a module
 * does not release the removal that another author made.  What a held module loses does
 * not count for the limit over all modules, so it does not cause other modules to be
 * held.
 *
 * Rejected: judging the rows of a change by themselves.  Two changes, each below the
 * limits, would pass one after the other within a second. */
#include "dns/holds.h"

#include <errno.h>
#include <stdlib.h>

#include "route/mass_removal.h"

struct hold_list { /* sorted by modid and cmdid */
    struct hold *at;
    size_t n, cap;
};

struct holds {
    struct hold_list held; /* as of the last judgement */
    struct hold_list next; /* of the judgement in progress */
};

int holds_create(struct holds **out)
{
    *out = calloc(1, sizeof(**out));
    return *out ? 0 : -ENOMEM;
}

void holds_destroy(struct holds *h)
{
    if (!h)
        return;
    free(h->held.at);
    free(h->next.at);
    free(h);
}

static int cmp_key(uint32_t amod, uint32_t acmd, uint32_t bmod, uint32_t bcmd)
{
    if (amod != bmod)
        return amod < bmod ? -1 : 1;
    return acmd < bcmd ? -1 : acmd > bcmd;
}

static bool list_has(const struct hold_list *l, uint32_t modid, uint32_t cmdid)
{
    size_t lo = 0, hi = l->n;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        int c = cmp_key(l->at[mid].modid, l->at[mid].cmdid, modid, cmdid);

        if (c == 0)
            return true;
        if (c < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return false;
}

static int list_add(struct hold_list *l, struct hold hold)
{
    size_t cap = l->cap ? l->cap * 2 : 16;
    struct hold *at;

    if (l->n == l->cap) {
        at = realloc(l->at, cap * sizeof(*at));
        if (!at)
            return -ENOMEM;
        l->at = at;
        l->cap = cap;
    }
    l->at[l->n++] = hold;
    return 0;
}

static int cmp_node(const struct route_node *a, const struct route_node *b)
{
    if (a->ip != b->ip)
        return a->ip < b->ip ? -1 : 1;
    return (int)a->port - (int)b->port;
}

/* The number of nodes of <had> that are not in <has>; <has> NULL: all of them.  <gone>
 * gets them unless it is NULL. */
static uint32_t list_gone(const struct route *had, const struct route *has,
                          struct route_node *gone)
{
    uint32_t i = 0, k = 0, n = 0;

    while (i < had->n_node) {
        int c = has && k < has->n_node ? cmp_node(&had->node[i], &has->node[k]) : -1;

        if (c < 0 && gone)
            gone[n] = had->node[i];
        n += c < 0;
        i += c <= 0;
        k += c >= 0;
    }
    return n;
}

/* Put every module of <now> that loses nodes into h->next. */
static int list_losses(struct holds *h, const struct route_table *now,
                       const struct route_table *next)
{
    size_t n = route_table_n_modules(now), m = route_table_n_modules(next), i, k = 0;
    int rc = 0;

    h->next.n = 0;
    for (i = 0; i < n && rc == 0; i++) {
        const struct route *had = route_table_at(now, i), *has = NULL;
        uint32_t gone;

        while (k < m &&
               cmp_key(route_table_at(next, k)->modid, route_table_at(next, k)->cmdid,
                       had->modid, had->cmdid) < 0)
            k++;
        if (k < m && route_table_at(next, k)->modid == had->modid &&
            route_table_at(next, k)->cmdid == had->cmdid)
            has = route_table_at(next, k);
        gone = has == had ? 0 : list_gone(had, has, NULL);
        if (gone > 0)
            rc = list_add(&h->next,
                          (struct hold){had->modid, had->cmdid, had->n_node, gone});
    }
    return rc;
}

static bool is_mass_removal(const struct hold *l, uint32_t gone,
                            const struct route_table *next)
{
    const struct route *has = route_table_find(next, l->modid, l->cmdid);

    return mass_removal_of_module(l->had, gone, has ? has->n_node : 0);
}

/* The nodes that the module of <l> loses without consent, or -errno. */
static int ask_for_consent(const struct hold *l, const struct route_table *now,
                           const struct route_table *next, holds_confirmed_fn *fn,
                           void *arg)
{
    struct route_node *gone = calloc(l->gone, sizeof(*gone));
    int rc = -ENOMEM;

    if (gone) {
        list_gone(route_table_find(now, l->modid, l->cmdid),
                  route_table_find(next, l->modid, l->cmdid), gone);
        rc = fn(arg, l->modid, l->cmdid, gone, l->gone);
    }
    free(gone);
    return rc;
}

/* Do the modules that are not held yet lose too much together? */
static bool is_mass_removal_of_all(const struct holds *h, const struct route_table *now)
{
    uint64_t gone = 0;
    size_t i;

    for (i = 0; i < h->next.n; i++)
        if (!list_has(&h->held, h->next.at[i].modid, h->next.at[i].cmdid))
            gone += h->next.at[i].gone;
    return mass_removal_of_all(route_table_n_nodes(now), gone);
}

int holds_judge(struct holds *h, const struct route_table *now,
                const struct route_table *next, holds_confirmed_fn *fn, void *arg)
{
    struct hold_list swap;
    bool all;
    size_t i, n = 0;
    int rc = list_losses(h, now, next);

    if (rc < 0)
        return rc;
    all = is_mass_removal_of_all(h, now);
    for (i = 0; i < h->next.n; i++) {
        const struct hold l = h->next.at[i];

        bool must = all || list_has(&h->held, l.modid, l.cmdid);

        if (!must && !is_mass_removal(&l, l.gone, next))
            continue;
        rc = ask_for_consent(&l, now, next, fn, arg);
        if (rc < 0)
            return rc;
        if (must ? rc > 0 : is_mass_removal(&l, (uint32_t)rc, next))
            h->next.at[n++] = l;
    }
    h->next.n = n;
    swap = h->held;
    h->held = h->next;
    h->next = swap;
    return (int)n;
}

const struct hold *holds_at(const struct holds *h, size_t i)
{
    return &h->held.at[i];
}

size_t holds_n(const struct holds *h)
{
    return h->held.n;
}

bool holds_has(const struct holds *h, uint32_t modid, uint32_t cmdid)
{
    return list_has(&h->held, modid, cmdid);
}
