/* rnd -- random numbers for jitter and sampling.  Not for secrets.
 * Source: Marsaglia, Xorshift RNGs (2003), the 64-bit one.  Thread: the owner's. */
#ifndef LARS_BASE_RND_H
#define LARS_BASE_RND_H

#include <stdint.h>

struct rnd {
    uint64_t s;                       /* never 0 */
};

void rnd_init(struct rnd *r, uint64_t seed); /* the same seed, the same numbers */
void rnd_init_any(struct rnd *r);     /* another seed each time */
uint32_t rnd_u32(struct rnd *r);

#endif
