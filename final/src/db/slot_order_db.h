/* slot_order_db -- reads from the database what the slots of all hosts are to run: the
 * rows of ScaleWanted and the fence of the lease 'scale', as they were at one moment. */
#ifndef LARS_DB_SLOT_ORDER_DB_H
#define LARS_DB_SLOT_ORDER_DB_H

#include "db/myconn.h"
#include "proto/msg_slot.h"

struct slot_order_db;
struct slot_order_table; /* does not change; counted references */

#define SLOT_ORDER_DB_ROWS 65536 /* of all hosts; more are refused */

/* Copies <cfg>; connects when first used.  Returns 0 or -ENOMEM.  Thread: one at a time,
 * as the next three. */
int slot_order_db_create(struct slot_order_db **out, const struct myconn_config *cfg);
/* In the thread that used it.  NULL is fine. */
void slot_order_db_close(struct slot_order_db *d);

/* Build a table of what the database has now.  The caller gets one reference.  Rows that
 * no lars-slotd could obey (slot outside 1 to MSG_SLOT_MAX, module 0/0) are left out and
 * logged.  Returns 0; -E2BIG for more than SLOT_ORDER_DB_ROWS; -ENOMEM; as
 * myconn_query(). */
int slot_order_db_load(struct slot_order_db *d, struct slot_order_table **out);

/* The words of the last failure. */
const char *slot_order_db_error(const struct slot_order_db *d);

/* The orders of <host>, whatever the case of its letters, and their fence: the highest of
 * them and of the lease.  A host without a row has no orders.  Thread: any. */
void slot_order_table_of(const struct slot_order_table *t, const char *host,
                         struct msg_slot_orders *out);

void slot_order_table_ref(struct slot_order_table *t); /* Thread: any */
void slot_order_table_unref(struct slot_order_table *t); /* NULL is fine.  Thread: any */

#endif
