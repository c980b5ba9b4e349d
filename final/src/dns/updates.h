/* updates -- routes for agents that have said hello: a change as what came and went, a
 * whole route in pages, so that a module may have any number of nodes.  Thread: one. */
#ifndef LARS_DNS_UPDATES_H
#define LARS_DNS_UPDATES_H

#include <stdint.h>

#include "net/conn.h"
#include "proto/msg.h"
#include "route/route.h"

struct updates;

int updates_create(struct updates **out); /* 0 or -ENOMEM */
void updates_destroy(struct updates *u); /* NULL is fine */

/* Send all nodes of the module; <r> NULL: it has none.  Returns as conn_send(). */
int updates_send_whole(struct updates *u, struct conn *c, const struct msg_module *m,
                       const struct route *r, uint64_t version);

/* Prepare the change from <had> to <has>; each may be NULL.  Then send it to whom it
 * concerns. */
void updates_prepare(struct updates *u, const struct msg_module *m,
                     const struct route *had, const struct route *has, uint64_t version);
int updates_send(struct updates *u, struct conn *c);

#endif
