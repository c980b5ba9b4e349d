/* measure_change -- a slot for a node that is measured: a row of ScaleMeasure, for which
 * the leader of the autoscalers gives an order (scale/measures.h).  The row ends by
 * itself MEASURE_CHANGE_KEEP_S seconds after it was last renewed.  Thread: the
 * connection's. */
#ifndef LARS_OPS_MEASURE_CHANGE_H
#define LARS_OPS_MEASURE_CHANGE_H

#include <stdbool.h>

#include "ops/audit.h"
#include "ops/change.h"

#define MEASURE_CHANGE_KEEP_S 20
#define MEASURE_CHANGE_TOKEN 33 /* bytes */

/* Ask for a slot on a host of <class>, NULL = any.  <token>: of this measurement.
 * Returns 0; -EBUSY with a sentence in <why>: the module is being measured, or there is
 * no leader; or as sqldb_run(). */
int measure_change_ask(struct sqldb *db, const struct audit_actor *who, uint32_t modid,
                       uint32_t cmdid, const char *class,
                       char token[MEASURE_CHANGE_TOKEN], char why[CHANGE_WHY]);

struct measure_change_state {
    enum {
        MEASURE_ASKED, /* no slot yet */
        MEASURE_STARTING,
        MEASURE_READY,
        MEASURE_LOST, /* refused, or the node has ended: <why> */
    } state;
    char why[CHANGE_WHY];
    /* from MEASURE_STARTING on */
    char host[65], class[33];
    uint32_t ip, port, slot; /* host byte order; port 0 = not known yet */
};

/* Renew the row, and read what has become of it.  Returns 0, or as sqldb_run(). */
int measure_change_renew(struct sqldb *db, const char *token,
                         struct measure_change_state *out);

/* The slot is not needed any more.  Returns 0, or as sqldb_run(). */
int measure_change_end(struct sqldb *db, const char *token);

#endif
