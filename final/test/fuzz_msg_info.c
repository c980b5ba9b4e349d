/* fuzz_msg_info -- any bytes as message 37: refused, or the same after packing it again,
 * and a path that is one line. */
#include <stdlib.h>
#include <string.h>

#include "proto/msg_info.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t body[MSG_INFO_ROOM];
    struct msg_info m, back;
    ssize_t n;

    if (msg_info_unpack(&m, data, size) != 0)
        return 0;
    n = msg_info_pack(&m, body, sizeof(body));
    if (n <= 0 || msg_info_unpack(&back, body, (size_t)n) != 0 ||
        memcmp(&m, &back, sizeof(m)) != 0 || strpbrk(m.probe, "\r\n ") != NULL)
        abort();
    return 0;
}
