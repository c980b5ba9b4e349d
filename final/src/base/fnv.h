/* fnv.h -- FNV-1a with 64 bits: a checksum that finds mistakes, and not an attacker.
 * Start with FNV_START, add the bytes in their order.  Thread: any. */
#ifndef LARS_BASE_FNV_H
#define LARS_BASE_FNV_H

#include <stdint.h>

#define FNV_START 14695981039346656037ull
#define FNV_PRIME 1099511628211ull

static inline uint64_t fnv_add_byte(uint64_t sum, uint8_t byte)
{
    return (sum ^ byte) * FNV_PRIME;
}

/* The <n> lowest bytes of <v>, the lowest first. */
static inline uint64_t fnv_add_number(uint64_t sum, uint64_t v, unsigned n)
{
    for (; n > 0; n--, v >>= 8)
        sum = fnv_add_byte(sum, (uint8_t)v);
    return sum;
}

/* With the final 0: "a", "bc" is not the same as "ab", "c". */
static inline uint64_t fnv_add_text(uint64_t sum, const char *text)
{
    do
        sum = fnv_add_byte(sum, (uint8_t)*text);
    while (*text++);
    return sum;
}

#endif
