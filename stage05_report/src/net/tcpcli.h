/* tcpcli -- a framed connection to a server that comes and goes: connects, and connects
 * again after every loss, with back-off and jitter, to each of its addresses in turn.
 * Thread: loop. */
#ifndef LARS_NET_TCPCLI_H
#define LARS_NET_TCPCLI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/net_addr.h"
#include "net/dispatch.h"
#include "net/evloop.h"

#define TCPCLI_MAX_ADDRS 8

struct tcpcli;

struct tcpcli_config {
    struct net_addr to[TCPCLI_MAX_ADDRS]; /* tried in turn */
    size_t n_to;                      /* 1 and more */
    const struct dispatch *dispatch;  /* for what the server sends; borrowed */
    size_t max_out;                /* bytes that may wait; 0 = 4 MiB; then it is closed */
    uint32_t connect_ms;              /* an attempt takes at most so long; 0 = 3,000 */
    uint32_t min_ms, max_ms;          /* wait after a failure; 0 = 100 and 5,000 */
    /* The connection is there: say hello, ask again for everything.  May be NULL. */
    void (*on_up)(struct tcpcli *c, void *arg);
    /* It is gone, or could not be made: once for each loss, not for each attempt. */
    void (*on_down)(struct tcpcli *c, void *arg);
    void *arg;                        /* borrowed */
};

/* Copies <cfg>; borrows <l>.  The first attempt is made in the next turn of the loop.
 * Returns 0; -EINVAL without an address; -ENOMEM. */
int tcpcli_create(struct tcpcli **out, struct evloop *l, const struct tcpcli_config *cfg);

/* Closes at once; no hook is called any more.  Not from a hook.  NULL is fine. */
void tcpcli_destroy(struct tcpcli *c);

/* Returns as conn_send(); -ENOTCONN while there is no connection: nothing is kept. */
int tcpcli_send(struct tcpcli *c, int32_t msgid, const void *body, size_t len);

/* Send what waits, close, and never connect again; on_down() tells when it is done. */
void tcpcli_finish(struct tcpcli *c);

bool tcpcli_is_first(const struct tcpcli *c); /* the first of its servers, or none */

/* Leave the server we are connected to and try the first one, or the one after it. */
void tcpcli_go_first(struct tcpcli *c);
void tcpcli_go_next(struct tcpcli *c);

uint64_t tcpcli_n_frames(const struct tcpcli *c); /* received so far, of all servers */

/* Our own address of the connection.  Returns 0; -ENOTCONN. */
int tcpcli_local_addr(const struct tcpcli *c, struct net_addr *out);

#endif
