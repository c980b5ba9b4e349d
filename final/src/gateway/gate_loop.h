/* gate_loop -- what the visitors' connections of one loop share: the pool of connections
 * to nodes, buffers that are used within one callback only, and the counters.  One thread
 * runs a loop and uses all of this without a lock; the counters are read by others.
 * Thread: loop, except where a function names another. */
#ifndef LARS_GATEWAY_GATE_LOOP_H
#define LARS_GATEWAY_GATE_LOOP_H

#include <stdatomic.h>
#include <stdint.h>

#include "api/lars.h"
#include "base/buf.h"
#include "fleet/drill_mark.h"
#include "gateway/access_log.h"
#include "gateway/generation.h"
#include "gateway/loop_load.h"
#include "http/http_head.h"
#include "http/http_parse.h"
#include "net/evloop.h"

#define GATE_SCRATCH 65536                /* bytes of one read */

struct admit;
struct admit_queue;
struct cache;
struct listeners;
struct mirror;
struct node_pool;
struct node_times;
struct shortage;
struct static_copy;
struct tls_context;
struct visit_rate;
struct visitor;

/* Times in ms; see GATEWAY keys in app/lars-gateway.c for what they bound. */
struct gate_limits {
    uint32_t max_clients;                 /* of all loops together */
    uint32_t idle_ms, head_ms, body_ms, connect_ms, try_ms, total_ms, relay_ms;
    uint32_t queue_new_ms, queue_inside_ms; /* waits for admission */
    uint64_t body_max;                    /* bytes of a request's body */
    uint32_t requests_max;                /* on one connection */
    uint32_t life_ms;                     /* of a connection */
    uint32_t https_redirect;              /* the port to which 308 sends requests without
                                           * TLS; 0 =
                                           * they are served */
};

enum gate_result {                        /* where a response came from */
    GATE_NODE,
    GATE_CACHE,
    GATE_STALE,                           /* the cache; no longer fresh */
    GATE_STATIC,                          /* the copy of the site */
    GATE_WAITING,                         /* the waiting page */
    GATE_ERROR,
    GATE_RESULTS
};

extern const char *const gate_loop_result_name[GATE_RESULTS]; /* "node" ... */

enum gate_attempt {                       /* attempts at nodes: first ones, failed ones */
    GATE_FIRST,
    GATE_STALE_CONN,                      /* the node had closed a waiting connection */
    GATE_CONNECT,
    GATE_RESET,
    GATE_TIMEOUT,
    GATE_BAD_ANSWER,
    GATE_STATUS,                          /* 502 to 504 */
    GATE_REJECTED,                        /* the node is over its own limit */
    GATE_OWN,                             /* no descriptor or memory in this process */
    GATE_ATTEMPTS
};

#define GATE_BUCKETS 12                   /* of the time that a request took */

/* The upper ends of the buckets in us, but the last one's, which has none. */
extern const uint32_t gate_loop_bucket_us[GATE_BUCKETS - 1];

struct gate_module_counts {               /* of one module of the rules */
    _Atomic uint64_t arrived;
    _Atomic uint64_t forwarded;           /* admitted; each request counts once */
    _Atomic uint64_t requests[GATE_RESULTS];
    _Atomic uint64_t bucket[GATE_BUCKETS];
    _Atomic uint64_t total_us;            /* of all requests together */
    _Atomic uint64_t budget_empty;
};

struct gate_counts {                      /* written by the loop, read by any thread */
    _Atomic uint64_t accepted, closed, refused_clients, displaced;
    _Atomic uint64_t refused_short;
    _Atomic uint64_t requests[GATE_RESULTS];
    _Atomic uint64_t attempts[GATE_ATTEMPTS];
    _Atomic uint64_t bad[HTTP_WHYS];
    _Atomic uint64_t fallback;            /* attempts at nodes of the rules */
    _Atomic uint64_t no_node, timeouts, too_large, no_rule, broken, redirects;
    _Atomic uint64_t drill[2];            /* requests with Lars-Drill for nodes: not
                                           * valid, valid */
    _Atomic uint64_t inflight;
    _Atomic uint64_t cache_misses;
    struct gate_module_counts module[MODULES_MAX]; /* index: slot.  A module that
                                  * gets the slot of another one counts on from there */
    _Atomic uint64_t tls_full, tls_resumed, tls_failed; /* handshakes */
};

struct gate_loop {
    struct evloop *loop;
    unsigned index;
    const struct gate_limits *limits;     /* borrowed */
    struct generation *now;               /* in force for new requests; a reference */
    struct drill_mark_memory drill;       /* of the keys of <now> */
    struct modules *modules;              /* borrowed; of all loops */
    struct lars_client *lars;             /* borrowed; any thread */
    struct admit *admit;                  /* borrowed; of all loops */
    struct admit_queue *queue;            /* owned */
    struct visit_rate *rate;              /* owned */
    struct node_pool *pool;               /* owned */
    struct node_times *times;             /* owned */
    struct access_log *log;               /* borrowed; NULL = none */
    char zone[33];                        /* of this host, as a word of the log; "-" */
    struct cache *cache;                  /* borrowed; NULL = none */
    struct shortage *shortage;            /* of all loops; borrowed; NULL = none */
    uint64_t n_shortages;                 /* notes of it that this loop has obeyed */
    struct static_copy *statics;          /* borrowed */
    struct mirror *mirror;                /* a reference, of it; NULL = no copy */
    _Atomic uint32_t *n_clients;          /* of all loops; borrowed */
    const _Atomic bool *draining;         /* borrowed */
    const char *gateway_id;               /* random, of the process; borrowed */
    struct visitor *visitors;             /* all of this loop */
    struct listeners *listeners, *tls_listeners; /* borrowed; NULL = none */
    struct tls_context *tls;              /* for new connections; owned; NULL = none */
    struct loop_load load;
    struct visitor *idle, *idle_last;     /* those without a request, longest first */
    char scratch[GATE_SCRATCH];           /* what a read delivers */
    struct buf out;                       /* output that is being put together */
    struct http_head head;                /* what was parsed last */
    struct gate_counts counts;
    uint64_t id_seed, n_ids;              /* of request ids */
};

/* Add, where only this loop writes: no locked instruction is needed. */
static inline void gate_loop_add(_Atomic uint64_t *n, uint64_t more)
{
    atomic_store_explicit(n, atomic_load_explicit(n, memory_order_relaxed) + more,
                          memory_order_relaxed);
}

static inline void gate_loop_count(_Atomic uint64_t *n)
{
    gate_loop_add(n, 1);
}

/* A request for the module in <slot> was answered after <us>. */
void gate_loop_count_request(struct gate_loop *g, unsigned slot,
                             enum gate_result result, uint64_t us);

/* Returns 0, -ENOMEM.  The caller has set what is borrowed.  Thread: init. */
int gate_loop_init(struct gate_loop *g);
void gate_loop_fini(struct gate_loop *g); /* closes every connection */

/* Requests that begin from now on use <next>, a reference that this takes. */
void gate_loop_use(struct gate_loop *g, struct generation *next);

#define GATE_ID_LEN 17
void gate_loop_new_id(struct gate_loop *g, char out[GATE_ID_LEN]); /* 16 hex digits */

uint64_t gate_loop_now_us(void);

#endif
