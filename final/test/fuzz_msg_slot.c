/* fuzz_msg_slot -- any bytes as messages 40 to 42 are unpacked or refused.  Packing an
 * unpacked message and unpacking it again gives the same bytes, and what was accepted is
 * within the bounds of the header. */
#include <stdlib.h>
#include <string.h>

#include "proto/msg_slot.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ROOM 65527

static uint8_t one[ROOM], two[ROOM];

static void check_same(ssize_t a, ssize_t b)
{
    if (a <= 0 || a != b || memcmp(one, two, (size_t)a) != 0)
        abort();
}

static void orders(const uint8_t *data, size_t size)
{
    static struct msg_slot_orders o;
    ssize_t n;
    size_t i;

    if (msg_slot_unpack_orders(&o, data, size) != 0)
        return;
    for (i = 0; i < o.n; i++)
        if (o.order[i].slot < 1 || o.order[i].slot > MSG_SLOT_MAX ||
            o.order[i].fence > o.fence)
            abort();
    n = msg_slot_pack_orders(&o, one, ROOM);
    if (n <= 0 || msg_slot_unpack_orders(&o, one, (size_t)n) != 0)
        abort();
    check_same(n, msg_slot_pack_orders(&o, two, ROOM));
}

static void state(const uint8_t *data, size_t size)
{
    static struct msg_slot_state s;
    ssize_t n;
    size_t i;

    if (msg_slot_unpack_state(&s, data, size) != 0)
        return;
    for (i = 0; i < s.n; i++)
        if (s.node[i].slot < 1 || s.node[i].slot > s.of.slots ||
            strpbrk(s.node[i].note, "\r\n\033") != NULL)
            abort();
    n = msg_slot_pack_state(&s, one, ROOM);
    if (n <= 0 || msg_slot_unpack_state(&s, one, (size_t)n) != 0)
        abort();
    check_same(n, msg_slot_pack_state(&s, two, ROOM));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct msg_slot_host h;
    ssize_t n;

    orders(data, size);
    state(data, size);
    if (msg_slot_unpack_hello(&h, data, size) != 0)
        return 0;
    n = msg_slot_pack_hello(&h, one, ROOM);
    if (n <= 0 || msg_slot_unpack_hello(&h, one, (size_t)n) != 0)
        abort();
    check_same(n, msg_slot_pack_hello(&h, two, ROOM));
    return 0;
}
