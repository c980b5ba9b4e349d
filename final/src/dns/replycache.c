/* A direct-mapped cache.  A reply is valid while its age is the cache's age, so
 * forgetting all replies is one addition; the memory of old replies is used again by the
 * next ones.
 *
 * Rejected: a hash table with eviction.  It would need a list of use, and a collision
 * here costs one packing, some microseconds. */
#include "dns/replycache.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct place {
    uint32_t modid, cmdid;
    uint64_t age;                     /* of the cache when it was put; 0 = never */
    uint32_t len, room;
    char *body;                       /* owned; room bytes */
};

struct replycache {
    uint64_t age;                     /* grows with each replycache_forget() */
    size_t mask;
    struct place place[];
};

int replycache_create(struct replycache **out, size_t places)
{
    struct replycache *c;

    assert(places > 0 && (places & (places - 1)) == 0);
    c = calloc(1, sizeof(*c) + places * sizeof(c->place[0]));
    if (!c)
        return -ENOMEM;
    c->age = 1;
    c->mask = places - 1;
    *out = c;
    return 0;
}

void replycache_destroy(struct replycache *c)
{
    size_t i;

    for (i = 0; c && i <= c->mask; i++)
        free(c->place[i].body);
    free(c);
}

/* Module ids are small and consecutive, so both are multiplied to spread them over all
 * bits.  The factors are the 64-bit golden ratio and an odd prime of xxHash. */
static size_t index_of(const struct replycache *c, uint32_t modid, uint32_t cmdid)
{
    uint64_t h = modid * 0x9e3779b97f4a7c15ULL + cmdid * 0xc2b2ae3d27d4eb4fULL;

    return (size_t)(h >> 32) & c->mask;
}

const void *replycache_get(const struct replycache *c, uint32_t modid, uint32_t cmdid,
                           size_t *len)
{
    const struct place *p = &c->place[index_of(c, modid, cmdid)];

    if (p->age != c->age || p->modid != modid || p->cmdid != cmdid)
        return NULL;
    *len = p->len;
    return p->body;
}

void replycache_put(struct replycache *c, uint32_t modid, uint32_t cmdid,
                    const void *body, size_t len)
{
    struct place *p = &c->place[index_of(c, modid, cmdid)];
    char *more;

    if (len > REPLYCACHE_MAX_BODY)
        return;
    if (len > p->room) {
        more = realloc(p->body, len);
        if (!more)
            return;
        p->body = more;
        p->room = (uint32_t)len;
    }
    memcpy(p->body, body, len);
    p->modid = modid;
    p->cmdid = cmdid;
    p->len = (uint32_t)len;
    p->age = c->age;
}

void replycache_forget(struct replycache *c)
{
    c->age++;
}
