/* crc32 -- CRC-32 of a text, as MySQL's CRC32() and zlib compute it: names become numbers
 * that fit into a node's line.  Thread: any. */
#ifndef LARS_BASE_CRC32_H
#define LARS_BASE_CRC32_H

#include <stdint.h>

uint32_t crc32_of(const char *text);  /* 0 for the empty one */

#endif
