/* It is read once a second and not with each call, so the nodes are read anew each time.
 *
 * Rejected: to add it to the picker, whose copy of the nodes belongs to one thread and to
 * the calls of that thread. */
#include "shmem/module_capacity.h"

#include <errno.h>

#include "lb/pick.h"
#include "shmem/module_table.h"
#include "shmem/node_table.h"
#include "shmem/route_reader.h"

static void count_nodes(const struct segment *s, const struct route_reader *r,
                        uint64_t now_ms, struct module_capacity *out)
{
    const struct pick_view v = {.cost = node_table_costs(s),
                                .counter = node_table_counters(s),
                                .member = r->member,
                                .n = r->n,
                                .n_own = r->n_own,
                                .alone = !segment_agent_is_alive(s, now_ms)};
    uint32_t i;

    for (i = 0; i < r->n; i++) {
        bool in = pick_is_in(&v, i, now_ms);

        out->nodes_in += in;
        out->nodes_out += !in;
        out->weight_in += in ? r->member[i].weight : 0;
    }
}

int module_capacity_read(const struct segment *s, uint32_t modid, uint32_t cmdid,
                         uint64_t now_ms, struct module_capacity *out)
{
    struct module_table_settings set;
    struct route_reader r = {0};
    int64_t mid = module_table_find(s, modid, cmdid);
    int rc;

    if (segment_has_moved(s))
        return -ESTALE;
    if (mid < 0)
        return -ESRCH;
    rc = route_reader_read(s, (uint32_t)mid, &r);
    if (rc == 0 && r.n > 0) {
        module_table_get(s, (uint32_t)mid, &set);
        *out = (struct module_capacity){.node_rps = set.node_rps,
                                        .node_inflight = set.node_inflight,
                                        .target_ms = set.target_ms};
        count_nodes(s, &r, now_ms, out);
    }
    if (rc == -ENOENT)
        rc = -ESRCH;
    else if (rc == 0 && r.n == 0)
        rc = -ENOENT;
    route_reader_free(&r);
    return rc;
}
