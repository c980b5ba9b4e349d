/* module_table -- the modules of a segment: a number for each, the <mid>, and the
 * settings by which clients choose among its nodes.  A module keeps its number as long as
 * the segment exists.  Readers may read at any time, from any thread and process; there
 * is one writer, the agent. */
#ifndef LARS_SHMEM_MODULE_TABLE_H
#define LARS_SHMEM_MODULE_TABLE_H

#include "base/module_id.h"
#include "shmem/segment.h"

struct module_table_settings {
    uint32_t rule;                    /* the policy: policies_at() */
    uint32_t eject_after;             /* failures in a row that propose an ejection */
    uint32_t timeout_ms;              /* a call without a report ends then, as failed */
    uint32_t demand, own_max;         /* for pick_node(): lb/pick.h */
    uint32_t penalty_us; /* the least duration that a failed call counts as */
    /* What a node of weight 100 can do; 0 = not known.  An agent of another version may
     * not write them: they stay as they were. */
    uint32_t node_rps, node_inflight, target_ms;
};

/* The number of a module.  Returns it; -ENOENT.  Thread: any. */
int64_t module_table_find(const struct segment *s, uint32_t modid, uint32_t cmdid);

/* Numbers 0 to this one, exclusive, are in use.  Thread: any. */
uint32_t module_table_count(const struct segment *s);

/* <mid> must be less than segment_max_modules().  Zero for a number not in use.
 * Thread: any. */
struct module_id module_table_id(const struct segment *s, uint32_t mid);
void module_table_get(const struct segment *s, uint32_t mid,
                      struct module_table_settings *out);

/* Only what differs is stored: clients read this cache line with every call, and a store
 * would take it from their caches.  Thread: the agent's. */
void module_table_set(struct segment *s, uint32_t mid,
                      const struct module_table_settings *in);

/* The number of a module, a new one if need be.  Returns it; -EMFILE when the table is
 * full.  Thread: the agent's. */
int64_t module_table_add(struct segment *s, uint32_t modid, uint32_t cmdid);

/* Enter <mid> in the index if it is not there: a predecessor may have been killed between
 * the two steps of module_table_add().  Thread: the agent's. */
void module_table_repair(struct segment *s, uint32_t mid);

/* A hash for open addressing in tables of modules. */
uint32_t module_table_hash(uint32_t modid, uint32_t cmdid);

#endif
