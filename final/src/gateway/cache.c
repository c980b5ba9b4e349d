/* Sixteen shards, each a hash table with a lock that is held for a few hundred ns.  A key
 * has one slot, which has up to three things: a copy, the mark that one request fetches,
 * with the list of those who wait for it, and the mark that its response is not kept.
 *
 * Memory.  A shard counts slots, copies until the last reference is gone, and the bytes
 * of fetches, so that visitors who read slowly cannot pin more than the bound.
 * The hash has a secret key (SipHash), or visitors could put all keys into one bucket.
 *
 * Invariant: a slot with a fetch is never evicted, so the fetch may point to it.
 * Rejected: a lock-free table.  A lock is taken once a request, for a look-up and a
 * reference, and is hardly ever contended with sixteen of them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/cache_private.h"

#define BUCKET_BYTES 2048 /* a bucket for so many bytes of the bound */

/* --- slots -------------------------------------------------------------------------- */

static struct slot **bucket_of(struct shard *s, uint64_t hash)
{
    return &s->bucket[(hash >> 8) & (s->cache->n_buckets - 1)];
}

static struct slot *find_slot(struct shard *s, uint64_t hash, const struct cache_ask *ask)
{
    struct slot *slot = *bucket_of(s, hash);

    while (slot && !(slot->hash == hash && slot->len == ask->len &&
                     memcmp(slot->key, ask->key, ask->len) == 0))
        slot = slot->next;
    return slot;
}

static void take_out(struct shard *s, struct slot *slot)
{
    *(slot->newer ? &slot->newer->older : &s->newest) = slot->older;
    *(slot->older ? &slot->older->newer : &s->oldest) = slot->newer;
}

static void put_first(struct shard *s, struct slot *slot)
{
    slot->newer = NULL;
    slot->older = s->newest;
    *(s->newest ? &s->newest->newer : &s->oldest) = slot;
    s->newest = slot;
}

static void unref(struct holder *h)
{
    if (atomic_fetch_sub_explicit(&h->refs, 1, memory_order_acq_rel) != 1)
        return;
    atomic_fetch_sub_explicit(&h->shard->bytes, h->charge, memory_order_relaxed);
    free(h);
}

void cache_drop_copy(struct shard *s, struct slot *slot)
{
    if (!slot->holder)
        return;
    unref(slot->holder);
    slot->holder = NULL;
    s->n_copies--;
}

static size_t size_of(const struct slot *slot)
{
    return sizeof(*slot) + slot->len;
}

static void free_slot(struct shard *s, struct slot *slot)
{
    struct slot **at = bucket_of(s, slot->hash);

    while (*at != slot)
        at = &(*at)->next;
    *at = slot->next;
    take_out(s, slot);
    cache_drop_copy(s, slot);
    atomic_fetch_sub_explicit(&s->bytes, size_of(slot), memory_order_relaxed);
    free(slot);
}

/* Make room for <len> bytes: the slots that were used least recently go.  False: what is
 * left is in use. */
bool cache_make_room(struct shard *s, size_t len)
{
    struct slot *slot = s->oldest;

    while (s->bytes + len > s->cache->shard_max && slot) {
        struct slot *newer = slot->newer;

        if (!slot->fetching) {
            s->n_evicted += slot->holder != NULL;
            free_slot(s, slot);
        }
        slot = newer;
    }
    return s->bytes + len <= s->cache->shard_max;
}

static struct slot *new_slot(struct shard *s, uint64_t hash, const struct cache_ask *ask)
{
    size_t size = sizeof(struct slot) + ask->len;
    struct slot *slot = cache_make_room(s, size) ? calloc(1, size) : NULL;

    if (!slot)
        return NULL;
    slot->hash = hash;
    slot->len = ask->len;
    memcpy(slot->key, ask->key, ask->len);
    slot->next = *bucket_of(s, hash);
    *bucket_of(s, hash) = slot;
    put_first(s, slot);
    atomic_fetch_add_explicit(&s->bytes, size, memory_order_relaxed);
    return slot;
}

/* --- finding ------------------------------------------------------------------------ */

static void take_copy(struct slot *slot, struct cache_found *out)
{
    atomic_fetch_add_explicit(&slot->holder->refs, 1, memory_order_relaxed);
    out->copy = &slot->holder->copy;
}

/* The copy is not fresh and may serve now. */
static bool serves_stale(const struct slot *slot, uint64_t now_ms)
{
    const struct cache_copy *c = &slot->holder->copy;

    return (slot->fetching && now_ms < c->stale_ms) ||
           (now_ms < slot->failed_ms && now_ms < c->error_ms);
}

/* The last response was not kept, and the next one will probably not be either. */
static bool is_doubtful(const struct slot *slot, uint64_t now_ms)
{
    return slot->pass_ms && now_ms < slot->pass_ms + CACHE_PASS_MS;
}

/* There is no copy that may serve: fetch, wait, or neither. */
static enum cache_result find_work(struct shard *s, struct slot *slot,
                                   const struct cache_ask *ask, struct cache_found *out)
{
    if (ask->now_ms < slot->pass_ms || ask->now_ms < slot->failed_ms)
        return CACHE_PASS;
    if (slot->fetching) {
        if (is_doubtful(slot, ask->now_ms))
            return CACHE_PASS;
        out->wait = ask->may_wait ? cache_wait_new(s, slot, ask) : NULL;
        return out->wait ? CACHE_WAIT : CACHE_PASS;
    }
    out->fetch = ask->may_fetch ? cache_fetch_new(s, slot) : NULL;
    return out->fetch ? CACHE_FETCH : CACHE_PASS;
}

static void find_in(struct shard *s, struct slot *slot, const struct cache_ask *ask,
                    struct cache_found *out)
{
    const struct cache_copy *c = slot->holder ? &slot->holder->copy : NULL;

    if (c && ask->now_ms < c->fresh_ms)
        out->result = CACHE_HIT;
    else if (c && serves_stale(slot, ask->now_ms))
        out->result = CACHE_STALE;
    else
        out->result = find_work(s, slot, ask, out);
    if (c && out->result != CACHE_WAIT &&
        (out->result == CACHE_HIT || out->result == CACHE_STALE ||
         ask->now_ms < c->error_ms))
        take_copy(slot, out);
}

static uint64_t hash_of(const struct cache *c, const struct cache_ask *ask)
{
    unsigned char sum[crypto_shorthash_BYTES];
    uint64_t hash;

    crypto_shorthash(sum, (const unsigned char *)ask->key, ask->len, c->secret);
    memcpy(&hash, sum, sizeof(hash));
    return hash;
}

void cache_find(struct cache *c, const struct cache_ask *ask, struct cache_found *out)
{
    uint64_t hash;
    struct shard *s;
    struct slot *slot;

    *out = (struct cache_found){.result = CACHE_PASS};
    if (ask->len > CACHE_KEY_MAX)
        return;
    hash = hash_of(c, ask);
    s = &c->shard[hash % CACHE_SHARDS];
    pthread_mutex_lock(&s->lock);
    slot = find_slot(s, hash, ask);
    if (!slot && ask->may_fetch)
        slot = new_slot(s, hash, ask);
    if (slot) {
        take_out(s, slot);
        put_first(s, slot);
        find_in(s, slot, ask, out);
    }
    pthread_mutex_unlock(&s->lock);
}

void cache_copy_unref(struct cache_copy *copy)
{
    if (copy)
        unref((struct holder *)(void *)copy);
}

/* --- the whole ---------------------------------------------------------------------- */

int cache_create(struct cache **out, size_t bytes, struct looppool *pool)
{
    struct cache *c = sodium_init() < 0 ? NULL : calloc(1, sizeof(*c));
    unsigned i;

    if (!c)
        return -ENOMEM;
    c->pool = pool;
    c->shard_max = bytes / CACHE_SHARDS;
    c->n_buckets = 64;
    while (c->n_buckets < c->shard_max / BUCKET_BYTES)
        c->n_buckets *= 2;
    crypto_shorthash_keygen(c->secret);
    for (i = 0; i < CACHE_SHARDS; i++) {
        pthread_mutex_init(&c->shard[i].lock, NULL);
        c->shard[i].cache = c;
        c->shard[i].bucket = calloc(c->n_buckets, sizeof(struct slot *));
    }
    for (i = 0; i < CACHE_SHARDS && c->shard[i].bucket; i++)
        continue;
    if (i < CACHE_SHARDS) {
        cache_destroy(c);
        return -ENOMEM;
    }
    *out = c;
    return 0;
}

void cache_set_bytes(struct cache *c, size_t bytes)
{
    unsigned i;

    c->shard_max = bytes / CACHE_SHARDS;
    for (i = 0; i < CACHE_SHARDS; i++) {
        pthread_mutex_lock(&c->shard[i].lock);
        cache_make_room(&c->shard[i], 0);
        pthread_mutex_unlock(&c->shard[i].lock);
    }
}

void cache_destroy(struct cache *c)
{
    unsigned i;

    for (i = 0; c && i < CACHE_SHARDS; i++) {
        struct shard *s = &c->shard[i];

        while (s->oldest)
            free_slot(s, s->oldest);
        free(s->bucket);
        pthread_mutex_destroy(&s->lock);
    }
    free(c);
}

void cache_read_stats(struct cache *c, struct cache_stats *out)
{
    unsigned i;

    *out = (struct cache_stats){.bytes_max = c->shard_max * CACHE_SHARDS};
    for (i = 0; i < CACHE_SHARDS; i++) {
        struct shard *s = &c->shard[i];

        pthread_mutex_lock(&s->lock);
        out->bytes += s->bytes;
        out->copies += s->n_copies;
        out->evicted += s->n_evicted;
        out->waited += s->n_waited;
        pthread_mutex_unlock(&s->lock);
    }
}
