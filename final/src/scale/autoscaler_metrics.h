/* autoscaler_metrics -- what lars-autoscaler shows at /metrics and /healthz. */
#ifndef LARS_SCALE_AUTOSCALER_METRICS_H
#define LARS_SCALE_AUTOSCALER_METRICS_H

#include "obs/httpd.h"
#include "scale/rounds.h"

struct autoscaler_metrics { /* where the values come from; borrowed */
    struct rounds *rounds;
    struct demand *demand;
    struct hook *hook; /* NULL: none */
    uint64_t unhealthy_ms; /* failures for so long make /healthz answer 503 */
};

/* Show them at <where>, "" = nowhere.  Copies <parts>; httpd_destroy() comes before they
 * go.  Returns as httpd_create().  Thread: the main loop's. */
int autoscaler_metrics_serve(struct httpd **out, struct evloop *l, const char *where,
                             const struct autoscaler_metrics *parts);

#endif
