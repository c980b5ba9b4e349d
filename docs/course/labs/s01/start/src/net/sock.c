/* The socket calls of the specification, each with what its examples leave out: every
 * result is checked, errno is read in the line after the call, and a function that fails
 * closes the descriptor it opened.
 *
 * Invariants: a sockaddr never leaves this file, so the byte order of addresses and ports
 * is converted only here; the system call that creates a descriptor also makes it
 * close-on-exec.
 * Rejected: setting close-on-exec later by fcntl(), because another thread may fork()
 * between the two calls; returning -1 with errno set, because any later call may
 * overwrite errno before the caller reads it. */
#include "net/sock.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/mono.h"

static socklen_t to_sockaddr(const struct net_addr *a, struct sockaddr_storage *ss)
{
    struct sockaddr_in *in4 = (struct sockaddr_in *)ss;
    struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)ss;

    memset(ss, 0, sizeof(*ss));
    ss->ss_family = a->family;
    if (a->family == AF_INET6) {
        in6->sin6_port = htons(a->port);
        memcpy(&in6->sin6_addr, a->ip, 16);
        return sizeof(*in6);
    }
    in4->sin_port = htons(a->port);
    memcpy(&in4->sin_addr, a->ip, 4);
    return sizeof(*in4);
}

static void from_sockaddr(struct net_addr *a, const struct sockaddr_storage *ss)
{
    const struct sockaddr_in *in4 = (const struct sockaddr_in *)ss;
    const struct sockaddr_in6 *in6 = (const struct sockaddr_in6 *)ss;

    memset(a, 0, sizeof(*a));
    if (ss->ss_family != AF_INET && ss->ss_family != AF_INET6)
        return;                           /* AF_UNIX: there is no IP address */
    a->family = ss->ss_family;
    a->port = ntohs(a->family == AF_INET6 ? in6->sin6_port : in4->sin_port);
    if (a->family == AF_INET6)
        memcpy(a->ip, &in6->sin6_addr, 16);
    else
        memcpy(a->ip, &in4->sin_addr, 4);
}

int sock_listen(const struct net_addr *at, int backlog, int flags)
{
    /* 1. socket(): the family of <at>, SOCK_STREAM, close-on-exec, and <flags>.
     * 2. SO_REUSEADDR: else a restarted server cannot bind for a minute (TIME_WAIT).
     * 3. bind() to <at>, see to_sockaddr() above; listen() with <backlog>.
     * 4. On every error after socket(): keep -errno, close the fd, return the kept
     *    value. */
    /* begin sock_listen */
    (void)at;
    (void)backlog;
    (void)flags;
    (void)to_sockaddr;
    return -ENOSYS;
    /* end sock_listen */
}

int sock_accept(int lfd, int flags, struct net_addr *peer)
{
    /* 1. accept4() with SOCK_CLOEXEC and <flags>.  Its length argument is in and out:
     *    it holds the room before each call, so it is set again before each call.
     * 2. On EINTR call it again.  Any other error: return -errno.
     * 3. When <peer> is not NULL, fill it with from_sockaddr().  Return the fd. */
    /* begin sock_accept */
    (void)lfd;
    (void)flags;
    (void)peer;
    (void)from_sockaddr;
    return -ENOSYS;
    /* end sock_accept */
}

enum sock_verdict sock_accept_verdict(int rc)
{
    /* <rc> is negative.  accept(2) lists the errors; sort each by what helps:
     *   the listener itself is wrong (no such fd, not listening, no socket):
     *   SOCK_BROKEN;
     *   nothing waits, or descriptors or memory have run out: SOCK_WAIT;
     *   everything else concerns one client: SOCK_RETRY. */
    /* begin sock_accept_verdict */
    (void)rc;
    return SOCK_BROKEN;
    /* end sock_accept_verdict */
}

/* After EINTR the kernel continues to connect on its own, and a second connect() would
 * return EALREADY.  Wait until it has finished, then read the result from SO_ERROR.
 * <end_ms> is monotonic, 0 = wait without limit. */
static int finish_connect(int fd, uint64_t end_ms)
{
    /* 1. poll() the fd for POLLOUT until <end_ms>; after EINTR with the time that is
     *    left.
     * 2. No event: -ETIMEDOUT.  poll() failed: -errno.
     * 3. Else getsockopt(SO_ERROR) has the result of the connect: 0 or an errno. */
    /* begin finish_connect */
    (void)fd;
    (void)end_ms;
    return -ENOSYS;
    /* end finish_connect */
}

int sock_connect(const struct net_addr *to, uint32_t timeout_ms)
{
    /* 1. socket() with close-on-exec; sock_set_timeout(), which bounds connect() as
     *    well.
     * 2. connect().  EINPROGRESS means here that the timeout has passed: -ETIMEDOUT.
     * 3. EINTR means that the kernel continues: finish_connect(), never connect()
     *    again.
     * 4. Return the fd; on every error close it and return the -errno. */
    /* begin sock_connect */
    (void)to;
    (void)timeout_ms;
    (void)to_sockaddr;
    (void)finish_connect;
    return -ENOSYS;
    /* end sock_connect */
}

int sock_set_timeout(int fd, uint32_t timeout_ms)
{
    /* 1. Convert <timeout_ms> to a struct timeval: seconds and microseconds.
     * 2. Set SO_RCVTIMEO and SO_SNDTIMEO.  Return 0 or -errno. */
    /* begin sock_set_timeout */
    (void)fd;
    (void)timeout_ms;
    return -ENOSYS;
    /* end sock_set_timeout */
}

ssize_t sock_read(int fd, void *buf, size_t len)
{
    /* 1. One read(); call it again only when it failed with EINTR.
     * 2. Return its count (0 is the end of the stream), or -errno. */
    /* begin sock_read */
    (void)fd;
    (void)buf;
    (void)len;
    return -ENOSYS;
    /* end sock_read */
}

ssize_t sock_write(int fd, const void *buf, size_t len)
{
    /* As sock_read(): one write(), EINTR again, the count or -errno. */
    /* begin sock_write */
    (void)fd;
    (void)buf;
    (void)len;
    return -ENOSYS;
    /* end sock_write */
}

int sock_write_all(int fd, const void *buf, size_t len)
{
    /* 1. sock_write() what is left, until nothing is left; a write may accept only a
     *    part.
     * 2. Any error ends the loop: return it.  Else return 0. */
    /* begin sock_write_all */
    (void)fd;
    (void)buf;
    (void)len;
    return -ENOSYS;
    /* end sock_write_all */
}

int sock_local_addr(int fd, struct net_addr *out)
{
    /* 1. getsockname() into a cleared sockaddr_storage; -errno when it fails.
     * 2. Fill <out> with from_sockaddr(). */
    /* begin sock_local_addr */
    (void)fd;
    (void)out;
    (void)from_sockaddr;
    return -ENOSYS;
    /* end sock_local_addr */
}
