/* One connected socket for each port of the agent.  A connected socket reports a dead
 * agent at once, as ECONNREFUSED, and receives datagrams of the agent only.
 *
 * Every question has a number, and only the reply with that number and that module is
 * accepted: a reply that comes too late must not answer the next question.  A question is
 * sent twice, the second time when half of its time is over, because a datagram may be
 * lost.
 *
 * No read and no write blocks: poll() waits, each time for what is left of the question's
 * time.
 *
 * Invariant: no reply of an earlier question, of another module or of a hostile sender is
 * ever returned, and a question ends at its end whatever arrives meanwhile: datagrams,
 * signals, or nothing.
 *
 * Rejected: SO_RCVTIMEO, whose time begins anew with each read that a signal interrupts,
 * so that a timer of 20 ms makes a wait of 200 ms endless; TCP, which would keep a
 * connection of the agent for every process of the host; a socket for each question,
 * which would cost three more system calls. */
#include "api/udp_client.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/mono.h"
#include "base/own_fd.h"
#include "net/frame.h"
#include "net/sock.h"

#define DATAGRAM_MAX 65536

struct udp_client {
    struct net_addr agent;            /* its first port */
    pthread_mutex_t fd_lock;          /* guards <fd>; never held during a wait */
    struct own_fd fd[UDP_CLIENT_PORTS]; /* the program may close the numbers */
    uint32_t seq;                     /* of the last question */
    char in[DATAGRAM_MAX];
};

/* What a reply must have, and where its content goes. */
struct expected {
    int32_t msgid;                    /* MSG_HOST or MSG_API_ROUTE */
    struct module_id mod;
    uint32_t seq;                     /* MSG_HOST */
    struct msg_host_reply *reply;     /* MSG_HOST */
    struct msg_host *host;            /* MSG_API_ROUTE: room for MSG_MAX_HOSTS */
    size_t *n;                        /* MSG_API_ROUTE: how many came */
};

static bool is_same(struct module_id a, struct module_id b)
{
    return a.modid == b.modid && a.cmdid == b.cmdid;
}

static bool is_reply(const struct expected *x, const struct frame *f)
{
    struct module_id m;

    if (f->msgid != x->msgid)
        return false;
    if (x->msgid == MSG_API_ROUTE)
        return msg_unpack_route(&m, x->host, MSG_MAX_HOSTS, x->n, f->body, f->len) == 0 &&
               is_same(m, x->mod);
    return msg_host_unpack_reply(x->reply, f->body, f->len) == 0 &&
           x->reply->seq == x->seq && is_same(x->reply->mod, x->mod);
}

/* --- sockets ------------------------------------------------------------------------ */

static int open_sockets(struct udp_client *c)
{
    struct net_addr to = c->agent;
    int i, fd;

    for (i = 0; i < UDP_CLIENT_PORTS; i++, to.port++) {
        fd = sock_datagram_to(&to, 1);
        if (fd < 0)
            return fd;
        c->fd[i] = own_fd_take(fd);
    }
    return 0;
}

static void close_sockets(struct udp_client *c)
{
    int i;

    for (i = 0; i < UDP_CLIENT_PORTS; i++)
        own_fd_close(&c->fd[i]);
}

/* The socket of a module's port; -EBADF.  A number that the program has closed, or now
 * uses for a file of its own, is left alone and all sockets are made anew. */
static int socket_of(struct udp_client *c, struct module_id m)
{
    const struct own_fd *f = &c->fd[module_id_shard(m, UDP_CLIENT_PORTS)];
    int fd = -EBADF;

    pthread_mutex_lock(&c->fd_lock);
    if (!own_fd_is_mine(f)) {
        close_sockets(c);
        (void)open_sockets(c);
    }
    if (f->fd != -1)
        fd = f->fd;
    pthread_mutex_unlock(&c->fd_lock);
    return fd;
}

/* --- questions and reports ---------------------------------------------------------- */

/* Waits until <fd> is ready for <events>.  Returns 0; -ETIMEDOUT at <end_ms>; -EINTR if
 * <w> wants it. */
static int wait_ready(int fd, short events, const struct udp_wait *w, uint64_t end_ms)
{
    struct pollfd p = {.fd = fd, .events = events};
    uint64_t now;
    int n;

    for (;;) {
        now = mono_ms();
        if (now >= end_ms)
            return -ETIMEDOUT;
        n = poll(&p, 1, end_ms - now < INT_MAX ? (int)(end_ms - now) : INT_MAX);
        if (n > 0)
            return 0;
        if (n == -1 && errno != EINTR)
            return -errno;
        if (n == -1 && w->eintr)
            return -EINTR;
    }
}

/* Reads until the reply comes.  Returns 0; -ETIMEDOUT at <end_ms>; -ECONNREFUSED;
 * -EINTR. */
static int wait_reply(struct udp_client *c, int fd, const struct expected *x,
                      const struct udp_wait *w, uint64_t end_ms)
{
    struct frame f;
    ssize_t n;
    int rc;

    while ((rc = wait_ready(fd, POLLIN, w, end_ms)) == 0) {
        n = recv(fd, c->in, sizeof(c->in), MSG_DONTWAIT);
        if (n == -1 && errno != EAGAIN && errno != EINTR)
            return -errno;
        if (n > 0 && frame_parse(c->in, (size_t)n, FRAME_MAX_BODY, &f) == n &&
            is_reply(x, &f))
            return 0;
    }
    return rc;
}

/* Returns 0; -EAGAIN when the socket is full; -errno. */
static int send_frame(int fd, int32_t msgid, const void *body, size_t len)
{
    char out[FRAME_HEAD + MSG_HOST_ROOM];
    ssize_t n;

    if (fd < 0)
        return fd;
    frame_put_head((uint8_t *)out, msgid, (uint32_t)len);
    memcpy(out + FRAME_HEAD, body, len);
    n = send(fd, out, FRAME_HEAD + len, MSG_DONTWAIT);
    if (n == -1 && errno == ECONNREFUSED) /* of an earlier datagram; this was not sent */
        n = send(fd, out, FRAME_HEAD + len, MSG_DONTWAIT);
    return n == -1 ? -errno : 0;
}

/* Asks once.  Returns 0; -ETIMEDOUT at <end_ms>; another error. */
static int ask_once(struct udp_client *c, const struct expected *x, int32_t msgid,
                    const void *body, size_t len, const struct udp_wait *w,
                    uint64_t end_ms)
{
    int fd = socket_of(c, x->mod), rc;

    do
        rc = send_frame(fd, msgid, body, len);
    while (rc == -EAGAIN && (rc = wait_ready(fd, POLLOUT, w, end_ms)) == 0);
    return rc == 0 ? wait_reply(c, fd, x, w, end_ms) : rc;
}

static int ask(struct udp_client *c, const struct expected *x, int32_t msgid,
               const void *body, size_t len, const struct udp_wait *w)
{
    uint64_t now = mono_ms(), half = now < w->end_ms ? now + (w->end_ms - now) / 2 : now;
    int rc = ask_once(c, x, msgid, body, len, w, half);

    if (rc == -ETIMEDOUT || rc == -ECONNREFUSED)
        rc = ask_once(c, x, msgid, body, len, w, w->end_ms);
    return rc;
}

int udp_client_get_host(struct udp_client *c, const struct module_id *m,
                        const struct udp_wait *w, struct msg_host_reply *out)
{
    struct msg_get_host q = {++c->seq, *m};
    struct expected x = {.msgid = MSG_HOST, .mod = *m, .seq = q.seq, .reply = out};
    char body[MSG_HOST_ROOM];
    ssize_t n = msg_host_pack_get(&q, body, sizeof(body));

    return n < 0 ? (int)n : ask(c, &x, MSG_GET_HOST, body, (size_t)n, w);
}

int udp_client_get_route(struct udp_client *c, const struct module_id *m,
                         const struct udp_wait *w, struct msg_host *out, size_t *n_out)
{
    struct expected x = {.msgid = MSG_API_ROUTE, .mod = *m, .host = out, .n = n_out};
    char body[MSG_HOST_ROOM];
    ssize_t n = msg_pack_get_route(&x.mod, body, sizeof(body));

    return n < 0 ? (int)n : ask(c, &x, MSG_API_GET_ROUTE, body, (size_t)n, w);
}

int udp_client_report(struct udp_client *c, const struct msg_call *call)
{
    char body[MSG_HOST_ROOM];
    ssize_t n = msg_host_pack_call(call, body, sizeof(body));
    int rc = n < 0 ? (int)n
                   : send_frame(socket_of(c, call->mod), MSG_REPORT, body, (size_t)n);

    return rc == -EAGAIN ? -ENOBUFS : rc;
}

void udp_client_after_fork(struct udp_client *c)
{
    pthread_mutex_init(&c->fd_lock, NULL); /* a thread of the parent may have held it */
    close_sockets(c);
    (void)open_sockets(c);
}

int udp_client_create(struct udp_client **out, const struct net_addr *agent)
{
    struct udp_client *c = calloc(1, sizeof(*c));
    int i, rc;

    if (!c)
        return -ENOMEM;
    for (i = 0; i < UDP_CLIENT_PORTS; i++)
        c->fd[i].fd = -1;
    c->agent = *agent;
    pthread_mutex_init(&c->fd_lock, NULL);
    c->seq = (uint32_t)mono_us(); /* not the numbers of a process that had this port */
    rc = open_sockets(c);
    if (rc < 0)
        udp_client_destroy(c);
    else
        *out = c;
    return rc;
}

void udp_client_destroy(struct udp_client *c)
{
    if (!c)
        return;
    close_sockets(c);
    pthread_mutex_destroy(&c->fd_lock);
    free(c);
}
