/* mhdloop -- runs a daemon of libmicrohttpd in an event loop, without a thread of its
 * own: its callbacks are called in the loop's thread.  Thread: loop, or init before it
 * runs. */
#ifndef LARS_OBS_MHDLOOP_H
#define LARS_OBS_MHDLOOP_H

#include <microhttpd.h>

#include "net/evloop.h"

struct mhdloop;

/* Take over <mhd>, which was started with MHD_USE_EPOLL and no MHD_USE_..._THREAD.
 * Returns 0, or -EIO, -ENOMEM after it has stopped <mhd>. */
int mhdloop_create(struct mhdloop **out, struct evloop *l, struct MHD_Daemon *mhd);

/* Let the library work at the end of this turn: after MHD_resume_connection(). */
void mhdloop_wake(struct mhdloop *m);

/* Stop the daemon, which closes its listening socket.  No connection may be suspended.
 * NULL is fine. */
void mhdloop_destroy(struct mhdloop *m);

#endif
