/* node -- the numbers of one node that all processes of a host share.  They are plain
 * memory: shmem/layout.h places them in mapped files, a test or the simulator on the
 * heap.  Thread: any; what several processes write is atomic. */
#ifndef LARS_LB_NODE_H
#define LARS_LB_NODE_H

#include <stdbool.h>
#include <stdint.h>

/* A cost is microseconds x NODE_COST_UNIT x NODE_WEIGHT / weight, so that a lower cost is
 * a better node.  The highest values are no durations but states: NODE_OUT, with flags
 * and an enum eject_reason in the last bits (lb/node_state.h).  A program that does not
 * know a flag takes the node for ejected. */
#define NODE_COST_UNIT 256            /* one microsecond at weight NODE_WEIGHT */
#define NODE_OUT 0xffffff00u          /* from here on: the agent lets it have no calls */
#define NODE_DOWN 0x80u               /* flag: its checks fail */
#define NODE_TRIAL 0x40u              /* flag: one call may be sent to it, to try it */
#define NODE_UNSEEN 0x20u             /* flag: of another zone, and this host has not seen
                                       * it work lately */
#define NODE_REASON 0x1fu             /* the bits of the enum eject_reason */
#define NODE_WARMING (NODE_OUT - 1)   /* slow start: other nodes first until the agent's
                                       * next tick */
#define NODE_COST_MAX (NODE_OUT - 2)
#define NODE_WEIGHT 100               /* the weight of a node without a configured one */

enum eject_reason {                   /* 0 = unknown */
    EJECT_PROPOSED = 1,               /* one caller saw several calls in a row fail */
    EJECT_STREAK,                     /* several failed in a row, over all callers */
    EJECT_OUTLIER,                    /* it fails far more often than its fellows */
    EJECT_FLEET,                      /* other hosts ejected it, and our check failed */
    EJECT_CHECK,                      /* a call failed, and then a check */
    EJECT_TRIAL,                      /* its trial call failed */
    EJECT_FLAPPING,                   /* it works again, but was down often lately */
    EJECT_STOPPED,                    /* its kernel accepts connections, but its process
                                       * does not close them any more */
};

static inline bool node_cost_has(uint32_t cost, uint32_t flag)
{
    return cost >= NODE_OUT && (cost & flag) != 0;
}

/* Written by every process of the host, with atomic operations only. */
struct node_counter {
    _Atomic int32_t inflight;         /* calls begun and not ended; readers take
                                       * max(inflight, 0) */
    _Atomic uint32_t streak;          /* failures in a row until now */
    _Atomic uint64_t ejected_until_ms; /* monotonic; until then no other call: a client
                                       * has proposed its ejection, or has taken its
                                       * ticket (lb/pick.h).  0 = none */
};

/* A node's place in a module. */
struct node_member {
    uint32_t nid;                     /* index of its cost and its counter */
    uint16_t weight;                  /* 1 to 10,000 */
    uint8_t zone;                     /* 0 = ours; the others in any order from 1 */
    uint8_t zero;                     /* unused, always 0 */
};

_Static_assert(sizeof(struct node_counter) == 16, "in shared memory");
_Static_assert(sizeof(struct node_member) == 8, "in shared memory");

#endif
