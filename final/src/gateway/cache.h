/* cache -- the micro-cache: responses of nodes, kept in memory for seconds and shared by
 * the loops.  While one request fetches a response, others for the same key wait for it,
 * so that a crowd is one request for a node.
 *
 *     key      which request it is: made by the caller; what differs is never mixed
 *     copy     a response; it does not change and lives while one reference is held
 *     fetch    the right to fetch the response of a key, held by one request at a time;
 *              and ended by it with exactly one cache_fetch_end()
 *     wait     a place among those who wait for the end of a fetch
 *
 * Bounds.  Copies, keys and the bytes of fetches together take at most <bytes>; the
 * copies used least recently go first.  A copy has at most CACHE_OBJECT_MAX bytes of
 * body.
 * Without memory the cache answers CACHE_PASS, as if it were not there.
 * Thread: any; a wait belongs to its loop. */
#ifndef LARS_GATEWAY_CACHE_H
#define LARS_GATEWAY_CACHE_H

#include <stdatomic.h>

#include "http/cache_control.h"
#include "net/looppool.h"

#define CACHE_OBJECT_MAX (256u << 10)
#define CACHE_KEY_MAX 5000
#define CACHE_WAIT_MS 2000                /* the longest that a request should wait */
#define CACHE_PASS_MS 10000               /* a response was not kept: so long each request
                                           * of its key goes to a node; for as long again
                                           * one fetches for all, and none waits for it */
#define CACHE_FAILED_MS 1000              /* a fetch failed: a stale copy serves all */

struct cache;
struct cache_fetch;
struct cache_wait;

struct cache_copy {                       /* read only */
    uint16_t status;
    struct http_text fields;              /* of http_write_fields() */
    struct http_text etag, modified;      /* ETag, Last-Modified; len 0 = none */
    const char *body;
    size_t body_len;
    uint64_t born_ms;                     /* when it left its node: for Age */
    uint64_t fresh_ms, stale_ms, error_ms; /* serves until then: always, while another
                                            * request fetches, when nodes fail */
};

enum cache_result {
    CACHE_HIT,                            /* <copy> is fresh */
    CACHE_STALE,                          /* <copy> is not, and may serve now */
    CACHE_FETCH,                          /* fetch it; <copy>: serves if that fails, or
                                           * NULL */
    CACHE_WAIT,                           /* another request fetches it */
    CACHE_PASS                            /* forward it; its response is not kept; <copy>
                                           * as for CACHE_FETCH */
};

struct cache_ask {
    const char *key;                      /* at most CACHE_KEY_MAX bytes */
    size_t len;
    uint64_t now_ms;                      /* monotonic */
    bool may_fetch, may_wait;             /* otherwise CACHE_PASS instead */
    unsigned loop;                        /* CACHE_WAIT: where <wake> is called, once, */
    void (*wake)(void *arg);              /* when the fetch has ended: ask again */
    void *arg;
};

struct cache_found {
    enum cache_result result;
    struct cache_copy *copy;              /* a reference of the caller's */
    struct cache_fetch *fetch;            /* CACHE_FETCH */
    struct cache_wait *wait;              /* CACHE_WAIT: end it with cache_wait_end(), in
                                           * <wake> or before it */
};

enum cache_end {                          /* how a fetch has ended */
    CACHE_KEPT,                           /* complete: its response becomes the copy */
    CACHE_NOT_KEPT,                       /* the response must not be kept, or cannot be
                                           * */
    CACHE_FAILED,                         /* nodes failed; an older copy may serve */
    CACHE_DROPPED                         /* its request has gone: another one fetches */
};

struct cache_stats {
    uint64_t bytes, bytes_max, copies;    /* now */
    uint64_t evicted, waited;             /* since the start */
};

/* Keep at most <bytes> in all.  Waits are woken in the loops of <pool>, which is borrowed
 * and must be destroyed before the cache.  Returns 0, -ENOMEM.  Thread: init. */
int cache_create(struct cache **out, size_t bytes, struct looppool *pool);
void cache_destroy(struct cache *c);      /* no fetch, wait or copy is in use any more;
                                           * NULL is fine */

/* Keep at most <bytes> from now on.  Copies beyond that are removed before this
 * returns; one that is being sent is freed when it was sent. */
void cache_set_bytes(struct cache *c, size_t bytes);

void cache_find(struct cache *c, const struct cache_ask *ask, struct cache_found *out);

void cache_copy_unref(struct cache_copy *copy); /* NULL is fine */

/* The response of a fetch begins with the head <h>; <t> is what cache_control says about
 * it.  Copies <fields>.  Returns 0; -E2BIG, -ENOMEM: end the fetch as CACHE_NOT_KEPT. */
int cache_fetch_head(struct cache_fetch *f, const struct http_head *h,
                     struct http_text fields, const struct cache_control_times *t,
                     uint64_t now_ms);
int cache_fetch_body(struct cache_fetch *f, const char *p, size_t len); /* as above */

/* The older copy of the key, which is not fresh and whose node can be asked whether it is
 * still right: it has a usable ETag or Last-Modified.  NULL = there is none.  Valid until
 * the fetch ends. */
struct cache_copy *cache_fetch_old(const struct cache_fetch *f);

/* End <f>, which is freed, and wake those who wait. */
void cache_fetch_end(struct cache_fetch *f, enum cache_end how, uint64_t now_ms);

/* As cache_fetch_end() for a response that is complete.  Returns it, a reference of the
 * caller's, also when it is not kept; NULL: no memory. */
struct cache_copy *cache_fetch_take(struct cache_fetch *f, bool kept, uint64_t now_ms);

/* Leave the place and free <w>: <wake> is not called after this.  Thread: loop. */
void cache_wait_end(struct cache_wait *w);

void cache_read_stats(struct cache *c, struct cache_stats *out);

#endif
