/* reportobs -- what lars-reportd shows at /metrics and /healthz.  Thread: the main
 * loop's. */
#ifndef LARS_REPORT_REPORTOBS_H
#define LARS_REPORT_REPORTOBS_H

#include "net/evloop.h"
#include "report/batchwriter.h"
#include "report/keeper.h"
#include "report/reportsrv.h"
#include "report/writer.h"

struct reportobs;

struct reportobs_config {
    struct reportsrv *srv;            /* all borrowed; destroy this before them */
    struct writer **writer;
    struct batchwriter **batcher;
    unsigned n_writers;               /* of each kind */
    struct keeper *keeper;            /* or NULL */
};

/* At <where>, "" = nowhere (httpd.h).  Copies <cfg>.  Returns as httpd_create(). */
int reportobs_create(struct reportobs **out, struct evloop *l, const char *where,
                     const struct reportobs_config *cfg);
void reportobs_destroy(struct reportobs *o); /* NULL is fine */

#endif
