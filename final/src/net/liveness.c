#include "net/liveness.h"

#include <errno.h>
#include <stdlib.h>

#include "base/log.h"

struct liveness {
    struct evloop *loop;
    struct tcpcli *cli;
    struct liveness_config cfg;
    struct evtimer timer;
    uint64_t n_frames;                /* seen at the last beat */
    bool owed;                        /* an answer, since the last beat */
    unsigned missed;                  /* beats in a row */
};

static void beat(void *arg)
{
    struct liveness *p = arg;
    uint64_t n = tcpcli_n_frames(p->cli);

    p->missed = p->owed && n == p->n_frames ? p->missed + 1 : 0;
    p->n_frames = n;
    if (p->missed >= p->cfg.misses) {
        LOG_WARN("server.silent", "ms=%u: on to the next", p->missed * p->cfg.period_ms);
        p->missed = 0;
        p->owed = false;
        tcpcli_go_next(p->cli);
    } else {
        p->owed = p->cfg.ask(p->cfg.arg) == 0;
    }
    evloop_set_timer(p->loop, &p->timer, p->cfg.period_ms, beat, p);
}

int liveness_create(struct liveness **out, struct evloop *l, struct tcpcli *c,
                 const struct liveness_config *cfg)
{
    struct liveness *p = calloc(1, sizeof(*p));
    int rc;

    if (!p)
        return -ENOMEM;
    *p = (struct liveness){.loop = l, .cli = c, .cfg = *cfg};
    rc = evloop_set_timer(l, &p->timer, cfg->period_ms, beat, p);
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
