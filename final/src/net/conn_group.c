/* The connections of one loop share their configuration, their counters and two spare
 * buffers; the group holds these and a list of its connections.
 *
 * Invariant: a connection is in the list from conn_open() until it is freed, which is
 * later than its close.  So conn_group_each() may call functions that close any of them.
 * Rejected: an index by descriptor, because the kernel may give the number of a closed
 * connection to a new one before the old object is freed. */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "net/conn_private.h"

#define DEFAULT_MAX_OUT ((size_t)4 << 20)
#define DEFAULT_LINGER_MS 5000

int conn_group_create(struct conn_group **out, struct evloop *l,
                      const struct conn_config *cfg)
{
    struct conn_group *g = calloc(1, sizeof(*g));

    assert(cfg->dispatch);
    if (!g)
        return -ENOMEM;
    g->loop = l;
    g->cfg = *cfg;
    if (g->cfg.max_body == 0 || g->cfg.max_body > FRAME_MAX_BODY)
        g->cfg.max_body = FRAME_MAX_BODY;
    if (g->cfg.max_out == 0)
        g->cfg.max_out = DEFAULT_MAX_OUT;
    if (g->cfg.linger_ms == 0)
        g->cfg.linger_ms = DEFAULT_LINGER_MS;
    *out = g;
    return 0;
}

void conn_group_destroy(struct conn_group *g)
{
    if (!g)
        return;
    while (g->first)
        conn_kill(g->first);
    buf_free(&g->in);
    buf_free(&g->out);
    free(g);
}

int conn_group_start(struct conn_group *g, int fd, const struct net_addr *peer)
{
    evloop_assert_owner(g->loop);
    return conn_open(g, fd, peer);
}

void conn_group_each(struct conn_group *g, void (*fn)(struct conn *c, void *arg),
                     void *arg)
{
    struct conn *c, *next;

    evloop_assert_owner(g->loop);
    for (c = g->first; c; c = next) {
        next = c->next; /* fn may close it; it is freed later */
        if (c->state == CONN_OPEN || c->state == CONN_DRAINING)
            fn(c, arg);
    }
}

void conn_group_set_user(struct conn_group *g, void *user)
{
    g->user = user;
}

void *conn_group_user(const struct conn_group *g)
{
    return g->user;
}

size_t conn_group_n_open(const struct conn_group *g)
{
    return g->n_open;
}

const struct conn_stat *conn_group_stat(const struct conn_group *g)
{
    return &g->stat;
}
