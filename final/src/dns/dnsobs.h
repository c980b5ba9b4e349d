/* dnsobs -- what lars-dnsd shows at /metrics and /healthz.  Thread: the main loop's. */
#ifndef LARS_DNS_DNSOBS_H
#define LARS_DNS_DNSOBS_H

#include "db/db.h"
#include "dns/dnspoll.h"
#include "dns/dnssrv.h"
#include "net/evloop.h"

struct dnsobs;

/* At <where>, "" = nowhere (httpd.h).  Borrows the rest; <guard> may be NULL.  Returns as
 * httpd_create().  Destroy it before the others. */
int dnsobs_create(struct dnsobs **out, struct evloop *l, const char *where,
                  struct dnssrv *srv, struct dnspoll *poll, struct db *guard);
void dnsobs_destroy(struct dnsobs *o); /* NULL is fine */

#endif
