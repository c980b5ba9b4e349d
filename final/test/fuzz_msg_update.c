/* fuzz_msg_update -- any bytes as message 36 are unpacked or refused.  Packing an
 * unpacked message and unpacking it again gives the same values, and applying it to a
 * route gives a route or an error. */
#include <stdlib.h>
#include <string.h>

#include "proto/msg_update.h"
#include "route/routedelta.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct msg_host add[MSG_UPDATE_HOSTS], gone[MSG_UPDATE_HOSTS];
static struct msg_host add2[MSG_UPDATE_HOSTS], gone2[MSG_UPDATE_HOSTS];
static struct route_node a[MSG_UPDATE_HOSTS], g[MSG_UPDATE_HOSTS];
static struct route_node out[MSG_UPDATE_HOSTS + 2];

static void apply(const struct msg_update *m)
{
    static const struct route_node had[] = {{1, 80}, {2, 80}};
    int64_t n, i;
    size_t k;

    for (k = 0; k < m->n_add; k++)
        a[k] = (struct route_node){add[k].ip, (uint16_t)add[k].port};
    for (k = 0; k < m->n_gone; k++)
        g[k] = (struct route_node){gone[k].ip, (uint16_t)gone[k].port};
    n = routedelta_apply(had, 2, a, m->n_add, g, m->n_gone, out);
    for (i = 1; i < n; i++)
        if (out[i - 1].ip > out[i].ip)
            abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t body[65527];
    struct msg_update m, back;
    ssize_t n;

    if (msg_update_unpack(&m, add, gone, data, size) != 0)
        return 0;
    apply(&m);
    n = msg_update_pack(&m, add, gone, body, sizeof(body));
    if (n == -7 && m.n_add + m.n_gone > MSG_UPDATE_HOSTS)
        return 0; /* E2BIG: larger than any message that is sent */
    if (n <= 0 || msg_update_unpack(&back, add2, gone2, body, (size_t)n) != 0 ||
        memcmp(&m, &back, sizeof(m)) != 0 ||
        memcmp(add, add2, m.n_add * sizeof(add[0])) != 0)
        abort();
    return 0;
}
