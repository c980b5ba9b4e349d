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

/* What a module can do now, as this host sees it. */
struct lars_module {
    uint32_t size;                    /* in: sizeof(struct lars_module) */
    uint32_t nodes_in;                /* nodes that take calls; those of another zone also
                                       * while they are not needed */
    uint32_t nodes_out;               /* nodes that are down, ejected or on trial */
    uint32_t weight_in;               /* the weights of <nodes_in>, summed; most nodes
                                       * have a weight of 100 */
    /* What the operator has set; 0 = not known. */
    uint32_t node_rps;                /* calls a second that a node of weight 100 can
                                       * take */
    uint32_t node_inflight;           /* calls that it can have in progress at once */
    uint32_t target_ms;               /* within which its responses have to begin */
};

/* Read <out>, whose <size> is set, by shared memory only: never waits, and begins no
 * call.  Drained nodes are in neither number.  Returns 0; otherwise as lars_nowait_get(),
 * without -EAGAIN, and -EINVAL also when <size> is 0.  Since version 1.2. */
int lars_nowait_module(struct lars_client *c, uint32_t modid, uint32_t cmdid,
                       struct lars_module *out);

#ifdef __cplusplus
}
#endif

#endif
