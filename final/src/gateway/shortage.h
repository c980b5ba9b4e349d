/* shortage -- what the gateway does while the process or the host has no descriptor or no
 * memory left: it closes connections that wait for a request, keeps less in the cache,
 * and refuses new visitors, so that those who are there are served.
 *
 * A shortage begins with the first note and ends SHORTAGE_CALM_MS after the last one.
 * All loops share it.  With g->shortage NULL nothing is done.
 * Thread: loop, except where a function names another. */
#ifndef LARS_GATEWAY_SHORTAGE_H
#define LARS_GATEWAY_SHORTAGE_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SHORTAGE_CLOSES 64                /* connections that a note closes at most */
#define SHORTAGE_REFUSE_MS 1000           /* so long after a note no new visitor enters */
#define SHORTAGE_CALM_MS 10000            /* then the cache has its size again */
#define SHORTAGE_CACHE_PART 4             /* the cache keeps 1/4 of its size */

struct cache;
struct gate_loop;

struct shortage {                         /* only shortage.c uses the fields */
    pthread_mutex_t lock;                 /* of <on> and the size of the cache */
    struct cache *cache;                  /* borrowed; NULL = none */
    size_t cache_bytes;
    _Atomic bool on;
    _Atomic uint64_t n, last_ms;          /* notes; the last one, monotonic */
};

/* Thread: init. */
void shortage_init(struct shortage *s, struct cache *cache, size_t cache_bytes);
void shortage_fini(struct shortage *s);

/* Does <rc>, of a system call or an allocation, mean that descriptors or memory are
 * short?  Thread: any. */
bool shortage_is_error(int rc);

/* A system call or an allocation has failed with <rc>; one that is not
 * shortage_is_error() is ignored.  Returns true when connections of this loop have been
 * closed, so that another attempt can succeed. */
bool shortage_note(struct gate_loop *g, int rc);

bool shortage_refuses(const struct gate_loop *g); /* a new visitor must not enter now */

/* Once a second: close connections for a note of another loop, and end the shortage. */
void shortage_look(struct gate_loop *g);

bool shortage_is_on(const struct shortage *s); /* any */
uint64_t shortage_n(const struct shortage *s); /* notes since the start; any */

#endif
