/* dnspoll -- a thread that watches the database and makes a route table of each change.
 * Only this thread uses the database, so a slow database never delays an answer.
 *   at start, after an error, each full_ms   load all rows; publish if different
 *   when the version has changed             load the modules that changed; publish
 *   while the database is unreachable        keep the last table, retry each second */
#ifndef LARS_DNS_DNSPOLL_H
#define LARS_DNS_DNSPOLL_H

#include <stdbool.h>
#include <stdint.h>

#include "db/db.h"
#include "route/route.h"

struct dnspoll;

/* Publishes a table.  Called in the thread of the poller.  Borrows <t> for the call: take
 * a reference to keep it. */
typedef void dnspoll_fn(struct route_table *t, void *arg);

struct dnspoll_config {
    uint32_t interval_ms;             /* time between two reads of the version */
    uint32_t full_ms;                 /* time between two loads of all rows */
    dnspoll_fn *fn;
    void *arg;                        /* borrowed */
};

/* Start the thread.  Takes <db>, on failure as well.  Returns 0; -ENOMEM; -EAGAIN when no
 * thread can be started.  Thread: init. */
int dnspoll_start(struct dnspoll **out, struct db *db, const struct dnspoll_config *cfg);

/* Stop the thread and free everything.  Waits for a database call that is in progress, so
 * at most as long as its time-out.  NULL is fine. */
void dnspoll_stop(struct dnspoll *p);

struct dnspoll_stat {
    uint64_t n_poll, n_load, n_full;  /* polls, loads of changes, loads of all rows */
    uint64_t n_drift;                 /* loads of all that differed at the same version */
    uint64_t n_fail;                  /* polls that failed */
    uint64_t version, n_module, n_node; /* of the table; 0 before the first */
    bool db_up;                       /* the last poll succeeded */
};

void dnspoll_stat(const struct dnspoll *p, struct dnspoll_stat *out); /* Thread: any */

#endif
