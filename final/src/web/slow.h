/* slow -- closes connections whose request does not come or whose answer is not taken:
 * the library only notices those that are silent, and a byte from time to time would hold
 * a place for any time.  Thread: loop. */
#ifndef LARS_WEB_SLOW_H
#define LARS_WEB_SLOW_H

#include "net/evloop.h"

#define SLOW_MS 10000                 /* for a request with its body, and for an answer */
#define SLOW_WAITING 192              /* connections that wait for the other side */

struct slow;
struct slow_peer;

int slow_create(struct slow **out, struct evloop *l); /* 0 or -ENOMEM */
void slow_destroy(struct slow *s);    /* after its last peer has gone; NULL is fine */

/* A connection was accepted.  Borrows <fd>.  NULL when there is no memory, which the
 * other functions take: the connection has no limit of its own then. */
struct slow_peer *slow_open(struct slow *s, int fd);
void slow_has_request(struct slow_peer *p); /* it is complete: the console's turn */

/* Now the other side has to take the answer, then to send the next request.  When too
 * many are waited for, the one that is waited for longest is closed. */
void slow_wait(struct slow_peer *p);
void slow_close(struct slow_peer *p); /* the connection is closed */

/* Close the connections that have waited for SLOW_MS at <now_ms>.  The loop does it every
 * second by itself. */
void slow_cut_late(struct slow *s, uint64_t now_ms);

#endif
