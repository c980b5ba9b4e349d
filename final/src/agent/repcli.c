#include "agent/repcli.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "base/ipv4.h"
#include "base/log.h"
#include "base/role.h"

struct repcli {
    struct repcli_config cfg;
    struct dispatch *dispatch; /* without handlers; used when cfg has none */
    struct tls_client tls;
    struct tcpcli *cli;
    uint32_t caller; /* our IPv4 in reports, for this connection */
    bool finish; /* repcli_finish() was called */
    char body[FRAME_MAX_BODY];
};

static void on_up(struct tcpcli *cli, void *arg)
{
    struct repcli *c = arg;
    struct net_addr me;
    char text[NET_ADDR_STRLEN];

    c->caller = c->cfg.caller;
    if (c->caller == 0 && tcpcli_local_addr(cli, &me) == 0 && me.family == AF_INET)
        c->caller = ipv4_of(&me);
    me = ipv4_addr(c->caller, 0);
    LOG_DEBUG("reportd.connected", "caller=%s", net_addr_str(&me, text));
    c->cfg.on_up(c->cfg.arg);
}

static void on_down(struct tcpcli *cli, void *arg)
{
    struct repcli *c = arg;

    (void)cli;
    c->cfg.on_down(c->cfg.arg);
    LOG_DEBUG("reportd.disconnected", "last=%s", c->finish ? "yes" : "no");
    if (c->finish)
        c->cfg.on_end(c->cfg.arg);
}

int repcli_create(struct repcli **out, struct evloop *l, const struct repcli_config *cfg)
{
    struct tcpcli_config tc = {.n_to = cfg->n_server, .on_up = on_up, .on_down = on_down};
    struct repcli *c = calloc(1, sizeof(*c));
    int rc = c ? dispatch_create(&c->dispatch) : -ENOMEM;

    if (rc < 0) {
        free(c);
        return rc;
    }
    c->cfg = *cfg;
    memcpy(tc.to, cfg->server, sizeof(tc.to));
    tc.dispatch = cfg->dispatch ? cfg->dispatch : c->dispatch;
    c->tls = (struct tls_client){.link = cfg->tls, .wanted = ROLE_REPORTD};
    tc.choose_io = tls_conn_connect;
    tc.io_arg = &c->tls;
    tc.arg = c;
    rc = tcpcli_create(&c->cli, l, &tc);
    if (rc < 0)
        repcli_destroy(c);
    else
        *out = c;
    return rc;
}

void repcli_destroy(struct repcli *c)
{
    if (!c)
        return;
    tcpcli_destroy(c->cli);
    dispatch_destroy(c->dispatch);
    free(c);
}

int repcli_send(struct repcli *c, const struct module_id *m, const struct msg_result *res,
                size_t n)
{
    struct msg_report r = {*m, c->caller, (uint32_t)time(NULL)};
    ssize_t len = msg_report_pack(&r, res, n, c->body, sizeof(c->body));

    return len < 0 ? (int)len
                   : tcpcli_send(c->cli, MSG_REPORT_STATUS, c->body, (size_t)len);
}

uint32_t repcli_caller(const struct repcli *c)
{
    return c->caller;
}

int repcli_send_frame(struct repcli *c, int32_t msgid, const void *body, size_t len)
{
    return tcpcli_send(c->cli, msgid, body, len);
}

void repcli_finish(struct repcli *c)
{
    c->finish = true;
    tcpcli_finish(c->cli);
}

struct tcpcli *repcli_client(struct repcli *c)
{
    return c->cli;
}
