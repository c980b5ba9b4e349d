#include "agent/failover.h"

#include <errno.h>
#include <stdlib.h>

#include "net/failback.h"
#include "net/liveness.h"
#include "proto/msg_batch.h"

#define PERIOD_MS 1000
#define MISSES 3

struct failover {
    struct failover_config cfg;
    struct failback *back[2];
    struct liveness *pulse[2];
};

static int ask_dns(void *arg)
{
    struct failover *s = arg;

    return dnscli_ask_one(s->cfg.dns);
}

/* A hello is answered by whom acknowledges; a base Report Service never speaks. */
static int ask_rep(void *arg)
{
    struct failover *s = arg;
    char body[16];
    ssize_t n = msg_batch_pack_hello(body, sizeof(body));

    if (n < 0 || !batch_link_is_on(s->cfg.exact))
        return -ENOENT;
    return repcli_send_frame(s->cfg.rep, MSG_HELLO, body, (size_t)n);
}

/* The pair for one client; <fb> has the question of the look. */
static int watch(struct failover *s, int i, struct evloop *l, struct tcpcli *c,
                 const struct failback_config *fb, int (*ask)(void *arg))
{
    struct liveness_config pc = {PERIOD_MS, MISSES, ask, s};
    int rc = failback_create(&s->back[i], l, c, fb);

    return rc < 0 ? rc : liveness_create(&s->pulse[i], l, c, &pc);
}

static int watch_dns(struct failover *s)
{
    const struct module_id nobody = {UINT32_MAX, UINT32_MAX}; /* an empty route comes */
    char body[32];
    ssize_t n = msg_pack_get_route(&nobody, body, sizeof(body));
    struct failback_config fb = {s->cfg.first_dns, PERIOD_MS, MSG_GET_ROUTE, body,
                                 (size_t)n};

    return n < 0 ? (int)n
                 : watch(s, 0, s->cfg.dns_loop, dnscli_client(s->cfg.dns), &fb, ask_dns);
}

static int watch_rep(struct failover *s)
{
    char body[16];
    ssize_t n = msg_batch_pack_hello(body, sizeof(body));
    struct failback_config fb = {s->cfg.first_rep, PERIOD_MS, MSG_HELLO, body, (size_t)n};

    return n < 0 ? (int)n
                 : watch(s, 1, s->cfg.rep_loop, repcli_client(s->cfg.rep), &fb, ask_rep);
}

int failover_create(struct failover **out, const struct failover_config *cfg)
{
    struct failover *s = calloc(1, sizeof(*s));
    int rc = s ? 0 : -ENOMEM;

    if (rc < 0)
        return rc;
    s->cfg = *cfg;
    if (cfg->n_dns > 1)
        rc = watch_dns(s);
    if (rc == 0 && cfg->n_rep > 1)
        rc = watch_rep(s);
    if (rc < 0)
        failover_destroy(s);
    else
        *out = s;
    return rc;
}

void failover_destroy(struct failover *s)
{
    int i;

    if (!s)
        return;
    for (i = 0; i < 2; i++) {
        liveness_destroy(s->pulse[i]);
        failback_destroy(s->back[i]);
    }
    free(s);
}
