/* One connected socket for each port of the agent.  A connected socket reports a dead
 * agent at once, as ECONNREFUSED, and receives datagrams of the agent only.
 *
 * Every question has a number, and only the reply with that number and that module is
 * accepted: a reply that comes too late must not answer the next question.  A question is
 * sent twice, the second time when half of its time is over, because a datagram may be
 * lost.
 *
 * Invariant: no reply of an earlier question, of another module or of a hostile sender is
 * ever returned, and a question ends within <timeout_ms> whatever arrives meanwhile.
 *
 * Rejected: TCP, which would keep a connection of the agent for every process of the
 * host; a socket for each question, which would cost three more system calls. */
#include "api/udp_client.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/mono.h"
#include "base/own_fd.h"
#include "net/frame.h"
#include "net/sock.h"

#define DATAGRAM_MAX 65536

struct udp_client {
    struct net_addr agent;            /* its first port */
    struct own_fd fd[UDP_CLIENT_PORTS]; /* the program may close the numbers */
    uint32_t timeout_ms;
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
        fd = sock_datagram_to(&to, c->timeout_ms / 2 + 1);
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

    if (!own_fd_is_mine(f)) {
        close_sockets(c);
        if (open_sockets(c) < 0)
            return -EBADF;
    }
    return f->fd;
}

/* --- questions and reports ---------------------------------------------------------- */

/* Read until the reply comes or <end_ms> has passed.  A read waits for at most half of
 * the client's time-out.  Returns 0; -ETIMEDOUT; -ECONNREFUSED. */
static int wait_reply(struct udp_client *c, int fd, const struct expected *x,
                      uint64_t end_ms)
{
    struct frame f;
    ssize_t n;

    do {
        n = sock_read(fd, c->in, sizeof(c->in));
        if (n < 0)
            return n == -EAGAIN ? -ETIMEDOUT : (int)n;
        if (frame_parse(c->in, (size_t)n, FRAME_MAX_BODY, &f) == n && is_reply(x, &f))
            return 0;
    } while (mono_ms() < end_ms);
    return -ETIMEDOUT;
}

static int send_frame(int fd, int32_t msgid, const void *body, size_t len)
{
    char out[FRAME_HEAD + MSG_HOST_ROOM];
    ssize_t n;

    frame_put_head((uint8_t *)out, msgid, (uint32_t)len);
    memcpy(out + FRAME_HEAD, body, len);
    n = sock_write(fd, out, FRAME_HEAD + len);
    if (n == -ECONNREFUSED) /* the error of an earlier datagram: this one was not sent */
        n = sock_write(fd, out, FRAME_HEAD + len);
    return n < 0 ? (int)n : 0;
}

static int ask(struct udp_client *c, const struct expected *x, int32_t msgid,
               const void *body, size_t len)
{
    int fd = socket_of(c, x->mod);
    uint64_t now = mono_ms();
    int rc = -ETIMEDOUT, i;

    for (i = 1; i <= 2 && (rc == -ETIMEDOUT || rc == -ECONNREFUSED); i++) {
        rc = send_frame(fd, msgid, body, len);
        if (rc == 0)
            rc = wait_reply(c, fd, x, now + c->timeout_ms * (uint32_t)i / 2);
    }
    return rc;
}

int udp_client_get_host(struct udp_client *c, const struct module_id *m,
                        struct msg_host_reply *out)
{
    struct msg_get_host q = {++c->seq, *m};
    struct expected x = {.msgid = MSG_HOST, .mod = *m, .seq = q.seq, .reply = out};
    char body[MSG_HOST_ROOM];
    ssize_t n = msg_host_pack_get(&q, body, sizeof(body));

    return n < 0 ? (int)n : ask(c, &x, MSG_GET_HOST, body, (size_t)n);
}

int udp_client_get_route(struct udp_client *c, const struct module_id *m,
                         struct msg_host *out, size_t *n_out)
{
    struct expected x = {.msgid = MSG_API_ROUTE, .mod = *m, .host = out, .n = n_out};
    char body[MSG_HOST_ROOM];
    ssize_t n = msg_pack_get_route(&x.mod, body, sizeof(body));

    return n < 0 ? (int)n : ask(c, &x, MSG_API_GET_ROUTE, body, (size_t)n);
}

int udp_client_report(struct udp_client *c, const struct msg_call *call)
{
    int fd = socket_of(c, call->mod);
    char body[MSG_HOST_ROOM];
    ssize_t n = msg_host_pack_call(call, body, sizeof(body));

    return n < 0 ? (int)n : send_frame(fd, MSG_REPORT, body, (size_t)n);
}

void udp_client_after_fork(struct udp_client *c)
{
    close_sockets(c);
    (void)open_sockets(c);
}

int udp_client_create(struct udp_client **out, const struct net_addr *agent,
                      uint32_t timeout_ms)
{
    struct udp_client *c = calloc(1, sizeof(*c));
    int i, rc;

    if (!c)
        return -ENOMEM;
    for (i = 0; i < UDP_CLIENT_PORTS; i++)
        c->fd[i].fd = -1;
    c->agent = *agent;
    c->timeout_ms = timeout_ms;
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
    free(c);
}
