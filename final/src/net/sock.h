/* sock -- TCP sockets with the error rule of this project.
 * Every function returns an fd, a count or 0 on success and -errno on failure.  EINTR is
 * handled inside and never returned.  Every fd is close-on-exec.  Thread: any. */
#ifndef LARS_NET_SOCK_H
#define LARS_NET_SOCK_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/net_addr.h"

/* Create a listening socket: socket, SO_REUSEADDR, bind, listen.  With port 0 the kernel
 * chooses a port, which sock_local_addr() returns.  The accept queue holds <backlog>
 * connections, at most net.core.somaxconn.  <flags>: 0 or SOCK_NONBLOCK.
 * Returns the fd; -EADDRINUSE, -EADDRNOTAVAIL, -EACCES or another -errno. */
int sock_listen(const struct net_addr *at, int backlog, int flags);

/* Accept one connection.  <flags>: 0 or SOCK_NONBLOCK, for the new fd; <peer> may be
 * NULL.  Returns the fd; -EAGAIN when <lfd> is non-blocking and no client waits; another
 * -errno, for which sock_accept_verdict() gives the right reaction. */
int sock_accept(int lfd, int flags, struct net_addr *peer);

enum sock_verdict {
    SOCK_RETRY,                           /* one client failed: accept the next one */
    SOCK_WAIT,                            /* no client waits, or a resource ran out */
    SOCK_BROKEN,                      /* the listener failed: accept cannot work again */
};

/* How to react to <rc>, an error of sock_accept(). */
enum sock_verdict sock_accept_verdict(int rc);

/* Open a blocking connection.  <timeout_ms> bounds the connect (-ETIMEDOUT) and each
 * later read and write (-EAGAIN); 0 = no bound.  Returns the fd; -ECONNREFUSED,
 * -ETIMEDOUT or another -errno. */
int sock_connect(const struct net_addr *to, uint32_t timeout_ms);

/* Start to connect a non-blocking socket.  The fd becomes writable when the connection is
 * established or has failed; then sock_connect_result() returns the result.  Returns the
 * fd, which the caller closes; -EMFILE, -ENETUNREACH or another -errno. */
int sock_connect_start(const struct net_addr *to);

/* Returns 0 when the connection is established; -ECONNREFUSED, -EHOSTUNREACH or another
 * -errno. */
int sock_connect_result(int fd);

/* Bound every later read and write of a blocking socket; one that takes longer returns
 * -EAGAIN.  0 = no bound.  Returns 0 or -errno. */
int sock_set_timeout(int fd, uint32_t timeout_ms);

/* One read(2).  Returns the number of bytes read; 0 at the end of the stream, when the
 * peer has closed its sending side; -EAGAIN when no data came (the socket is non-blocking
 * or the timeout passed); another -errno. */
ssize_t sock_read(int fd, void *buf, size_t len);

/* One write(2), which may accept only a part.  Returns the number of bytes the kernel
 * accepted; -EAGAIN when it accepts none now; -EPIPE, -ECONNRESET or another -errno. */
ssize_t sock_write(int fd, const void *buf, size_t len);

/* Write all <len> bytes to a blocking socket.  Returns 0, or the -errno of the write that
 * failed; then a part may have been sent. */
int sock_write_all(int fd, const void *buf, size_t len);

/* Detect a peer that disappeared without closing (power failure, broken cable): the
 * kernel probes an idle connection and ends one whose peer has not answered for <dead_s>
 * seconds.  Returns 0 or -errno. */
int sock_keepalive(int fd, unsigned dead_s);

/* Create a non-blocking UDP socket bound to <at>; with port 0 the kernel chooses a port.
 * Returns the fd; -EADDRINUSE, -EADDRNOTAVAIL, -EACCES or another -errno. */
int sock_datagram(const struct net_addr *at);

/* Create a blocking UDP socket connected to <to>.  A read waits at most <timeout_ms>
 * (-EAGAIN); it fails with -ECONNREFUSED when no process has bound <to>.  Returns the fd
 * or -errno. */
int sock_datagram_to(const struct net_addr *to, uint32_t timeout_ms);

/* Receive one datagram.  Returns its length, cut to <len>; -EAGAIN when none waits;
 * another -errno such as -ECONNREFUSED, which concerns a datagram sent before. */
ssize_t sock_recv_from(int fd, void *buf, size_t len, struct net_addr *from);

/* Send one datagram.  Returns 0; -EAGAIN when the socket has no room, and then it is not
 * sent; another -errno. */
int sock_send_to(int fd, const struct net_addr *to, const void *buf, size_t len);

/* The local address of a socket, with the port the kernel chose; family 0 for AF_UNIX.
 * Returns 0 or -errno. */
int sock_local_addr(int fd, struct net_addr *out);

#endif
