/* play -- sends requests to one HTTP server at their scheduled times, on an event loop,
 * and counts what becomes of them, second by second.  Latency counts from the scheduled
 * time: requests that wait because the server is slow have waited, and are not skipped.
 * Connections and the queue before them are bounded; what exceeds both fails as
 * FIGURES_NO_ROOM.  A request that meets a connection which the server has just closed is
 * sent once more on a new one, as browsers do.
 * Thread: loop. */
#ifndef LARS_LOAD_PLAY_H
#define LARS_LOAD_PLAY_H

#include <stdbool.h>

#include "base/net_addr.h"
#include "load/figures.h"
#include "load/visits.h"
#include "net/evloop.h"

#define PLAY_CONNECTIONS_MAX 20000
#define PLAY_QUEUE_MAX 1000000
#define PLAY_FIELDS 256                   /* bytes of further fields of a request */

struct play;

struct play_plan {                        /* copied, but for what is borrowed until
                                           * play_destroy() */
    struct net_addr to;
    const char *host;                     /* borrowed; the field Host */
    const char *fields;                   /* borrowed; whole fields, each with CR LF, of
                                           * each request, less than PLAY_FIELDS
                                           * bytes; NULL = none.  The owner may
                                           * change the text between callbacks */
    struct visits *visits;                /* borrowed */
    uint64_t duration_us;                 /* requests that are scheduled later are not
                                           * sent */
    uint32_t timeout_ms;                  /* of a response, 1 or more */
    uint32_t connections, queue;          /* at most; queue: requests */
};

struct play_owner {
    /* Second <k>, from 0, is over; <in_progress> requests are waiting for a response or
     * a connection.  After <duration_us> it comes until the last response. */
    void (*on_second)(unsigned k, const struct figures *f, unsigned in_progress,
                      void *arg);
    /* Nothing is in progress any more; the last second has been told.  It may call
     * play_destroy(). */
    void (*on_end)(void *arg);
};

/* It begins at once.  Returns 0; -ENOMEM; -EMFILE. */
int play_create(struct play **out, struct evloop *l, const struct play_plan *plan,
                const struct play_owner *owner, void *arg);

/* Send no more requests; on_end follows when the last response has come or timed out, at
 * the latest after twice <timeout_ms>, and never before play_stop() has returned. */
void play_stop(struct play *p);

void play_destroy(struct play *p); /* at once, without a callback; NULL is fine */

#endif
