#include "base/latency.h"

#define FIRST_BITS 4                  /* durations below 2^4 us share a bucket */

unsigned latency_bucket(uint32_t us)
{
    unsigned e;

    if (us < 1u << FIRST_BITS)
        return 1;
    e = 31u - (unsigned)__builtin_clz(us);
    return 2 + (e - FIRST_BITS) * 4 + (us >> (e - 2) & 3);
}

uint64_t latency_below_us(unsigned b)
{
    unsigned k = b - 2;

    return b <= 1 ? 1u << FIRST_BITS : (uint64_t)(5 + k % 4) << (FIRST_BITS + k / 4 - 2);
}

uint64_t latency_quantile_us(const uint64_t n[LATENCY_BUCKETS + 1], double q)
{
    uint64_t all = 0, seen = 0;
    unsigned b;

    for (b = 1; b <= LATENCY_BUCKETS; b++)
        all += n[b];
    for (b = 1; all > 0 && b <= LATENCY_BUCKETS; b++) {
        seen += n[b];
        if ((double)seen >= q * (double)all)
            return latency_below_us(b);
    }
    return 0;
}
