/* sock_addr -- between net_addr and the sockaddr of system calls.  Only files of net/
 * that make such calls include it, so the byte order of addresses and ports matters
 * nowhere else. */
#ifndef LARS_NET_SOCK_ADDR_H
#define LARS_NET_SOCK_ADDR_H

#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#include "base/net_addr.h"

static inline socklen_t to_sockaddr(const struct net_addr *a, struct sockaddr_storage *ss)
{
    struct sockaddr_in *in4 = (struct sockaddr_in *)ss;
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)ss;

    memset(ss, 0, sizeof(*ss));
    ss->ss_family = a->family;
    if (a->family == AF_INET6) {
        in6->sin6_port = htons(a->port);
        memcpy(&in6->sin6_addr, a->ip, 16);
        return sizeof(*in6);
    }
    in4->sin_port = htons(a->port);
    memcpy(&in4->sin_addr, a->ip, 4);
    return sizeof(*in4);
}

static inline void from_sockaddr(struct net_addr *a, const struct sockaddr_storage *ss)
{
    const struct sockaddr_in *in4 = (const struct sockaddr_in *)ss;
    const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)ss;

    memset(a, 0, sizeof(*a));
    if (ss->ss_family != AF_INET && ss->ss_family != AF_INET6)
        return;                           /* AF_UNIX: there is no IP address */
    a->family = ss->ss_family;
    a->port = ntohs(a->family == AF_INET6 ? in6->sin6_port : in4->sin_port);
    if (a->family == AF_INET6)
        memcpy(a->ip, &in6->sin6_addr, 16);
    else
        memcpy(a->ip, &in4->sin_addr, 4);
}

#endif
