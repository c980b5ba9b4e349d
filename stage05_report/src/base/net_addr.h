/* net_addr -- an IPv4 or IPv6 address with a port, as one value that can be copied and
 * compared.  Only net/sock.c converts it to and from a sockaddr.  Thread: any. */
#ifndef LARS_BASE_NET_ADDR_H
#define LARS_BASE_NET_ADDR_H

#include <stdbool.h>
#include <stdint.h>

struct net_addr {
    uint16_t family;                      /* AF_INET or AF_INET6; 0 = no address */
    uint16_t port;                        /* host byte order */
    uint8_t ip[16];                       /* network byte order; IPv4: 4 bytes, then 0 */
};

#define NET_ADDR_STRLEN 56                /* "[" + INET6_ADDRSTRLEN + "]:65535" + 0 */

/* <ip> is a numeric address such as "127.0.0.1" or "::1".  Returns 0, or -EINVAL and
 * leaves <out> unchanged.  Host names are not resolved, and short forms such as "127.1"
 * are refused. */
int net_addr_set(struct net_addr *out, const char *ip, uint16_t port);

/* <text> is "127.0.0.1:80" or "[::1]:80", port 0 to 65535.  Returns 0, or -EINVAL and
 * leaves <out> unchanged. */
int net_addr_parse(struct net_addr *out, const char *text);

/* A port in decimal, digits only.  Returns 0 to 65535, or -EINVAL. */
int net_addr_parse_port(const char *text);

/* Writes <a> in the form that net_addr_parse() reads, or "-" when it holds no address.
 * Returns <buf>. */
const char *net_addr_str(const struct net_addr *a, char buf[NET_ADDR_STRLEN]);

bool net_addr_equal(const struct net_addr *a, const struct net_addr *b);

#endif
