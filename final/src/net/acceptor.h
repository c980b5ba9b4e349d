/* acceptor -- takes connections from a listening socket and hands them on.
 * Out of descriptors it keeps one in reserve: closes it, accepts the client, closes the
 * client (who then knows at once), and opens the reserve again.  It never spins or exits.
 * Thread: loop. */
#ifndef LARS_NET_ACCEPTOR_H
#define LARS_NET_ACCEPTOR_H

#include <stdint.h>

#include "base/net_addr.h"
#include "net/evloop.h"

struct acceptor;

/* Takes <fd>, which is non-blocking. */
typedef void acceptor_fn(int fd, const struct net_addr *peer, void *arg);

struct acceptor_stat {
    uint64_t n_accepted;
    uint64_t n_refused;                   /* accept failed for one client */
    uint64_t n_shed;                     /* accepted and closed for want of descriptors */
    uint64_t n_pause;                     /* stopped for 100 ms: no memory, no reserve */
};

/* Takes <lfd> (listening, non-blocking), on failure as well.  Borrows <l>.
 * Returns 0; -ENOMEM, -EMFILE.  Thread: init. */
int acceptor_create(struct acceptor **out, struct evloop *l, int lfd, acceptor_fn *fn,
                    void *arg);
void acceptor_destroy(struct acceptor *a); /* NULL is fine */
const struct acceptor_stat *acceptor_stat(const struct acceptor *a); /* borrowed */

#endif
