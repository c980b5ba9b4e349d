/* log_recovery -- completes the call log of a process that has died. */
#ifndef LARS_SHMEM_LOG_RECOVERY_H
#define LARS_SHMEM_LOG_RECOVERY_H

#include "shmem/call_log.h"

/* The writer of <dead> has died and no other process writes it.  The step in which it was
 * killed is completed; each call that it left open is finished as abandoned, which <mine>
 * counts, and <ended> is called for it.  <all>, with <n> entries by index, NULL where a
 * log is not open, are the logs in which it may have finished calls.  May be run again
 * after the agent itself was killed in it.  Thread: the agent's. */
void log_recovery_run(struct call_log *mine, struct call_log *dead,
                      struct call_log *const *all, uint32_t n, uint64_t now_us,
                      call_log_ended_fn *ended, void *arg);

#endif
