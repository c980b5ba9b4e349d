/* server_metrics -- what every TCP server of Lars shows at /metrics about its
 * connections. */
#ifndef LARS_OBS_SERVER_METRICS_H
#define LARS_OBS_SERVER_METRICS_H

#include "net/admission.h"
#include "net/mtsrv.h"
#include "obs/metrics.h"

/* Write the connections of <s>, whose admission is <a>, as lars_<program>_...; <ended>
 * counts, by reason, the connections that ended.  Thread: the one that runs the server's
 * main loop. */
void server_metrics_collect(struct metrics *m, const char *program, const struct mtsrv *s,
                            struct admission *a, const uint64_t ended[CONN_WHY_COUNT]);

#endif
