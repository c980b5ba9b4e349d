/* The socket calls of the specification, each with what its examples leave out: every
 * result is checked, errno is read in the line after the call, and a function that fails
 * closes the descriptor it opened.
 *
 * Invariants: a sockaddr never leaves the files that include net/sock_addr.h, so the byte
 * order of addresses and ports is converted only there; the system call that creates a
 * descriptor also makes it close-on-exec.
 * Rejected: setting close-on-exec later by fcntl(), because another thread may fork()
 * between the two calls; returning -1 with errno set, because any later call may
 * overwrite errno before the caller reads it. */
#include "net/sock.h"

#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/mono.h"
#include "net/sock_addr.h"

int sock_listen(const struct net_addr *at, int backlog, int flags)
{
    struct sockaddr_storage ss;
    socklen_t len = to_sockaddr(at, &ss);
    int one = 1;
    int fd, rc;

    fd = socket(at->family, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
    if (fd == -1)
        return -errno;
    /* Without SO_REUSEADDR a restarted server cannot bind for a minute, because its old
     * connections are in TIME_WAIT.  It does not let two programs listen on one port;
     * SO_REUSEPORT would. */
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) == -1)
        goto fail;
    if (bind(fd, (struct sockaddr *)&ss, len) == -1)
        goto fail;
    if (listen(fd, backlog) == -1)
        goto fail;
    return fd;
fail:
    rc = -errno;
    close(fd);
    return rc;
}

int sock_accept(int lfd, int flags, struct net_addr *peer)
{
    struct sockaddr_storage ss;
    socklen_t len;
    int fd;

    memset(&ss, 0, sizeof(ss));
    do {
        len = sizeof(ss);                 /* in: room, out: length; set it each time */
        fd = accept4(lfd, (struct sockaddr *)&ss, &len, SOCK_CLOEXEC | flags);
    } while (fd == -1 && errno == EINTR);
    if (fd == -1)
        return -errno;
    if (peer)
        from_sockaddr(peer, &ss);
    return fd;
}

enum sock_verdict sock_accept_verdict(int rc)
{
    switch (rc) {
    case -EBADF:
    case -EINVAL:                         /* not listening, or shut down */
    case -ENOTSOCK:
    case -EOPNOTSUPP:
    case -EFAULT:
        return SOCK_BROKEN;
    case -EAGAIN:
    case -EMFILE:                         /* this process has no descriptor left */
    case -ENFILE:                         /* the whole machine has none left */
    case -ENOBUFS:
    case -ENOMEM:
        return SOCK_WAIT;
    default:                           /* ECONNABORTED, EPROTO, EPERM (a firewall), and */
        return SOCK_RETRY;                /* the network errors that accept(2) lists */
    }
}

/* After EINTR the kernel continues to connect on its own, and a second connect() would
 * return EALREADY.  Wait until it has finished, then read the result from SO_ERROR.
 * <end_ms> is monotonic, 0 = wait without limit. */
static int finish_connect(int fd, uint64_t end_ms)
{
    struct pollfd p = {.fd = fd, .events = POLLOUT};
    socklen_t len = sizeof(int);
    int err = 0, n;

    do {                                  /* signals do not prolong the wait */
        uint64_t now_ms = mono_ms();
        int left_ms = now_ms < end_ms ? (int)(end_ms - now_ms) : 0;

        n = poll(&p, 1, end_ms ? left_ms : -1);
    } while (n == -1 && errno == EINTR);
    if (n == 0)
        return -ETIMEDOUT;
    if (n == -1 || getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len) == -1)
        return -errno;
    return -err;
}

int sock_connect(const struct net_addr *to, uint32_t timeout_ms)
{
    uint64_t end_ms = timeout_ms ? mono_ms() + timeout_ms : 0;
    struct sockaddr_storage ss;
    socklen_t len = to_sockaddr(to, &ss);
    int fd, rc;

    fd = socket(to->family, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd == -1)
        return -errno;
    rc = sock_set_timeout(fd, timeout_ms);
    if (rc == 0 && connect(fd, (struct sockaddr *)&ss, len) == -1)
        rc = -errno;
    if (rc == -EINPROGRESS)               /* SO_SNDTIMEO passed: it bounds connect too */
        rc = -ETIMEDOUT;
    if (rc == -EINTR)
        rc = finish_connect(fd, end_ms);
    if (rc == 0)
        return fd;
    close(fd);
    return rc;
}

int sock_connect_start(const struct net_addr *to)
{
    struct sockaddr_storage ss;
    socklen_t len = to_sockaddr(to, &ss);
    int fd, rc = 0;

    fd = socket(to->family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd == -1)
        return -errno;
    if (connect(fd, (struct sockaddr *)&ss, len) == -1)
        rc = -errno;
    if (rc == 0 || rc == -EINPROGRESS || rc == -EINTR)
        return fd;
    close(fd);
    return rc;
}

/* Whether a socket is connected to itself.  When no process listens on a port of the
 * ephemeral range, the kernel may choose the same port as the local one; the connection
 * then succeeds (a TCP simultaneous open) and looks like a server. */
static bool is_self(int fd)
{
    struct sockaddr_storage a, b;
    socklen_t la = sizeof(a), lb = sizeof(b);

    memset(&a, 0, sizeof(a));
    memset(&b, 0, sizeof(b));
    return getsockname(fd, (struct sockaddr *)&a, &la) == 0 &&
           getpeername(fd, (struct sockaddr *)&b, &lb) == 0 && memcmp(&a, &b, la) == 0;
}

int sock_connect_result(int fd)
{
    socklen_t len = sizeof(int);
    int err = 0;

    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &err, &len) == -1)
        return -errno;
    return err != 0 ? -err : is_self(fd) ? -ECONNREFUSED : 0;
}

int sock_set_timeout(int fd, uint32_t timeout_ms)
{
    struct timeval tv = {.tv_sec = timeout_ms / 1000,
                         .tv_usec = (suseconds_t)(timeout_ms % 1000) * 1000};

    if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &tv, sizeof(tv)) == -1)
        return -errno;
    if (setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof(tv)) == -1)
        return -errno;
    return 0;
}

ssize_t sock_read(int fd, void *buf, size_t len)
{
    ssize_t n;

    do {
        n = read(fd, buf, len);
    } while (n == -1 && errno == EINTR);
    return n == -1 ? -errno : n;
}

ssize_t sock_write(int fd, const void *buf, size_t len)
{
    ssize_t n;

    do {
        n = write(fd, buf, len);
    } while (n == -1 && errno == EINTR);
    return n == -1 ? -errno : n;
}

int sock_write_all(int fd, const void *buf, size_t len)
{
    const char *p = buf;

    while (len > 0) {
        ssize_t n = sock_write(fd, p, len);

        if (n < 0)
            return (int)n;
        p += n;
        len -= (size_t)n;
    }
    return 0;
}

/* Keepalive probes a connection on which nothing is sent.  TCP_USER_TIMEOUT is for data
 * that the peer does not acknowledge, which the kernel would otherwise retransmit for a
 * quarter of an hour. */
int sock_keepalive(int fd, unsigned dead_s)
{
    int third = dead_s < 3 ? 1 : (int)(dead_s / 3);
    const struct {
        int level, name, value;
    } opt[] = {{SOL_SOCKET, SO_KEEPALIVE, 1},
               {IPPROTO_TCP, TCP_KEEPIDLE, third},
               {IPPROTO_TCP, TCP_KEEPINTVL, third},
               {IPPROTO_TCP, TCP_KEEPCNT, 2},
               {IPPROTO_TCP, TCP_USER_TIMEOUT, (int)dead_s * 1000}};
    size_t i;

    for (i = 0; i < sizeof(opt) / sizeof(opt[0]); i++)
        if (setsockopt(fd, opt[i].level, opt[i].name, &opt[i].value, sizeof(int)) == -1)
            return -errno;
    return 0;
}

int sock_local_addr(int fd, struct net_addr *out)
{
    struct sockaddr_storage ss;
    socklen_t len = sizeof(ss);

    memset(&ss, 0, sizeof(ss));
    if (getsockname(fd, (struct sockaddr *)&ss, &len) == -1)
        return -errno;
    from_sockaddr(out, &ss);
    return 0;
}

int sock_datagram(const struct net_addr *at)
{
    struct sockaddr_storage ss;
    socklen_t len = to_sockaddr(at, &ss);
    int fd, rc;

    fd = socket(at->family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd == -1)
        return -errno;
    if (bind(fd, (struct sockaddr *)&ss, len) == 0)
        return fd;
    rc = -errno;
    close(fd);
    return rc;
}

ssize_t sock_recv_from(int fd, void *buf, size_t len, struct net_addr *from)
{
    struct sockaddr_storage ss;
    socklen_t alen;
    ssize_t n;

    do {
        alen = sizeof(ss);
        n = recvfrom(fd, buf, len, 0, (struct sockaddr *)&ss, &alen);
    } while (n == -1 && errno == EINTR);
    if (n == -1)
        return -errno;
    from_sockaddr(from, &ss);
    return n;
}

int sock_send_to(int fd, const struct net_addr *to, const void *buf, size_t len)
{
    struct sockaddr_storage ss;
    socklen_t alen = to_sockaddr(to, &ss);
    ssize_t n;

    do {
        n = sendto(fd, buf, len, MSG_NOSIGNAL, (struct sockaddr *)&ss, alen);
    } while (n == -1 && errno == EINTR);
    return n == -1 ? -errno : 0;
}

int sock_datagram_to(const struct net_addr *to, uint32_t timeout_ms)
{
    struct sockaddr_storage ss;
    socklen_t len = to_sockaddr(to, &ss);
    int fd, rc;

    fd = socket(to->family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd == -1)
        return -errno;
    rc = sock_set_timeout(fd, timeout_ms);
    if (rc == 0 && connect(fd, (struct sockaddr *)&ss, len) == -1)
        rc = -errno;
    if (rc == 0)
        return fd;
    close(fd);
    return rc;
}
