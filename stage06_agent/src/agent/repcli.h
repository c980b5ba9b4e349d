/* repcli -- the client of the Report Service in the agent: sends totals while there is a
 * connection.  Without a connection it keeps nothing: after a reconnect all totals are
 * sent again, so no count is lost.  Thread: loop. */
#ifndef LARS_AGENT_REPCLI_H
#define LARS_AGENT_REPCLI_H

#include <stddef.h>
#include <stdint.h>

#include "net/tcpcli.h"
#include "proto/msg_report.h"

struct repcli;

struct repcli_config {
    struct net_addr server[TCPCLI_MAX_ADDRS]; /* servers, tried in turn */
    size_t n_server;                  /* 1 to TCPCLI_MAX_ADDRS */
    const struct dispatch *dispatch;  /* handlers; NULL = none are needed; borrowed */
    uint32_t caller;                  /* own IPv4 in reports; 0 = of the connection */
    void (*on_up)(void *arg);         /* connected: report all totals */
    void (*on_end)(void *arg);        /* closed after repcli_finish() */
    void *arg;                        /* borrowed */
};

/* Copies <cfg>.  Returns 0 or -errno.  Thread: init. */
int repcli_create(struct repcli **out, struct evloop *l, const struct repcli_config *cfg);
void repcli_destroy(struct repcli *c); /* NULL is fine */

/* Send a report.  Returns as tcpcli_send() and msg_report_pack(). */
int repcli_send(struct repcli *c, const struct module_id *m,
                const struct msg_result *res, size_t n);

/* The own IPv4 as in reports, host byte order; 0 before the first connection. */
uint32_t repcli_caller(const struct repcli *c);

/* Send any frame.  Returns as tcpcli_send(). */
int repcli_send_frame(struct repcli *c, int32_t msgid, const void *body, size_t len);

void repcli_finish(struct repcli *c); /* as tcpcli_finish() */

struct tcpcli *repcli_client(struct repcli *c); /* its connection, borrowed */

#endif
