/* fuzz_msg_batch -- any bytes as messages 32 to 35 are unpacked or refused.  Packing an
 * unpacked message and unpacking it again gives the same values. */
#include <stdlib.h>
#include <string.h>

#include "proto/msg_batch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void batch(const uint8_t *data, size_t size)
{
    static uint8_t out[65527];
    struct msg_batch *b, *back;
    ssize_t n;
    size_t i;

    if (msg_batch_unpack(&b, data, size) != 0)
        return;
    n = msg_batch_pack(b, out, sizeof(out));
    if (n <= 0 || msg_batch_unpack(&back, out, (size_t)n) != 0 || back->n != b->n ||
        back->seq != b->seq || memcmp(back->stream, b->stream, MSG_STREAM) != 0)
        abort();
    for (i = 0; i < b->n; i++)
        if (b->row[i].succ != back->row[i].succ || b->row[i].ip != back->row[i].ip ||
            b->row[i].port != back->row[i].port || b->row[i].port == 0)
            abort();
    free(b);
    free(back);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct msg_ack a;
    enum msg_service service;
    uint32_t version;

    batch(data, size);
    if (msg_batch_unpack_ack(&a, data, size) == 0 && a.seq == 0)
        abort();
    if (msg_batch_unpack_hello(&version, &service, data, size) == 0 && version == 0)
        abort();
    return 0;
}
