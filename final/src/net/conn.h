/* conn -- one framed connection on an event loop.  conn_group.h starts them.
 *
 * How a connection ends, always by the same way:
 *   conn_close()   now.  Its fd is closed before this returns, nothing of it is called
 *                  any more; the object lives until the end of this turn of the loop,
 *                  because a handler further up may still hold it; on_close runs, then
 *                  it is freed.
 *   conn_finish()  when the output has been sent: no more frames are handled, our end is
 *                  shut down, and what still comes is dropped until the peer closes too
 *                  (closing with unread input would send RST and could destroy the last
 *                  reply).
 *   The peer's EOF is conn_finish(); an error, a bad frame, too much output and idling
 *   are conn_close().  Both may be called at any time, inside any callback, twice.
 * Thread: loop, for everything here, unless said otherwise. */
#ifndef LARS_NET_CONN_H
#define LARS_NET_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/net_addr.h"

struct conn;
struct conn_group;

/* Where bytes come from and go to, so that TLS can stand in between.  As sock_read() and
 * sock_write(). */
struct conn_io {
    ssize_t (*read)(struct conn *c, void *buf, size_t len);
    ssize_t (*write)(struct conn *c, const void *buf, size_t len);
};

/* Queue a frame and send what the socket takes.  Copies <body>.  Inside a handler of <c>
 * the frames it sends leave together when it returns.
 * Returns 0; -EINVAL for an empty body (the public Lars aborts on one) or one too long;
 * -ENOBUFS when more than max_out would wait: the connection is closed and counted;
 * -EPIPE when it is closed or finishing. */
int conn_send(struct conn *c, int32_t msgid, const void *body, size_t len);

void conn_close(struct conn *c);
void conn_finish(struct conn *c);

/* Stop and go on reading.  Frames already received wait too. */
void conn_pause_read(struct conn *c);
void conn_resume_read(struct conn *c);

size_t conn_out_bytes(const struct conn *c); /* waiting to be sent */
struct conn_group *conn_owner(const struct conn *c);
int conn_fd(const struct conn *c);        /* -1 when closed */
const struct net_addr *conn_peer(const struct conn *c);
void conn_set_io(struct conn *c, const struct conn_io *io); /* in on_start; borrowed */
void conn_set_user(struct conn *c, void *user); /* anything; borrowed */
void *conn_user(const struct conn *c);

#endif
