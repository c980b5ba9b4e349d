/* node_state -- whether a node gets calls from this host, and how it comes back.
 *
 *              2 checks fail, or 1 right after a caller saw a failure
 *       +--------------------------------------------------------------+
 *       |                                                              v
 *     +----+   statistics   +---------+       2 checks fail         +------+
 *     | up |--------------->| ejected |---------------------------->| down |
 *     +----+                +---------+<----------------------------+------+
 *      ^ ^ ^                  |  ^  | checks succeed, but it flaps   |   ^
 *      | | +--2 good checks---+  |  |                                |   |
 *      | |                 fails |  v back-off over                  |   |
 *      | |                  +-------+        2 checks fail           |   |
 *      | +---succeeds-------| trial |--------------------------------|---+
 *      |                    +-------+                                |
 *      +-----------------------2 checks in a row succeed-------------+
 *
 * down      what a check says is a fact about one node: any number of nodes may be down.
 * ejected   what statistics say is a comparison: at most half of the nodes that are not
 *           down may be ejected.  Checks that see the service end an ejection; else its
 *           back-off of 1, 2, 4 .. 60 s does, doubled by each time it was out lately.
 * trial     a check by TCP does not see the service: one call of a user at a time and
 *           host decides.  A process that never closed a connection in turn is tried
 *           after NODE_STATE_PORT_MS; one that did, and does not any more, is stopped,
 *           and is tried after the longest back-off: another version may serve there.
 * warm up   a node that is new or back gets a growing part of its weight (slow start).
 *
 * In a module whose calls succeed and of which no check ever did, checks say nothing: TCP
 * may not reach its service.  Statistics and trials decide about its nodes.  The same
 * holds for one node that no check has ever reached while calls to it succeed.
 *
 * Source: HAProxy has checks without a cap, Envoy ejections with cap and back-off that a
 * good check ends, and slow start.  Why these are apart: docs/decisions/020.
 *
 * Pure functions of a node's state and of now (any monotonic clock).  Thread: the
 * owner's. */
#ifndef LARS_LB_NODE_STATE_H
#define LARS_LB_NODE_STATE_H

#include "lb/node.h"

#define NODE_STATE_PORT_MS 16000      /* the least back-off of a node whose checks see
                                       * nothing but a kernel */
#define NODE_STATE_SEEN_MS 2000       /* a node of another zone may be called for so long
                                       * after a check or a call has succeeded */

struct node_state_config {
    uint32_t eject_ms, eject_max_ms;  /* the first back-off, the longest */
    uint32_t slow_ms;                 /* length of the slow start; 0 = none */
    uint32_t slow_min;                /* per cent of the weight at its begin */
};

/* What a good check has seen. */
enum node_check {
    NODE_CHECK_PORT,                  /* a connection is accepted, which a kernel does
                                       * also for a process that is stopped */
    NODE_CHECK_PROCESS,               /* and the process closed it when we did */
    NODE_CHECK_SERVICE,               /* the service answered a request */
};

enum node_status {
    NODE_STATUS_UP,
    NODE_STATUS_DOWN,
    NODE_STATUS_EJECTED,
    NODE_STATUS_TRIAL,
};

struct node_state {                   /* zeroed = up, nothing is known */
    enum node_status status;
    enum eject_reason why;            /* it is not up */
    uint64_t changed_ms;              /* last change between up and not up, or
                                       * forgiveness */
    uint64_t backoff_until_ms;        /* not up again before, unless checks prove it */
    uint64_t witness_ms;              /* a caller saw it fail, and no good check since; 0
                                       * = none */
    enum eject_reason witness;        /* whose calls these were: EJECT_CHECK: of this
                                       * host; EJECT_FLEET: of other hosts */
    uint64_t seen_ms;                 /* a call succeeded, or a check that saw more than
                                       * the port; 0 = never */
    uint64_t checked_ms;              /* the last check; 0 = never */
    uint64_t trial_ms;                /* trial: the ticket was taken; 0 = it was not */
    uint64_t warmup_since_ms;         /* begin of the slow start; 0 = none */
    double warmup_credit;             /* of node_state_pauses(): 1 pays for a tick */
    uint32_t n_out;                   /* times it was not up; one is forgiven for each
                                       * minute that it is up */
    uint32_t n_ok, n_fail;            /* checks in a row */
    uint32_t n_stopped;               /* checks in a row that saw less than earlier ones:
                                       * the port, but not the process */
    bool check_failed;                /* a check has failed since it is not up */
    bool checkable;                   /* a check has succeeded once */
    enum node_check kind;             /* the most that a check has seen */
};

struct node_result {                  /* of a check */
    bool ok;
    enum node_check kind;             /* when it is ok */
    bool may_hold;                    /* the cap allows that it stays out as ejected */
    bool may_try;                     /* no other node of the module is on trial */
    bool unproven;                    /* no check of the module has ever succeeded,
                                       * although calls have */
};

/* What an evidence has led to. */
enum node_event {
    NODE_EVENT_NONE,
    NODE_EVENT_OUT,                   /* it was up, and is down or ejected */
    NODE_EVENT_MOVED,                 /* it was not up, and is now in another such
                                       * state */
    NODE_EVENT_UP,                    /* it is up again, and warms up */
    NODE_EVENT_FORGOTTEN,             /* what was known of it is too old to count */
};

/* A call has failed while the node was up, of this host (<whose> is EJECT_CHECK) or of
 * others (EJECT_FLEET): the next check that fails is enough. */
void node_state_witness(struct node_state *n, enum eject_reason whose, uint64_t now_ms);

/* A call has succeeded while the node was up, so its process is not stopped, whatever
 * checks see. */
void node_state_succeeded(struct node_state *n, uint64_t now_ms);

/* Is the node up, and a failure of it not explained by a good check? */
bool node_state_is_doubted(const struct node_state *n, uint64_t now_ms);

/* A check has ended. */
enum node_event node_state_checked(struct node_state *n,
                                   const struct node_state_config *c,
                                   const struct node_result *r, uint64_t now_ms);

/* Has its process not shown itself in two checks in a row, and did before? */
bool node_state_is_stopped(const struct node_state *n);

/* Ejects the node, which is up. */
void node_state_eject(struct node_state *n, const struct node_state_config *c,
                      enum eject_reason why, uint64_t now_ms);

/* The trial call has ended. */
enum node_event node_state_tried(struct node_state *n, const struct node_state_config *c,
                                 bool ok, uint64_t now_ms);

/* The node is up now, whatever it was: calls to it succeed although its checks fail, or
 * too many nodes are ejected. */
void node_state_readmit(struct node_state *n, uint64_t now_ms);

/* Forgets that it is down or ejected: a node of another zone that has not been checked
 * since calls stay in the own zone. */
void node_state_forget(struct node_state *n);

/* Time passes: a node that has been up for a minute is forgiven one time that it was
 * not. */
void node_state_forgive(struct node_state *n, uint64_t now_ms);

/* The cost that stands for the state; 0 = the node is up. */
uint32_t node_state_cost(const struct node_state *n);

/* Has a call succeeded within NODE_STATE_SEEN_MS, or a check that saw more than the
 * port? */
bool node_state_is_seen(const struct node_state *n, uint64_t now_ms);

/* The state and the reason as text: static strings, never freed. */
const char *node_state_str(uint32_t cost);
const char *node_state_reason(uint32_t cost);

/* --- slow start --------------------------------------------------------------------- */

/* Slow start begins now, for a node that is new. */
void node_state_start_warmup(struct node_state *n, uint64_t now_ms);

/* Slow start, once per tick of the agent: does the node pause until the next one?  It
 * works in a growing part of the ticks, then like any other.  So it gets a part of its
 * weight under every policy, and also where calls are so few that a node with a higher
 * cost would get none.  (hash ignores it: a key's node is its node.) */
bool node_state_pauses(struct node_state *n, const struct node_state_config *c,
                       uint64_t now_ms);

#endif
