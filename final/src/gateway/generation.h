/* generation -- what a reload replaces: the rules and the keys of cookies.  A generation
 * does not change.  Requests use the one that was in force when they began until they
 * end; a reload makes another one for those that begin later.
 *
 * References.  The creator has one and each loop that uses it has one.  A loop counts its
 * requests without an atomic operation and gives up its reference with the last of them.
 * Thread: any, except where a function names another. */
#ifndef LARS_GATEWAY_GENERATION_H
#define LARS_GATEWAY_GENERATION_H

#include "fleet/fleet_keys.h"
#include "gateway/modules.h"

#define GENERATION_LOOPS_MAX 64

struct generation { /* read only, but by generation.c */
    struct rules *rules;
    const struct fleet_keys *keys;
    struct fleet_keys *own_keys; /* NULL: <keys> are the creator's */
    struct modules *modules;
    unsigned n_taken; /* slots */
    _Atomic unsigned n_refs;
    struct {
        _Alignas(64) uint32_t n; /* requests of the loop, and 1 while new ones use it;
                                  * only its thread touches it */
    } loop[GENERATION_LOOPS_MAX];
};

struct generation_config {
    const char *rules; /* path of the file */
    const char *key_file; /* "": <keys> are used */
    const struct fleet_keys *keys; /* borrowed; outlives the generation */
    struct modules *modules; /* borrowed, as well */
};

/* Read the files.  Returns 0; -EINVAL, -ENOENT ... with a sentence in <err>; -ENOBUFS
 * when requests still use too many modules of older rules; -ENOMEM.  Thread: that of
 * modules_take(). */
int generation_create(struct generation **out, const struct generation_config *c,
                      char err[CONF_ERR_MAX]);

/* One reference more, for a loop: returns <g>.  One less; NULL is fine. */
struct generation *generation_ref(struct generation *g);
void generation_unref(struct generation *g);

/* A request begins in loop <i>.  A request has ended, or the loop uses another generation
 * from now on: the last of these gives up the reference of the loop.  Thread: loop. */
void generation_begin(struct generation *g, unsigned i);
void generation_end(struct generation *g, unsigned i);

#endif
