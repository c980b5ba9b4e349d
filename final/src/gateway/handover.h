/* handover -- how a gateway passes its place to the process that follows it.  The one
 * that serves starts the new program with its listeners and a socket, which the variable
 * HANDOVER_VARIABLE of the environment names: "SOCKET,LISTENER,LISTENER...", numbers of
 * descriptors.
 *
 *     new  -> old   HANDOVER_READY: it accepts visitors
 *     old  -> new   HANDOVER_GO, or the end of the socket: its fixed ports are free
 *     the end of the socket before HANDOVER_READY: the new program has failed
 *
 * This is the side of the new program; successor.h is the other one.  Thread: loop. */
#ifndef LARS_GATEWAY_HANDOVER_H
#define LARS_GATEWAY_HANDOVER_H

#include "base/conf.h"
#include "net/evloop.h"

#define HANDOVER_VARIABLE "LARS_GATEWAY_HANDOVER"
#define HANDOVER_READY "R"
#define HANDOVER_GO "G"

struct handover;

/* Take what the environment names: the listeners are in net/inherited.h afterwards.
 * Returns 0, and *out is NULL without the variable; -EINVAL with a sentence in <err>.
 * Thread: init. */
int handover_receive(struct handover **out, char err[CONF_ERR_MAX]);

/* Tell the other process that visitors are served, and call <go> when its fixed ports are
 * free.  Borrows <l> and <arg>.  Returns 0 or -errno.  NULL: does nothing. */
int handover_ready(struct handover *h, struct evloop *l, evloop_fn *go, void *arg);
void handover_destroy(struct handover *h); /* NULL is fine */

#endif
