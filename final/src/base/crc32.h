/* crc32 -- CRC-32 of a text, as MySQL's CRC32() and zlib compute it.  Names of zones are
 * passed on as such numbers, which have a fixed size in messages and shared memory.
 * Thread: any. */
#ifndef LARS_BASE_CRC32_H
#define LARS_BASE_CRC32_H

#include <stdint.h>

uint32_t crc32_of(const char *text);  /* 0 for "" */

#endif
