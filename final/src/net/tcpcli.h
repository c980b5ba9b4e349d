/* tcpcli -- a client that keeps a framed connection to a server: it connects, and
 * reconnects after each loss, with back-off and jitter, to its addresses in turn.
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
    struct net_addr to[TCPCLI_MAX_ADDRS]; /* servers, tried in turn */
    size_t n_to;                      /* 1 to TCPCLI_MAX_ADDRS */
    const struct dispatch *dispatch;  /* handlers for received frames; borrowed */
    size_t max_out;                   /* bytes that may wait for sending; 0 = 4 MiB */
    uint32_t connect_ms;              /* limit for a TCP connection; 0 = 3,000 */
    uint32_t min_ms, max_ms;          /* back-off after failures; 0 = 100 and 5,000 */
    /* As in struct conn_config: TLS, for example.  NULL: plain. */
    int (*choose_io)(struct conn *c, void *io_arg);
    void *io_arg;                     /* borrowed */
    /* The connection was established: send what the server must receive first.  May be
     * NULL. */
    void (*on_up)(struct tcpcli *c, void *arg);
    /* The connection was lost, or the first attempt failed.  Called once for each loss,
     * not for each failed attempt.  May be NULL. */
    void (*on_down)(struct tcpcli *c, void *arg);
    void *arg;                        /* borrowed */
};

/* Copies <cfg>; borrows <l>.  The first attempt is made in the next turn of the loop.
 * Returns 0; -EINVAL when n_to is 0 or above TCPCLI_MAX_ADDRS; -ENOMEM; -EMFILE. */
int tcpcli_create(struct tcpcli **out, struct evloop *l, const struct tcpcli_config *cfg);

/* Close at once and free; on_down() is not called.  Must not be called from a hook or a
 * handler.  NULL is fine. */
void tcpcli_destroy(struct tcpcli *c);

/* Send a frame.  Returns as conn_send(); -ENOTCONN while there is no connection, and then
 * the frame is not kept. */
int tcpcli_send(struct tcpcli *c, int32_t msgid, const void *body, size_t len);

/* Send the frames that wait, close, and do not reconnect.  on_down() is called when the
 * connection is closed. */
void tcpcli_finish(struct tcpcli *c);

/* Whether the client is connected to the first of its servers, or to none. */
bool tcpcli_is_first(const struct tcpcli *c);

/* Close the connection and try the first server, or the server after the present one.
 * Does nothing without a connection; tcpcli_go_first() nothing at the first server. */
void tcpcli_go_first(struct tcpcli *c);
void tcpcli_go_next(struct tcpcli *c);

uint64_t tcpcli_n_frames(const struct tcpcli *c); /* received, from all servers */

/* Choose the io of <conn>, which connects to a server of <c>, as <c> does.  For a group
 * whose choose_io this is, with <c> as its io_arg. */
int tcpcli_choose_io(struct conn *conn, void *c);

/* The local address of the connection.  Returns 0; -ENOTCONN; another -errno. */
int tcpcli_local_addr(const struct tcpcli *c, struct net_addr *out);

#endif
