#include "base/loopback.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

bool loopback_is(const struct net_addr *at)
{
    static const struct in6_addr six = IN6ADDR_LOOPBACK_INIT;
    static const uint8_t mapped[] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 127};

    if (at->family == AF_INET)
        return at->ip[0] == 127;
    return at->family == AF_INET6 && (memcmp(at->ip, &six, sizeof(six)) == 0 ||
                                      memcmp(at->ip, mapped, sizeof(mapped)) == 0);
}
