/* claims -- whose ledger is it?  A word in the shared file says who took it; a record
 * lock on the ledger says that he lives: the kernel drops it at any death, a forked child
 * does not inherit it, and a restart of the agent does not touch it.  Whoever holds the
 * lock may write the ledger.  Thread: any. */
#ifndef LARS_SHMTAB_CLAIMS_H
#define LARS_SHMTAB_CLAIMS_H

#include "shmtab/calls.h"

/* A free ledger, locked for this process until claims_give() or its end.  Returns 0;
 * -EUSERS when all are taken; as calls_open(). */
int claims_take(struct calls **out, const struct segment *s);

/* Takes <c>.  With calls still open the agent has to clean up first. */
void claims_give(const struct segment *s, struct calls *c);

/* The agent's side: is ledger <i> claimed, and has its owner died?  Then it is locked
 * until claims_release(), which makes it free for others.  Not for the agent's own. */
bool claims_is_taken(const struct segment *s, uint32_t i);
bool claims_seize_dead(const struct segment *s, const struct calls *c);
void claims_release(const struct segment *s, const struct calls *c);

#endif
