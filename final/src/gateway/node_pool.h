/* node_pool -- connections to nodes, and those of them that wait for their next request.
 * The one used last is taken first, so that the others grow old and are closed.  A
 * connection that waits is closed after NODE_IDLE_MS, before common servers close it
 * (after 5 s), and a second before the node announces that it closes it: a request that
 * is sent while the server closes would be lost.  One that becomes readable while it
 * waits has been closed by the node, or speaks out of turn, and is closed at once.
 * Thread: loop. */
#ifndef LARS_GATEWAY_NODE_POOL_H
#define LARS_GATEWAY_NODE_POOL_H

#include "api/lars.h"
#include "net/stream.h"

#define NODE_IDLE_MS 4000
#define NODE_IDLE_MAX 32                  /* waiting connections to one node */
#define NODE_LIFE_MS 60000

struct node_pool;

struct node_conn {
    struct stream stream;                 /* first: a stream is its node_conn */
    struct node_pool *pool;
    struct lars_addr addr;
    void *user;                           /* who has it now; NULL = it waits */
    bool reused;                          /* it has carried a request before */
    uint64_t born_ms;
    struct buf in;                        /* bytes of a head that is not complete */
    struct evtimer idle;
    struct evloop_call free_later;
    struct node_conn *next, **prev;       /* those that wait */
    struct node_conn *all_next, **all_prev;
};

int node_pool_create(struct node_pool **out, struct evloop *l); /* 0, -ENOMEM */
void node_pool_destroy(struct node_pool *p); /* closes all; NULL is fine */

/* A connection to <addr> for <user>: one that waits, unless <fresh>, or a new one, which
 * is then connecting: owner->on_connect follows.  Returns 0; -EMFILE, -ENETUNREACH,
 * -ENOMEM ... */
int node_pool_take(struct node_pool *p, const struct lars_addr *addr, bool fresh,
                   const struct stream_owner *owner, void *user, struct node_conn **out);

/* The response was read to its end and the request sent to its end: keep it.  <closes_s>:
 * after how many idle seconds the node closes it, UINT32_MAX = not known; one that is
 * closed in less than two is not kept. */
void node_pool_keep(struct node_conn *n, uint32_t closes_s);

/* Close it; it is freed at the end of this turn. */
void node_pool_drop(struct node_conn *n);

size_t node_pool_n_waiting(const struct node_pool *p);

#endif
