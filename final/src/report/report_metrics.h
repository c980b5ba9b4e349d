/* reportobs -- what lars-reportd shows at /metrics and /healthz.  Thread: the main
 * loop's. */
#ifndef LARS_REPORT_REPORT_METRICS_H
#define LARS_REPORT_REPORT_METRICS_H

#include "net/evloop.h"
#include "report/batchwriter.h"
#include "report/leader_tasks.h"
#include "report/reportsrv.h"
#include "report/writer.h"

struct report_metrics;

struct report_metrics_config {
    struct reportsrv *srv;            /* all borrowed; destroy this before them */
    struct writer **writer;
    struct batchwriter **batcher;
    unsigned n_writers;               /* of each kind */
    struct leader_tasks *keeper;            /* or NULL */
};

/* At <where>, "" = nowhere (httpd.h).  Copies <cfg>.  Returns as httpd_create(). */
int report_metrics_create(struct report_metrics **out, struct evloop *l,
                          const char *where, const struct report_metrics_config *cfg);
void report_metrics_destroy(struct report_metrics *o); /* NULL is fine */

#endif
