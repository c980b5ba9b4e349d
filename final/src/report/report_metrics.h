/* report_metrics -- what lars-reportd shows at /metrics and /healthz. */
#ifndef LARS_REPORT_REPORT_METRICS_H
#define LARS_REPORT_REPORT_METRICS_H

#include "obs/daemon_tls.h"
#include "obs/httpd.h"
#include "report/alarm_watch.h"
#include "report/batchsrv.h"
#include "report/leader_tasks.h"
#include "report/reportsrv.h"
#include "report/slot_states.h"

struct report_metrics { /* where the values come from; all borrowed */
    struct reportsrv *srv;
    struct batchsrv *batchsrv;
    struct writer **writer;
    struct batchwriter **batchwriter;
    unsigned n_writers; /* of each kind */
    struct slot_states *slots; /* or NULL */
    struct leader_tasks *leader; /* or NULL */
    struct alarm_watch *alarms; /* or NULL */
    struct daemon_tls *tls; /* or NULL */
    uint64_t unhealthy_ms; /* failures for so long make /healthz answer 503 */
};

/* Show them at <where>, "" = nowhere.  Copies <parts>; httpd_destroy() comes before they
 * go.  Returns as httpd_create().  Thread: the main loop's. */
int report_metrics_serve(struct httpd **out, struct evloop *l, const char *where,
                         const struct report_metrics *parts);

#endif
