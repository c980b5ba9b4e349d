/* front_rows -- the tables of gateways as the autoscaler reads and writes them:
 * FrontHost, and GatewaySeen, from which the alarm gateway_lost follows.  Each call is
 * part of a transaction of scale_db.  Returns 0, -ENOMEM, or as myconn_query().  Thread:
 * one at a time. */
#ifndef LARS_SCALE_FRONT_ROWS_H
#define LARS_SCALE_FRONT_ROWS_H

#include "db/myconn.h"
#include "scale/front_life.h"

#define FRONT_ROWS_GATEWAYS_MAX 32

int front_rows_read(struct myconn *con, struct snapshot *out); /* appends to out->front */

struct front_rows_gateway { /* that is asked for the demand */
    const char *at;
    bool configured, required;
    uint64_t age_ms; /* of its last answer; UINT64_MAX = none of this process */
    const char *why; /* the last failure; "" = none */
};

struct front_rows_decision { /* a row of ScaleDecision about gateways, module 0/0 */
    double busy; /* parts of 1; below 0 = not known */
    unsigned was, wanted; /* hosts that are announced or to be */
    unsigned serving;
    const char *rule; /* up, down, keep */
    const char *note;
};

struct front_changes { /* borrowed for the call */
    const struct snapshot *snapshot;
    const struct front_life_change *change;
    size_t n_change;
    const struct front_rows_gateway *gateway;
    size_t n_gateway;
    bool gateways_due; /* write <gateway>: rows of others go */
    const struct front_rows_decision *decision; /* NULL: none is due */
};

/* A row that an operator has changed since the snapshot stays as it is. */
int front_rows_write(struct myconn *con, const struct front_changes *c, uint64_t fence);

#endif
