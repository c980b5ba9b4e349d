/* repcli -- the agent's client of the Report Service: sends frames while there is a
 * connection, and keeps nothing while there is none.  After each new connection the agent
 * reports all totals again, so nothing is lost by that.
 * Thread: loop, unless said otherwise. */
#ifndef LARS_AGENT_REPCLI_H
#define LARS_AGENT_REPCLI_H

#include <stddef.h>
#include <stdint.h>

#include "net/tcpcli.h"
#include "net/tls_conn.h"
#include "proto/msg_report.h"

struct repcli;

struct repcli_config {
    struct net_addr server[TCPCLI_MAX_ADDRS]; /* tried in turn */
    size_t n_server;                  /* 1 and more */
    struct tls_link *tls;             /* borrowed; NULL = plain */
    /* Handlers of the frames that the server sends; borrowed.  NULL: it sends none. */
    const struct dispatch *dispatch;
    uint32_t caller;                  /* our IPv4 in reports; 0 = the connection's */
    void (*on_up)(void *arg);         /* there is a new connection: report everything */
    void (*on_down)(void *arg);       /* the connection was lost */
    void (*on_end)(void *arg);        /* after repcli_finish(): all is sent or lost */
    void *arg;                        /* borrowed; for the hooks */
};

/* Borrows <l>; copies <cfg>.  Returns 0; -ENOMEM; as tcpcli_create().  Thread: init. */
int repcli_create(struct repcli **out, struct evloop *l, const struct repcli_config *cfg);
void repcli_destroy(struct repcli *c); /* NULL is fine.  Thread: init */

/* Sends the totals of module <m>'s nodes (message 3).  Returns 0; -ENOTCONN; -ENOBUFS
 * when they do not fit into a frame; as conn_send(). */
int repcli_send(struct repcli *c, const struct module_id *m,
                const struct msg_result *res, size_t n);

/* Sends any frame.  Copies <body>.  Returns as tcpcli_send(). */
int repcli_send_frame(struct repcli *c, int32_t msgid, const void *body, size_t len);

/* Our IPv4 in reports; 0 before the first connection. */
uint32_t repcli_caller(const struct repcli *c);

/* Sends what is queued, closes the connection, and does not connect again. */
void repcli_finish(struct repcli *c);

/* Its connection, borrowed: valid until repcli_destroy().  Thread: init. */
struct tcpcli *repcli_client(struct repcli *c);

#endif
