/* replycache -- packed replies of one thread, so that the second request for a module
 * needs no packing.  It has a fixed number of places, and a module has one place, shared
 * with others: the reply that was put last stays.  So it never grows.  A new route table
 * makes every reply invalid at once.  Thread: the owner's. */
#ifndef LARS_DNS_REPLYCACHE_H
#define LARS_DNS_REPLYCACHE_H

#include <stddef.h>
#include <stdint.h>

#define REPLYCACHE_MAX_BODY                                                              \
    2048                              /* bytes; longer replies are not kept, because
                                       * sending them costs far more than packing */

struct replycache;

/* <places>: a power of two.  Returns 0 or -ENOMEM. */
int replycache_create(struct replycache **out, size_t places);
void replycache_destroy(struct replycache *c); /* NULL is fine */

/* The reply, borrowed until the next replycache_put().  NULL when it is not kept. */
const void *replycache_get(const struct replycache *c, uint32_t modid, uint32_t cmdid,
                           size_t *len);

/* Copies <body>.  Without memory, or when it is too long, it is not kept. */
void replycache_put(struct replycache *c, uint32_t modid, uint32_t cmdid,
                    const void *body, size_t len);

void replycache_forget(struct replycache *c); /* every reply is invalid; O(1) */

#endif
