#include "base/rnd.h"

#include <sys/random.h>

#include "base/mono.h"

void rnd_init(struct rnd *r, uint64_t seed)
{
    r->s = seed ? seed : 0x9e3779b97f4a7c15u; /* state 0 would stay 0 */
}

void rnd_init_any(struct rnd *r)
{
    uint64_t seed = mono_us();

    if (getrandom(&seed, sizeof(seed), GRND_NONBLOCK) == -1)
        seed ^= (uint64_t)(uintptr_t)r; /* early in the boot: use the clock */
    rnd_init(r, seed);
}

uint32_t rnd_u32(struct rnd *r)
{
    r->s ^= r->s << 13;
    r->s ^= r->s >> 7;
    r->s ^= r->s << 17;
    return (uint32_t)(r->s >> 32);
}
