/* orders_file -- the last orders of this host and their fence, in a file, so that a
 * lars-slotd that starts keeps running what it was ordered to run while no DNSService
 * answers, and refuses orders that are older than the last ones.  Thread: one. */
#ifndef LARS_SLOT_ORDERS_FILE_H
#define LARS_SLOT_ORDERS_FILE_H

#include "slot/slot_link.h"

struct orders_file {
    uint64_t fence;
    size_t n;
    struct slot_order order[SLOT_MAX]; /* each slot at most once */
};

/* Read <path>.  No file: no orders, and fence 0.  Returns 0; -EINVAL when a line is
 * wrong; another -errno.  On failure <out> has no orders. */
int orders_file_load(struct orders_file *out, const char *path);

/* Replace <path>, as a whole.  Returns 0, or -errno, and then the old file is there. */
int orders_file_save(const struct orders_file *o, const char *path);

#endif
