/* ipv4 -- the 32 bits of messages and tables, and struct net_addr.  Thread: any. */
#ifndef LARS_BASE_IPV4_H
#define LARS_BASE_IPV4_H

#include <sys/socket.h>

#include "base/net_addr.h"

static inline struct net_addr ipv4_addr(uint32_t ip, uint16_t port)
{
    return (struct net_addr){.family = AF_INET,
                             .port = port,
                             .ip = {(uint8_t)(ip >> 24), (uint8_t)(ip >> 16),
                                    (uint8_t)(ip >> 8), (uint8_t)ip}};
}

static inline uint32_t ipv4_of(const struct net_addr *a) /* of AF_INET */
{
    return (uint32_t)a->ip[0] << 24 | (uint32_t)a->ip[1] << 16 | (uint32_t)a->ip[2] << 8 |
           a->ip[3];
}

#endif
