/* site_snapshot -- a catalogue as a file, from which a node starts while the database
 * cannot be reached.  Thread: any. */
#ifndef LARS_SITE_SITE_SNAPSHOT_H
#define LARS_SITE_SITE_SNAPSHOT_H

#include <stdint.h>

#include "site/catalogue.h"

/* Replace the file by this catalogue and its revision; a failure leaves the old file.
 * Returns 0 or -errno. */
int site_snapshot_write(const char *path, const struct catalogue *c, uint64_t revision);

/* Returns 0; -ENOENT: there is no file; -EBADMSG: it is damaged or of another version;
 * -E2BIG, -ENOMEM, another -errno. */
int site_snapshot_read(const char *path, struct catalogue **out, uint64_t *revision);

#endif
