/* fuzz_msg -- unpacks any bytes as messages 1 and 2.  Each must be unpacked or refused
 * within its bounds, and a message that was unpacked is equal after packing it again. */
#include <stdlib.h>
#include <string.h>

#include "proto/msg.h"

#define HOSTS 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t out[65527];
    struct msg_host host[HOSTS], back[HOSTS];
    struct module_id m, again;
    size_t n, k;
    ssize_t len;

    if (msg_unpack_get_route(&m, data, size) == 0) {
        len = msg_pack_get_route(&m, out, sizeof(out));
        if (len < 0 || msg_unpack_get_route(&again, out, (size_t)len) != 0 ||
            again.modid != m.modid || again.cmdid != m.cmdid)
            abort();
    }
    if (msg_unpack_route(&m, host, HOSTS, &n, data, size) == 0) {
        len = msg_pack_route(&m, host, n, out, sizeof(out));
        if (n > HOSTS || len < 0 ||
            msg_unpack_route(&again, back, HOSTS, &k, out, (size_t)len) != 0 || k != n ||
            memcmp(host, back, n * sizeof(host[0])) != 0)
            abort();
    }
    return 0;
}
