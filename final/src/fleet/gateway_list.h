/* gateway_list -- the admin ports of gateways, as configurations name them.
 * Thread: any. */
#ifndef LARS_FLEET_GATEWAY_LIST_H
#define LARS_FLEET_GATEWAY_LIST_H

#include "base/net_addr.h"

#define GATEWAY_LIST_MAX 32

struct gateway_list {
    char address[GATEWAY_LIST_MAX][NET_ADDR_STRLEN];
    unsigned n;
};

/* "127.0.0.1:9890, 127.0.0.2:9890", "" = none.  Returns 0; -EINVAL: an entry is no
 * ADDRESS:PORT with a port above 0, is there twice, or there are more than
 * GATEWAY_LIST_MAX. */
int gateway_list_parse(struct gateway_list *out, const char *text);

#endif
