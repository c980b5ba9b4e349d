/* A hash table with linear probing, at least half empty, whose slots are taken and never
 * given back.
 *
 * Invariant: the key of a slot is written once, by the thread that took the slot, before
 * the slot is ready.  Threads that meet at a slot which is taken and not ready do not
 * wait for each other: the second one takes another slot for the same node, and
 * lars_tally_read() adds the two.  So a fork() in between leaves nothing locked.
 * Rejected: numbers of each thread, which would need a place for each node and thread. */
#include "api/lars_tally.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#define MIX UINT64_C(0x9e3779b97f4a7c15) /* 2^64 / golden ratio: high bits of all bits */

enum { FREE, TAKEN, READY };

struct slot {
    _Atomic unsigned state;
    struct lars_addr addr;
    uint32_t modid, cmdid;
    _Atomic uint64_t ended[LARS_OUTCOMES], took_us;
};

struct lars_tally {
    unsigned max, mask;               /* slots: <mask> + 1, a power of two */
    _Atomic unsigned used;
    struct slot rest;                 /* of nodes without a slot */
    struct slot slot[];
};

struct lars_tally *lars_tally_new(unsigned max_nodes)
{
    struct lars_tally *t;
    unsigned n = 2;

    if (max_nodes == 0 || max_nodes > LARS_TALLY_MAX)
        return NULL;
    while (n < 2 * max_nodes)
        n *= 2;
    t = calloc(1, sizeof(*t) + n * sizeof(t->slot[0]));
    if (t) {
        t->max = max_nodes;
        t->mask = n - 1;
    }
    return t;
}

void lars_tally_free(struct lars_tally *t)
{
    free(t);
}

/* --- counting ----------------------------------------------------------------------- */

static bool is_of(const struct slot *s, const struct lars_host *h)
{
    return s->modid == h->modid && s->cmdid == h->cmdid &&
           memcmp(&s->addr, &h->addr, sizeof(s->addr)) == 0;
}

/* Takes the free slot <s> for the node of <h>.  False: another thread has it, or there
 * are as many nodes as there may be. */
static bool take(struct lars_tally *t, struct slot *s, const struct lars_host *h)
{
    unsigned is_free = FREE;

    if (atomic_fetch_add(&t->used, 1) >= t->max ||
        !atomic_compare_exchange_strong(&s->state, &is_free, TAKEN)) {
        atomic_fetch_sub(&t->used, 1);
        return false;
    }
    s->addr = h->addr;
    s->modid = h->modid;
    s->cmdid = h->cmdid;
    atomic_store_explicit(&s->state, READY, memory_order_release);
    return true;
}

static struct slot *slot_of(struct lars_tally *t, const struct lars_host *h)
{
    uint64_t module = (uint64_t)h->modid << 32 | h->cmdid;
    uint64_t mixed = (lars_key(&h->addr, sizeof(h->addr)) ^ module) * MIX;
    unsigned i, at = (unsigned)(mixed >> 32);

    for (i = 0; i <= t->mask; i++) {
        struct slot *s = &t->slot[(at + i) & t->mask];
        unsigned state = atomic_load_explicit(&s->state, memory_order_acquire);

        if (state == READY && is_of(s, h))
            return s;
        if (state == FREE && take(t, s, h))
            return s;
        if (state == FREE && atomic_load(&t->used) >= t->max)
            break;
    }
    return &t->rest;
}

void lars_tally_ended(void *tally, const struct lars_ended *e)
{
    struct slot *s = slot_of(tally, e->host);

    atomic_fetch_add_explicit(&s->ended[e->outcome], 1, memory_order_relaxed);
    if (e->outcome == LARS_WELL || e->outcome == LARS_FAILED)
        atomic_fetch_add_explicit(&s->took_us, e->took_us, memory_order_relaxed);
}

/* --- reading ------------------------------------------------------------------------ */

static bool is_same(const struct lars_tally_node *n, const struct slot *s)
{
    return n->modid == s->modid && n->cmdid == s->cmdid &&
           memcmp(&n->addr, &s->addr, sizeof(n->addr)) == 0;
}

/* Adds <s> to its node among the <n> of <out>, or as a further one.  Returns <n> then. */
static unsigned add(const struct slot *s, struct lars_tally_node *out, unsigned n,
                    unsigned max)
{
    unsigned i = 0, k;

    while (i < n && !is_same(&out[i], s))
        i++;
    if (i == max)
        return n;
    if (i == n)
        out[n++] = (struct lars_tally_node){s->addr, s->modid, s->cmdid, {0}, 0};
    for (k = 0; k < LARS_OUTCOMES; k++)
        out[i].ended[k] += atomic_load_explicit(&s->ended[k], memory_order_relaxed);
    out[i].took_us += atomic_load_explicit(&s->took_us, memory_order_relaxed);
    return n;
}

static bool is_used(const struct slot *s)
{
    unsigned k;

    for (k = 0; k < LARS_OUTCOMES; k++)
        if (atomic_load_explicit(&s->ended[k], memory_order_relaxed) > 0)
            return true;
    return false;
}

unsigned lars_tally_read(const struct lars_tally *t, struct lars_tally_node *out,
                         unsigned max)
{
    unsigned i, n = 0;

    if (!t || !out)
        return 0;
    for (i = 0; i <= t->mask; i++)
        if (atomic_load_explicit(&t->slot[i].state, memory_order_acquire) == READY)
            n = add(&t->slot[i], out, n, max);
    return is_used(&t->rest) ? add(&t->rest, out, n, max) : n;
}
