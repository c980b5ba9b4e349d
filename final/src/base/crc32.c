#include "base/crc32.h"

#define POLYNOMIAL 0xedb88320u        /* IEEE 802.3, bits reversed */

uint32_t crc32_of(const char *text)
{
    uint32_t crc = UINT32_MAX;
    int bit;

    for (; *text; text++) {
        crc ^= (unsigned char)*text;
        for (bit = 0; bit < 8; bit++)
            crc = crc >> 1 ^ (crc & 1 ? POLYNOMIAL : 0);
    }
    return ~crc;
}
