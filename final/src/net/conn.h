/* conn -- one connection that carries frames, on an event loop.  conn_group_start() in
 * conn_group.h creates it.
 *
 * A connection ends in one of two ways:
 *   conn_close()   ends it at once.  Its fd is closed when this returns, and none of its
 *                  handlers is called any more.  The object stays valid until the end of
 *                  this turn of the loop, because a caller further up the stack may still
 *                  hold a pointer to it; then on_close is called, and it is freed.
 *   conn_finish()  ends it when its output has been sent.  No more frames are handled;
 *                  our sending side is shut down; input is read and discarded until the
 *                  peer closes or linger_ms have passed.  (When a socket with
 *                  unread input is closed, the kernel sends RST, and the peer may lose
 *                  the last reply.)
 * The end of the peer's stream acts as conn_finish(); an error, a bad frame, too much
 * output and idleness act as conn_close().  Both functions may be called at any time,
 * inside any callback, and more than once.
 * Thread: loop, for all functions of this header. */
#ifndef LARS_NET_CONN_H
#define LARS_NET_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/net_addr.h"

struct conn;
struct conn_group;
struct evloop;

/* The functions that read and write the bytes of a connection, so that TLS can replace
 * them (net/tls_conn).  read and write return as sock_read() and sock_write() do.  The
 * others may be NULL; those that return int return 0, -EAGAIN after conn_io_wait(), or
 * another -errno, with which the connection ends. */
struct conn_io {
    ssize_t (*read)(struct conn *c, void *buf, size_t len);
    ssize_t (*write)(struct conn *c, const void *buf, size_t len);
    int (*connect)(struct conn *c); /* the beginning, before on_start */
    int (*shutdown)(struct conn *c); /* the last bytes of our side */
    void (*wanted)(struct conn *c); /* reading is on again after a pause */
    bool (*allow)(struct conn *c, int32_t msgid); /* false: the frame is not handled */
    void (*close)(struct conn *c); /* before close(2); frees what the io has */
};

/* Queue a frame and send what the socket accepts.  Copies <body>.  Frames that a handler
 * of <c> sends are collected and sent together after the handlers have returned.
 * Returns 0; -EINVAL when the body is empty (the public Lars aborts on such a frame) or
 * too long; -ENOBUFS when more than max_out bytes would wait, and then the connection is
 * closed and counted; -ENOMEM, and then it is closed; -EPIPE when it is closed or
 * finishing. */
int conn_send(struct conn *c, int32_t msgid, const void *body, size_t len);

void conn_close(struct conn *c);
void conn_finish(struct conn *c);

/* Stop reading, and resume.  While the connection is paused, frames that it has received
 * already are not handled either. */
void conn_pause_read(struct conn *c);
void conn_resume_read(struct conn *c);

size_t conn_out_bytes(const struct conn *c); /* bytes waiting to be sent */
struct conn_group *conn_owner(const struct conn *c);
struct evloop *conn_loop(const struct conn *c);
int conn_fd(const struct conn *c); /* -1 when closed */
const struct net_addr *conn_peer(const struct conn *c);
/* In on_start, in choose_io of conn_group.h, or in connect; borrowed; NULL = plain. */
void conn_set_io(struct conn *c, const struct conn_io *io);
void conn_set_user(struct conn *c, void *user); /* anything; borrowed */
void *conn_user(const struct conn *c);
void conn_set_peer_entry(struct conn *c, void *e); /* net/admission's; borrowed */
void *conn_peer_entry(const struct conn *c); /* NULL = none */

/* --- for an io ---------------------------------------------------------------------- */

void conn_set_io_arg(struct conn *c, void *arg); /* anything; borrowed */
void *conn_io_arg(const struct conn *c, const struct conn_io *io); /* NULL: another io */

/* The io can go on at <events>, and is called again then; 0 = it waits for nothing. */
void conn_io_wait(struct conn *c, uint32_t events);

/* Read again, unless the connection is paused: for bytes that the io holds while the
 * socket shows none.  Not inside a function of the io. */
void conn_io_input(struct conn *c);

#endif
