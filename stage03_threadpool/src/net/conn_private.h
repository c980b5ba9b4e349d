/* conn_private -- the structs that conn.c and conn_group.c share.  No other file includes
 * this header. */
#ifndef LARS_NET_CONN_PRIVATE_H
#define LARS_NET_CONN_PRIVATE_H

#include "base/buf.h"
#include "net/conn.h"
#include "net/conn_group.h"

enum conn_state {
    CONN_OPEN,
    CONN_DRAINING,                        /* conn_finish(): sends, discards input */
    CONN_CLOSED,                          /* fd closed; freed at the end of the turn */
};

struct conn_group {
    struct evloop *loop;
    void *user;
    struct conn_config cfg;
    struct conn *first;                   /* list of all that are not freed yet */
    size_t n_open;
    struct conn *busy;                  /* its frames are being handled; or NULL */
    struct buf in;                        /* input of the event that is being handled */
    struct buf out;                       /* spare, empty; a connection borrows it */
    struct conn_stat stat;
};

/* The fields that every message uses come first, in two cache lines. */
struct conn {
    struct conn_group *g;
    const struct conn_io *io;
    int fd;                               /* -1 = closed */
    enum conn_state state;
    uint32_t events;                      /* armed in epoll */
    bool paused;                          /* conn_pause_read() */
    bool eof;                             /* the peer has shut down its sending side */
    bool shut;                            /* we have shut down our sending side */
    struct buf in;                        /* not handled: half a frame, or paused */
    struct buf out;                       /* not sent yet */
    uint64_t active_ms;                   /* time of the last frame in or bytes out */
    void *user;
    enum conn_why why;                    /* valid when closed */
    struct conn *next, **prev;            /* in g->first */
    struct evtimer timer;                 /* idle, or the bound of draining */
    struct evloop_call later;             /* reap(), or input after a pause */
    struct net_addr peer;
};

/* Implements conn_group_start().  On success the connection is linked in g->first. */
int conn_open(struct conn_group *g, int fd, const struct net_addr *peer);

/* Close it, call on_close and free it at once.  Not allowed inside its own callbacks. */
void conn_kill(struct conn *c);

#endif
