/* pick -- which node takes the next call: pure functions of the numbers that all
 * processes share, of a state of the caller's own, and of now.  They hold with the agent
 * dead: ejection, its cap, panic and the way to other zones are decided here, for each
 * call.
 *
 *     scan     lowest cost x (in-flight + 1) of all nodes of the zone up to 64, of 8 at
 *              random above, over a view that a host shares
 *     p2c      the better one of two distinct nodes, by the same score
 *     wrr      smooth weighted round robin (nginx)
 *     hash     the node of a key: rendezvous hashing by weight
 *     classic  in turn; each 11th call goes to a node that is out (Lars, ELB)
 *
 * Thread: any, a state for each. */
#ifndef LARS_LB_PICK_H
#define LARS_LB_PICK_H

#include <stdbool.h>

#include "base/rnd.h"
#include "lb/node.h"

#define PICK_SCAN_MAX 64 /* nodes that are all looked at */
#define PICK_SAMPLE 8 /* nodes that are looked at when there are more */
#define PICK_FULL 10000 /* shares are parts of this */
#define PICK_DEMAND_PRESET                                                               \
    7143 /* of a zone's capacity when nobody has measured: it
                                       * may lose 29 % before calls leave it (Envoy) */

#define PICK_ZONE_BREAK_PCT 60 /* per cent of a zone's nodes out: it is leaving */

enum pick_rule { PICK_SCAN, PICK_P2C, PICK_WRR, PICK_HASH, PICK_CLASSIC, PICK_RULES };

/* Borrows everything for the call. */
struct pick_view {
    const _Atomic uint32_t *cost; /* by nid */
    struct node_counter *counter; /* by nid; only read here */
    const struct node_member *member; /* those of zone 0 first */
    uint32_t n, n_own; /* n 1 and more; n_own 0 to n */
    uint32_t demand; /* of the own zone's capacity, of PICK_FULL; it may
                                       * be more than there is: lb/spillover.h */
    uint32_t own_max; /* at most this share stays here, of PICK_FULL */
    enum pick_rule rule; /* unknown: scan */
};

/* The caller's own, for one module; zeroed but for rnd. */
struct pick_state {
    struct rnd rnd;
    uint32_t turn, at, probe_at; /* classic: calls; members after the last ones */
    int64_t *current; /* wrr: one for each member, zeroed when they
                                       * change; NULL: scan instead */
};

/* Why this one?  Bits, for `larsctl why` and for tests. */
enum pick_why {
    PICK_OTHER_ZONE = 1, /* the own one has not the capacity */
    PICK_ZONE_BROKEN = 2, /* most of the own zone is out */
    PICK_PANIC = 4, /* most of all nodes are out: health is ignored */
    PICK_PROBE = 8, /* classic: a call to a node that is out */
};

/* Is it out now: by the agent, or proposed by a client? */
bool pick_is_ejected(const struct pick_view *v, uint32_t i, uint64_t now_ms);

/* How many nodes are in, of zone 0 in <own>.  <own> may be NULL. */
uint32_t pick_count_available(const struct pick_view *v, uint64_t now_ms, uint32_t *own);

/* The index of a member.  <key>: of PICK_HASH.  <why> may be NULL. */
uint32_t pick_node(const struct pick_view *v, struct pick_state *st, uint64_t now_ms,
                   uint64_t key, unsigned *why);

/* A call of member <i> has ended: k failures in a row propose that it is out, for all
 * processes of this host, for a second, in which the agent confirms it or not; without an
 * agent (<alone>) for 1, 2, 4 .. 30 s. */
void pick_call_ended(const struct pick_view *v, uint32_t nid, uint32_t k, bool ok,
                     bool alone, uint64_t now_ms);

/* May one more node be taken out?  Never the last one in, never more than half of all. */
bool pick_may_eject(const struct pick_view *v, uint64_t now_ms);

#endif
