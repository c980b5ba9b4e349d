/* The order at a change: the successor serves; this process closes the fixed ports, then
 * says so to the successor, then to systemd, which accepts it from the main process only,
 * and that is still this one.
 *
 * Invariant: listeners are opened and closed by this process, or they are being passed
 * on; gateway_offer() and gateway_keep() enclose the second state. */
#include "gateway/upgrade.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "gateway/successor.h"
#include "obs/notify.h"
#include "obs/sig_watch.h"

#define READY_MS 30000 /* for a new program to become ready */
#define AGAIN_MS 50

struct upgrade {
    struct upgrade_config cfg;
    struct sig_watch *watch;
    struct successor *successor; /* NULL = none */
    struct evtimer again;
    bool is_waiting; /* for a listener that is being closed */
    bool is_ready, is_finished;
};

static void on_successor(bool ready, void *arg)
{
    struct upgrade *u = arg;
    char text[40];

    if (!ready) {
        successor_destroy(u->successor);
        u->successor = NULL;
        gateway_keep(*u->cfg.gateway);
        return;
    }
    u->is_ready = true;
    u->cfg.close_ports();
    successor_go(u->successor);
    snprintf(text, sizeof(text), "MAINPID=%d", (int)successor_pid(u->successor));
    notify_send(text);
    gateway_share(*u->cfg.gateway);
    evloop_stop(u->cfg.loop);
}

static void begin(void *arg)
{
    struct upgrade *u = arg;
    int fd[SUCCESSOR_FDS_MAX], n;
    struct successor_config c = {.loop = u->cfg.loop,
                                 .argv = u->cfg.argv,
                                 .fd = fd,
                                 .limit_ms = READY_MS,
                                 .fn = on_successor,
                                 .arg = u};

    n = gateway_offer(*u->cfg.gateway, fd, SUCCESSOR_FDS_MAX);
    u->is_waiting =
        n < 0 && evloop_set_timer(u->cfg.loop, &u->again, AGAIN_MS, begin, u) == 0;
    if (n < 0)
        return;
    c.n_fds = (unsigned)n;
    if (successor_start(&u->successor, &c) < 0)
        gateway_keep(*u->cfg.gateway);
}

static void on_signal(int signo, void *arg)
{
    struct upgrade *u = arg;

    (void)signo;
    if (u->is_finished)
        LOG_WARN("gateway.upgrade", "refused: this process drains already");
    else if (u->successor || u->is_waiting)
        LOG_WARN("gateway.upgrade", "refused: another upgrade is in progress");
    else
        begin(u);
}

int upgrade_create(struct upgrade **out, const struct upgrade_config *c)
{
    struct upgrade *u = calloc(1, sizeof(*u));
    int rc;

    if (!u)
        return -ENOMEM;
    u->cfg = *c;
    rc = sig_watch_create(&u->watch, c->loop, SIGRTMIN, on_signal, u);
    if (rc < 0)
        free(u);
    else
        *out = u;
    return rc;
}

bool upgrade_finish(struct upgrade *u)
{
    evloop_clear_timer(u->cfg.loop, &u->again);
    u->is_finished = true;
    if (!u->is_ready) {
        successor_destroy(u->successor);
        u->successor = NULL;
    }
    return u->is_ready;
}

void upgrade_destroy(struct upgrade *u)
{
    if (!u)
        return;
    upgrade_finish(u);
    successor_destroy(u->successor);
    sig_watch_destroy(u->watch);
    free(u);
}
