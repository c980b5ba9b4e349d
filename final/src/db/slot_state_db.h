/* slot_state_db -- writes what a lars-slotd says of its host to the tables ScaleHost and
 * ScaleSlot.  Time is the server's.  Thread: one at a time. */
#ifndef LARS_DB_SLOT_STATE_DB_H
#define LARS_DB_SLOT_STATE_DB_H

#include "db/myconn.h"
#include "proto/msg_slot.h"

struct slot_state_db;

/* Copies <cfg>; connects when first used.  Returns 0 or -ENOMEM. */
int slot_state_db_create(struct slot_state_db **out, const struct myconn_config *cfg);
/* In the thread that used it.  NULL is fine. */
void slot_state_db_close(struct slot_state_db *d);

/* In one transaction: the host is as <s> says (ScaleHost.in_use, which belongs to the
 * operator, stays), its slots run what <s> names, and rows of other slots of the host are
 * deleted.  Returns 0; 1 when a later state of the host is there already, and then
 * nothing was written; -ENOMEM; as myconn_query(), and then nothing was written, unless
 * the answer to COMMIT was lost; to write it again is harmless. */
int slot_state_db_put(struct slot_state_db *d, const struct msg_slot_state *s);

const char *slot_state_db_error(const struct slot_state_db *d); /* of the last failure */

#endif
