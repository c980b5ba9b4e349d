/* At low load the system calls for one datagram are used, which cost less than those for
 * several; each PROBE turns one looks whether more wait.
 *
 * Replies are written one behind the other into <out>, and those of one batch leave
 * together.  A reply that does not fit makes the ones before it leave first.
 *
 * The buffers of 64 KiB for each datagram are never all touched: a question has some 20
 * bytes, so the kernel gives memory for the first page of each.
 *
 * Invariant: a datagram that is not exactly one frame never reaches the handler; no reply
 * waits when the loop waits.
 * Rejected: a second thread that sends; handing a batch over costs as much as sending it.
 */
#include "net/udp_batch.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/log.h"
#include "net/sock.h"
#include "net/sock_addr.h"

#define PROBE 16                      /* a turn of so many looks whether there are more */
#define TURNS 2                       /* batches in a turn of the loop */
#define DATAGRAM_MAX 65536
#define OUT_MAX (2 * DATAGRAM_MAX)
#define LOG_GAP_MS 60000

struct message {                      /* one of a batch */
    struct sockaddr_storage addr;
    struct iovec at;
};

struct udp_batch {
    struct evloop *loop;
    int fd;
    udp_batch_fn *fn;
    void *arg;
    bool is_busy;                     /* the last turn read more than one datagram */
    unsigned turn;
    _Atomic uint64_t n_in, n_bad;     /* written by the loop only */
    struct message in[UDP_BATCH], out[UDP_BATCH];
    struct mmsghdr in_head[UDP_BATCH], out_head[UDP_BATCH];
    unsigned n_out;                   /* replies that wait */
    size_t len_out;                   /* bytes of them */
    uint8_t *in_bytes;                /* UDP_BATCH x DATAGRAM_MAX */
    uint8_t out_bytes[OUT_MAX];
};

/* The socket whose frames this thread handles now. */
static _Thread_local const struct udp_batch *handling;

static void bump(_Atomic uint64_t *n)
{
    atomic_store_explicit(n, *n + 1,
                          memory_order_relaxed); /* there is only one writer */
}

/* --- replies ------------------------------------------------------------------------ */

/* As sendmmsg() of one. */
static int send_one(struct udp_batch *u)
{
    const struct msghdr *h = &u->out_head[0].msg_hdr;

    return sendto(u->fd, u->out_bytes, u->len_out, MSG_NOSIGNAL, h->msg_name,
                  h->msg_namelen) < 0
               ? -1
               : 1;
}

/* Those that wait leave.  A reply that cannot be sent to its address is left out; when
 * the socket has no room, the rest is lost, as any datagram may be. */
static void flush(struct udp_batch *u)
{
    unsigned at = 0;
    int n;

    while (at < u->n_out) {
        n = u->n_out == 1
                ? send_one(u)
                : sendmmsg(u->fd, u->out_head + at, u->n_out - at, MSG_NOSIGNAL);
        if (n > 0)
            at += (unsigned)n;
        else if (errno == EAGAIN || errno == ENOBUFS)
            break;
        else if (errno != EINTR)
            at++;
    }
    u->n_out = 0;
    u->len_out = 0;
}

static void add_reply(struct udp_batch *u, const struct net_addr *to, int32_t msgid,
                      const void *body, size_t len)
{
    struct message *m;
    uint8_t *at;

    if (u->n_out == UDP_BATCH || u->len_out + FRAME_HEAD + len > OUT_MAX)
        flush(u);
    m = &u->out[u->n_out];
    at = u->out_bytes + u->len_out;
    frame_put_head(at, msgid, (uint32_t)len);
    memcpy(at + FRAME_HEAD, body, len);
    m->at = (struct iovec){at, FRAME_HEAD + len};
    u->out_head[u->n_out].msg_hdr =
        (struct msghdr){.msg_name = &m->addr,
                        .msg_namelen = to_sockaddr(to, &m->addr),
                        .msg_iov = &m->at,
                        .msg_iovlen = 1};
    u->n_out++;
    u->len_out += FRAME_HEAD + len;
}

int udp_batch_send(struct udp_batch *u, const struct net_addr *to, int32_t msgid,
                   const void *body, size_t len)
{
    uint8_t out[FRAME_HEAD + UDP_MAX_BODY];

    if (len == 0 || len > UDP_MAX_BODY)
        return len == 0 ? -EINVAL : -EMSGSIZE;
    if (handling == u) {
        add_reply(u, to, msgid, body, len);
        return 0;
    }
    frame_put_head(out, msgid, (uint32_t)len);
    memcpy(out + FRAME_HEAD, body, len);
    return sock_send_to(u->fd, to, out, FRAME_HEAD + len);
}

/* --- questions ---------------------------------------------------------------------- */

static void handle(struct udp_batch *u, const uint8_t *at, size_t len,
                   const struct net_addr *from)
{
    struct frame f;
    char text[NET_ADDR_STRLEN];
    ssize_t n = frame_parse(at, len, UDP_MAX_BODY, &f);

    if (n < FRAME_HEAD || (size_t)n != len) {
        bump(&u->n_bad);
        LOG_EVERY(LOG_GAP_MS, LOG_LEVEL_WARN, "udp.bad", "bytes=%zu peer=%s", len,
                  net_addr_str(from, text));
        return;
    }
    bump(&u->n_in);
    u->fn(u, &f, from, u->arg);
}

static void prepare(struct udp_batch *u)
{
    unsigned i;

    for (i = 0; i < UDP_BATCH; i++) {
        struct message *m = &u->in[i];

        m->at = (struct iovec){u->in_bytes + (size_t)i * DATAGRAM_MAX, DATAGRAM_MAX};
        u->in_head[i].msg_hdr = (struct msghdr){.msg_name = &m->addr,
                                                .msg_namelen = sizeof(m->addr),
                                                .msg_iov = &m->at,
                                                .msg_iovlen = 1};
    }
}

/* Returns how many were read. */
static int read_one(struct udp_batch *u)
{
    struct net_addr from;
    ssize_t n = sock_recv_from(u->fd, u->in_bytes, DATAGRAM_MAX, &from);

    if (n >= 0)                       /* errors concern datagrams sent before */
        handle(u, u->in_bytes, (size_t)n, &from);
    return n >= 0;
}

static int read_batch(struct udp_batch *u)
{
    int i, n = recvmmsg(u->fd, u->in_head, UDP_BATCH, MSG_DONTWAIT, NULL);
    struct net_addr from;

    for (i = 0; i < n; i++) {
        from_sockaddr(&from, &u->in[i].addr);
        handle(u, u->in[i].at.iov_base, u->in_head[i].msg_len, &from);
        u->in_head[i].msg_hdr.msg_namelen = sizeof(u->in[i].addr);
    }
    return n;
}

static void on_readable(int fd, uint32_t events, void *arg)
{
    struct udp_batch *u = arg;
    int turn, n = UDP_BATCH;

    (void)fd;
    (void)events;
    handling = u;
    for (turn = 0; turn < TURNS && n == UDP_BATCH; turn++) {
        n = u->is_busy || ++u->turn % PROBE == 0 ? read_batch(u) : read_one(u);
        flush(u);
    }
    u->is_busy = turn > 1 || n > 1;
    handling = NULL;
}

/* --- open and close ----------------------------------------------------------------- */

int udp_batch_open(struct udp_batch **out, struct evloop *l, const struct net_addr *at,
                   udp_batch_fn *fn, void *arg)
{
    struct udp_batch *u = calloc(1, sizeof(*u));
    void *in = mmap(NULL, (size_t)UDP_BATCH * DATAGRAM_MAX, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    int rc;

    if (!u || in == MAP_FAILED) {
        free(u);
        if (in != MAP_FAILED)
            munmap(in, (size_t)UDP_BATCH * DATAGRAM_MAX);
        return -ENOMEM;
    }
    u->loop = l;
    u->fn = fn;
    u->arg = arg;
    u->in_bytes = in;
    prepare(u);
    u->fd = sock_datagram(at);
    rc = u->fd < 0 ? u->fd : evloop_add_fd(l, u->fd, EPOLLIN, on_readable, u);
    if (rc == 0) {
        *out = u;
        return 0;
    }
    if (u->fd >= 0)
        close(u->fd);
    munmap(u->in_bytes, (size_t)UDP_BATCH * DATAGRAM_MAX);
    free(u);
    return rc;
}

void udp_batch_close(struct udp_batch *u)
{
    if (!u)
        return;
    evloop_del_fd(u->loop, u->fd);
    close(u->fd);
    munmap(u->in_bytes, (size_t)UDP_BATCH * DATAGRAM_MAX);
    free(u);
}

int udp_batch_local_addr(const struct udp_batch *u, struct net_addr *out)
{
    return sock_local_addr(u->fd, out);
}

void udp_batch_stat(const struct udp_batch *u, struct udp_stat *out)
{
    *out = (struct udp_stat){u->n_in, u->n_bad};
}
