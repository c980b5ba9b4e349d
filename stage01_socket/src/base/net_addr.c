/* Text to address and back, strictly.  inet_pton() accepts exactly one spelling of an
 * IPv4 address, and ports consist of digits only.
 *
 * Invariant: bytes of <ip> that the family does not use are zero, so two addresses are
 * equal when their fields are equal.
 * Rejected: inet_aton(), which reads 127.1 as 127.0.0.1 and 010.0.0.1 as 8.0.0.1; names
 * by getaddrinfo(), which may block for seconds in DNS and give several answers. */
#include "base/net_addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

int net_addr_set(struct net_addr *out, const char *ip, uint16_t port)
{
    struct net_addr a = {.family = AF_INET, .port = port};

    if (inet_pton(AF_INET, ip, a.ip) != 1) {
        a.family = AF_INET6;
        if (inet_pton(AF_INET6, ip, a.ip) != 1)
            return -EINVAL;
    }
    *out = a;
    return 0;
}

/* strtol() is not used: it accepts "-1", " 80" and "80x" and reports errors by errno. */
int net_addr_parse_port(const char *text)
{
    int port = 0, i;

    for (i = 0; text[i] >= '0' && text[i] <= '9' && i < 5; i++)
        port = port * 10 + (text[i] - '0');
    return i > 0 && text[i] == '\0' && port <= UINT16_MAX ? port : -EINVAL;
}

int net_addr_parse(struct net_addr *out, const char *text)
{
    const char *colon = strrchr(text, ':');
    char ip[INET6_ADDRSTRLEN];
    size_t len;
    int port;

    if (!colon)
        return -EINVAL;
    len = (size_t)(colon - text);
    if (text[0] == '[') {                 /* IPv6: contains colons itself */
        if (len < 2 || text[len - 1] != ']')
            return -EINVAL;
        text++;
        len -= 2;
    } else if (memchr(text, ':', len)) {
        return -EINVAL;
    }
    if (len >= sizeof(ip))
        return -EINVAL;
    memcpy(ip, text, len);
    ip[len] = '\0';
    port = net_addr_parse_port(colon + 1);
    return port < 0 ? port : net_addr_set(out, ip, (uint16_t)port);
}

const char *net_addr_str(const struct net_addr *a, char buf[NET_ADDR_STRLEN])
{
    char ip[INET6_ADDRSTRLEN];

    if (!inet_ntop(a->family, a->ip, ip, sizeof(ip)))
        return memcpy(buf, "-", 2);
    snprintf(buf, NET_ADDR_STRLEN, a->family == AF_INET6 ? "[%s]:%u" : "%s:%u", ip,
             (unsigned)a->port);
    return buf;
}

bool net_addr_equal(const struct net_addr *a, const struct net_addr *b)
{
    return a->family == b->family && a->port == b->port &&
           memcmp(a->ip, b->ip, sizeof(a->ip)) == 0;
}
