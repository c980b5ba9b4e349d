/* lars_private -- what lars_retry.c and lars_nowait.c ask of lars.c.  Not installed. */
#ifndef LARS_API_LARS_PRIVATE_H
#define LARS_API_LARS_PRIVATE_H

#include <stdbool.h>

#include "api/lars.h"

struct lars_get_options {             /* zeroed = as lars_get_host_key() */
    const struct lars_addr *avoid; /* not these nodes, while there are others; borrowed.
                                       * By shared memory only */
    unsigned n_avoid;
    bool no_wait;                     /* -EINPROGRESS instead of asking by UDP */
};

/* lars_get_host_key() with options.  Thread: any. */
int lars_get_with(struct lars_client *c, uint32_t modid, uint32_t cmdid, uint64_t key,
                  const struct lars_get_options *o, struct lars_host *out);

/* Was the call <h> begun in shared memory?  Then it is counted as open and must be
 * finished by lars_report(). */
bool lars_is_tracked(const struct lars_host *h);

#endif
