/* agent_metrics -- what lars-agentd shows at /metrics and /healthz. */
#ifndef LARS_AGENT_AGENT_METRICS_H
#define LARS_AGENT_AGENT_METRICS_H

#include "agent/agent.h"
#include "obs/daemon_tls.h"
#include "obs/httpd.h"

struct agent_metrics {
    struct agent *agent;              /* borrowed */
    uint64_t unhealthy_ms;            /* without a Report Service for so long, /healthz
                                       * answers 503 */
    struct daemon_tls *tls;           /* borrowed; or NULL */
};

/* Show them at <where>, "" = nowhere.  Copies <parts>; httpd_destroy() comes before the
 * agent goes.  Returns as httpd_create().  Thread: the main loop's. */
int agent_metrics_serve(struct httpd **out, struct evloop *l, const char *where,
                        const struct agent_metrics *parts);

#endif
