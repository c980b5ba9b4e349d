/* dnsobs -- what lars-dnsd shows at /metrics and /healthz.  Thread: the main loop's. */
#ifndef LARS_DNS_DNS_METRICS_H
#define LARS_DNS_DNS_METRICS_H

#include "db/db.h"
#include "dns/dnspoll.h"
#include "dns/dnssrv.h"
#include "net/evloop.h"

struct dns_metrics;

/* At <where>, "" = nowhere (httpd.h).  Borrows the rest; <guard> may be NULL.  Returns as
 * httpd_create().  Destroy it before the others. */
int dns_metrics_create(struct dns_metrics **out, struct evloop *l, const char *where,
                  struct dnssrv *srv, struct dnspoll *poll, struct db *guard);
void dns_metrics_destroy(struct dns_metrics *o); /* NULL is fine */

#endif
