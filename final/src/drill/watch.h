/* watch -- looks at the system twice a second while a drill runs: what the gateways have
 * answered, which nodes they count on, the open alarms, and the nodes of the module that
 * are wanted and up.  What cannot be asked is unknown and stops nothing.
 * Thread: any, unless a function names another. */
#ifndef LARS_DRILL_WATCH_H
#define LARS_DRILL_WATCH_H

#include <stdint.h>

#include "db/sqldb.h"
#include "fleet/gateway_client.h"

#define WATCH_GATEWAYS 32
#define WATCH_UNKNOWN (-1)

struct watch;

struct watch_config {
    const char *gateways; /* admin ports "ADDRESS:PORT, ..."; "" = none;
                                           * copied */
    struct sqldb *db; /* borrowed until watch_destroy(), which alone
                                           * uses it until then; NULL = none */
    uint32_t modid, cmdid; /* the module; used with <db> */
};

struct watch_sample {
    uint64_t at_ms; /* monotonic */
    uint64_t answered, failed; /* requests since the watch began; counted by
                                           * the gateways */
    int gateways; /* that answer; UNKNOWN = none is known */
    int nodes_in; /* sum of the gateways: nodes that take
                                           * requests; UNKNOWN as above */
    int alarms, wanted, up; /* UNKNOWN = no database, or not scaled */
    uint64_t decided_ms; /* the last decision was made then; monotonic; 0 = UNKNOWN */
};

/* Returns 0 or -ENOMEM.  Thread: init. */
int watch_create(struct watch **out, const struct watch_config *cfg);
void watch_destroy(struct watch *w); /* stops first; NULL is fine */

/* Look once, in the thread of the caller; before watch_start() only. */
void watch_once(struct watch *w, struct watch_sample *out);
/* What is wrong with a gateway after watch_once(), a sentence; "" = all answer. */
const char *watch_why(const struct watch *w);
unsigned watch_n_gateways(const struct watch *w);

int watch_start(struct watch *w); /* returns 0 or -EAGAIN */
void watch_stop(struct watch *w); /* after at most a few seconds */

void watch_look(struct watch *w, struct watch_sample *out); /* the newest */

/* All samples by time; borrowed until watch_destroy().  After watch_stop() only. */
const struct watch_sample *watch_samples(const struct watch *w, unsigned *n);

#endif
