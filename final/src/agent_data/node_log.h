/* node_log -- what the log says when a node goes out, comes back or is checked, each line
 * with the evidence.  Thread: any. */
#ifndef LARS_AGENT_DATA_NODE_LOG_H
#define LARS_AGENT_DATA_NODE_LOG_H

#include "lb/controller.h"
#include "shmem/segment.h"

struct node_log {                     /* which node; all borrowed */
    const struct segment *s;
    uint32_t mid, nid;
    const struct controller *c;       /* of its module */
};

/* The node went out (<was_up>), or moved from one state of those to another: node.out,
 * node.moved. */
void node_log_out(const struct node_log *l, bool was_up);

/* It is up again, or what was known of it is forgotten: node.back. */
void node_log_back(const struct node_log *l, enum node_event event);

/* A check of it has ended: node.check, for level debug. */
void node_log_check(const struct node_log *l, bool ok);

/* An ejection was prevented by the cap: eject.vetoed, for level debug, once a minute. */
void node_log_veto(const struct segment *s, uint32_t mid, const struct controller *c);

#endif
