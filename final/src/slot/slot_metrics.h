/* slot_metrics -- what lars-slotd shows at /metrics and /healthz. */
#ifndef LARS_SLOT_SLOT_METRICS_H
#define LARS_SLOT_SLOT_METRICS_H

#include "obs/daemon_tls.h"
#include "obs/httpd.h"
#include "slot/slot_link.h"
#include "slot/slots.h"

struct slot_metrics { /* borrowed */
    struct slots *slots;
    struct slot_link *link;
    struct daemon_tls *tls; /* or NULL */
};

/* Show them at <where>, "" = nowhere.  Copies <parts>; httpd_destroy() comes before they
 * go.  Returns as httpd_create().  Thread: loop. */
int slot_metrics_serve(struct httpd **out, struct evloop *l, const char *where,
                       const struct slot_metrics *parts);

#endif
