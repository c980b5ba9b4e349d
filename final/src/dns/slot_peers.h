/* slot_peers -- the connections of one thread that are of a lars-slotd, and the orders
 * that each of them has.  Thread: the one of its connections. */
#ifndef LARS_DNS_SLOT_PEERS_H
#define LARS_DNS_SLOT_PEERS_H

#include <stddef.h>
#include <stdint.h>

#include "db/slot_order_table.h"
#include "net/conn.h"

struct slot_peers;

int slot_peers_create(struct slot_peers **out); /* 0 or -ENOMEM */
void slot_peers_destroy(struct slot_peers *p); /* after its connections.  NULL is fine */

/* <c> wants the orders of <host> from now on.  Borrows <c> until slot_peers_forget().
 * Returns 1: it is new; 0: it was one already; -ENOMEM. */
int slot_peers_add(struct slot_peers *p, struct conn *c, const char *host);

/* <c> has ended.  Returns 1, or 0 when it was not one of them. */
int slot_peers_forget(struct slot_peers *p, const struct conn *c);

/* These are the orders that the database has now: send them to each connection whose
 * orders differ from those that it got last, or are as old as SLOT_PEERS_REPEAT_MS.
 * Returns how many lists were sent. */
#define SLOT_PEERS_REPEAT_MS 1900 /* tables come each second, so it is every 2 s */
size_t slot_peers_push(struct slot_peers *p, const struct slot_order_table *t,
                       uint64_t now_ms);

#endif
