/* harvest -- brings what clients counted in shared memory into the ledger that is
 * reported from, each call once, whoever is killed when.  A round writes down, in a
 * journal, the absolute values that both sides will have, and then writes these: a
 * successor does it again, and nothing changes.  Thread: one. */
#ifndef LARS_AGENT_HARVEST_H
#define LARS_AGENT_HARVEST_H

#include "agent/ledger.h"
#include "shmtab/calls.h"

struct harvest;

/* Borrows both.  Finishes the round that a predecessor was killed in.  Returns 0 or
 * -errno. */
int harvest_create(struct harvest **out, const struct segment *s, struct ledger *l);
void harvest_destroy(struct harvest *h); /* NULL is fine */

/* What <c> has counted since the last time, by module and address, and the durations.
 * Returns 0; -ENOSPC, -ENOBUFS: the rest stays where it is, for the next time. */
int harvest_take(struct harvest *h, const struct calls *c);

/* Is everything that <c> counted of this node in the ledger? */
bool harvest_is_taken(struct harvest *h, const struct calls *c, uint32_t nid);

#endif
