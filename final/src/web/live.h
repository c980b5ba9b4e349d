/* live -- streams of events to browsers (text/event-stream).  Each topic is sent as a
 * whole when it has changed, at most once a second, so a stream that was away needs
 * nothing but the next event.  Thread: loop. */
#ifndef LARS_WEB_LIVE_H
#define LARS_WEB_LIVE_H

#include <microhttpd.h>

#include "obs/mhdloop.h"
#include "web/jobs.h"
#include "web/request.h"
#include "web/web.h"

#define LIVE_STREAMS 64
#define LIVE_OF_SESSION 6

struct live;

/* Borrows all of them. */
int live_create(struct live **out, struct web *web, struct jobs *jobs);
void live_set_loop(struct live *l, struct mhdloop *m);

/* A response whose body are the events of the topics that the request asks for.  NULL
 * after a 422 or 503 in the reply. */
struct MHD_Response *live_open(struct live *l, struct request *q);

/* There is a new snapshot, or the database could not be read: tell the viewers. */
void live_tick(struct live *l);

unsigned live_n(const struct live *l);

/* End all streams; mhdloop_destroy() can follow. */
void live_close(struct live *l);
void live_destroy(struct live *l);    /* NULL is fine */

#endif
