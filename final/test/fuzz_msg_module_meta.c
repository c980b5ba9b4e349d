/* fuzz_msg_module_meta -- any bytes as message 37 are unpacked or refused.  Packing an
 * unpacked message and unpacking it again gives the same values, and its path is a single
 * line. */
#include <stdlib.h>
#include <string.h>

#include "proto/msg_module_meta.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t body[MSG_MODULE_META_ROOM];
    struct msg_module_meta m, back;
    ssize_t n;

    if (msg_module_meta_unpack(&m, data, size) != 0)
        return 0;
    n = msg_module_meta_pack(&m, body, sizeof(body));
    if (n <= 0 || msg_module_meta_unpack(&back, body, (size_t)n) != 0 ||
        memcmp(&m, &back, sizeof(m)) != 0 || strpbrk(m.probe, "\r\n ") != NULL)
        abort();
    return 0;
}
