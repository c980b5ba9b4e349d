/* A host that cannot be asked is not taken for one that is silent: without a route every
 * host would look dead.  "Host unreachable" is silence: the next hop gets no answer.
 *
 * Rejected: the program ping, which need not be installed, and whose output differs. */
#include "net/host_alive.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/ip_icmp.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/mono.h"
#include "net/sock.h"

#define PACKET 1500

struct asked {
    int fd; /* -1 = closed */
    uint16_t seq;
};

static int close_asked(struct asked *a)
{
    if (a->fd >= 0)
        close(a->fd);
    a->fd = -1;
    return 0;
}

static void conclude(struct host_alive *q, struct asked *a, int rc)
{
    close_asked(a);
    if (rc == 0 || rc == -ECONNREFUSED || rc == -ECONNRESET) {
        q->answer = HOST_ALIVE_ANSWERED;
    } else if (rc == -ETIMEDOUT || rc == -EHOSTUNREACH || rc == -EHOSTDOWN) {
        q->answer = HOST_ALIVE_SILENT;
    } else {
        q->answer = HOST_ALIVE_NOT_ASKED;
        q->err = rc;
    }
}

/* --- ping --------------------------------------------------------------------------- */

static uint16_t sum_of(const void *data, size_t len)
{
    const uint8_t *p = data;
    uint32_t sum = 0;
    size_t i;

    for (i = 0; i + 1 < len; i += 2)
        sum += (uint32_t)p[i] << 8 | p[i + 1];
    while (sum > 0xffff)
        sum = (sum & 0xffff) + (sum >> 16);
    return htons((uint16_t)~sum);
}

static uint16_t own_id(void)
{
    return htons((uint16_t)getpid());
}

/* A raw socket needs a right; one for pings only is often allowed to all users. */
static int open_ping(const struct net_addr *at)
{
    const int kinds[] = {SOCK_RAW, SOCK_DGRAM};
    struct sockaddr_in to = {.sin_family = AF_INET};
    int i, fd = -1, rc;

    if (at->family != AF_INET)
        return -EAFNOSUPPORT;
    memcpy(&to.sin_addr, at->ip, sizeof(to.sin_addr));
    for (i = 0; i < 2 && fd < 0; i++)
        fd = socket(AF_INET, kinds[i] | SOCK_NONBLOCK | SOCK_CLOEXEC, IPPROTO_ICMP);
    if (fd < 0)
        return -errno;
    if (connect(fd, (struct sockaddr *)&to, sizeof(to)) == 0)
        return fd;
    rc = -errno;
    close(fd);
    return rc;
}

static int start_ping(const struct net_addr *at, struct asked *a)
{
    struct icmphdr h = {.type = ICMP_ECHO};
    int rc;

    a->fd = open_ping(at);
    if (a->fd < 0)
        return a->fd;
    h.un.echo.id = own_id();
    h.un.echo.sequence = htons(a->seq);
    h.checksum = sum_of(&h, sizeof(h));
    if (send(a->fd, &h, sizeof(h), 0) == (ssize_t)sizeof(h))
        return 0;
    rc = -errno;
    close_asked(a);
    return rc;
}

/* A raw socket gets the IP header, and answers to other processes of this host, too. */
static int read_ping(struct asked *a)
{
    uint8_t buf[PACKET];
    ssize_t n = recv(a->fd, buf, sizeof(buf), 0);
    size_t skip = 0;
    struct icmphdr h;
    int kind;
    socklen_t len = sizeof(kind);

    if (n < 0)
        return errno == EAGAIN || errno == EINTR ? -EAGAIN : -errno;
    if (getsockopt(a->fd, SOL_SOCKET, SO_TYPE, &kind, &len) < 0)
        return -errno;
    if (kind == SOCK_RAW && n > 0)
        skip = (size_t)(buf[0] & 15) * 4;
    if ((size_t)n < skip + sizeof(h))
        return -EAGAIN;
    memcpy(&h, buf + skip, sizeof(h));
    if (h.type != ICMP_ECHOREPLY || h.un.echo.sequence != htons(a->seq) ||
        (kind == SOCK_RAW && h.un.echo.id != own_id()))
        return -EAGAIN;
    return 0;
}

/* --- a round ------------------------------------------------------------------------ */

static void start_one(struct host_alive *q, struct asked *a)
{
    int rc;

    if (q->at.port == 0) {
        rc = start_ping(&q->at, a);
    } else {
        a->fd = sock_connect_start(&q->at);
        rc = a->fd < 0 ? a->fd : 0;
    }
    if (rc < 0)
        conclude(q, a, rc);
}

/* Returns whether the question is over. */
static void look_at_one(struct host_alive *q, struct asked *a)
{
    int rc = q->at.port == 0 ? read_ping(a) : sock_connect_result(a->fd);

    if (rc != -EAGAIN && rc != -EINPROGRESS)
        conclude(q, a, rc);
}

static size_t open_questions(const struct asked *a, size_t n, const struct host_alive *q,
                             struct pollfd *p)
{
    size_t i, left = 0;

    for (i = 0; i < n; i++) {
        p[i] = (struct pollfd){a[i].fd, q[i].at.port == 0 ? POLLIN : POLLOUT, 0};
        left += a[i].fd >= 0;
    }
    return left;
}

static void ask_round(struct host_alive *q, size_t n, unsigned round, unsigned ms)
{
    uint64_t until = mono_ms() + ms, now;
    struct pollfd p[HOST_ALIVE_MAX];
    struct asked a[HOST_ALIVE_MAX];
    size_t i;

    for (i = 0; i < n; i++) {
        a[i] = (struct asked){-1, (uint16_t)(round * HOST_ALIVE_MAX + i)};
        if (q[i].answer != HOST_ALIVE_ANSWERED) {
            q[i].answer = HOST_ALIVE_SILENT;
            start_one(&q[i], &a[i]);
        }
    }
    while (open_questions(a, n, q, p) > 0 && (now = mono_ms()) < until) {
        poll(p, (nfds_t)n, (int)(until - now));
        for (i = 0; i < n; i++)
            if (p[i].fd >= 0 && p[i].revents)
                look_at_one(&q[i], &a[i]);
    }
    for (i = 0; i < n; i++)
        close_asked(&a[i]);
}

int host_alive_ask(struct host_alive *q, size_t n, unsigned rounds, unsigned round_ms)
{
    unsigned r;
    size_t i;

    if (n > HOST_ALIVE_MAX)
        return -E2BIG;
    for (i = 0; i < n; i++) {
        q[i].answer = HOST_ALIVE_SILENT;
        q[i].err = 0;
    }
    for (r = 0; r < rounds; r++)
        ask_round(q, n, r, round_ms);
    return 0;
}
