/* layout -- the binary layout of the files that the agent of a host and its clients
 * share. Only the files of shmem/ and their tests include this header: every other folder
 * uses the accessors of segment.h, module_table.h, node_table.h, route_reader.h and
 * call_log.h.
 *
 * Positions are offsets and there are no pointers, because each process maps the files at
 * another address.  Numbers are little endian.  Every field that another process may
 * write at the same time is an atomic.  Nothing that is read from here is trusted: an
 * index is bounded before it is used.
 *
 *   meta         read-only for clients: the segment in force and the agent's heartbeat
 *   R.<g>        read-only for clients: the routes of segment <g>
 *   C.<g>        writable for all: the owner of each call log and a counter for each node
 *   L.<g>.<i>    call log <i>: written by one client thread; by the agent after its death
 *   A.<g>.<i>    the agent's alone: what it has collected from L.<g>.<i>
 *
 * A change of the layout is a change of LAYOUT_MAJOR; a new field in bytes that were zero
 * is a change of LAYOUT_MINOR.  test_shmem holds the offsets fast. */
#ifndef LARS_SHMEM_LAYOUT_H
#define LARS_SHMEM_LAYOUT_H

#include <stddef.h>
#include <stdint.h>

#include "lb/node.h"
#include "shmem/segment.h"

#define LAYOUT_MAGIC 0x31746d687372616cu
#define LAYOUT_MAJOR 2                /* 2: addresses of 12 bytes, blocks of 16 */
#define LAYOUT_MINOR 0
#define LAYOUT_OLD_MAJOR 1            /* an agent collects what is left in such files */
#define LAYOUT_OLD_BLOCK 64
#define LAYOUT_LINE 64                /* a cache line: each table begins on one */
#define LAYOUT_BLOCK 16               /* the unit in which room for copies is allocated */
#define LAYOUT_SLOTS 4096             /* calls that one thread may have open */
#define LAYOUT_GROUP 64               /* nodes whose counts share a page of a call log */

struct layout_meta {                  /* the file has 4,096 bytes */
    uint64_t magic;
    uint32_t major, minor;
    _Atomic uint64_t epoch;           /* drawn anew by each agent process */
    _Atomic uint64_t beat_ms;         /* monotonic: the agent's next step is due; 0 = it
                                       * has ended */
    _Atomic uint32_t segment;         /* <g>; 0 = there is none yet */
    uint32_t zero[7];
};

/* --- R ------------------------------------------------------------------------------ */

/* Behind this head, each table at the next cache line:
 *     struct layout_index  [n_index]
 *     struct layout_module [max_modules]
 *     _Atomic uint32_t     [max_nodes]   cost, for pick_node()
 *     _Atomic uint32_t     [max_nodes]   generation
 *     struct layout_addr   [max_nodes]
 *     struct layout_addr6  [max_nodes]   for IPv6 only: other pages are never allocated
 *     blocks of LAYOUT_BLOCK bytes, n_block of them; block 0 is reserved */
struct layout_routes {
    uint64_t magic;
    uint32_t major, minor;
    uint32_t max_nodes, max_modules;
    uint32_t n_index;                 /* twice max_modules, so at most half full */
    uint32_t n_block;
    _Atomic uint32_t n_module;        /* entries of the module table in use */
    _Atomic uint32_t n_nid;           /* node ids that were ever in use */
    uint32_t zero[6];
};

struct layout_index {                 /* open addressing; mid is written before key */
    _Atomic uint64_t key;             /* modid << 32 | cmdid; 0 = empty */
    _Atomic uint32_t mid;             /* index in the module table */
    uint32_t zero;
};

struct layout_module {                /* one cache line, read by every call */
    _Atomic uint64_t where; /* gen << 32 | block of the copy in force; 0 = none */
    uint32_t modid, cmdid;
    _Atomic uint32_t rule;            /* from here: struct module_table_settings */
    _Atomic uint32_t eject_after;
    _Atomic uint32_t timeout_ms;
    _Atomic uint32_t demand, own_max;
    _Atomic uint32_t penalty_us;
    _Atomic uint32_t node_rps;        /* 0 = not known, as the two behind it */
    _Atomic uint32_t node_inflight, target_ms;
    uint32_t zero[3];
};

struct layout_copy { /* a module's nodes; immutable while <where> names it */
    _Atomic uint32_t gen, n, n_own;
    _Atomic uint32_t sum;             /* route_reader_sum() of the rest */
    struct {
        _Atomic uint32_t nid;
        _Atomic uint32_t rest;        /* weight | zone << 16 */
    } member[];
};

struct layout_addr {
    _Atomic uint32_t family_port;     /* family | port << 16; 0 = the id is free */
    _Atomic uint32_t ip;              /* bytes 0 to 3 of net_addr.ip, as they are */
    _Atomic uint32_t mid;             /* the module that the node belongs to */
};

/* The rest of an IPv6 address.  The file is sparse, and reading a page would allocate it,
 * so this table is touched only at ids whose family is AF_INET6. */
struct layout_addr6 {
    _Atomic uint32_t ip[3];           /* bytes 4 to 15 of net_addr.ip */
};

/* In files of LAYOUT_OLD_MAJOR, in place of both tables of addresses.  All other
 * tables that an agent reads to collect a segment are as they are here, and at the
 * same places. */
struct layout_old_addr {
    _Atomic uint32_t family_port;
    _Atomic uint32_t ip[4];
    _Atomic uint32_t mid;
};

/* --- C ------------------------------------------------------------------------------ */

struct layout_counters {
    uint64_t magic;
    uint64_t zero[7];
    _Atomic uint64_t claim[SEGMENT_CLIENT_LOGS]; /* owner of call log i; 0 = it is free */
    uint64_t pad[504];                /* to a page */
    struct node_counter counter[];    /* max_nodes, by nid */
};

/* --- L ------------------------------------------------------------------------------ */

struct layout_slot {                  /* a call that is open, or was */
    _Atomic uint64_t state;           /* call_log.c explains it */
    _Atomic uint32_t nid, mid;
    _Atomic uint64_t start_us;
    _Atomic uint64_t begun;           /* the node's <begun>, this call included */
};

struct layout_count {                 /* totals of a node: they only grow, and stay */
    _Atomic uint64_t begun;           /* calls */
    _Atomic uint64_t done;            /* calls that were reported or timed out */
    _Atomic uint64_t err;             /* those of <done> that failed */
    _Atomic uint64_t abandoned;       /* calls whose process died before it reported */
    _Atomic uint64_t lat_us;          /* sum over <done>; a failed call has a penalty */
    uint64_t zero[3];
};

/* The finish that is in progress.  Its numbers are absolute values, so a successor may
 * write them once more without harm. */
struct layout_intent {
    _Atomic uint64_t token;           /* of the call; 0 = no finish is in progress */
    _Atomic uint32_t nid, mid, bucket, abandoned_only;
    _Atomic uint64_t begun, done, err, abandoned, lat_us, hist;
    uint64_t zero[7];
};

struct layout_call_log {
    uint64_t magic;
    uint32_t major, index;
    _Atomic uint64_t op;              /* grows with each change */
    _Atomic uint64_t seq;             /* number of the last call */
    _Atomic uint32_t slot_top;        /* slots that were ever used */
    uint32_t zero[7];
    struct layout_intent intent;
    _Atomic uint64_t
        used[SEGMENT_MAX_NODES / LAYOUT_GROUP / 64]; /* bit: group has counts */
    _Atomic uint64_t used_mod[SEGMENT_MAX_MODULES / 64]; /* bit: module has a histogram */
    uint64_t pad[1768];               /* to six pages */
    struct layout_slot slot[LAYOUT_SLOTS];
    struct layout_count count[];      /* max_nodes; then [max_modules][BUCKETS] u64 */
};

/* --- A ------------------------------------------------------------------------------ */

struct layout_collected {             /* max_nodes; then [max_modules][BUCKETS] u64 */
    uint64_t done, err;
};

_Static_assert(sizeof(struct layout_meta) == 64, "one cache line");
_Static_assert(sizeof(struct layout_routes) == 64, "one cache line");
_Static_assert(sizeof(struct layout_index) == 16, "four in a cache line");
_Static_assert(sizeof(struct layout_module) == 64, "one cache line");
_Static_assert(sizeof(struct layout_addr) == 12, "an IPv4 address and its module");
_Static_assert(sizeof(struct layout_addr6) == 12, "the rest of an IPv6 address");
_Static_assert(sizeof(struct layout_old_addr) ==
                   sizeof(struct layout_addr) + sizeof(struct layout_addr6),
               "both layouts have their blocks at the same place");
_Static_assert(sizeof(struct layout_copy) == LAYOUT_BLOCK, "the head fills one block");
_Static_assert(offsetof(struct layout_counters, counter) == 12288, "whole pages");
_Static_assert(sizeof(struct layout_slot) == 32, "two in a cache line");
_Static_assert(sizeof(struct layout_count) == 64, "one cache line");
_Static_assert(sizeof(struct layout_intent) == 128, "two cache lines");
_Static_assert(offsetof(struct layout_call_log, slot) == 24576, "whole pages");

#endif
