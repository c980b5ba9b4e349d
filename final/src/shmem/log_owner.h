/* claims -- whose ledger is it?  A word in the shared file says who took it; a record
 * lock on the ledger says that he lives: the kernel drops it at any death, a forked child
 * does not inherit it, and a restart of the agent does not touch it.  Whoever holds the
 * lock may write the ledger.  Thread: any. */
#ifndef LARS_SHMEM_LOG_OWNER_H
#define LARS_SHMEM_LOG_OWNER_H

#include "shmem/call_log.h"

/* A free ledger, locked for this process until log_owner_give() or its end.  Returns 0;
 * -EUSERS when all are taken; as call_log_open(). */
int log_owner_take(struct call_log **out, const struct segment *s);

/* Takes <c>.  With calls still open the agent has to clean up first. */
void log_owner_give(const struct segment *s, struct call_log *c);

/* The agent's side: is ledger <i> claimed, and has its owner died?  Then it is locked
 * until log_owner_release(), which makes it free for others.  Not for the agent's own. */
bool log_owner_is_taken(const struct segment *s, uint32_t i);
bool log_owner_seize_dead(const struct segment *s, const struct call_log *c);
void log_owner_release(const struct segment *s, const struct call_log *c);

#endif
