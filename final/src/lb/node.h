/* node -- what a choice looks at: the numbers of a node that many processes share.  Plain
 * memory: shmem/layout.h places it in files, a test or the simulator on the heap. */
#ifndef LARS_LB_NODE_H
#define LARS_LB_NODE_H

#include <stdint.h>

#define NODE_EJECTED 0xffffff00u /* a cost from here on: the agent has taken it out */
#define NODE_REASON 0xffu /* of such a cost: why, enum eject_reason */
#define NODE_WARMING (NODE_EJECTED - 1) /* in, but not now, while there are others */
#define NODE_COST_MAX (NODE_EJECTED - 2)
#define NODE_WEIGHT 100 /* when nobody says anything else */

enum eject_reason {
    EJECT_PROPOSED = 1, /* a caller saw it fail in a row */
    EJECT_STREAK, /* so did the agent, over all callers */
    EJECT_OUTLIER, /* it fails far more often than its fellows */
    EJECT_FLEET, /* other hosts took it out, and our probe failed */
};

/* Written by everybody, atomics only; 16 bytes. */
struct node_counter {
    /* calls under way; readers take max(inflight, 0) */
    _Atomic int32_t inflight;
    _Atomic uint32_t streak; /* failures in a row */
    _Atomic uint64_t ejected_until_ms; /* a client's proposal; monotonic, 0 = none */
};

/* A node's place in a module; 8 bytes. */
struct node_member {
    uint32_t nid; /* index of its cost and counter */
    uint16_t weight; /* 1 to 10,000 */
    uint8_t zone; /* 0 = ours; the others in any order from 1 */
    uint8_t zero;
};

_Static_assert(sizeof(struct node_counter) == 16, "in shared memory");
_Static_assert(sizeof(struct node_member) == 8, "in shared memory");

#endif
