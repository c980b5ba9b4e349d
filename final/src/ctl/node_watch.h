/* node_watch -- watches in a thread how long visitors wait for the nodes of one host, as
 * its gateways tell (POST /nodes), while something else on the host is loaded. */
#ifndef LARS_CTL_NODE_WATCH_H
#define LARS_CTL_NODE_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#define NODE_WATCH_WHY 500

struct node_watch;

/* Watch the nodes at <ip>, in host byte order, by the gateways with the admin ports
 * <list>, "ADDRESS:PORT,...", whose keys are in the file <key_file>.  It takes some 10 s,
 * during which the host must not be loaded: what visitors are used to is learnt.  Returns
 * 0; -ENODATA: too few answers came to tell; or -EINVAL, -EACCES ...; with a sentence in
 * <why>.  Thread: one, also for node_watch_destroy(). */
int node_watch_create(struct node_watch **out, const char *list, const char *key_file,
                      uint32_t ip, char why[NODE_WATCH_WHY]);
void node_watch_destroy(struct node_watch *w); /* NULL is fine */

/* Whether visitors wait longer than before; false for NULL.  Thread: any. */
bool node_watch_warns(const struct node_watch *w);

/* The reason, after node_watch_warns() was true.  Borrowed. */
const char *node_watch_why(const struct node_watch *w);

#endif
