/* conn_private -- what conn.c, conn_input.c and conn_group.c share.  No other file
 * includes this header. */
#ifndef LARS_NET_CONN_PRIVATE_H
#define LARS_NET_CONN_PRIVATE_H

#include "base/buf.h"
#include "net/conn.h"
#include "net/conn_group.h"

enum conn_state {
    CONN_OPENING, /* the io has not connected: no frames yet */
    CONN_OPEN,
    CONN_DRAINING, /* conn_finish(): sends, discards input */
    CONN_CLOSED, /* fd closed; freed at the end of the turn */
};

struct conn_group {
    struct evloop *loop;
    void *user;
    struct conn_config cfg;
    struct conn *first; /* list of all that are not freed yet */
    size_t n_open;
    struct conn *busy; /* its frames are being handled; or NULL */
    struct buf in; /* input of the event that is being handled */
    struct buf out; /* spare, empty; a connection borrows it */
    struct conn_stat stat;
};

/* The fields that every message uses come first, in two cache lines. */
struct conn {
    struct conn_group *g;
    const struct conn_io *io;
    int fd; /* -1 = closed */
    enum conn_state state;
    uint32_t events; /* armed in epoll */
    uint32_t io_events; /* those that the io waits for, before others */
    bool paused; /* conn_pause_read() */
    bool eof; /* the peer has shut down its sending side */
    bool shut; /* we have shut down our sending side */
    bool shutting; /* io->shutdown waits for EPOLLOUT */
    struct buf in; /* not handled: half a frame, or paused */
    struct buf out; /* not sent yet */
    uint64_t active_ms; /* time of the last frame in or bytes out */
    void *user;
    void *peer_entry; /* conn_set_peer_entry() */
    void *io_arg;
    enum conn_why why; /* valid when closed */
    struct conn *next, **prev; /* in g->first */
    struct evtimer timer; /* idle, or the bound of draining */
    struct evloop_call later; /* reap(), or input after a pause */
    struct net_addr peer;
};

/* Implements conn_group_start().  On success the connection is linked in g->first. */
int conn_open(struct conn_group *g, int fd, const struct net_addr *peer);

/* --- conn.c, for conn_input.c ------------------------------------------------------- */

void conn_end(struct conn *c, enum conn_why why); /* at once; ended already: nothing */
void conn_end_logged(struct conn *c, enum conn_why why, const char *what, int rc);
void conn_arm(struct conn *c); /* watch for what it waits for now */
void conn_flush(struct conn *c); /* one write of what waits */

/* --- conn_input.c ------------------------------------------------------------------- */

#define CONN_READ_ROOM 65536 /* bytes asked for in one read */

/* One read, and the frames in it.  Returns whether it filled the room that it had, so
 * that the socket may have more. */
bool conn_input_read(struct conn *c);
void conn_input_again(struct conn *c); /* the frames that came before a pause */

/* Close it, call on_close and free it at once.  Not allowed inside its own callbacks. */
void conn_kill(struct conn *c);

#endif
