/* To close a listener resets the connections that wait in its queue, and those whose
 * handshake is in progress.  So the kernel is first told to select others
 * (net/portgroup), then GRACE_MS pass, in which the handshakes end, then the queue is
 * accepted, and then the listener is closed.  GRACE_MS has room for a SYN-ACK that was
 * lost, which the kernel repeats after 1 s.  A visitor whose handshake takes longer than
 * GRACE_MS can still be reset; net.ipv4.tcp_migrate_req=1 moves such a handshake to
 * another listener.
 *
 * The last listeners are closed, all in one GRACE_MS, and the first one in a GRACE_MS of
 * its own, so that the numbers that the kernel gives to those that remain do not change.
 *
 * The first listener leaves a program behind that selects the first listener of another
 * process.  That process takes it off within REFRESH_MS.
 * When it does so in the very GRACE_MS of a process that ends, visitors can still arrive
 * at the listener that is closed next, and one who arrives in between is reset.
 * Rejected: net.ipv4.tcp_migrate_req alone, because it is off by default and belongs to
 * the administrator of the host. */
#include "gateway/listeners.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "net/portgroup.h"
#include "net/sock.h"

#define BACKLOG 4096
#define GRACE_MS 1500
#define REFRESH_MS 5000 /* between two looks for what another process has left */
#define CLOSING_MS 5 /* between two looks whether a loop has closed its listener */

struct listener {
    struct listeners *owner;
    unsigned i; /* number of its loop */
    _Atomic int lfd; /* -1 = closed; closed by its loop */
    bool told; /* its loop has the order to close it */
    struct acceptor *acceptor; /* its loop's */
};

struct listeners {
    struct listeners_config cfg;
    struct evtimer timer;
    unsigned n, want;
    unsigned keep; /* LEAVING, CLOSING: those from this number on are being closed */
    bool shared; /* another process accepts from them as well */
    enum { STEADY, LEAVING, CLOSING } state;
    struct listener at[];
};

/* --- in the loop of a listener ------------------------------------------------------ */

static void run_open(void *arg, void *user)
{
    struct listener *l = arg;
    const struct listeners_config *c = &l->owner->cfg;
    int rc;

    (void)user;
    rc = acceptor_create(&l->acceptor, looppool_loop(c->pool, l->i), l->lfd, c->fn,
                         c->arg[l->i]);
    if (rc == 0) {
        acceptor_on_short(l->acceptor, c->on_short);
        return;
    }
    l->lfd = -1; /* acceptor_create() has closed it */
    LOG_ERROR("listener.open", "loop=%u err=%s: raise LimitNOFILE, or free memory", l->i,
              err_str(rc));
}

static void run_close(void *arg, void *user)
{
    struct listener *l = arg;

    (void)user;
    if (l->acceptor)
        acceptor_finish(l->acceptor);
    l->acceptor = NULL;
    l->lfd = -1;
}

/* --- in the daemon's loop ----------------------------------------------------------- */

static int open_next(struct listeners *ls)
{
    struct listener *l = &ls->at[ls->n];
    int lfd = portgroup_listen(&ls->cfg.at, BACKLOG), rc;

    if (lfd < 0)
        return lfd;
    if (ls->cfg.at.port == 0)
        sock_local_addr(lfd, &ls->cfg.at);
    l->lfd = lfd;
    l->told = false;
    rc = looppool_post(ls->cfg.pool, l->i, &(struct msgq_task){run_open, NULL, l});
    if (rc < 0) {
        close(lfd);
        l->lfd = -1;
        return rc;
    }
    ls->n++;
    return 0;
}

static void open_wanted(struct listeners *ls)
{
    int rc = 0;

    while (ls->n < ls->want && rc == 0)
        rc = open_next(ls);
    if (rc < 0)
        LOG_WARN("listener.open", "loop=%u err=%s: fewer loops serve visitors", ls->n,
                 err_str(rc));
    ls->want = ls->n;
}

/* Let those that are to be closed get no further connection. */
static void leave_some(struct listeners *ls)
{
    int rc = ls->keep > 0 ? portgroup_select_among(ls->at[0].lfd, ls->keep)
                          : portgroup_select_only(ls->at[0].lfd, 1);

    if (rc < 0)
        LOG_WARN("listener.leave",
                 "loop=%u err=%s: visitors who connect just now may see a reset",
                 ls->keep, err_str(rc));
}

/* Order the loops to close those that are to be closed.  True when all are closed.  A
 * loop whose queue is full gets the order in the next turn. */
static bool close_some(struct listeners *ls)
{
    bool all = true;
    unsigned i;

    for (i = ls->keep; i < ls->n; i++) {
        struct listener *l = &ls->at[i];

        if (!l->told)
            l->told = looppool_post(ls->cfg.pool, i,
                                    &(struct msgq_task){run_close, NULL, l}) == 0;
        all = all && l->lfd == -1;
    }
    return all;
}

static void step(void *arg)
{
    struct listeners *ls = arg;
    uint32_t again_ms = CLOSING_MS;

    if (ls->state != STEADY) {
        ls->state = CLOSING;
        if (close_some(ls)) {
            ls->n = ls->keep;
            ls->state = STEADY;
        }
    }
    if (ls->state == STEADY) {
        if (ls->n <= ls->want) {
            listeners_want(ls, ls->want);
            return;
        }
        ls->keep = ls->want > 0 || ls->n == 1 ? ls->want : 1;
        if (!ls->shared)
            leave_some(ls);
        ls->state = LEAVING;
        again_ms = ls->shared ? 0 : GRACE_MS;
    }
    evloop_set_timer(ls->cfg.loop, &ls->timer, again_ms, step, ls);
}

void listeners_want(struct listeners *ls, unsigned n)
{
    ls->want = n;
    if (ls->state == CLOSING)
        return;
    if (ls->n > n) {
        if (ls->state == STEADY)
            step(ls);
        return;
    }
    evloop_clear_timer(ls->cfg.loop, &ls->timer);
    ls->state = STEADY;
    if (ls->n > 0)
        portgroup_select_all(ls->at[0].lfd);
    open_wanted(ls);
    if (ls->n > 0)
        evloop_set_timer(ls->cfg.loop, &ls->timer, REFRESH_MS, step, ls);
}

unsigned listeners_n(const struct listeners *ls)
{
    return ls->n;
}

int listeners_fds(const struct listeners *ls, int *out, unsigned max)
{
    unsigned i, n = 0;

    if (ls->state == CLOSING)
        return -EAGAIN;
    for (i = 0; i < ls->n && n < max; i++)
        if (ls->at[i].lfd != -1)
            out[n++] = ls->at[i].lfd;
    return (int)n;
}

void listeners_share(struct listeners *ls)
{
    ls->shared = true;
}

const struct net_addr *listeners_address(const struct listeners *ls)
{
    return &ls->cfg.at;
}

void listeners_set_budget(struct listeners *ls, unsigned i, unsigned n)
{
    if (ls->at[i].acceptor)
        acceptor_set_budget(ls->at[i].acceptor, n);
}

/* --- start and stop ----------------------------------------------------------------- */

int listeners_create(struct listeners **out, const struct listeners_config *c, unsigned n)
{
    unsigned i, most = looppool_n(c->pool);
    struct listeners *ls = calloc(1, sizeof(*ls) + most * sizeof(ls->at[0]));
    int rc = 0;

    if (!ls)
        return -ENOMEM;
    ls->cfg = *c;
    for (i = 0; i < most; i++) {
        ls->at[i].owner = ls;
        ls->at[i].i = i;
        ls->at[i].lfd = -1;
    }
    for (i = 0; i < n && rc == 0; i++)
        rc = open_next(ls);
    ls->want = ls->n;
    if (rc == 0)
        rc = evloop_set_timer(c->loop, &ls->timer, REFRESH_MS, step, ls);
    if (rc < 0)
        listeners_destroy(ls);
    else
        *out = ls;
    return rc;
}

void listeners_destroy(struct listeners *ls)
{
    unsigned i;

    if (!ls)
        return;
    evloop_clear_timer(ls->cfg.loop, &ls->timer);
    for (i = 0; i < looppool_n(ls->cfg.pool); i++) {
        if (ls->at[i].acceptor)
            acceptor_destroy(ls->at[i].acceptor);
        else if (ls->at[i].lfd != -1)
            close(ls->at[i].lfd); /* its loop has never run */
    }
    free(ls);
}
