/* cachefix.h -- one cache of the gateway for a test, with a pool of two loops, and a
 * clock that the test sets.  Thread: that of the test. */
#ifndef LARS_TEST_LIB_CACHEFIX_H
#define LARS_TEST_LIB_CACHEFIX_H

#include <stdatomic.h>

#include "../t.h"
#include "gateway/cache.h"

#define MB (1u << 20)

struct cachefix {
    struct looppool *pool;
    struct cache *cache;
    uint64_t now_ms;
    atomic_int n_woken;                   /* calls of cachefix_count_wake() */
};

extern struct cachefix cachefix;

/* Fresh for 1 s; then 10 s while another request fetches, or not; 600 s on errors, or
 * not. */
extern const struct cache_control_times cachefix_usual, cachefix_strict;

void cachefix_open(size_t bytes);         /* both loops run */
void cachefix_close(void);
uint64_t cachefix_bytes(void);            /* in use now */

void cachefix_count_wake(void *arg);

/* Ask as a GET of loop 0 that may fetch and wait. */
enum cache_result cachefix_ask(const char *key, struct cache_found *out);

/* Ask, and keep nothing of what is found. */
enum cache_result cachefix_look(const char *key);

/* Store a body of <len> bytes 'x' and end <f>: CACHE_KEPT, or CACHE_NOT_KEPT when that
 * fails.  Returns the error. */
int cachefix_store(struct cache_fetch *f, size_t len,
                   const struct cache_control_times *t);

/* Ask, which must find that the response is to be fetched, and store one. */
void cachefix_put(const char *key, size_t len, const struct cache_control_times *t);

#endif
