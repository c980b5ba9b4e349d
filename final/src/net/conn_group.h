/* conn_group -- the connections of one loop with their limits, handlers, hooks and
 * counters.  Thread: loop, except where a function names another. */
#ifndef LARS_NET_CONN_GROUP_H
#define LARS_NET_CONN_GROUP_H

#include <stddef.h>
#include <stdint.h>

#include "base/net_addr.h"
#include "net/conn.h"
#include "net/dispatch.h"
#include "net/evloop.h"

enum conn_why { /* why a connection ended */
                CONN_WHY_LOCAL, /* conn_close(), or the group was destroyed */
                CONN_WHY_EOF, /* both sides have finished sending */
                CONN_WHY_ERROR, /* reset, or another error of the socket */
                CONN_WHY_BAD_FRAME, /* a length that the protocol does not allow */
                CONN_WHY_OUT_FULL, /* more than max_out bytes wait to be sent */
                CONN_WHY_IDLE, /* no complete frame and no output for idle_ms */
                CONN_WHY_NO_MEMORY,
                CONN_WHY_COUNT
};

/* Counted since the group was created. */
struct conn_stat {
    uint64_t n_started;
    uint64_t n_ended[CONN_WHY_COUNT];
    uint64_t n_frames; /* complete frames received */
    uint64_t n_unknown; /* among them: frames without a handler */
};

struct conn_config {
    const struct dispatch *dispatch; /* borrowed until conn_group_destroy() */
    uint32_t max_body; /* longest body received; 0 = FRAME_MAX_BODY */
    size_t max_out; /* most bytes waiting to be sent; 0 = 4 MiB */
    uint32_t idle_ms; /* closed after so long idle; 0 = never */
    uint32_t linger_ms; /* longest wait of conn_finish(); 0 = 5,000 */
    /* Calls conn_set_io() for a new connection, or leaves it plain.  NULL: all are plain.
     * Returns 0, or -errno, with which the connection ends. */
    int (*choose_io)(struct conn *c, void *io_arg);
    void *io_arg; /* borrowed */
    /* Hooks; NULL = none.  on_start may close the connection.  on_close may read the
     * user data and the address of the connection, and must not use it otherwise; it is
     * called also when the connection ends before on_start. */
    void (*on_start)(struct conn *c, void *arg);
    void (*on_close)(struct conn *c, enum conn_why why, void *arg);
    void (*on_drain)(struct conn *c, void *arg); /* all waiting output was sent */
    void *arg; /* passed to the hooks; borrowed */
};

/* Copies <cfg>.  Borrows <l>.  Returns 0 or -ENOMEM.  Thread: init. */
int conn_group_create(struct conn_group **out, struct evloop *l,
                      const struct conn_config *cfg);

/* Close every connection, call on_close for each and free the group.  NULL is fine. */
void conn_group_destroy(struct conn_group *g);

/* Call <fn> for every open connection, after its on_start; <fn> may send to it or close
 * any of them. */
void conn_group_each(struct conn_group *g, void (*fn)(struct conn *c, void *arg),
                     void *arg);

void conn_group_set_user(struct conn_group *g, void *user); /* anything; borrowed */
void *conn_group_user(const struct conn_group *g);
size_t conn_group_n_open(const struct conn_group *g);
const struct conn_stat *conn_group_stat(const struct conn_group *g); /* borrowed */

/* Start a connection on the non-blocking socket <fd>.  Takes <fd>, on failure as well.
 * Copies <peer>, which may be NULL.  Returns 0; -ENOMEM or another -errno. */
int conn_group_start(struct conn_group *g, int fd, const struct net_addr *peer);

#endif
