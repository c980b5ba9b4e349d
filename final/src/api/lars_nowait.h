/* lars_nowait.h -- for event loops, which must not wait: a node at once, or none.
 *
 *     rc = lars_nowait_get(c, 1, 1, 0, &h);
 *     if (rc == -EINPROGRESS)
 *         ... let another thread, which may wait, call lars_register(c, 1, 1)
 *     if (rc == -ENOTCONN)
 *         ... calls need a thread that may wait, until the operator has mended it
 *
 * lars_report() never waits and is used as usual. */
#ifndef LARS_API_LARS_NOWAIT_H
#define LARS_API_LARS_NOWAIT_H

#include "lars_retry.h"

#ifdef __cplusplus
extern "C" {
#endif

/* As lars_get_host_key(), but by shared memory only.  Returns
 *     0             <out> is the node
 *     -ENOENT       the module has no nodes
 *     -EAGAIN       every node is down: do not call now
 *     -EINPROGRESS  the module is not in shared memory yet
 *     -ENOTCONN     this process cannot use shared memory: lars_status() has the reason
 *                   (-EINPROGRESS before version 1.2)
 *     -EINVAL       module 0/0, <c> is NULL or closed, or <out> is NULL */
int lars_nowait_get(struct lars_client *c, uint32_t modid, uint32_t cmdid, uint64_t key,
                    struct lars_host *out);

/* As lars_retry_next(), by shared memory only: never waits.  Returns as it and as
 * lars_nowait_get(). */
int lars_nowait_next(struct lars_client *c, struct lars_retry *r, struct lars_host *out);

#ifdef __cplusplus
}
#endif

#endif
