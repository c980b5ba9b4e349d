/* udp -- a datagram endpoint on an event loop: one datagram is one frame.
 * Thread: loop, unless said otherwise. */
#ifndef LARS_NET_UDP_H
#define LARS_NET_UDP_H

#include <stddef.h>
#include <stdint.h>

#include "base/net_addr.h"
#include "net/evloop.h"
#include "net/frame.h"

#define UDP_MAX_BODY 65499            /* what one datagram holds beside the head */

struct udp;

/* Borrows <f> and <from> for the call. */
typedef void udp_fn(struct udp *u, const struct frame *f, const struct net_addr *from,
                    void *arg);

/* Bind to <at> (port 0: any) and call <fn> for each frame.  Borrows <l> and <arg>.
 * Returns 0; -EADDRINUSE, -EADDRNOTAVAIL, -EACCES, -ENOMEM.  Thread: init. */
int udp_open(struct udp **out, struct evloop *l, const struct net_addr *at, udp_fn *fn,
             void *arg);
void udp_close(struct udp *u);        /* NULL is fine */

/* Send one frame.  Returns 0; -EAGAIN when the socket has no room: it is gone, as
 * datagrams may be; -EMSGSIZE; -EINVAL for an empty body.  Thread: any. */
int udp_send(struct udp *u, const struct net_addr *to, int32_t msgid, const void *body,
             size_t len);

int udp_local_addr(const struct udp *u, struct net_addr *out); /* 0 or -errno */

struct udp_stat {
    uint64_t n_in;                    /* frames */
    uint64_t n_bad;                   /* datagrams that are no frame: dropped */
};

void udp_stat(const struct udp *u, struct udp_stat *out); /* Thread: any */

#endif
