/* slot_nodes -- the rows of a snapshot joined: one entry for each slot that has an order
 * or in which something runs, with its row in the route.  Thread: one at a time. */
#ifndef LARS_SCALE_SLOT_NODES_H
#define LARS_SCALE_SLOT_NODES_H

#include "scale/snapshot.h"

struct slot_node {
    struct module_id id;
    uint32_t host, slot; /* <host>: index into the snapshot's hosts */
    uint32_t ip, port; /* port 0: it is not known */
    bool ordered;
    bool fresh, lost; /* its host was heard 5 s ago; not for a minute */
    bool starting; /* starts, or the order has not been seen */
    bool ready; /* its check passes, or has failed for moments */
    bool sick; /* its check fails, perhaps for moments */
    bool bad; /* sick for 5 s, or failed */
    bool failed; /* its start failed, or it ended */
    bool leaving; /* its slot is to be empty */
    bool measured; /* it is loaded to see what it can do, so it counts for nothing */
    bool up, drained; /* its row in the route; both false: no row */
};

struct slot_nodes {
    struct slot_node *at; /* in the order of host and slot */
    size_t n, max;
};

/* Returns 0 or -ENOMEM; slot_nodes_empty() in both cases. */
int slot_nodes_join(const struct snapshot *s, struct slot_nodes *out);
void slot_nodes_empty(struct slot_nodes *nodes);

/* Of the zone <zone>, on a host that is not lost, and not one that is measured. */
bool slot_nodes_counts(const struct snapshot *s, const struct slot_node *n,
                       struct module_id id, const char *zone);

/* Takes calls, as far as is known. */
static inline bool slot_nodes_serves(const struct slot_node *n)
{
    return n->up && n->ready && !n->leaving;
}

/* Takes calls, or will without another order. */
static inline bool slot_nodes_runs(const struct slot_node *n)
{
    return (n->ready || n->starting) && !n->leaving && !n->drained;
}

#endif
