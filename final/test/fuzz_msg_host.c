/* fuzz_msg_host -- unpacks any bytes as messages 4, 5 and 6.  They must be unpacked or
 * refused, and a message that was unpacked is equal after packing it again. */
#include <stdlib.h>
#include <string.h>

#include "proto/msg_host.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void get(const uint8_t *data, size_t size)
{
    uint8_t out[MSG_HOST_ROOM];
    struct msg_get_host m, again;
    ssize_t n;

    if (msg_host_unpack_get(&m, data, size) != 0)
        return;
    n = msg_host_pack_get(&m, out, sizeof(out));
    if (n <= 0 || msg_host_unpack_get(&again, out, (size_t)n) != 0 ||
        memcmp(&m, &again, sizeof(m)) != 0)
        abort();
}

static void reply(const uint8_t *data, size_t size)
{
    uint8_t out[MSG_HOST_ROOM];
    struct msg_host_reply m, again;
    ssize_t n;

    if (msg_host_unpack_reply(&m, data, size) != 0)
        return;
    n = msg_host_pack_reply(&m, out, sizeof(out));
    if (n <= 0 || msg_host_unpack_reply(&again, out, (size_t)n) != 0 ||
        memcmp(&m, &again, sizeof(m)) != 0)
        abort();
}

static void call(const uint8_t *data, size_t size)
{
    uint8_t out[MSG_HOST_ROOM];
    struct msg_call m, again;
    ssize_t n;

    if (msg_host_unpack_call(&m, data, size) != 0)
        return;
    n = msg_host_pack_call(&m, out, sizeof(out));
    if (n <= 0 || msg_host_unpack_call(&again, out, (size_t)n) != 0 ||
        memcmp(&m, &again, sizeof(m)) != 0)
        abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    get(data, size);
    reply(data, size);
    call(data, size);
    return 0;
}
