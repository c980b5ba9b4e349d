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
    return segment_load(&s->addr[nid].mid);
}

void node_table_addr(const struct segment *s, uint32_t nid, struct net_addr *out)
{
    const struct layout_addr *a = &s->addr[nid];
    uint32_t fp = segment_load(&a->family_port), i, word;

    *out = (struct net_addr){.family = (uint16_t)fp, .port = (uint16_t)(fp >> 16)};
    word = segment_load(&a->ip);
    memcpy(out->ip, &word, 4);
    for (i = 0; out->family == AF_INET6 && i < 3; i++) {
        word = segment_load(&s->addr6[nid].ip[i]);
        memcpy(out->ip + 4 + 4 * i, &word, 4);
    }
}

_Atomic uint32_t *node_table_costs(const struct segment *s)
{
    return s->cost;
}

struct node_counter *node_table_counters(const struct segment *s)
{
    return s->counters->counter;
}
