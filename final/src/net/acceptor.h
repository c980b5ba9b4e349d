/* acceptor -- accepts the connections of a listening socket and passes each to a
 * function.  It holds one descriptor in reserve.  When no other is free, it closes the
 * reserve, accepts the client, closes the client, which thus learns at once that it is
 * not served, and opens the reserve again.  It neither spins nor ends the program.
 * Thread: loop. */
#ifndef LARS_NET_ACCEPTOR_H
#define LARS_NET_ACCEPTOR_H

#include <stdint.h>

#include "base/net_addr.h"
#include "net/evloop.h"

struct acceptor;

/* Called for each new connection.  Takes <fd>, which is non-blocking.  Borrows <peer>. */
typedef void acceptor_fn(int fd, const struct net_addr *peer, void *arg);

/* accept() has failed with <rc>: there is no descriptor or no memory, or another error
 * that is not one of a single client. */
typedef void acceptor_short_fn(int rc, void *arg);

struct acceptor_stat {
    uint64_t n_accepted;
    uint64_t n_refused;                   /* accept errors of a single client */
    uint64_t n_shed;                     /* accepted and closed: no descriptor free */
    uint64_t n_pause;                     /* pauses of 100 ms: no memory or no reserve */
};

/* Watch <lfd>, a non-blocking listener, and call <fn> with <arg> for each connection.
 * Takes <lfd>, on failure as well.  Borrows <l> and <arg>.  Returns 0; -ENOMEM, -EMFILE.
 * Thread: init. */
int acceptor_create(struct acceptor **out, struct evloop *l, int lfd, acceptor_fn *fn,
                    void *arg);
void acceptor_destroy(struct acceptor *a); /* NULL is fine */

/* Accept the clients that wait, then close the listener and free <a>.  A client that
 * waits when its listener is closed is reset. */
void acceptor_finish(struct acceptor *a);

/* Accept at most <n> clients in a turn of the loop; 64 at the start. */
void acceptor_set_budget(struct acceptor *a, unsigned n);

/* Call <fn> with the <arg> of the acceptor before a client is shed or a pause begins, so
 * that it can free descriptors or memory; NULL, as at the start: call nothing. */
void acceptor_on_short(struct acceptor *a, acceptor_short_fn *fn);
const struct acceptor_stat *acceptor_stat(const struct acceptor *a); /* borrowed */

#endif
