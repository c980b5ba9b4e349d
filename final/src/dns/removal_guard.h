/* guard -- a database in front of the database: what passes it is what DNSService serves.
 *   last known good   what passed is kept in a file; a start without the database answers
 *                     from it, and the first load is compared with it
 *   hold              what a change takes too much of does not pass until the change is
 *                     confirmed (holds.h): such modules keep the nodes they had
 * Rejected: holding in the agents.  They refuse what is older, not what is empty: an
 * empty route must stay a fact once DNSService says it. */
#ifndef LARS_DNS_REMOVAL_GUARD_H
#define LARS_DNS_REMOVAL_GUARD_H

#include "db/db.h"
#include "dns/holds.h"

struct removal_guard_config {
    const char *file;                 /* of the last known good routes; copied */
    uint32_t write_ms;                /* at least this between two writes of it */
    holds_confirmed_fn *confirmed;
    void (*close)(void *arg);         /* of what <confirmed> uses; NULL = nothing */
    void *arg;
};

/* Takes <db> and cfg->arg, on failure as well.  A file that is damaged is said and
 * left aside.  Returns 0; -ENOMEM, -EAGAIN.  Thread: init; the calls of <out>: the
 * poller's. */
int removal_guard_create(struct db **out, struct db *db,
                         const struct removal_guard_config *cfg);

struct removal_guard_stat {
    uint64_t n_held;                  /* modules that keep what they had, now */
    uint64_t n_written, n_write_fail; /* of the file, so far */
    uint64_t stale;                   /* 1: the routes are those of the file */
};

/* Thread: any, until the poller closes it. */
void removal_guard_stat(const struct db *guard, struct removal_guard_stat *out);

#endif
