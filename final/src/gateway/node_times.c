/* An open hash table of pointers to places.  A place is created when a node first needs
 * it and is never freed before the end, so a reader may follow a pointer at any time.
 *
 * Invariant: while a place changes its node, its key is 0.  A reader that finds the same
 * key before and after it has copied the counters has counters of that node.
 * Rejected: the counters in the statistics of the library.  They belong to the host and
 * count all callers, each with its own way of measuring. */
#include "gateway/node_times.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#define PROBES 16 /* places that are looked at */
#define UNUSED_MS 600000

struct place {
    _Atomic uint64_t key; /* 0: it changes its node */
    uint64_t used_ms; /* of the loop */
    _Atomic uint32_t n[LATENCY_BUCKETS + 1];
};

struct node_times {
    struct place *_Atomic at[NODE_TIMES_MAX];
};

int node_times_create(struct node_times **out)
{
    *out = calloc(1, sizeof(**out));
    return *out ? 0 : -ENOMEM;
}

void node_times_destroy(struct node_times *t)
{
    unsigned i;

    if (!t)
        return;
    for (i = 0; i < NODE_TIMES_MAX; i++)
        free(t->at[i]);
    free(t);
}

static uint64_t key_of(unsigned slot, const struct lars_addr *a)
{
    uint32_t ip;

    memcpy(&ip, a->ip, sizeof(ip));
    return (uint64_t)slot << 48 | (uint64_t)ntohl(ip) << 16 | a->port;
}

static unsigned hash_of(uint64_t key)
{
    return (unsigned)(key * UINT64_C(0x9e3779b97f4a7c15) >> 40) % NODE_TIMES_MAX;
}

static struct place *add_place(struct node_times *t, unsigned i, uint64_t key)
{
    struct place *p = calloc(1, sizeof(*p));

    if (!p)
        return NULL;
    p->key = key;
    atomic_store_explicit(&t->at[i], p, memory_order_release);
    return p;
}

static void give_to(struct place *p, uint64_t key)
{
    unsigned b;

    atomic_store_explicit(&p->key, 0, memory_order_relaxed);
    atomic_thread_fence(memory_order_release);
    for (b = 0; b <= LATENCY_BUCKETS; b++)
        atomic_store_explicit(&p->n[b], 0, memory_order_relaxed);
    atomic_store_explicit(&p->key, key, memory_order_release);
}

/* The place of the node; NULL when all that it may have are in use. */
static struct place *place_of(struct node_times *t, uint64_t key, uint64_t now_ms)
{
    struct place *unused = NULL;
    unsigned i = hash_of(key), k;

    for (k = 0; k < PROBES; k++, i = (i + 1) % NODE_TIMES_MAX) {
        struct place *p = atomic_load_explicit(&t->at[i], memory_order_relaxed);

        if (!p && unused)
            break;
        if (!p)
            return add_place(t, i, key);
        if (atomic_load_explicit(&p->key, memory_order_relaxed) == key)
            return p;
        if (!unused && now_ms > p->used_ms + UNUSED_MS)
            unused = p;
    }
    if (unused)
        give_to(unused, key);
    return unused;
}

void node_times_count(struct node_times *t, unsigned slot, const struct lars_addr *a,
                      uint64_t us, uint64_t now_ms)
{
    struct place *p;
    unsigned b = latency_bucket(us < UINT32_MAX ? (uint32_t)us : UINT32_MAX);

    if (a->family != AF_INET)
        return;
    p = place_of(t, key_of(slot, a), now_ms);
    if (!p)
        return;
    p->used_ms = now_ms;
    b = b <= LATENCY_BUCKETS ? b : LATENCY_BUCKETS;
    atomic_store_explicit(&p->n[b],
                          atomic_load_explicit(&p->n[b], memory_order_relaxed) + 1,
                          memory_order_relaxed);
}

static bool read_place(const struct place *p, struct node_times_row *row)
{
    unsigned b;

    row->key = atomic_load_explicit(&p->key, memory_order_acquire);
    for (b = 0; b <= LATENCY_BUCKETS; b++)
        row->n[b] = atomic_load_explicit(&p->n[b], memory_order_relaxed);
    atomic_thread_fence(memory_order_acquire);
    row->slot = (unsigned)(row->key >> 48);
    row->ip = (uint32_t)(row->key >> 16);
    row->port = (uint32_t)(row->key & UINT16_MAX);
    return row->key != 0 &&
           atomic_load_explicit(&p->key, memory_order_relaxed) == row->key;
}

void node_times_each(const struct node_times *t, node_times_fn *fn, void *arg)
{
    unsigned i;

    for (i = 0; t && i < NODE_TIMES_MAX; i++) {
        const struct place *p = atomic_load_explicit(&t->at[i], memory_order_acquire);
        struct node_times_row row;

        if (p && read_place(p, &row))
            fn(&row, arg);
    }
}
