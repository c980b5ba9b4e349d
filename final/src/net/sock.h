/* sock -- TCP sockets, with the project's error rule.
 * Every function returns an fd, a count or 0 on success and -errno on failure; EINTR is
 * retried inside; every fd is close-on-exec.  Thread: any. */
#ifndef LARS_NET_SOCK_H
#define LARS_NET_SOCK_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/net_addr.h"

/* socket, SO_REUSEADDR, bind, listen.  Port 0: the kernel chooses, sock_local_addr()
 * tells.  <backlog> bounds the accept queue; the kernel cuts it to net.core.somaxconn.
 * <flags>: 0 or SOCK_NONBLOCK.  Returns the fd; -EADDRINUSE, -EADDRNOTAVAIL, -EACCES. */
int sock_listen(const struct net_addr *at, int backlog, int flags);

/* Take one connection.  <flags>: 0 or SOCK_NONBLOCK; <peer> may be NULL.  Returns the
 * fd; -EAGAIN when a non-blocking listener has none; else ask sock_accept_verdict(). */
int sock_accept(int lfd, int flags, struct net_addr *peer);

enum sock_verdict {
    SOCK_RETRY,                           /* that client is gone: take the next one */
    SOCK_WAIT,                            /* nothing waits, or we are out of something */
    SOCK_BROKEN,                      /* the listener itself: no accept will work again */
};

/* What to do after sock_accept() returned <rc> < 0. */
enum sock_verdict sock_accept_verdict(int rc);

/* A blocking connection.  <timeout_ms> bounds the connect and each later read and write
 * (-EAGAIN then); 0 = no bound.  Returns the fd; -ECONNREFUSED, -ETIMEDOUT ... */
int sock_connect(const struct net_addr *to, uint32_t timeout_ms);

/* Begin a connection on a non-blocking socket: it is made, or has failed, when the fd is
 * writable; sock_connect_result() tells.  Returns the fd; -EMFILE, -ENETUNREACH ... */
int sock_connect_start(const struct net_addr *to);
int sock_connect_result(int fd);      /* 0, or -ECONNREFUSED, -EHOSTUNREACH ... */

/* Bound every later read and write of a blocking socket.  Returns 0 or -errno. */
int sock_set_timeout(int fd, uint32_t timeout_ms);

/* One read.  Returns the bytes taken; 0 when the peer has sent everything it will;
 * -EAGAIN when nothing came (non-blocking, or the timeout passed). */
ssize_t sock_read(int fd, void *buf, size_t len);

/* One write, possibly short.  Returns the bytes the kernel took; -EAGAIN, -EPIPE ... */
ssize_t sock_write(int fd, const void *buf, size_t len);

/* Write all of it to a blocking socket.  Returns 0 or the error that stopped it. */
int sock_write_all(int fd, const void *buf, size_t len);

/* Notice a peer that is gone without a word (its power, its cable): a quiet connection is
 * probed, an unanswered one ends after <dead_s> seconds.  Returns 0 or -errno. */
int sock_keepalive(int fd, unsigned dead_s);

/* A non-blocking UDP socket.  Port 0: the kernel chooses.  Returns the fd; -EADDRINUSE,
 * -EADDRNOTAVAIL, -EACCES. */
int sock_datagram(const struct net_addr *at);

/* A blocking UDP socket that speaks with <to> only; each read waits at most <timeout_ms>
 * (-EAGAIN), and fails with -ECONNREFUSED when nobody is there.  Returns the fd. */
int sock_datagram_to(const struct net_addr *to, uint32_t timeout_ms);

/* One datagram.  Returns its bytes, at most <len>; -EAGAIN when none waits; -ECONNREFUSED
 * and such: an answer to one sent before. */
ssize_t sock_recv_from(int fd, void *buf, size_t len, struct net_addr *from);

/* One datagram.  Returns 0; -EAGAIN: no room, it is not sent. */
int sock_send_to(int fd, const struct net_addr *to, const void *buf, size_t len);

/* Our own address of a socket, with the port the kernel chose.  Returns 0 or -errno. */
int sock_local_addr(int fd, struct net_addr *out);

#endif
