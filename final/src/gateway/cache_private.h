/* cache_private -- the cache as its three files see it:
 *     cache.c         slots and shards: what is found, and what goes
 *     cache_fetch.c   a response on its way into the cache
 *     cache_wait.c    those who wait for it
 * Thread: any, with the lock of the shard where a function says so. */
#ifndef LARS_GATEWAY_CACHE_PRIVATE_H
#define LARS_GATEWAY_CACHE_PRIVATE_H

#include <pthread.h>
#include <sodium.h>

#include "gateway/cache.h"

#define CACHE_SHARDS 16u

struct holder {                           /* of a copy, its texts and its body */
    struct cache_copy copy;               /* first */
    struct shard *shard;
    size_t charge;
    atomic_uint refs;
    char bytes[];
};

struct slot {
    struct slot *next;                    /* of the same bucket */
    struct slot *newer, *older;           /* by use */
    uint64_t hash;
    struct holder *holder;                /* NULL = no copy */
    struct cache_wait *waits;
    bool fetching;
    uint64_t pass_ms, failed_ms;          /* the marks hold until then; 0 = no mark */
    size_t len;
    char key[];
};

struct shard {
    pthread_mutex_t lock;
    struct cache *cache;
    struct slot **bucket;
    struct slot *newest, *oldest;
    uint64_t n_copies, n_evicted, n_waited;
    _Atomic size_t bytes;
};

struct cache {
    struct shard shard[CACHE_SHARDS];
    _Atomic size_t shard_max;             /* bytes of each */
    size_t n_buckets;                     /* of each; a power of 2 */
    unsigned char secret[crypto_shorthash_KEYBYTES];
    struct looppool *pool;
};

/* Make room for <len> bytes: the slots that were used least recently go.  False: what is
 * left is in use.  With the lock. */
bool cache_make_room(struct shard *s, size_t len);
void cache_drop_copy(struct shard *s, struct slot *slot); /* with the lock */

/* The right to fetch for <slot>, or a wait for its fetch; NULL = no memory.  With the
 * lock. */
struct cache_fetch *cache_fetch_new(struct shard *s, struct slot *slot);
struct cache_wait *cache_wait_new(struct shard *s, struct slot *slot,
                                  const struct cache_ask *ask);

void cache_wait_wake_all(struct shard *s, struct slot *slot); /* with the lock */

#endif
