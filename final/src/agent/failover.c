/* Each client with more than one server gets a pair: a liveness check, which asks the
 * server that the client is connected to, and a failback, which asks the first server
 * beside it.  Both need a question that a working server always answers:
 *
 *     DNSService       the route of a module; for one that does not exist it is empty
 *     Report Service   hello; a legacy peer does not answer it, so none is asked
 *
 * Rejected: TCP keepalive.  The kernel answers it for a process that is stopped. */
#include "agent/failover.h"

#include <errno.h>
#include <stdlib.h>

#include "net/failback.h"
#include "net/liveness.h"
#include "proto/msg_batch.h"

#define MISSES 3                      /* unanswered in a row: the server is left */

struct failover {
    struct failover_config cfg;
    struct failback *failback[2];     /* [0]: of DNSService, [1]: of the Report Service */
    struct liveness *liveness[2];     /* likewise; NULL = a single server */
};

static int ask_dns(void *arg)
{
    struct failover *f = arg;

    return dnscli_ask_one(f->cfg.dns);
}

static int ask_rep(void *arg)
{
    struct failover *f = arg;
    char body[16];
    ssize_t n = msg_batch_pack_hello(MSG_SERVICE_REPORT, body, sizeof(body));

    if (n < 0 || !batch_sender_acknowledges(f->cfg.batches))
        return -ENOENT;               /* a legacy peer does not answer */
    return repcli_send_frame(f->cfg.rep, MSG_HELLO, body, (size_t)n);
}

static int create_pair(struct failover *f, int i, struct evloop *l, struct tcpcli *c,
                       const struct failback_config *fc, int (*ask)(void *arg))
{
    struct liveness_config lc = {FAILOVER_PERIOD_MS, MISSES, ask, f};
    int rc = failback_create(&f->failback[i], l, c, fc);

    return rc < 0 ? rc : liveness_create(&f->liveness[i], l, c, &lc);
}

static int watch_dns(struct failover *f)
{
    const struct module_id none = {UINT32_MAX, UINT32_MAX};
    char body[32];
    ssize_t n = msg_pack_get_route(&none, body, sizeof(body));
    struct failback_config fc = {f->cfg.first_dns, FAILOVER_PERIOD_MS, MSG_GET_ROUTE,
                                 body, (size_t)n};

    if (n < 0)
        return (int)n;
    return create_pair(f, 0, f->cfg.dns_loop, dnscli_client(f->cfg.dns), &fc, ask_dns);
}

static int watch_rep(struct failover *f)
{
    char body[16];
    ssize_t n = msg_batch_pack_hello(MSG_SERVICE_REPORT, body, sizeof(body));
    struct failback_config fc = {f->cfg.first_rep, FAILOVER_PERIOD_MS, MSG_HELLO, body,
                                 (size_t)n};

    if (n < 0)
        return (int)n;
    return create_pair(f, 1, f->cfg.rep_loop, repcli_client(f->cfg.rep), &fc, ask_rep);
}

int failover_create(struct failover **out, const struct failover_config *cfg)
{
    struct failover *f = calloc(1, sizeof(*f));
    int rc = 0;

    if (!f)
        return -ENOMEM;
    f->cfg = *cfg;
    if (cfg->n_dns > 1)
        rc = watch_dns(f);
    if (rc == 0 && cfg->n_rep > 1)
        rc = watch_rep(f);
    if (rc < 0)
        failover_destroy(f);
    else
        *out = f;
    return rc;
}

void failover_destroy(struct failover *f)
{
    int i;

    if (!f)
        return;
    for (i = 0; i < 2; i++) {
        liveness_destroy(f->liveness[i]);
        failback_destroy(f->failback[i]);
    }
    free(f);
}
