/* layout -- what lies where in the files that the agent of a host and its clients share.
 * Offsets, no pointers; 64-byte lines; little endian.  Every field that another process
 * may write meanwhile is an atomic, and nothing read from here is trusted: indexes are
 * bounded before they are used.
 *
 *   meta         read-only for clients: which segment is in force, is the agent alive
 *   R.<g>        read-only for clients: routes.  <g>: the segment
 *   C.<g>        everybody's: claims, and a counter for each node
 *   L.<g>.<i>    one thread's ledger of calls; writer: that thread, and the agent when it
 *                has died
 *   A.<g>.<i>    the agent's alone: what of L.<g>.<i> it has taken */
#ifndef LARS_SHMEM_LAYOUT_H
#define LARS_SHMEM_LAYOUT_H

#include <stddef.h>
#include <stdint.h>

#include "lb/node.h"

#define LAYOUT_MAGIC 0x31746d687372616cu
#define LAYOUT_MAJOR 1                /* another one: other files, never mixed */
#define LAYOUT_MINOR 0                /* new fields in what was zero */
#define LAYOUT_LINE 64
#define LAYOUT_CALL_LOGS 1024           /* threads of clients that can count here */
#define LAYOUT_OWN 8                  /* ledgers of the agent's own, after those */
#define LAYOUT_SLOTS 4096             /* calls under way in one thread */
#define LAYOUT_BUCKETS 128            /* of durations, base/latency.h's fit */
#define LAYOUT_GROUP 64               /* nodes whose counts are one page */
#define LAYOUT_MAX_NODES 1048576
#define LAYOUT_MAX_MODULES 65536

struct layout_meta {                  /* the file has 4,096 bytes */
    uint64_t magic;
    uint32_t major, minor;
    _Atomic uint64_t epoch;           /* another for each agent process */
    _Atomic uint64_t beat_ms;         /* monotonic; 0 = it has ended */
    _Atomic uint32_t segment;         /* <g>; 0 = none yet */
    uint32_t zero[7];
};

/* --- R ------------------------------------------------------------------------------ */

struct layout_routes {
    uint64_t magic;
    uint32_t major, minor;
    uint32_t max_nodes, max_modules;
    uint32_t n_index;                 /* a power of two, twice max_modules or more */
    uint32_t n_line;                  /* lines for copies */
    _Atomic uint32_t n_module;        /* module lines in use */
    _Atomic uint32_t n_nid;           /* nodes ever in use */
    uint32_t zero[6];
};

struct layout_index {                 /* open addressing; mid first, then key */
    _Atomic uint64_t key;             /* modid << 32 | cmdid; 0 = empty */
    _Atomic uint32_t mid;
    uint32_t zero;
};

struct layout_module {                /* one hot line */
    _Atomic uint64_t where;          /* gen << 32 | line of the copy in force; 0 = none */
    uint32_t modid, cmdid;
    _Atomic uint32_t rule;            /* a policy: policies_at() */
    _Atomic uint32_t eject_after;             /* failures in a row that eject a node */
    _Atomic uint32_t timeout_ms;      /* a call that nobody reports ends, as an error */
    _Atomic uint32_t demand, own_max;   /* lb/pick.h */
    _Atomic uint32_t penalty_us;       /* a failed call took at least so long */
    uint32_t zero[6];
};

struct layout_copy {                  /* never changed while <where> names it */
    _Atomic uint32_t gen, n, n_own, sum; /* sum: layout_sum() of the rest */
    struct {
        _Atomic uint32_t nid;
        _Atomic uint32_t rest;        /* weight, zone << 16 */
    } member[];
};

struct layout_addr {
    _Atomic uint32_t family_port;     /* family | port << 16; 0 = nobody */
    _Atomic uint32_t ip[4];           /* bytes in network order, as they lie */
    _Atomic uint32_t mid;             /* its module */
};

/* --- C ------------------------------------------------------------------------------ */

struct layout_counters {
    uint64_t magic;
    uint64_t zero[7];
    _Atomic uint64_t claim[LAYOUT_CALL_LOGS]; /* who has ledger i; 0 = nobody */
    uint64_t pad[504];                /* to a page */
    struct node_counter counter[];
};

/* --- L ------------------------------------------------------------------------------ */

struct layout_slot {
    _Atomic uint64_t state;           /* calls.c */
    _Atomic uint32_t nid, mid;
    _Atomic uint64_t start_us;
    _Atomic uint64_t begun;           /* the node's count with this call in it */
};

struct layout_count {                 /* of one node; only grow, never zeroed */
    _Atomic uint64_t begun;           /* calls */
    _Atomic uint64_t done;            /* of these, reported or timed out */
    _Atomic uint64_t err;             /* of those done, failed */
    _Atomic uint64_t abandoned;       /* begun by somebody who died */
    _Atomic uint64_t lat_us;          /* sum over those done; failed ones are punished */
    uint64_t zero[3];
};

/* What is being closed: absolute values, so that a successor may write them again. */
struct layout_intent {
    _Atomic uint64_t token;           /* 0 = nothing; calls.c */
    _Atomic uint32_t nid, mid, bucket, abandoned_only;
    _Atomic uint64_t begun, done, err, abandoned, lat_us, hist;
    uint64_t zero[7];
};

struct layout_call_log {
    uint64_t magic;
    uint32_t major, index;
    _Atomic uint64_t op;              /* moves with each call */
    _Atomic uint64_t seq;             /* of the last call */
    _Atomic uint32_t slot_top;        /* slots ever used */
    uint32_t zero[7];
    struct layout_intent intent;
    _Atomic uint64_t used[LAYOUT_MAX_NODES / LAYOUT_GROUP / 64]; /* groups with counts */
    _Atomic uint64_t used_mod[LAYOUT_MAX_MODULES / 64]; /* modules with a histogram */
    uint64_t pad[1768];               /* to six pages */
    struct layout_slot slot[LAYOUT_SLOTS];
    struct layout_count count[];      /* max_nodes; then [max_modules][BUCKETS] u64 */
};

/* --- A ------------------------------------------------------------------------------ */

struct layout_taken {                 /* of a node, in one ledger */
    uint64_t done, err;
};

_Static_assert(sizeof(struct layout_meta) == 64, "a line");
_Static_assert(sizeof(struct layout_routes) == 64, "a line");
_Static_assert(sizeof(struct layout_index) == 16, "four a line");
_Static_assert(sizeof(struct layout_module) == 64, "a line");
_Static_assert(sizeof(struct layout_addr) == 24, "as struct lars_addr, and its module");
_Static_assert(offsetof(struct layout_counters, counter) == 12288, "pages");
_Static_assert(sizeof(struct layout_slot) == 32, "two a line");
_Static_assert(sizeof(struct layout_count) == 64, "a line");
_Static_assert(sizeof(struct layout_intent) == 128, "two lines");
_Static_assert(offsetof(struct layout_call_log, slot) == 24576, "pages");

#endif
