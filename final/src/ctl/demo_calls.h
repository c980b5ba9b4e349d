/* demo_calls -- a thread that calls the nodes of a module at a steady rate, as business
 * code of one zone does: it asks the agent of its zone for a node, calls it and reports
 * the result.  Thread: one, unless a function names another. */
#ifndef LARS_CTL_DEMO_CALLS_H
#define LARS_CTL_DEMO_CALLS_H

#include "api/lars.h"
#include "ctl/demo_nodes.h"

struct demo_calls;

struct demo_calls_config {
    struct lars_client *lars;             /* borrowed; of the agent of the zone */
    uint32_t modid, cmdid, rate;          /* rate: calls a second */
    const struct demo_node *node;         /* borrowed; <at> and <zone> do not change */
    unsigned n_nodes;
};

struct demo_calls_counts {
    uint64_t ok[2];                       /* answered, by the zone of the node */
    uint64_t failed;                      /* no answer, or no node was given */
};

/* It begins at once.  Returns 0, -ENOMEM or -EAGAIN. */
int demo_calls_start(struct demo_calls **out, const struct demo_calls_config *cfg);
void demo_calls_stop(struct demo_calls *d); /* NULL is fine; waits for the last call */

/* What has been counted since the last look. */
void demo_calls_look(struct demo_calls *d, struct demo_calls_counts *out);

#endif
