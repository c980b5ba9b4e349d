/* updates -- routes for agents that have said hello: a change as what came and went, a
 * whole route in pages, so that a module may have any number of nodes; and what there is
 * to know of it besides.  Thread: the one of its connections. */
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
void updates_destroy(struct updates *u); /* its peers are gone.  NULL is fine */

/* <c> has said hello: answer it; from now on it is one of ours.  Its user data is a
 * subs_client, ours from now on; what it subscribed to before is forgotten, as hello
 * comes first. */
void updates_hello(struct updates *u, struct conn *c);
bool updates_has(const struct updates *u, const struct conn *c);

/* Send all nodes of the module; <r> NULL: it has none.  Returns as conn_send(). */
int updates_send_whole(struct updates *u, struct conn *c, const struct module_id *m,
                       const struct route *r, uint64_t version);

/* Send what differs to whom it concerns; <had> NULL: everything.  Returns how many
 * updates were sent. */
uint64_t updates_push(struct updates *u, const struct route_table *had,
                      const struct route_table *has);

/* From now on this is known; tell whom it concerns what differs.  Takes the reference. */
void updates_take_info(struct updates *u, struct module_meta_table *t);

/* Tell what is known of the module; nothing is nothing. */
void updates_send_info(struct updates *u, struct conn *c, const struct module_id *m);

#endif
