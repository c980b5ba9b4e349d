/* updates -- routes and module meta for agents that have said hello: a change goes out as
 * the nodes that came and went, a whole route in pages, so that a module may have any
 * number of nodes.  Thread: the one of its connections. */
#ifndef LARS_DNS_UPDATES_H
#define LARS_DNS_UPDATES_H

#include <stdbool.h>
#include <stdint.h>

#include "net/conn.h"
#include "proto/msg.h"
#include "route/module_meta_table.h"
#include "route/route.h"

struct updates;

int updates_create(struct updates **out); /* 0 or -ENOMEM */
void updates_destroy(struct updates *u); /* after its connections.  NULL is fine */

/* <c> has said hello: answer, and serve it by updates from now on.  The user data of <c>
 * is a subs_client; it is replaced by one of this module's, and what <c> had subscribed
 * to is forgotten (hello is the first message of a connection). */
void updates_hello(struct updates *u, struct conn *c);
bool updates_has(const struct updates *u, const struct conn *c); /* has it said hello? */

/* Send all nodes of the module; <r> NULL: it has none.  Returns as conn_send(). */
int updates_send_whole(struct updates *u, struct conn *c, const struct module_id *m,
                       const struct route *r, uint64_t version);

/* Send to the subscribers of each module what differs between <had> and <has>; <had>
 * NULL: everything.  Returns how many updates were sent. */
uint64_t updates_push(struct updates *u, const struct route_table *had,
                      const struct route_table *has);

/* From now on this is the module meta; send what differs to the subscribers of each
 * module.  Takes the reference. */
void updates_take_meta(struct updates *u, struct module_meta_table *t);

/* Send the meta of the module; when it has none, send nothing. */
void updates_send_meta(struct updates *u, struct conn *c, const struct module_id *m);

#endif
