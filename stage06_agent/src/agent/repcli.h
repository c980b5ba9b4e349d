/* repcli -- the agent's side of the Report Service: sends totals while there is a
 * connection.  Without one nothing is kept: when it is back, everything is told again,
 * and totals lose nothing by it.  Thread: loop. */
#ifndef LARS_AGENT_REPCLI_H
#define LARS_AGENT_REPCLI_H

#include <stddef.h>
#include <stdint.h>

#include "net/tcpcli.h"
#include "proto/msg_report.h"

struct repcli;

struct repcli_config {
    struct net_addr server[TCPCLI_MAX_ADDRS]; /* tried in turn */
    size_t n_server;                  /* 1 and more */
    const struct dispatch *dispatch;  /* for what it sends; NULL: it never speaks */
    uint32_t caller;                 /* our IPv4 in reports; 0 = that of the connection */
    void (*on_up)(void *arg);         /* tell everything (again) */
    void (*on_end)(void *arg);        /* after repcli_finish(): all is sent, or gone */
    void *arg;                        /* borrowed */
};

/* Copies <cfg>.  Returns 0 or -errno.  Thread: init. */
int repcli_create(struct repcli **out, struct evloop *l, const struct repcli_config *cfg);
void repcli_destroy(struct repcli *c); /* NULL is fine */

/* Returns 0; -ENOTCONN; as conn_send(). */
int repcli_send(struct repcli *c, const struct module_id *m,
                const struct msg_result *res, size_t n);

/* Our IPv4 as reports have it; 0 before the first connection. */
uint32_t repcli_caller(const struct repcli *c);

/* Any frame.  Returns as tcpcli_send(). */
int repcli_send_frame(struct repcli *c, int32_t msgid, const void *body, size_t len);

void repcli_finish(struct repcli *c); /* send what waits and close for good */

struct tcpcli *repcli_client(struct repcli *c); /* its connection, borrowed */

#endif
