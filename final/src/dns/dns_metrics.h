/* dns_metrics -- what lars-dnsd shows at /metrics and /healthz. */
#ifndef LARS_DNS_DNS_METRICS_H
#define LARS_DNS_DNS_METRICS_H

#include "db/db.h"
#include "dns/dnspoll.h"
#include "dns/dnssrv.h"
#include "dns/slot_orders.h"
#include "obs/daemon_tls.h"
#include "obs/httpd.h"

struct dns_metrics { /* where the values come from; all borrowed */
    struct dnssrv *srv;
    struct dnspoll *poll;
    struct db *guard; /* a removal_guard, or NULL */
    struct slot_orders *orders; /* or NULL */
    struct daemon_tls *tls; /* or NULL, as in the other daemons */
};

/* Show them at <where>, "" = nowhere.  Copies <parts>; httpd_destroy() comes before they
 * go.  Returns as httpd_create().  Thread: the main loop's. */
int dns_metrics_serve(struct httpd **out, struct evloop *l, const char *where,
                      const struct dns_metrics *parts);

#endif
