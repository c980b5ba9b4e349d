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
#include <string.h>

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

static int cmp_row(const void *pa, const void *pb)
{
    const struct route_row *a = pa, *b = pb;
    int c = cmp_module(a, b);

    if (c != 0)
        return c;
    if (a->node.ip != b->node.ip)
        return a->node.ip < b->node.ip ? -1 : 1;
    return (int)a->node.port - (int)b->node.port;
}

static void unref_route(struct route *r)
{
    if (atomic_fetch_sub(&r->refs, 1) == 1)
        free(r);
}

/* Make the route of one module from its <n> sorted rows.  Rows that are equal by
 * cmp_row() become one node.  One malloc() holds the route and its nodes.  The route
 * has one reference.  Returns NULL when memory ran out. */
static struct route *make_route(const struct route_row *row, size_t n)
{
    /* begin make_route */
    (void)row;
    (void)n;
    return NULL;
    /* end make_route */
}

/* How many of the <n> sorted rows, from the first on, belong to the module of the
 * first.  <n> is at least 1. */
static size_t same_module(const struct route_row *row, size_t n)
{
    /* begin same_module */
    (void)row;
    (void)n;
    return 1;
    /* end same_module */
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

/* Whether <m> is one of the <n> sorted modules in <changed>.  *at is the position in
 * that array.  Callers ask in ascending order of <m>, so *at only moves forward, and
 * all questions together cost one pass. */
static bool is_changed(const struct route_row *changed, size_t n, size_t *at,
                       const struct route_row *m)
{
    /* begin is_changed */
    (void)changed;
    (void)n;
    (void)at;
    (void)m;
    return false;
    /* end is_changed */
}

/* 1. Make a new table with room for all routes of <old> and one for each of the <n>
 *    rows: it cannot have more. -ENOMEM when there is no memory.
 * 2. Sort <changed> and <row> with qsort() and cmp_row(); qsort() must not be called
 *    with a NULL array, so leave it out for 0 elements.
 * 3. Merge the routes of <old> and the rows, both in ascending order, in one pass.  A
 *    route of <old> that is smaller than the next row, or after which no row is left:
 *    when its module is in <changed>, leave it out; otherwise take a reference and add
 *    the same route to the new table.  A module of <row>: make its route from all its
 *    rows and add it; when <old> has the module too, step over the old route.
 * 4. On failure release the new table, which holds references already.  On success
 *    write *out. */
int route_table_update(struct route_table **out, const struct route_table *old,
                       struct route_row *changed, size_t n_changed, struct route_row *row,
                       size_t n, uint64_t version)
{
    /* begin route_table_update */
    (void)old;
    (void)changed;
    (void)n_changed;
    (void)row;
    (void)n;
    (void)version;
    (void)out;
    (void)cmp_row, (void)new_table, (void)add_route;
    (void)make_route, (void)same_module, (void)is_changed;
    return -ENOSYS;
    /* end route_table_update */
}

struct route_table *route_table_ref(struct route_table *t)
{
    t->refs++;
    return t;
}

/* Release one reference of <t>; NULL is fine.  The last one releases one reference of
 * each of its routes (unref_route) and frees the table.  Two threads may release at
 * the same time, so the subtraction and the test must be one atomic step:
 * atomic_fetch_sub() returns the value before. */
void route_table_unref(struct route_table *t)
{
    /* begin route_table_unref */
    (void)t;
    (void)unref_route;
    /* end route_table_unref */
}

/* A binary search by modid and cmdid.  The table may be empty. */
const struct route *route_table_find(const struct route_table *t, uint32_t modid,
                                     uint32_t cmdid)
{
    /* begin route_table_find */
    (void)t;
    (void)modid;
    (void)cmdid;
    (void)module_of;
    return NULL;
    /* end route_table_find */
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

/* The same route is equal without a look at its nodes, and so is NULL to NULL.  NULL
 * differs from every route.  Compare ip, port, weight and zone of each node: memcmp()
 * would compare padding as well, if the struct had any. */
bool route_equal(const struct route *a, const struct route *b)
{
    /* begin route_equal */
    (void)a;
    (void)b;
    return false;
    /* end route_equal */
}

/* Equal tables have the same modules with equal routes; versions are not compared. */
bool route_table_equal(const struct route_table *a, const struct route_table *b)
{
    /* begin route_table_equal */
    (void)a;
    (void)b;
    return false;
    /* end route_table_equal */
}
