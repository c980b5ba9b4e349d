/* module_capacity -- what the nodes of a module can do now: which of them are in, and
 * what the operator has set for one of them.  Thread: any. */
#ifndef LARS_SHMEM_MODULE_CAPACITY_H
#define LARS_SHMEM_MODULE_CAPACITY_H

#include "shmem/segment.h"

struct module_capacity {
    uint32_t nodes_in, nodes_out;     /* pick_is_in(), and the others */
    uint32_t weight_in;               /* the weights of <nodes_in>, summed */
    uint32_t node_rps, node_inflight, target_ms; /* module_table_settings */
};

/* <now_ms> is monotonic.  Returns 0; -ENOENT when the module has no nodes; -ESRCH when it
 * is not in shared memory; -ESTALE when another segment is in force; else as
 * route_reader_read().  <out> is written only on success. */
int module_capacity_read(const struct segment *s, uint32_t modid, uint32_t cmdid,
                         uint64_t now_ms, struct module_capacity *out);

#endif
