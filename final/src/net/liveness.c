/* TCP keepalive finds a host that is gone, after its own time, but never a process that
 * is stopped: the kernel answers for it.  Only an answer of the program proves that the
 * program works.  Any frame counts, so a busy server is not asked to hurry.
 *
 * A missed answer means that one was asked for in the period before and no frame has come
 * since; a period without a question never counts against the server. */
#include "net/liveness.h"

#include <errno.h>
#include <stdlib.h>

#include "base/log.h"

struct liveness {
    struct evloop *loop;
    struct tcpcli *cli;
    struct liveness_config cfg;
    struct evtimer timer;
    uint64_t n_frames;                /* received at the last check */
    bool asked;                       /* at the last check: an answer must come */
    unsigned missed;                  /* checks without an answer, in a row */
};

static void check(void *arg)
{
    struct liveness *p = arg;
    uint64_t n = tcpcli_n_frames(p->cli);

    p->missed = p->asked && n == p->n_frames ? p->missed + 1 : 0;
    p->n_frames = n;
    if (p->missed >= p->cfg.misses) {
        LOG_WARN("server.silent", "ms=%u: changing to the next server",
                 p->missed * p->cfg.period_ms);
        p->missed = 0;
        p->asked = false;
        tcpcli_go_next(p->cli);
    } else {
        p->asked = p->cfg.ask(p->cfg.arg) == 0;
    }
    evloop_set_timer(p->loop, &p->timer, p->cfg.period_ms, check, p);
}

int liveness_create(struct liveness **out, struct evloop *l, struct tcpcli *c,
                    const struct liveness_config *cfg)
{
    struct liveness *p = calloc(1, sizeof(*p));
    int rc;

    if (!p)
        return -ENOMEM;
    *p = (struct liveness){.loop = l, .cli = c, .cfg = *cfg};
    rc = evloop_set_timer(l, &p->timer, cfg->period_ms, check, p);
    if (rc < 0)
        free(p);
    else
        *out = p;
    return rc;
}

void liveness_destroy(struct liveness *p)
{
    if (!p)
        return;
    evloop_clear_timer(p->loop, &p->timer);
    free(p);
}
