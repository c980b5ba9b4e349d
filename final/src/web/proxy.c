/* Each proxy appends the address of its peer to X-Forwarded-For, so the list is true from
 * its end up to the first address that is no proxy of ours; what stands before that, the
 * client may have written.  An entry that is no address ends the list in the same way.
 *
 * Invariant: without a listed proxy, no header changes who asks.
 *
 * Rejected: the first address of the list, which any client can forge; X-Forwarded-Host,
 * because a proxy can pass Host. */
#include "web/proxy.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define BETWEEN " \t,"

struct look {
    const struct proxy_list *l;
    struct net_addr client; /* family 0 = not known */
    bool is_https;
};

/* An IPv4 client of a socket of IPv6 has an address of IPv6, ::ffff:10.0.0.1. */
static void make_ipv4(struct net_addr *a)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

    if (a->family != AF_INET6 || memcmp(a->ip, mapped, sizeof(mapped)) != 0)
        return;
    a->family = AF_INET;
    memmove(a->ip, a->ip + 12, 4);
    memset(a->ip + 4, 0, 12);
}

/* The address of <n> bytes at <p>, with or without a port.  Returns 0 or -EINVAL. */
static int read_address(struct net_addr *out, const char *p, size_t n)
{
    char text[NET_ADDR_STRLEN];

    if (n >= sizeof(text))
        return -EINVAL;
    memcpy(text, p, n);
    text[n] = '\0';
    if (net_addr_set(out, text, 0) < 0 && net_addr_parse(out, text) < 0)
        return -EINVAL;
    out->port = 0;
    make_ipv4(out);
    return 0;
}

int proxy_list_parse(struct proxy_list *out, const char *text)
{
    const char *p = text + strspn(text, BETWEEN);
    size_t n;

    out->n = 0;
    for (; *p; p += n + strspn(p + n, BETWEEN)) {
        n = strcspn(p, BETWEEN);
        if (out->n == PROXY_MAX || read_address(&out->at[out->n], p, n) < 0)
            return -EINVAL;
        out->n++;
    }
    return 0;
}

static bool is_listed(const struct proxy_list *l, const struct net_addr *a)
{
    unsigned i;

    for (i = 0; i < l->n; i++)
        if (net_addr_equal(&l->at[i], a))
            return true;
    return false;
}

/* One entry of X-Forwarded-For, in their order. */
static void take_entry(struct look *k, const char *p, size_t n)
{
    struct net_addr a;

    if (read_address(&a, p, n) < 0)
        k->client.family = 0;
    else if (k->client.family == 0 || !is_listed(k->l, &a))
        k->client = a;
}

static void take_entries(struct look *k, const char *p)
{
    size_t n;

    for (p += strspn(p, BETWEEN); *p; p += n + strspn(p + n, BETWEEN)) {
        n = strcspn(p, BETWEEN);
        take_entry(k, p, n);
    }
}

/* The nearest proxy has written the last word. */
static bool ends_with_https(const char *value)
{
    size_t n = strlen(value);

    return n >= 5 && strcasecmp(value + n - 5, "https") == 0 &&
           (n == 5 || strchr(BETWEEN, value[n - 6]));
}

/* A header may stand in several lines, which are one list. */
static enum MHD_Result take_header(void *arg, enum MHD_ValueKind kind, const char *name,
                                   const char *value)
{
    struct look *k = arg;

    (void)kind;
    if (value && strcasecmp(name, "X-Forwarded-For") == 0)
        take_entries(k, value);
    else if (value && strcasecmp(name, "X-Forwarded-Proto") == 0)
        k->is_https = ends_with_https(value);
    return MHD_YES;
}

void proxy_apply(const struct proxy_list *l, struct request *q)
{
    struct look k = {.l = l};
    struct net_addr peer;

    if (read_address(&peer, q->peer, strlen(q->peer)) < 0)
        return;
    if (is_listed(l, &peer)) {
        MHD_get_connection_values(q->connection, MHD_HEADER_KIND, take_header, &k);
        q->is_tls = q->is_tls || k.is_https;
    }
    if (k.client.family == 0)
        k.client = peer;
    inet_ntop(k.client.family, k.client.ip, q->peer, sizeof(q->peer));
}
