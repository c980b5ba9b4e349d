/* keepfile -- the newest route table in a file, written by a thread of its own: a million
 * nodes take half a second, and nobody may wait for that.  Tables that come while one is
 * being written replace each other; the last one is always written. */
#ifndef LARS_DNS_ROUTE_SNAPSHOT_H
#define LARS_DNS_ROUTE_SNAPSHOT_H

#include <stdint.h>

#include "route/route.h"

struct route_snapshot;

/* Copies <path>.  <gap_ms>: between two writes, at least.  Returns 0; -ENOMEM,
 * -EAGAIN.  Thread: init. */
int route_snapshot_start(struct route_snapshot **out, const char *path, uint32_t gap_ms);

/* Writes what was put last, if it is not in the file yet.  NULL is fine.  Thread:
 * init. */
void route_snapshot_stop(struct route_snapshot *k);

/* Takes a reference of its own; never waits for the disk.  Thread: any. */
void route_snapshot_put(struct route_snapshot *k, struct route_table *t);

struct route_snapshot_stat {
    uint64_t n_written, n_fail;       /* a failed write is tried again */
};

/* any */
void route_snapshot_stat(const struct route_snapshot *k, struct route_snapshot_stat *out);

#endif
