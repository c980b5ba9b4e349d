/* The certificate of the gateway.  Each loop has a reference to the pair for its next
 * connections, and only its own thread reads or replaces that reference; so a new pair
 * goes to the loops as a task, and a connection never sees half of a change.
 * Rejected: one pointer for all loops behind a lock, which every handshake would take for
 * a change that happens every few weeks. */
#include <errno.h>
#include <time.h>

#include "base/log.h"
#include "gateway/gateway_private.h"
#include "net/looppool.h"
#include "net/tls_context.h"

static int read_pair(struct gateway *g, struct tls_context **out, char err[CONF_ERR_MAX])
{
    struct tls_files f = {.section = "[gateway]",
                                  .cert = g->cfg.cert,
                                  .key = g->cfg.key};
    char warning[CONF_ERR_MAX];
    int rc = tls_context_create(out, &f, g->tls, err);

    if (rc == 0 && tls_context_check_time(*out, time(NULL), warning) < 0)
        LOG_WARN("gateway.certificate", "%s", warning);
    return rc;
}

int gateway_tls_start(struct gateway *g, char err[CONF_ERR_MAX])
{
    unsigned i;
    int rc = g->cfg.tls_listen.family ? read_pair(g, &g->tls, err) : 0;

    for (i = 0; rc == 0 && g->tls && i < g->n_loops; i++)
        g->loop[i]->tls = tls_context_ref(g->tls);
    return rc;
}

void gateway_tls_stop(struct gateway *g)
{
    unsigned i;

    for (i = 0; i < g->n_loops; i++) {
        tls_context_unref(g->loop[i]->tls);
        g->loop[i]->tls = NULL;
    }
    tls_context_unref(g->tls);
    g->tls = NULL;
}

static void run_replace(void *arg, void *user)
{
    struct gate_loop *l = user;

    tls_context_unref(l->tls);
    l->tls = arg;
}

static void drop_pair(void *arg)
{
    tls_context_unref(arg);
}

int gateway_tls_reload(struct gateway *g, char err[CONF_ERR_MAX])
{
    struct tls_context *t;
    unsigned i, n = 0;
    int rc = g->tls ? read_pair(g, &t, err) : 0;

    if (rc < 0 || !g->tls)
        return rc;
    for (i = 0; i < g->n_loops; i++) {
        struct msgq_task task = {run_replace, drop_pair, tls_context_ref(t)};

        if (looppool_post(g->pool, i, &task) == 0)
            n++;
        else
            tls_context_unref(t);
    }
    tls_context_unref(g->tls);
    g->tls = t;
    if (n < g->n_loops)
        LOG_WARN("gateway.certificate",
                 "loops=%u of=%u: the others keep the old one, because their queues of "
                 "tasks are full; reload again",
                 n, g->n_loops);
    return 0;
}
