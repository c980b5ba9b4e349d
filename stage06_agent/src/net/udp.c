/* The number of datagrams to read in one turn of the loop adapts to the load.  Reading
 * until EAGAIN costs one system call more than there are datagrams; reading only one
 * costs an epoll_wait() for each.  At low load one datagram is read per turn, and a
 * second read is tried every PROBE turns.  When it finds one, turns read until nothing
 * waits, but at most BATCH, so that the timers still run during a flood.
 *
 * Invariant: a datagram that is not exactly one frame never reaches the handler.
 * Rejected: recvmmsg(), which needs a buffer of 64 KiB for each datagram. */
#include "net/udp.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "net/sock.h"

#define BATCH 64
#define PROBE 16
#define LOG_GAP_MS 60000

struct udp {
    struct evloop *loop;
    int fd;
    udp_fn *fn;
    void *arg;
    bool busy;                        /* the last turn read more than one datagram */
    unsigned turn;
    _Atomic uint64_t n_in, n_bad;     /* written by the loop only */
    char in[65536];
};

static void bump(_Atomic uint64_t *n)
{
    atomic_store_explicit(n, *n + 1,
                          memory_order_relaxed); /* there is only one writer */
}

static void handle(struct udp *u, size_t len, const struct net_addr *from)
{
    struct frame f;
    char text[NET_ADDR_STRLEN];
    ssize_t n = frame_parse(u->in, len, UDP_MAX_BODY, &f);

    if (n < FRAME_HEAD || (size_t)n != len) {
        bump(&u->n_bad);
        LOG_EVERY(LOG_GAP_MS, LOG_LEVEL_WARN, "udp.bad", "bytes=%zu peer=%s", len,
                  net_addr_str(from, text));
        return;
    }
    bump(&u->n_in);
    u->fn(u, &f, from, u->arg);
}

static void on_readable(int fd, uint32_t events, void *arg)
{
    struct udp *u = arg;
    struct net_addr from;
    int i, most = u->busy ? BATCH : ++u->turn % PROBE == 0 ? 2 : 1;

    (void)events;
    for (i = 0; i < most; i++) {
        ssize_t n = sock_recv_from(fd, u->in, sizeof(u->in), &from);

        if (n == -EAGAIN)
            break;
        if (n >= 0)                   /* errors concern datagrams sent before */
            handle(u, (size_t)n, &from);
    }
    u->busy = i > 1;
}

int udp_open(struct udp **out, struct evloop *l, const struct net_addr *at, udp_fn *fn,
             void *arg)
{
    struct udp *u = malloc(sizeof(*u));
    int rc;

    if (!u)
        return -ENOMEM;
    u->loop = l;
    u->fn = fn;
    u->arg = arg;
    u->n_in = u->n_bad = 0;
    u->busy = false;
    u->turn = 0;
    u->fd = sock_datagram(at);
    rc = u->fd < 0 ? u->fd : evloop_add_fd(l, u->fd, EPOLLIN, on_readable, u);
    if (rc == 0) {
        *out = u;
        return 0;
    }
    if (u->fd >= 0)
        close(u->fd);
    free(u);
    return rc;
}

void udp_close(struct udp *u)
{
    if (!u)
        return;
    evloop_del_fd(u->loop, u->fd);
    close(u->fd);
    free(u);
}

int udp_send(struct udp *u, const struct net_addr *to, int32_t msgid, const void *body,
             size_t len)
{
    uint8_t out[FRAME_HEAD + UDP_MAX_BODY]; /* copying is cheaper than sendmsg() */

    if (len == 0 || len > UDP_MAX_BODY)
        return len == 0 ? -EINVAL : -EMSGSIZE;
    frame_put_head(out, msgid, (uint32_t)len);
    memcpy(out + FRAME_HEAD, body, len);
    return sock_send_to(u->fd, to, out, FRAME_HEAD + len);
}

int udp_local_addr(const struct udp *u, struct net_addr *out)
{
    return sock_local_addr(u->fd, out);
}

void udp_stat(const struct udp *u, struct udp_stat *out)
{
    *out = (struct udp_stat){u->n_in, u->n_bad};
}
