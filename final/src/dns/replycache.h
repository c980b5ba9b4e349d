/* replycache -- packed replies of one thread: the second question for a module is a copy.
 * A fixed number of places; a module that meets another in its place takes it, as in a
 * processor's cache, so it never grows and never needs to be cleaned.  A new route table
 * makes all of it old at once.  Thread: the owner's. */
#ifndef LARS_DNS_REPLYCACHE_H
#define LARS_DNS_REPLYCACHE_H

#include <stddef.h>
#include <stdint.h>

#define REPLYCACHE_MAX_BODY 2048   /* longer ones are not kept: packing is not the cost */

struct replycache;

/* <places>: a power of two.  Returns 0 or -ENOMEM. */
int replycache_create(struct replycache **out, size_t places);
void replycache_destroy(struct replycache *c); /* NULL is fine */

/* Borrowed until the next replycache_put().  NULL when it is not there. */
const void *replycache_get(const struct replycache *c, uint32_t modid, uint32_t cmdid,
                           size_t *len);

/* Copies <body>; what cannot be kept is not. */
void replycache_put(struct replycache *c, uint32_t modid, uint32_t cmdid,
                    const void *body, size_t len);

void replycache_forget(struct replycache *c); /* everything, in no time */

#endif
