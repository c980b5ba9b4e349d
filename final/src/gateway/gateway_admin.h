/* gateway_admin -- the admin port of a gateway: what operators see and do, answered from
 * the daemon's loop beside /metrics, /healthz and /log-level.
 *     GET  /ready      200, or 503 with the reason why no visitor should be sent here
 *     GET  /gateway    JSON (gateway/gateway_status.h)
 *     POST /drain ...  commands, obeyed when they are signed with a key of the fleet
 *                      (fleet/signed_command.h): 200; 400 a wrong body; 401 no valid
 *                      signature; 409 not possible now; each with a sentence
 *     POST /demand     JSON (gateway/gateway_demand.h), signed as a command is
 *     POST /nodes      JSON (gateway/gateway_nodes.h), signed as well
 *
 * A new command is one line of the table <commands> in gateway_admin.c. */
#ifndef LARS_GATEWAY_GATEWAY_ADMIN_H
#define LARS_GATEWAY_GATEWAY_ADMIN_H

#include "gateway/gateway.h"

struct gateway_admin;

/* Listen at <where>, "ADDRESS:PORT"; "" = nowhere: *out is NULL, and that is a success.
 * <key_file>: the keys of the fleet; "" = every command is refused.  Borrows <l> and <g>.
 * Returns 0, or -errno with a sentence in <err>.  Thread: init. */
int gateway_admin_create(struct gateway_admin **out, struct evloop *l, struct gateway *g,
                         const char *where, const char *key_file, char err[CONF_ERR_MAX]);
void gateway_admin_destroy(struct gateway_admin *a); /* NULL is fine */

#endif
