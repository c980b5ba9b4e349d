/* harvest -- brings what clients counted in shared memory into the ledger that is
 * reported from, each call once, whoever is killed when.  A round writes down, in a
 * journal, the absolute values that both sides will have, and then writes these: a
 * successor does it again, and nothing changes.  Thread: one. */
#ifndef LARS_AGENT_DATA_COLLECTOR_H
#define LARS_AGENT_DATA_COLLECTOR_H

#include "agent_report/outbox.h"
#include "shmem/call_log.h"

struct collector;

/* Borrows both.  Finishes the round that a predecessor was killed in.  Returns 0 or
 * -errno. */
int collector_create(struct collector **out, const struct segment *s, struct outbox *l);
void collector_destroy(struct collector *h); /* NULL is fine */

/* What <c> has counted since the last time, by module and address, and the durations.
 * Returns 0; -ENOSPC, -ENOBUFS: the rest stays where it is, for the next time. */
int collector_take(struct collector *h, const struct call_log *c);

/* Is everything that <c> counted of this node in the ledger? */
bool collector_is_taken(struct collector *h, const struct call_log *c, uint32_t nid);

#endif
