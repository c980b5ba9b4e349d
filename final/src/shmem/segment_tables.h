/* segment_tables -- the sizes of the files R and C of a segment, and where in them each
 * table lies.  Internal to shmem/.  Thread: any. */
#ifndef LARS_SHMEM_SEGMENT_TABLES_H
#define LARS_SHMEM_SEGMENT_TABLES_H

#include "shmem/segment_private.h"

/* May a segment have room for <n>?  <max> is SEGMENT_MAX_NODES or SEGMENT_MAX_MODULES. */
bool segment_tables_is_size(uint32_t n, uint32_t max);

/* Derive the lengths of all tables. */
void segment_tables_set_sizes(struct segment *s, uint32_t max_nodes,
                              uint32_t max_modules);

/* Does the head of R have sizes that are allowed and fit together? */
bool segment_tables_fit(const struct layout_routes *head);

/* Set the pointers to the tables of R, which begins at s->routes; NULL is fine while
 * nothing is mapped.  Returns the size of the whole file. */
size_t segment_tables_place(struct segment *s);

/* The size of the whole file C. */
size_t segment_tables_counters_size(uint32_t max_nodes);

#endif
