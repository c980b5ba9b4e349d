/* route_snapshot -- keeps the newest route table in a file (the last known good routes),
 * written by a thread of its own so that the caller never waits for the disk. */
#ifndef LARS_DNS_ROUTE_SNAPSHOT_H
#define LARS_DNS_ROUTE_SNAPSHOT_H

#include <stdint.h>

#include "route/route.h"

struct route_snapshot;

/* Copies <path>.  At least <gap_ms> pass between two writes.  Returns 0; -ENOMEM,
 * -EAGAIN.  Thread: init. */
int route_snapshot_start(struct route_snapshot **out, const char *path, uint32_t gap_ms);

/* Writes the table that was put last, unless the file has it already.  NULL is fine.
 * Thread: init. */
void route_snapshot_stop(struct route_snapshot *k);

/* <t> is what the file will hold, instead of any table that still waits.  Takes a
 * reference of its own; never waits for the disk.  Thread: any. */
void route_snapshot_put(struct route_snapshot *k, struct route_table *t);

struct route_snapshot_stat {
    uint64_t n_written;               /* writes that succeeded */
    uint64_t n_fail;                  /* writes that failed; each is tried again */
};

/* Thread: any. */
void route_snapshot_stat(const struct route_snapshot *k, struct route_snapshot_stat *out);

#endif
