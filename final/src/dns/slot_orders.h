/* slot_orders -- a thread that reads the orders of all slots once a second while they are
 * wanted, which is while a lars-slotd is connected, and hands over each table that it has
 * read.  While the database cannot be read nothing is handed over. */
#ifndef LARS_DNS_SLOT_ORDERS_H
#define LARS_DNS_SLOT_ORDERS_H

#include <stdbool.h>
#include <stdint.h>

#include "db/slot_order_db.h"

struct slot_orders;

struct slot_orders_config {
    bool (*wanted)(void *arg); /* is a lars-slotd connected?  Thread: the reader's,
                                * as the next one */
    /* Borrows <t> for the call: take a reference to keep it. */
    void (*fn)(struct slot_order_table *t, void *arg);
    void *arg; /* borrowed */
};

/* Takes <db>, on failure as well; copies <cfg>.  Returns 0; -ENOMEM, -EAGAIN.  Thread:
 * init. */
int slot_orders_start(struct slot_orders **out, struct slot_order_db *db,
                      const struct slot_orders_config *cfg);

/* After it returns <fn> is not called any more.  Takes at most the database's time-out.
 * NULL is fine.  Thread: init. */
void slot_orders_stop(struct slot_orders *o);

struct slot_orders_stat {
    uint64_t n_read, n_fail; /* reads of all orders: done, failed */
};

void slot_orders_stat(const struct slot_orders *o,
                      struct slot_orders_stat *out); /* any */

#endif
