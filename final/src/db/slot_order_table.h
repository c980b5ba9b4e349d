/* slot_order_table -- what the slots of all hosts are to run, as the database has it at
 * one moment.  It does not change once it is sorted, and references to it are counted, so
 * threads may share it. */
#ifndef LARS_DB_SLOT_ORDER_TABLE_H
#define LARS_DB_SLOT_ORDER_TABLE_H

#include "proto/msg_slot.h"

struct slot_order_table;

#define SLOT_ORDER_TABLE_ROWS 65536 /* of all hosts; more are refused */

/* An empty table with one reference, which the caller gets.  Returns 0 or -ENOMEM.
 * Thread: one, until slot_order_table_sort(). */
int slot_order_table_create(struct slot_order_table **out);
void slot_order_table_set_fence(struct slot_order_table *t, uint64_t lease_fence);

/* Copies.  Returns 0; -EINVAL for an order that no lars-slotd could obey: a host without
 * a name or with one that is too long, a slot outside 1 to MSG_SLOT_MAX, module 0/0;
 * -E2BIG for more than SLOT_ORDER_TABLE_ROWS; -ENOMEM. */
int slot_order_table_add(struct slot_order_table *t, const char *host,
                         const struct msg_slot_order *o);

/* After the last order; the next functions can be called then. */
void slot_order_table_sort(struct slot_order_table *t);

/* The orders of <host>, whatever the case of its letters, and their fence: the highest of
 * them and of the lease.  A host without a row has no orders.  Thread: any. */
void slot_order_table_of(const struct slot_order_table *t, const char *host,
                         struct msg_slot_orders *out);

void slot_order_table_ref(struct slot_order_table *t); /* Thread: any */
void slot_order_table_unref(struct slot_order_table *t); /* NULL is fine.  Thread: any */

#endif
