/* node_minutes -- what each node has answered lately, from the counters of one gateway
 * after another, and added over the gateways.  Pure.  Thread: one at a time. */
#ifndef LARS_SCALE_NODE_MINUTES_H
#define LARS_SCALE_NODE_MINUTES_H

#include <stdbool.h>

#include "scale/nodes_answer.h"

#define NODE_MINUTES_MAX (4 * NODES_ANSWER_MAX) /* of all gateways; more are left out */

struct node_minute { /* of a node, between two answers of each gateway */
    struct module_id id;
    uint32_t ip, port;
    double rps; /* answers a second */
    uint64_t n[LATENCY_BUCKETS + 1]; /* of these answers */
    bool partial; /* a gateway does not tell what it answered: too little is counted */
};

struct node_minutes {
    size_t n;
    struct node_minute at[NODE_MINUTES_MAX];
};

/* Add what grew from <from> to <to>, two answers of one gateway.  A node that only one of
 * them has, or one of whose counters went back, is partial, and nothing is added to it.
 * Returns false, and adds nothing, when the gateway was started anew between them, or
 * they are less than 100 ms apart. */
bool node_minutes_add(struct node_minutes *m, const struct nodes_answer *from,
                      const struct nodes_answer *to);

uint64_t node_minutes_answers(const struct node_minute *m); /* how many */

/* How many answers surely began later than after <us>: the bucket of <us> does not
 * count. */
uint64_t node_minutes_later(const struct node_minute *m, uint64_t us);

#endif
