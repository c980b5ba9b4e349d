/* udp_batch -- a UDP socket on an event loop, on which each datagram is one frame, for a
 * server that answers many questions a second: one system call reads up to UDP_BATCH
 * datagrams, and one sends the replies to all of them.  It is net/udp of stage 06 with
 * these batches.
 * Thread: loop, except where a function names another. */
#ifndef LARS_NET_UDP_BATCH_H
#define LARS_NET_UDP_BATCH_H

#include <stddef.h>
#include <stdint.h>

#include "base/net_addr.h"
#include "net/evloop.h"
#include "net/frame.h"

#define UDP_MAX_BODY 65499            /* 65507 bytes of a datagram minus the head */
#define UDP_BATCH 32                  /* datagrams; so many replies wait at most, until
                                       * the questions that were read are handled */

struct udp_batch;

/* Handles one frame.  Borrows <f> and <from> for the call. */
typedef void udp_batch_fn(struct udp_batch *u, const struct frame *f,
                          const struct net_addr *from, void *arg);

/* Bind to <at> and call <fn> for each frame; with port 0 the kernel chooses a port.
 * Borrows <l> and <arg>.  Returns 0; -EADDRINUSE, -EADDRNOTAVAIL, -EACCES, -ENOMEM or
 * another -errno.  Thread: init. */
int udp_batch_open(struct udp_batch **out, struct evloop *l, const struct net_addr *at,
                   udp_batch_fn *fn, void *arg);
void udp_batch_close(struct udp_batch *u); /* NULL is fine */

/* Sends one frame: at once, or in the handler of a frame of <u> when the frames that were
 * read with it are handled.  Returns 0; -EAGAIN when the socket has no room, and then the
 * frame is lost; -EMSGSIZE above UDP_MAX_BODY; -EINVAL for an empty body.  A frame that
 * waited is lost when the socket has no room then.  Thread: any. */
int udp_batch_send(struct udp_batch *u, const struct net_addr *to, int32_t msgid,
                   const void *body, size_t len);

int udp_batch_local_addr(const struct udp_batch *u, struct net_addr *out);

struct udp_stat {
    uint64_t n_in;                    /* frames received */
    uint64_t n_bad;                   /* datagrams dropped: they were not one frame */
};

void udp_batch_stat(const struct udp_batch *u, struct udp_stat *out); /* Thread: any */

#endif
