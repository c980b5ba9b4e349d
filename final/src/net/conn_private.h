/* conn_private -- what conn.c and conn_group.c know of each other; nobody else includes
 * it. */
#ifndef LARS_NET_CONN_PRIVATE_H
#define LARS_NET_CONN_PRIVATE_H

#include "base/buf.h"
#include "net/conn.h"
#include "net/conn_group.h"

enum conn_state {
    CONN_OPEN,
    CONN_DRAINING,                        /* conn_finish(): sends, drops input */
    CONN_CLOSED,                          /* fd gone; waits for the end of the turn */
};

struct conn_group {
    struct evloop *loop;
    void *user;
    struct conn_config cfg;
    struct conn *first;                   /* all that are not freed yet */
    size_t n_open;
    struct conn *busy;                  /* its frames are being handled: collect output */
    struct buf in;                        /* spare input piece */
    struct buf out;                       /* spare output piece, empty; borrowed by one */
    struct conn_stat stat;
};

/* What every message touches stands first, in two cache lines. */
struct conn {
    struct conn_group *g;
    const struct conn_io *io;
    int fd;                               /* -1 = closed */
    enum conn_state state;
    uint32_t events;                      /* armed in epoll */
    bool paused;                          /* conn_pause_read() */
    bool eof;                             /* the peer has sent everything */
    bool shut;                            /* so have we, and said it */
    struct buf in;                        /* half a frame, or what came while paused */
    struct buf out;                       /* not sent yet */
    uint64_t active_ms;                   /* last complete frame in or bytes out */
    void *user;
    enum conn_why why;                    /* valid when closed */
    struct conn *next, **prev;            /* in g->first */
    struct evtimer timer;                 /* idle, or the bound of draining */
    struct evloop_call later;             /* free, or go on after a pause */
    struct net_addr peer;
};

/* As conn_group_start().  The connection is in g->first then. */
int conn_open(struct conn_group *g, int fd, const struct net_addr *peer);

/* Close and free it at once, on_close included.  Not inside one of its callbacks. */
void conn_kill(struct conn *c);

#endif
