/* A proxy on this host connects from a loopback address for clients that are elsewhere;
 * the headers that it adds give it away. */
#include "obs/local_peer.h"

#include <netinet/in.h>
#include <sys/socket.h>

static bool is_loopback(const struct sockaddr *sa)
{
    const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)(const void *)sa;
    const struct sockaddr_in *four = (const struct sockaddr_in *)(const void *)sa;

    if (sa->sa_family == AF_INET)
        return ntohl(four->sin_addr.s_addr) >> 24 == 127;
    if (sa->sa_family != AF_INET6)
        return false;
    return IN6_IS_ADDR_LOOPBACK(&six->sin6_addr) ||
           (IN6_IS_ADDR_V4MAPPED(&six->sin6_addr) && six->sin6_addr.s6_addr[12] == 127);
}

bool local_peer_is(struct MHD_Connection *c)
{
    const union MHD_ConnectionInfo *peer =
        MHD_get_connection_info(c, MHD_CONNECTION_INFO_CLIENT_ADDRESS);

    return peer && is_loopback(peer->client_addr) &&
           !MHD_lookup_connection_value(c, MHD_HEADER_KIND, "Forwarded") &&
           !MHD_lookup_connection_value(c, MHD_HEADER_KIND, "X-Forwarded-For");
}
