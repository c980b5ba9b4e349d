/* A client has one UDP socket for each port of the agent.  The sockets are connected: the
 * kernel then drops datagrams of other senders, and reports a port that is closed by
 * ECONNREFUSED, without a time-out.
 *
 * Invariant: a reply is accepted only when it has the number of the request, so a reply
 * that arrives late cannot answer the next request.  A request is sent a second time when
 * half of the time-out has passed.
 * Rejected: TCP to the agent, which costs a connection and more memory in the agent for
 * each client thread. */
#include "api/lars.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "api/fallback.h"
#include "base/mono.h"
#include "base/net_addr.h"
#include "net/frame.h"
#include "net/sock.h"
#include "proto/msg_host.h"

#define SHARDS 3
#define TIMEOUT_MS 200
#define REGISTER_MS 1000
#define DATAGRAM_MAX 65536

_Static_assert(sizeof(struct lars_addr) == sizeof(struct net_addr), "same layout");

struct lars_client {
    pthread_mutex_t lock;             /* guards the fields below */
    int fd[SHARDS];
    uint32_t timeout_ms, seq;
    struct fallback *fallback;
    char in[DATAGRAM_MAX];
};

/* The reply that is expected, and its content once it has arrived. */
struct expect {
    int32_t msgid;
    struct module_id mod;
    uint32_t seq;
    struct msg_host_reply reply;      /* filled for MSG_HOST */
    struct msg_host *host;            /* filled for MSG_API_ROUTE; MSG_MAX_HOSTS */
    size_t n;
};

static bool is_reply(struct expect *x, const struct frame *f)
{
    struct module_id m;

    if (f->msgid != x->msgid)
        return false;
    if (x->msgid == MSG_API_ROUTE)
        return msg_unpack_route(&m, x->host, MSG_MAX_HOSTS, &x->n, f->body, f->len) ==
                   0 &&
               m.modid == x->mod.modid && m.cmdid == x->mod.cmdid;
    return msg_host_unpack_reply(&x->reply, f->body, f->len) == 0 &&
           x->reply.seq == x->seq && x->reply.mod.modid == x->mod.modid &&
           x->reply.mod.cmdid == x->mod.cmdid;
}

/* Wait until the expected reply arrives or <end_ms> has passed.  Returns 0; -ETIMEDOUT;
 * -ECONNREFUSED; another -errno. */
static int wait_reply(struct lars_client *c, int fd, struct expect *x, uint64_t end_ms)
{
    struct frame f;
    ssize_t n;

    do {
        n = sock_read(fd, c->in, sizeof(c->in)); /* waits timeout_ms / 2 at most */
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
    if (n == -ECONNREFUSED)           /* caused by an earlier datagram: send again */
        n = sock_write(fd, out, FRAME_HEAD + len);
    return n < 0 ? (int)n : 0;
}

static int exchange(struct lars_client *c, struct expect *x, int32_t msgid,
                    const void *body, size_t len)
{
    int fd = c->fd[module_id_shard(x->mod, SHARDS)];
    uint64_t now = mono_ms();
    int rc = -ETIMEDOUT, i;

    for (i = 1; i <= 2 && (rc == -ETIMEDOUT || rc == -ECONNREFUSED); i++) {
        rc = send_frame(fd, msgid, body, len);
        if (rc == 0)
            rc = wait_reply(c, fd, x, now + c->timeout_ms * (uint32_t)i / 2);
    }
    return rc;
}

static struct lars_addr addr_of(uint32_t ip, uint32_t port)
{
    struct lars_addr a = {.family = AF_INET, .port = (uint16_t)port};

    a.ip[0] = (uint8_t)(ip >> 24);
    a.ip[1] = (uint8_t)(ip >> 16);
    a.ip[2] = (uint8_t)(ip >> 8);
    a.ip[3] = (uint8_t)ip;
    return a;
}

static int errno_of(int32_t retcode)
{
    switch (retcode) {
    case MSG_RET_OK:
        return 0;
    case MSG_RET_OVERLOAD:
        return -EAGAIN;
    case MSG_RET_NONE:
        return -ENOENT;
    default:
        return -EIO;
    }
}

/* The caller holds the lock. */
static int get_host(struct lars_client *c, const struct module_id *m,
                    struct msg_host *host)
{
    struct msg_get_host q = {++c->seq, *m};
    struct expect x = {.msgid = MSG_HOST, .mod = *m, .seq = q.seq};
    char body[MSG_HOST_ROOM];
    ssize_t n = msg_host_pack_get(&q, body, sizeof(body));
    int rc = -ETIMEDOUT;

    if (n < 0)
        return (int)n;
    if (!fallback_agent_is_dead(c->fallback, mono_ms()))
        rc = exchange(c, &x, MSG_GET_HOST, body, (size_t)n);
    if (rc == 0) {
        *host = x.reply.host;
        return errno_of(x.reply.retcode);
    }
    return fallback_pick(c->fallback, m, host, mono_ms()) == 0 ? 1 : -ETIMEDOUT;
}

int lars_get_host(struct lars_client *c, uint32_t modid, uint32_t cmdid,
                  struct lars_host *out)
{
    struct module_id m = {modid, cmdid};
    struct msg_host host;
    int rc;

    if (!c || (modid == 0 && cmdid == 0))
        return -EINVAL;
    pthread_mutex_lock(&c->lock);
    rc = get_host(c, &m, &host);
    pthread_mutex_unlock(&c->lock);
    if (rc >= 0)
        *out = (struct lars_host){addr_of(host.ip, host.port), modid, cmdid, mono_us()};
    return rc;
}

int lars_report(struct lars_client *c, const struct lars_host *h, int retcode)
{
    struct msg_call q;
    char body[MSG_HOST_ROOM];
    uint64_t cost;
    ssize_t n;

    if (!c || !h || (h->modid == 0 && h->cmdid == 0))
        return -EINVAL;
    if (h->addr.family != AF_INET)
        return -EAFNOSUPPORT;
    q = (struct msg_call){{h->modid, h->cmdid}, {0, h->addr.port}, retcode != 0, 0};
    q.host.ip = (uint32_t)h->addr.ip[0] << 24 | (uint32_t)h->addr.ip[1] << 16 |
                (uint32_t)h->addr.ip[2] << 8 | h->addr.ip[3];
    cost = mono_us() - h->start_us;
    q.cost_us = cost > UINT32_MAX ? UINT32_MAX : (uint32_t)cost;
    n = msg_host_pack_call(&q, body, sizeof(body));
    if (n < 0)
        return (int)n;
    return send_frame(c->fd[module_id_shard(q.mod, SHARDS)], MSG_REPORT, body, (size_t)n);
}

int lars_get_route(struct lars_client *c, uint32_t modid, uint32_t cmdid,
                   struct lars_addr *out, unsigned max)
{
    struct expect x = {.msgid = MSG_API_ROUTE, .mod = {modid, cmdid}};
    char body[MSG_HOST_ROOM];
    ssize_t n = msg_pack_get_route(&x.mod, body, sizeof(body));
    size_t i;
    int rc = -ETIMEDOUT;

    if (!c || (modid == 0 && cmdid == 0))
        return -EINVAL;
    x.host = malloc(MSG_MAX_HOSTS * sizeof(*x.host));
    if (!x.host)
        return -ENOMEM;
    pthread_mutex_lock(&c->lock);
    if (!fallback_agent_is_dead(c->fallback, mono_ms()))
        rc = exchange(c, &x, MSG_API_GET_ROUTE, body, (size_t)n);
    if (rc < 0)
        rc = fallback_route(c->fallback, &x.mod, x.host, MSG_MAX_HOSTS, &x.n, mono_ms());
    pthread_mutex_unlock(&c->lock);
    if (rc < 0)
        rc = -ETIMEDOUT;
    else if (x.n == 0 || x.n > max)
        rc = x.n == 0 ? -ENOENT : -E2BIG;
    else
        rc = (int)x.n;
    for (i = 0; rc > 0 && i < x.n; i++)
        out[i] = addr_of(x.host[i].ip, x.host[i].port);
    free(x.host);
    return rc;
}

int lars_register(struct lars_client *c, uint32_t modid, uint32_t cmdid)
{
    uint64_t end = mono_ms() + REGISTER_MS;
    struct timespec gap = {.tv_nsec = 2 * 1000 * 1000};
    struct lars_addr one;
    int rc;

    for (;;) {
        rc = lars_get_route(c, modid, cmdid, &one, 1);
        if (rc >= 0 || rc == -E2BIG)
            return 0;
        if (rc != -ENOENT || mono_ms() >= end)
            return rc;
        clock_nanosleep(CLOCK_MONOTONIC, 0, &gap, NULL);
        if (gap.tv_nsec < 50 * 1000 * 1000)
            gap.tv_nsec *= 2;
    }
}

/* --- open and close ----------------------------------------------------------------- */

static const char *or_env(const char *value, const char *name, const char *preset)
{
    const char *env = value ? value : getenv(name);

    return env && *env ? env : preset;
}

static int open_sockets(struct lars_client *c, const char *address, int port)
{
    struct net_addr to;
    int i;

    if (port < 1 || port > UINT16_MAX - SHARDS + 1 ||
        net_addr_set(&to, address, (uint16_t)port) < 0)
        return -EINVAL;
    for (i = 0; i < SHARDS; i++, to.port++) {
        c->fd[i] = sock_datagram_to(&to, c->timeout_ms / 2 + 1);
        if (c->fd[i] < 0)
            return c->fd[i];
    }
    return 0;
}

int lars_open(struct lars_client **out, const struct lars_options *opt)
{
    static const struct lars_options none;
    struct lars_client *c = calloc(1, sizeof(*c));
    const char *port;
    int i, rc;

    if (!c)
        return -ENOMEM;
    opt = opt ? opt : &none;
    pthread_mutex_init(&c->lock, NULL);
    for (i = 0; i < SHARDS; i++)
        c->fd[i] = -1;
    c->timeout_ms = opt->timeout_ms ? opt->timeout_ms : TIMEOUT_MS;
    c->seq = (uint32_t)mono_us();     /* differs from that of an earlier process */
    port = or_env(NULL, "LARS_PORT", "8888");
    rc = open_sockets(c, or_env(opt->address, "LARS_ADDRESS", "127.0.0.1"),
                      opt->port ? opt->port : net_addr_parse_port(port));
    if (rc == 0)
        rc = fallback_create(&c->fallback, or_env(opt->dir, "LARS_DIR", "build/run"));
    if (rc < 0)
        lars_close(c);
    else
        *out = c;
    return rc;
}

void lars_close(struct lars_client *c)
{
    int i;

    if (!c)
        return;
    for (i = 0; i < SHARDS; i++)
        if (c->fd[i] >= 0)
            close(c->fd[i]);
    fallback_destroy(c->fallback);
    pthread_mutex_destroy(&c->lock);
    free(c);
}
