/* dnspoll -- a thread that watches the database and makes route tables of what it sees.
 * It alone talks to the database, so a slow server never holds up an answer.
 *   start, reconnect, every full_s   load all; a table only when something differs
 *   version has grown                load the modules that changed
 *   database gone                    keep the last table, try again each second */
#ifndef LARS_DNS_DNSPOLL_H
#define LARS_DNS_DNSPOLL_H

#include <stdbool.h>
#include <stdint.h>

#include "db/db.h"
#include "route/route.h"

struct dnspoll;

/* Called in the poller's thread.  Borrows <t>: take a reference to keep it. */
typedef void dnspoll_fn(struct route_table *t, void *arg);

struct dnspoll_config {
    uint32_t interval_ms;             /* between two looks at the version */
    uint32_t full_ms;                 /* between two compares of everything */
    dnspoll_fn *fn;
    void *arg;                        /* borrowed */
};

/* Takes <db>, on failure as well.  Returns 0; -ENOMEM, -EAGAIN.  Thread: init. */
int dnspoll_start(struct dnspoll **out, struct db *db, const struct dnspoll_config *cfg);

/* Waits for a call of the database under way, so at most its time-out.  NULL is fine. */
void dnspoll_stop(struct dnspoll *p);

struct dnspoll_stat {
    uint64_t n_poll, n_load, n_full;  /* looks, loads of changes, of everything */
    uint64_t n_drift;                 /* full compares that found what no version told */
    uint64_t n_fail;                  /* calls of the database that failed */
    uint64_t version, n_module, n_node; /* of the table; 0 = none yet */
    bool db_up;                       /* the last call succeeded */
};

void dnspoll_stat(const struct dnspoll *p, struct dnspoll_stat *out); /* Thread: any */

#endif
