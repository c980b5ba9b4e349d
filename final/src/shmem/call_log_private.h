/* call_log_private -- what call_log.c and log_recovery.c share: the struct, the state of
 * a slot, and the last steps of a finish.  call_log.c explains them.  Internal to
 * shmem/. */
#ifndef LARS_SHMEM_CALL_LOG_PRIVATE_H
#define LARS_SHMEM_CALL_LOG_PRIVATE_H

#include "base/own_fd.h"
#include "shmem/call_log.h"
#include "shmem/segment_private.h"

#define SEQ_BITS 40
#define SEQ_MASK ((1ull << SEQ_BITS) - 1)
#define SLOT_MASK 0xfffull
#define KIND_OPEN (1ull << 62)
#define KIND_CLOSED (2ull << 62)
#define KIND_MASK (3ull << 62)
#define UNTRACKED UINT64_MAX          /* an intent's token: the call has no slot */

#define LOAD(p) atomic_load_explicit(p, memory_order_relaxed)
#define STORE(p, v) atomic_store_explicit(p, v, memory_order_relaxed)
#define PUBLISH(p, v) atomic_store_explicit(p, v, memory_order_release)

struct call_log {
    struct layout_call_log *l;        /* the mapped file; NULL = not mapped */
    _Atomic uint64_t *hist;           /* in it: [mid][SEGMENT_BUCKETS] */
    size_t size;
    struct own_fd fd;                 /* the program may close the number */
    uint64_t claim;                   /* of its owner, a client; 0 = not claimed */
    uint32_t index, max_nodes, max_modules;
    uint32_t n_free;
    uint16_t free[LAYOUT_SLOTS];      /* slots that this thread may use, a stack */
    /* Bits: the pages of a group of nodes, of a module's histogram, are allocated. */
    uint64_t ready[SEGMENT_MAX_NODES / LAYOUT_GROUP / 64];
    uint64_t ready_mod[SEGMENT_MAX_MODULES / 64];
};

static inline uint64_t call_log_closed_by(uint32_t index, uint64_t seq)
{
    return KIND_CLOSED | (uint64_t)index << SEQ_BITS | seq;
}

static inline uint64_t call_log_token(const struct call_log *c, uint32_t slot,
                                      uint64_t seq)
{
    return (uint64_t)(c->index + 1) << 52 | (uint64_t)slot << SEQ_BITS | seq;
}

static inline struct layout_slot *call_log_slot(const struct call_log *c, uint64_t token)
{
    return &c->l->slot[token >> SEQ_BITS & SLOT_MASK];
}

/* Step 3 of a finish: the counts become what the intent has. */
static inline void call_log_apply(struct call_log *c)
{
    const struct layout_intent *it = &c->l->intent;
    struct layout_count *n = &c->l->count[LOAD(&it->nid)];
    uint32_t bucket = LOAD(&it->bucket);

    STORE(&n->begun, LOAD(&it->begun));
    STORE(&n->lat_us, LOAD(&it->lat_us));
    STORE(&n->err, LOAD(&it->err));
    STORE(&n->abandoned, LOAD(&it->abandoned));
    STORE(&n->done, LOAD(&it->done));
    if (bucket > 0)
        STORE(&c->hist[(size_t)LOAD(&it->mid) * SEGMENT_BUCKETS + bucket],
              LOAD(&it->hist));
    PUBLISH(&c->l->op, LOAD(&c->l->op) + 1);
}

/* Step 4: no finish is in progress. */
static inline void call_log_disarm(struct call_log *c)
{
    PUBLISH(&c->l->intent.token, 0);
}

#endif
