/* slot_order_db -- reads from the database what the slots of all hosts are to run: the
 * rows of ScaleWanted and the fence of the lease 'scale', as they were at one moment.
 * Thread: one at a time. */
#ifndef LARS_DB_SLOT_ORDER_DB_H
#define LARS_DB_SLOT_ORDER_DB_H

#include "db/myconn.h"
#include "db/slot_order_table.h"

struct slot_order_db;

/* Copies <cfg>; connects when first used.  Returns 0 or -ENOMEM. */
int slot_order_db_create(struct slot_order_db **out, const struct myconn_config *cfg);
/* In the thread that used it.  NULL is fine. */
void slot_order_db_close(struct slot_order_db *d);

/* Build a table of what the database has now.  The caller gets one reference.  Rows that
 * no lars-slotd could obey (slot outside 1 to MSG_SLOT_MAX, module 0/0) are left out and
 * logged.  Returns 0; -E2BIG for more than SLOT_ORDER_TABLE_ROWS; -ENOMEM; as
 * myconn_query(). */
int slot_order_db_load(struct slot_order_db *d, struct slot_order_table **out);

/* The words of the last failure. */
const char *slot_order_db_error(const struct slot_order_db *d);

#endif
