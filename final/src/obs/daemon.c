/* Signals become events of the loop (evsig), so a service stops between two events and
 * never inside one.  They are blocked before <start> makes threads, which inherit the
 * mask: a signal is delivered to the loop and to no other thread.
 *
 * Rejected: a main() of its own for each service.  The order above is easy to get wrong,
 * and was written down twice. */
#include "obs/daemon.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "net/evsig.h"
#include "net/sock.h"

#define BACKLOG 1024

struct running {
    const struct daemon_config *cfg;
    struct evloop *loop;
    struct evsig *sig;
};

static void on_signal(int signo, void *arg)
{
    struct running *r = arg;

    LOG_INFO(r->cfg->stop_event, "signal=%d", signo);
    evloop_stop(r->loop);
}

/* Takes <lfd>.  Returns 0 after a signal, or -errno when something cannot be started. */
static int run_until_signal(const struct daemon_config *cfg, int lfd)
{
    struct running r = {.cfg = cfg};
    int rc = evloop_create(&r.loop);

    if (rc == 0)
        rc = evsig_create(&r.sig, r.loop, on_signal, &r);
    if (rc < 0) {
        close(lfd);
    } else {
        rc = cfg->start(r.loop, lfd, cfg->arg);
        if (rc == 0)
            rc = evloop_run(r.loop);
        cfg->stop(cfg->arg);
    }
    evsig_destroy(r.sig);
    evloop_destroy(r.loop);
    return rc;
}

int daemon_run(const struct daemon_config *cfg)
{
    struct net_addr at = *cfg->at;
    char text[NET_ADDR_STRLEN];
    int rc, lfd = sock_listen(&at, BACKLOG, SOCK_NONBLOCK);

    if (lfd < 0) {
        fprintf(stderr, "%s: cannot listen on %s: %s (%s); see `ss -ltnp`\n", cfg->name,
                net_addr_str(&at, text), err_text(lfd), err_str(lfd));
        return EXIT_FAILURE;
    }
    sock_local_addr(lfd, &at);
    printf("listening on %s\n", net_addr_str(&at, text));
    fflush(stdout);
    rc = run_until_signal(cfg, lfd);
    if (rc < 0)
        fprintf(stderr, "%s: %s (%s)\n", cfg->name, err_text(rc), err_str(rc));
    return rc < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
