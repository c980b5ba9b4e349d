/* One list of waiting connections for each node, found by its address.  A connection is
 * in the list of all from its creation to its end, so that the pool can close everything.
 *
 * Invariant: a connection that waits has a callback that ends it at the first event: a
 * node must not speak before it is asked.
 * Rejected: one pool for all loops.  It would need a lock in the path of each request,
 * and a connection would be watched by another loop than the one that uses it. */
#include "gateway/node_pool.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#include "net/sock.h"

struct node {
    struct lars_addr addr;
    struct node_conn *waiting; /* the one used last is first */
    unsigned n_waiting;
    UT_hash_handle hh;
};

struct node_pool {
    struct evloop *loop;
    struct node *nodes;
    struct node_conn *all;
    size_t n_waiting;
};

int node_pool_create(struct node_pool **out, struct evloop *l)
{
    struct node_pool *p = calloc(1, sizeof(*p));

    if (!p)
        return -ENOMEM;
    p->loop = l;
    *out = p;
    return 0;
}

static struct node *find_node(struct node_pool *p, const struct lars_addr *addr)
{
    struct node *n;

    HASH_FIND(hh, p->nodes, addr, sizeof(*addr), n);
    return n;
}

static struct node *add_node(struct node_pool *p, const struct lars_addr *addr)
{
    struct node *n = find_node(p, addr);

    if (n)
        return n;
    n = calloc(1, sizeof(*n));
    if (!n)
        return NULL;
    n->addr = *addr;
    HASH_ADD(hh, p->nodes, addr, sizeof(n->addr), n);
    return n;
}

/* A node without waiting connections is forgotten: routes change. */
static void take_off(struct node_pool *p, struct node_conn *c)
{
    struct node *n = find_node(p, &c->addr);

    *c->prev = c->next;
    if (c->next)
        c->next->prev = c->prev;
    c->next = NULL;
    c->prev = NULL;
    p->n_waiting--;
    if (--n->n_waiting == 0) {
        HASH_DEL(p->nodes, n);
        free(n);
    }
}

static void free_conn(void *arg)
{
    free(arg);
}

void node_pool_drop(struct node_conn *c)
{
    struct node_pool *p = c->pool;

    if (c->prev)
        take_off(p, c);
    evloop_clear_timer(p->loop, &c->idle);
    stream_close(&c->stream);
    buf_free(&c->in);
    *c->all_prev = c->all_next;
    if (c->all_next)
        c->all_next->all_prev = c->all_prev;
    evloop_defer(p->loop, &c->free_later, free_conn, c);
}

void node_pool_destroy(struct node_pool *p)
{
    struct node_conn *c;

    if (!p)
        return;
    while ((c = p->all) != NULL) {
        node_pool_drop(c);
        evloop_undefer(p->loop, &c->free_later);
        free(c);
    }
    free(p);
}

static struct node_conn *conn_of(struct stream *s)
{
    return (struct node_conn *)(void *)s; /* its first member */
}

static void waiting_input(struct stream *s)
{
    node_pool_drop(conn_of(s));
}

static void waiting_error(struct stream *s, int rc)
{
    (void)rc;
    node_pool_drop(conn_of(s));
}

static void waiting_timer(void *arg)
{
    node_pool_drop(arg);
}

static const struct stream_owner waiting_owner = {.on_input = waiting_input,
                                                  .on_drain = waiting_input,
                                                  .on_error = waiting_error,
                                                  .on_connect = waiting_error};

static struct node_conn *take_waiting(struct node_pool *p, const struct lars_addr *addr)
{
    struct node *n = find_node(p, addr);
    struct node_conn *c = n ? n->waiting : NULL;

    if (!c)
        return NULL;
    take_off(p, c);
    evloop_clear_timer(p->loop, &c->idle);
    c->reused = true;
    return c;
}

static void to_net_addr(const struct lars_addr *a, struct net_addr *out)
{
    memset(out, 0, sizeof(*out));
    out->family = a->family;
    out->port = a->port;
    memcpy(out->ip, a->ip, a->family == AF_INET ? 4 : 16);
}

static int connect_new(struct node_pool *p, const struct lars_addr *addr,
                       const struct stream_owner *owner, struct node_conn **out)
{
    struct node_conn *c = calloc(1, sizeof(*c));
    struct net_addr to;
    int fd, rc;

    if (!c)
        return -ENOMEM;
    to_net_addr(addr, &to);
    fd = sock_connect_start(&to);
    rc = fd < 0 ? fd : stream_open_connecting(&c->stream, p->loop, fd, owner);
    if (rc < 0) {
        free(c);
        return rc;
    }
    c->pool = p;
    c->addr = *addr;
    c->born_ms = evloop_now_ms(p->loop);
    c->all_next = p->all;
    c->all_prev = &p->all;
    if (p->all)
        p->all->all_prev = &c->all_next;
    p->all = c;
    *out = c;
    return 0;
}

int node_pool_take(struct node_pool *p, const struct lars_addr *addr, bool fresh,
                   const struct stream_owner *owner, void *user, struct node_conn **out)
{
    struct node_conn *c = fresh ? NULL : take_waiting(p, addr);
    int rc = c ? 0 : connect_new(p, addr, owner, &c);

    if (rc < 0)
        return rc;
    stream_set_owner(&c->stream, owner);
    c->user = user;
    *out = c;
    return 0;
}

/* How long a connection waits that the node closes after <closes_s>. */
static uint32_t idle_ms(uint32_t closes_s)
{
    if (closes_s < 2)
        return 0;
    return closes_s - 1 < NODE_IDLE_MS / 1000 ? (closes_s - 1) * 1000 : NODE_IDLE_MS;
}

void node_pool_keep(struct node_conn *c, uint32_t closes_s)
{
    struct node_pool *p = c->pool;
    struct node *n = add_node(p, &c->addr);
    uint32_t ms = idle_ms(closes_s);
    bool old = evloop_now_ms(p->loop) - c->born_ms > NODE_LIFE_MS;

    c->user = NULL;
    if (!n || old || ms == 0 || n->n_waiting >= NODE_IDLE_MAX ||
        evloop_set_timer(p->loop, &c->idle, ms, waiting_timer, c) < 0) {
        if (n && n->n_waiting == 0) {
            HASH_DEL(p->nodes, n);
            free(n);
        }
        node_pool_drop(c);
        return;
    }
    c->next = n->waiting;
    c->prev = &n->waiting;
    if (n->waiting)
        n->waiting->prev = &c->next;
    n->waiting = c;
    n->n_waiting++;
    p->n_waiting++;
    stream_set_owner(&c->stream, &waiting_owner);
    stream_read_on(&c->stream);
}

size_t node_pool_n_waiting(const struct node_pool *p)
{
    return p->n_waiting;
}
