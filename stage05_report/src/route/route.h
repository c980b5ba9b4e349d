/* route -- the nodes of all modules, as tables that never change after they are made.
 * A change makes a new table, which shares the unchanged routes with the old one.  A
 * reader that holds a reference may use its table as long as it needs, so readers and
 * writers need no lock and never wait for each other.
 * Thread: any, for all functions: the reference counts are atomic. */
#ifndef LARS_ROUTE_ROUTE_H
#define LARS_ROUTE_ROUTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct route_node {
    uint32_t ip;                      /* IPv4, host byte order */
    uint16_t port;
    uint16_t weight;                  /* share of the calls; 0 = the normal share */
    uint32_t zone;                    /* CRC-32 of the name of its zone; 0 = no zone */
};

/* The nodes of one module, sorted by ip and port, without duplicates. */
struct route {
    uint32_t modid, cmdid;
    uint32_t n_node;
    _Atomic uint32_t refs;            /* used by route.c only */
    struct route_node node[];
};

/* One row of the database. */
struct route_row {
    uint32_t modid, cmdid;
    struct route_node node;
};

/* The routes of all modules that have nodes, at one version. */
struct route_table;

/* Make a table of <n> rows, in any order; <row> is sorted in place and copied.  <version>
 * is the version of the database.  The caller receives one reference.  Returns 0 or
 * -ENOMEM. */
int route_table_create(struct route_table **out, struct route_row *row, size_t n,
                       uint64_t version);

/* Make a new table from <old>: the routes of the modules in <changed> (only modid and
 * cmdid are used) are replaced by the rows in <row>; a changed module without rows is
 * removed.  All other routes are shared with <old>.  Both arrays are sorted in place.
 * The caller receives one reference and keeps its own of <old>.  Returns 0 or -ENOMEM. */
int route_table_update(struct route_table **out, const struct route_table *old,
                       struct route_row *changed, size_t n_changed, struct route_row *row,
                       size_t n, uint64_t version);

struct route_table *route_table_ref(struct route_table *t); /* returns <t> */
void route_table_unref(struct route_table *t); /* NULL is fine */

/* The route of a module, or NULL when it has no nodes.  Borrowed from <t>.  O(log n). */
const struct route *route_table_find(const struct route_table *t, uint32_t modid,
                                     uint32_t cmdid);

/* The route number <i>, 0 to route_table_n_modules() - 1, in the order of modid and
 * cmdid.  Borrowed from <t>. */
const struct route *route_table_at(const struct route_table *t, size_t i);

uint64_t route_table_version(const struct route_table *t);
size_t route_table_n_modules(const struct route_table *t);
size_t route_table_n_nodes(const struct route_table *t);

/* Whether both have the same nodes with the same weights and zones; NULL = no nodes.
 * Versions are not compared. */
bool route_equal(const struct route *a, const struct route *b);
bool route_table_equal(const struct route_table *a, const struct route_table *b);

#endif
