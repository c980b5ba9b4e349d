/* route -- which nodes a module has, as values that never change. A reader holds a table
 * as long as it likes; a change makes a new table that shares every route that stayed
 * the same.  So nobody waits for anybody, and there is nothing to lock. Thread: any, for
 * everything here: the reference counts are atomic. */
#ifndef LARS_ROUTE_ROUTE_H
#define LARS_ROUTE_ROUTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct route_node {
    uint32_t ip;                      /* IPv4, host byte order */
    uint16_t port;
    uint16_t weight;                  /* its share of the calls; 0 = as all others */
    uint32_t zone;                    /* CRC-32 of its zone's name; 0 = in none */
};

/* The nodes of one module, sorted by ip and port, each once. */
struct route {
    uint32_t modid, cmdid;
    uint32_t n_node;
    _Atomic uint32_t refs;            /* route.c's */
    struct route_node node[];
};

/* A row as the database has it, in any order. */
struct route_row {
    uint32_t modid, cmdid;
    struct route_node node;
};

/* All modules that have nodes, at one version. */
struct route_table;

/* From <n> rows.  Copies; <row> is sorted in place.  <version>: the database's.  The
 * caller holds one reference.  Returns 0 or -ENOMEM. */
int route_table_create(struct route_table **out, struct route_row *row, size_t n,
                       uint64_t version);

/* <old> with the modules <changed> (of <n_changed> rows; only modid and cmdid count)
 * replaced by what <row> says of them; a module without rows is gone.  Both arrays are
 * sorted in place.  Routes that stay are shared.  Returns 0 or -ENOMEM. */
int route_table_update(struct route_table **out, const struct route_table *old,
                       struct route_row *changed, size_t n_changed, struct route_row *row,
                       size_t n, uint64_t version);

struct route_table *route_table_ref(struct route_table *t); /* returns <t> */
void route_table_unref(struct route_table *t); /* NULL is fine */

/* Borrowed from <t>; NULL when the module has no nodes.  O(log n). */
const struct route *route_table_find(const struct route_table *t, uint32_t modid,
                                     uint32_t cmdid);

/* The <i>th of route_table_n_modules(), by modid and cmdid.  Borrowed from <t>. */
const struct route *route_table_at(const struct route_table *t, size_t i);

uint64_t route_table_version(const struct route_table *t);
size_t route_table_n_modules(const struct route_table *t);
size_t route_table_n_nodes(const struct route_table *t);

/* The same nodes?  NULL = none. */
bool route_equal(const struct route *a, const struct route *b);
bool route_table_equal(const struct route_table *a, const struct route_table *b);

#endif
