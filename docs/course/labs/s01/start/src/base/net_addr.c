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
    /* 1. inet_pton() as IPv4, then as IPv6; -EINVAL when neither accepts the text.
     * 2. <out> is written only on success, and bytes of ip that are not used are 0. */
    /* begin net_addr_set */
    (void)out;
    (void)ip;
    (void)port;
    return -ENOSYS;
    /* end net_addr_set */
}

/* strtol() is not used: it accepts "-1", " 80" and "80x" and reports errors by errno. */
int net_addr_parse_port(const char *text)
{
    /* One to five digits and nothing else; at most 65,535.  Else -EINVAL. */
    /* begin net_addr_parse_port */
    (void)text;
    return -ENOSYS;
    /* end net_addr_parse_port */
}

int net_addr_parse(struct net_addr *out, const char *text)
{
    /* 1. The last colon separates address and port.
     * 2. An address in square brackets is IPv6: take the brackets off.  Without
     *    brackets it must not contain a colon.
     * 3. Copy the address into a buffer of its own, which has room for
     *    INET6_ADDRSTRLEN bytes.
     * 4. net_addr_parse_port() and net_addr_set() do the rest. */
    /* begin net_addr_parse */
    (void)out;
    (void)text;
    return -ENOSYS;
    /* end net_addr_parse */
}

const char *net_addr_str(const struct net_addr *a, char buf[NET_ADDR_STRLEN])
{
    /* 1. inet_ntop(); no address gives a dash.
     * 2. IPv6 stands in square brackets.  Return <buf>. */
    /* begin net_addr_str */
    (void)a;
    buf[0] = 0;
    return buf;
    /* end net_addr_str */
}

bool net_addr_equal(const struct net_addr *a, const struct net_addr *b)
{
    /* Family, port and all 16 bytes of ip. */
    /* begin net_addr_equal */
    (void)a;
    (void)b;
    return false;
    /* end net_addr_equal */
}
