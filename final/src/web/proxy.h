/* proxy -- who asks when a proxy stands between the browser and the console.  Only the
 * proxies that are configured are believed.  Thread: any. */
#ifndef LARS_WEB_PROXY_H
#define LARS_WEB_PROXY_H

#include "base/net_addr.h"
#include "web/request.h"

#define PROXY_MAX 16 /* addresses of proxies */

struct proxy_list {
    struct net_addr at[PROXY_MAX]; /* port 0 */
    unsigned n;
};

/* <text>: IPv4 and IPv6 addresses with blanks or commas between them; "" = none.
 * Returns 0; -EINVAL: one is no address, or there are more than PROXY_MAX. */
int proxy_list_parse(struct proxy_list *out, const char *text);

/* Set <peer> and <is_tls> of <q> to what a proxy says, when the connection is from one
 * that is listed: the last address of X-Forwarded-For that is not listed itself, and true
 * when X-Forwarded-Proto ends with "https".  <peer> is the address of the connection
 * before.  Thread: loop. */
void proxy_apply(const struct proxy_list *l, struct request *q);

#endif
