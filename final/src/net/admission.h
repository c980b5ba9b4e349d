/* admission -- decides which connections of an mtsrv may stay, so that peers that send
 * nothing cannot keep agents out.
 *
 * A connection is closed when its first valid frame has not come within first_frame_ms.
 * When <max> connections are open, a new one displaces a connection that has not sent a
 * hello or subscribed: the oldest one without any valid frame, when it is older than
 * ADMISSION_MUTE_MS; else the one whose last valid frame is oldest, when that was more
 * than ADMISSION_SILENT_MS ago.  When there is no such connection, the new one is closed.
 * A connection that has sent a hello or subscribed is never displaced.
 *
 * The server decides what a valid frame is: its handlers call admission_frame(). */
#ifndef LARS_NET_ADMISSION_H
#define LARS_NET_ADMISSION_H

#include <stdbool.h>
#include <stdint.h>

#include "net/mtsrv.h"

/* An agent sends its hello in the moment in which it is connected. */
#define ADMISSION_MUTE_MS 1000
/* An agent that reports without a hello does so each second while it has calls. */
#define ADMISSION_SILENT_MS 10000
/* Connections above <max> that an mtsrv accepts, so that they can be decided about. */
#define ADMISSION_SPARE 64u

#define ADMISSION_FIRST_FRAME_MS 10000

struct admission;

struct admission_config {
    unsigned n_threads;                   /* of the mtsrv */
    unsigned max;                         /* connections; 0 = no limit */
    uint32_t first_frame_ms;              /* 0 = ADMISSION_FIRST_FRAME_MS */
};

/* Since the start. */
struct admission_stat {
    uint64_t n_refused;                   /* new connections: no place was free */
    uint64_t n_displaced;                 /* connections closed for a new one */
    uint64_t n_silent;                    /* closed: no valid frame in first_frame_ms */
};

/* Borrows <main_loop>; copies <cfg>.  Returns 0 or -ENOMEM.  Thread: main loop. */
int admission_create(struct admission **out, struct evloop *main_loop,
                     const struct admission_config *cfg);

/* The max_conns of the mtsrv: above the limit, which admission_enter() keeps; 0 = none.
 * Thread: any. */
unsigned admission_max_conns(const struct admission *a);

/* Call it right after mtsrv_create(), before <main_loop> runs.  Borrows <srv>.  Returns 0
 * or -errno.  Thread: main loop. */
int admission_serve(struct admission *a, struct mtsrv *srv);

/* After mtsrv_destroy().  NULL is fine.  Thread: main loop. */
void admission_destroy(struct admission *a);

/* First in on_start.  False: there is no place, and <c> is closed.  Thread: loop of <c>,
 * as for the next three. */
bool admission_enter(struct admission *a, struct conn *c);
void admission_leave(struct admission *a, struct conn *c); /* in on_close */
void admission_frame(struct admission *a, struct conn *c); /* it sent a valid frame */
void admission_subscribe(struct admission *a, struct conn *c); /* it may stay */

void admission_stat(struct admission *a, struct admission_stat *out); /* Thread: any */

#endif
