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
    /* For ever:
     * 1. sock_accept().  A client: serve it, close its fd, count it in n_served.
     * 2. An error: ask sock_accept_verdict().
     *    SOCK_RETRY: count n_refused, log "accept.refused" at most once in LOG_GAP_MS.
     *    SOCK_WAIT: count n_wait, log "accept.wait err=..." likewise, wait
     *    ACCEPT_WAIT_MS; without the wait accept() fails again at once and the loop
     *    uses a whole core.
     *    SOCK_BROKEN: return the error.
     * <stat> may be NULL. */
    /* begin itersrv_run */
    (void)lfd;
    (void)serve;
    (void)arg;
    (void)stat;
    return -ENOSYS;
    /* end itersrv_run */
}
