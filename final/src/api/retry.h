/* retry -- what lars_retry_next() and lars_nowait_next() share.  Threads, ownership
 * and results are those of lars_retry.h. */
#ifndef LARS_API_RETRY_H
#define LARS_API_RETRY_H

#include <stdbool.h>

#include "api/lars_retry.h"

/* As lars_retry_next(), with LARS_GET_* flags. */
int lars_retry_with(struct lars_client *c, struct lars_retry *r, uint32_t flags,
                    struct lars_host *out);

/* One of the attempts so far was made at <a>. */
bool lars_retry_was_tried(const struct lars_retry *r, const struct lars_addr *a);

/* lars_retry_with() has returned -EINPROGRESS or -ENOTCONN: the attempt is allowed, and
 * only the library has no node.  It is made at <at>, which the caller has from elsewhere,
 * and counts as one at a node of the library. */
void lars_retry_made(struct lars_retry *r, const struct lars_addr *at);

#endif
