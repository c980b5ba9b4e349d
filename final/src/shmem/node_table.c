#include "shmem/node_table.h"

#include <string.h>
#include <sys/socket.h>

#include "shmem/segment_private.h"

uint32_t node_table_count(const struct segment *s)
{
    uint32_t n = atomic_load(&s->routes->n_nid);

    return n < s->max_nodes ? n : s->max_nodes;
}

uint32_t node_table_module(const struct segment *s, uint32_t nid)
{
    return segment_load(s->old_addr ? &s->old_addr[nid].mid : &s->addr[nid].mid);
}

/* <rest> has the words of an IPv6 address behind the first one, <ip>. */
static void unpack(struct net_addr *out, uint32_t family_port, const _Atomic uint32_t *ip,
                   const _Atomic uint32_t *rest)
{
    uint32_t i, word = segment_load(ip);

    *out = (struct net_addr){.family = (uint16_t)family_port,
                             .port = (uint16_t)(family_port >> 16)};
    memcpy(out->ip, &word, 4);
    for (i = 0; out->family == AF_INET6 && i < 3; i++) {
        word = segment_load(&rest[i]);
        memcpy(out->ip + 4 + 4 * i, &word, 4);
    }
}

void node_table_addr(const struct segment *s, uint32_t nid, struct net_addr *out)
{
    const struct layout_addr *a = &s->addr[nid];
    const struct layout_old_addr *old = s->old_addr ? &s->old_addr[nid] : NULL;

    if (old)
        unpack(out, segment_load(&old->family_port), old->ip, old->ip + 1);
    else
        unpack(out, segment_load(&a->family_port), &a->ip, s->addr6[nid].ip);
}

_Atomic uint32_t *node_table_costs(const struct segment *s)
{
    return s->cost;
}

struct node_counter *node_table_counters(const struct segment *s)
{
    return s->counters->counter;
}
