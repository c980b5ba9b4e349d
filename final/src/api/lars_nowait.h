/* lars_nowait.h -- for event loops: a node at once, or none.
 *
 *     if (lars_nowait_get(c, 1, 1, 0, &h) == -EINPROGRESS)
 *         ... let a thread that may wait call lars_register(c, 1, 1)
 *
 * lars_report() of what came from here does not wait either. */
#ifndef LARS_API_LARS_NOWAIT_H
#define LARS_API_LARS_NOWAIT_H

#include "lars.h"

#ifdef __cplusplus
extern "C" {
#endif

/* As lars_get_host_key(), by shared memory only.  Returns 0; -ENOENT; -EINVAL;
 * -EINPROGRESS: the module is not there yet, or there is no shared memory. */
int lars_nowait_get(struct lars_client *c, uint32_t modid, uint32_t cmdid, uint64_t key,
                    struct lars_host *out);

#ifdef __cplusplus
}
#endif

#endif
