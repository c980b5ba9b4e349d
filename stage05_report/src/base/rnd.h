/* rnd -- pseudo-random numbers for jitter and sampling, not for secrets: the 64-bit
 * generator of Marsaglia, Xorshift RNGs (2003).
 * Thread: one at a time for each struct rnd. */
#ifndef LARS_BASE_RND_H
#define LARS_BASE_RND_H

#include <stdint.h>

struct rnd {
    uint64_t s;                       /* never 0 */
};

/* The same seed gives the same sequence of numbers. */
void rnd_init(struct rnd *r, uint64_t seed);
void rnd_init_any(struct rnd *r);     /* with a random seed */
uint32_t rnd_u32(struct rnd *r);      /* the next number, 0 to UINT32_MAX */

#endif
