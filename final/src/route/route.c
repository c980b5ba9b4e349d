/* A table is an array of pointers to routes, sorted by modid and cmdid.  A query is a
 * binary search; an update merges the old array with the changed modules in one pass.
 *
 * Invariant: nothing in a table or a route changes after it was made, except the
 * reference counts.  A route has one reference for each table that contains it.
 * Rejected: a hash table, because a new version would have to copy its buckets; a lock
 * around one table that changes, because every query would have to take it. */
#include "route/route.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

#include "route/route_sort.h"

struct route_table {
    _Atomic uint32_t refs;
    uint64_t version;
    size_t n, n_node;
    struct route *at[];
};

static int cmp_module(const struct route_row *a, const struct route_row *b)
{
    if (a->modid != b->modid)
        return a->modid < b->modid ? -1 : 1;
    return a->cmdid < b->cmdid ? -1 : a->cmdid > b->cmdid;
}

static void unref_route(struct route *r)
{
    if (atomic_fetch_sub(&r->refs, 1) == 1)
        free(r);
}

/* Make the route of one module from its sorted rows; duplicates become one node. */
static struct route *make_route(const struct route_row *row, size_t n)
{
    struct route *r = malloc(sizeof(*r) + n * sizeof(r->node[0]));
    size_t i;

    if (!r)
        return NULL;
    *r = (struct route){.modid = row->modid, .cmdid = row->cmdid};
    r->refs = 1;
    for (i = 0; i < n; i++)
        if (i == 0 || route_sort_compare(&row[i - 1], &row[i]) != 0)
            r->node[r->n_node++] = row[i].node;
    return r;
}

/* How many of the sorted rows, from the first on, belong to the module of the first. */
static size_t same_module(const struct route_row *row, size_t n)
{
    size_t i = 1;

    while (i < n && cmp_module(&row[0], &row[i]) == 0)
        i++;
    return i;
}

static struct route_table *new_table(size_t room, uint64_t version)
{
    struct route_table *t = malloc(sizeof(*t) + room * sizeof(struct route *));

    if (t) {
        *t = (struct route_table){.version = version};
        t->refs = 1;
    }
    return t;
}

/* Append <r>.  Takes <r>; NULL means that memory ran out. */
static int add_route(struct route_table *t, struct route *r)
{
    if (!r)
        return -ENOMEM;
    t->at[t->n++] = r;
    t->n_node += r->n_node;
    return 0;
}

int route_table_create(struct route_table **out, struct route_row *row, size_t n,
                       uint64_t version)
{
    static const struct route_table none;

    return route_table_update(out, &none, NULL, 0, row, n, version);
}

static struct route_row module_of(const struct route *r)
{
    return (struct route_row){.modid = r->modid, .cmdid = r->cmdid};
}

/* Whether <m> is one of the <n> sorted modules in <changed>.  <at> is the position in
 * that array and only moves forward: callers ask in ascending order. */
static bool is_changed(const struct route_row *changed, size_t n, size_t *at,
                       const struct route_row *m)
{
    while (*at < n && cmp_module(&changed[*at], m) < 0)
        ++*at;
    return *at < n && cmp_module(&changed[*at], m) == 0;
}

int route_table_update(struct route_table **out, const struct route_table *old,
                       struct route_row *changed, size_t n_changed, struct route_row *row,
                       size_t n, uint64_t version)
{
    struct route_table *t = new_table(old->n + n, version);
    size_t i = 0, k = 0, c = 0;
    int rc = 0;

    if (!t)
        return -ENOMEM;
    route_sort_rows(changed, n_changed);
    route_sort_rows(row, n);
    while (rc == 0 && (i < old->n || k < n)) {
        struct route_row m = i < old->n ? module_of(old->at[i]) : row[k];
        size_t same;

        if (i < old->n && (k == n || cmp_module(&m, &row[k]) < 0)) {
            if (!is_changed(changed, n_changed, &c, &m)) {
                old->at[i]->refs++;
                rc = add_route(t, old->at[i]); /* unchanged: shared */
            }
            i++;
            continue;
        }
        if (i < old->n && cmp_module(&m, &row[k]) == 0)
            i++;                      /* the new rows replace it */
        same = same_module(row + k, n - k);
        rc = add_route(t, make_route(row + k, same));
        k += same;
    }
    if (rc < 0)
        route_table_unref(t);
    else
        *out = t;
    return rc;
}

struct route_table *route_table_ref(struct route_table *t)
{
    t->refs++;
    return t;
}

void route_table_unref(struct route_table *t)
{
    size_t i;

    if (!t || atomic_fetch_sub(&t->refs, 1) > 1)
        return;
    for (i = 0; i < t->n; i++)
        unref_route(t->at[i]);
    free(t);
}

const struct route *route_table_find(const struct route_table *t, uint32_t modid,
                                     uint32_t cmdid)
{
    const struct route_row want = {.modid = modid, .cmdid = cmdid};
    size_t lo = 0, hi = t->n;

    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        struct route_row m = module_of(t->at[mid]);
        int c = cmp_module(&m, &want);

        if (c == 0)
            return t->at[mid];
        if (c < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return NULL;
}

const struct route *route_table_at(const struct route_table *t, size_t i)
{
    return t->at[i];
}

uint64_t route_table_version(const struct route_table *t)
{
    return t->version;
}

size_t route_table_n_modules(const struct route_table *t)
{
    return t->n;
}

size_t route_table_n_nodes(const struct route_table *t)
{
    return t->n_node;
}

bool route_equal(const struct route *a, const struct route *b)
{
    uint32_t i;

    if (a == b)
        return true;
    if (!a || !b || a->n_node != b->n_node)
        return false;
    for (i = 0; i < a->n_node; i++)
        if (a->node[i].ip != b->node[i].ip || a->node[i].port != b->node[i].port ||
            a->node[i].weight != b->node[i].weight || a->node[i].zone != b->node[i].zone)
            return false;
    return true;
}

bool route_table_equal(const struct route_table *a, const struct route_table *b)
{
    size_t i;

    if (a->n != b->n)
        return false;
    for (i = 0; i < a->n; i++)
        if (a->at[i]->modid != b->at[i]->modid || a->at[i]->cmdid != b->at[i]->cmdid ||
            !route_equal(a->at[i], b->at[i]))
            return false;
    return true;
}
