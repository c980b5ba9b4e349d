/* keepfile -- the newest route table in a file, written by a thread of its own: a million
 * nodes take half a second, and nobody may wait for that.  Tables that come while one is
 * being written replace each other; the last one is always written. */
#ifndef LARS_DNS_KEEPFILE_H
#define LARS_DNS_KEEPFILE_H

#include <stdint.h>

#include "route/route.h"

struct keepfile;

/* Copies <path>.  <gap_ms>: between two writes, at least.  Returns 0; -ENOMEM,
 * -EAGAIN.  Thread: init. */
int keepfile_start(struct keepfile **out, const char *path, uint32_t gap_ms);

/* Writes what was put last, if it is not in the file yet.  NULL is fine.  Thread:
 * init. */
void keepfile_stop(struct keepfile *k);

/* Takes a reference of its own; never waits for the disk.  Thread: any. */
void keepfile_put(struct keepfile *k, struct route_table *t);

struct keepfile_stat {
    uint64_t n_written, n_fail;       /* a failed write is tried again */
};

void keepfile_stat(const struct keepfile *k, struct keepfile_stat *out); /* any */

#endif
