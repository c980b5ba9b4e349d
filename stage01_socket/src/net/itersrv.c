/* The accept loop of an iterative server.
 * Invariants: no error of accept() ends the server unless the listener itself has failed;
 * no error makes the loop spin; every accepted descriptor is closed exactly once, here.
 * Rejected: exit() on any error of accept(), because then one client that disconnects
 * early ends the service for all; retrying at once when descriptors run out, because
 * accept() fails again immediately and the loop would use a whole core. */
#include "net/itersrv.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "net/sock.h"

#define ACCEPT_WAIT_MS 50
#define LOG_GAP_MS 1000

int itersrv_run(int lfd, itersrv_fn *serve, void *arg, struct itersrv_stat *stat)
{
    struct itersrv_stat none = {0};

    if (!stat)
        stat = &none;
    for (;;) {
        struct net_addr peer;
        int fd = sock_accept(lfd, 0, &peer);

        if (fd >= 0) {
            serve(fd, &peer, arg);
            close(fd);                 /* else the 1,021st client finds no descriptor */
            stat->n_served++;
            continue;
        }
        switch (sock_accept_verdict(fd)) {
        case SOCK_RETRY:
            stat->n_refused++;
            LOG_EVERY(LOG_GAP_MS, LOG_LEVEL_WARN, "accept.refused", "err=%s",
                      err_str(fd));
            break;
        case SOCK_WAIT:
            /* The client stays in the accept queue, so accept() would fail again at once
             * and the loop would use a whole core.  Wait until others may have closed. */
            stat->n_wait++;
            LOG_EVERY(LOG_GAP_MS, LOG_LEVEL_WARN, "accept.wait", "err=%s", err_str(fd));
            poll(NULL, 0, ACCEPT_WAIT_MS);
            break;
        case SOCK_BROKEN:
            return fd;
        }
    }
}
