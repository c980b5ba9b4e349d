/* udp_batch -- a UDP socket on an event loop, as net/udp, for a server that answers many
 * questions a second: one system call reads up to UDP_BATCH datagrams, and one sends the
 * replies to all of them.  Each datagram is one frame.
 * Thread: loop, except where a function names another. */
#ifndef LARS_NET_UDP_BATCH_H
#define LARS_NET_UDP_BATCH_H

#include "net/udp.h"

#define UDP_BATCH 32                  /* datagrams; so many replies wait at most, until
                                       * the questions that were read are handled */

struct udp_batch;

/* Handles one frame.  Borrows <f> and <from> for the call. */
typedef void udp_batch_fn(struct udp_batch *u, const struct frame *f,
                          const struct net_addr *from, void *arg);

/* As udp_open().  Thread: init. */
int udp_batch_open(struct udp_batch **out, struct evloop *l, const struct net_addr *at,
                   udp_batch_fn *fn, void *arg);
void udp_batch_close(struct udp_batch *u); /* NULL is fine */

/* Sends one frame: at once, or in the handler of a frame of <u> when the frames that were
 * read with it are handled.  Returns as udp_send(); a frame that waited is lost when the
 * socket has no room then.  Thread: any. */
int udp_batch_send(struct udp_batch *u, const struct net_addr *to, int32_t msgid,
                   const void *body, size_t len);

int udp_batch_local_addr(const struct udp_batch *u, struct net_addr *out);

void udp_batch_stat(const struct udp_batch *u, struct udp_stat *out); /* Thread: any */

#endif
