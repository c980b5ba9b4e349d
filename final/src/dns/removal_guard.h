/* removal_guard -- a database in front of the database: DNSService serves what it passes
 * on.
 *   last known good   the routes passed on last are kept in a file; a start without the
 *                     database serves them, and the first load is compared with them
 *   hold              a module that a change takes too many nodes from keeps its previous
 *                     nodes until the change is confirmed (dns/holds.h) */
#ifndef LARS_DNS_REMOVAL_GUARD_H
#define LARS_DNS_REMOVAL_GUARD_H

#include "db/db.h"
#include "dns/holds.h"

struct removal_guard_config {
    const char *file;                 /* path of the last known good routes; copied */
    uint32_t write_ms;                /* at least so long between two writes of it */
    holds_confirmed_fn *confirmed;
    void (*close)(void *arg);         /* called at the end, to free <arg>; NULL = not */
    void *arg;
};

/* Takes <db> and cfg->arg, on failure as well.  A damaged file is logged and not used.
 * Returns 0; -ENOMEM, -EAGAIN.  Thread: init; <out> is for the poller's thread. */
int removal_guard_create(struct db **out, struct db *db,
                         const struct removal_guard_config *cfg);

struct removal_guard_stat {
    uint64_t n_held;                  /* modules held now */
    uint64_t n_written, n_write_fail; /* writes of the file: succeeded, failed */
    uint64_t stale;                   /* 1 = the routes passed on are those of the file */
};

/* Copy the held modules to <out>, at most <max>, sorted.  Returns how many.  <guard>: as
 * below. */
size_t removal_guard_holds(const struct db *guard, struct hold *out, size_t max);

/* <guard>: made by removal_guard_create().  Thread: any, until the poller closes it. */
void removal_guard_stat(const struct db *guard, struct removal_guard_stat *out);

#endif
