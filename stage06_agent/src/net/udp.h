/* udp -- a UDP socket on an event loop, on which each datagram is one frame.
 * Thread: loop, except where a function names another. */
#ifndef LARS_NET_UDP_H
#define LARS_NET_UDP_H

#include <stddef.h>
#include <stdint.h>

#include "base/net_addr.h"
#include "net/evloop.h"
#include "net/frame.h"

#define UDP_MAX_BODY 65499            /* 65507 bytes of a datagram minus the head */

struct udp;

/* Handles one frame.  Borrows <f> and <from> for the call. */
typedef void udp_fn(struct udp *u, const struct frame *f, const struct net_addr *from,
                    void *arg);

/* Bind to <at> and call <fn> for each frame; with port 0 the kernel chooses a port.
 * Borrows <l> and <arg>.  Returns 0; -EADDRINUSE, -EADDRNOTAVAIL, -EACCES, -ENOMEM or
 * another -errno.  Thread: init. */
int udp_open(struct udp **out, struct evloop *l, const struct net_addr *at, udp_fn *fn,
             void *arg);
void udp_close(struct udp *u);        /* NULL is fine */

/* Send one frame.  Returns 0; -EAGAIN when the socket has no room, and then the frame is
 * lost; -EMSGSIZE above UDP_MAX_BODY; -EINVAL for an empty body.  Thread: any. */
int udp_send(struct udp *u, const struct net_addr *to, int32_t msgid, const void *body,
             size_t len);

int udp_local_addr(const struct udp *u, struct net_addr *out); /* as sock_local_addr() */

struct udp_stat {
    uint64_t n_in;                    /* frames received */
    uint64_t n_bad;                   /* datagrams dropped: they were not one frame */
};

void udp_stat(const struct udp *u, struct udp_stat *out); /* Thread: any */

#endif
