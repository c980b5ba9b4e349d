/* admit_queue -- the requests of one loop that wait for their admission: those of
 * visitors inside first, then the visitor who was seen first first.  They are served when
 * a request ends and every millisecond.  How long a request may wait is its owner's
 * business: it calls admit_queue_remove() then.  Thread: loop. */
#ifndef LARS_GATEWAY_ADMIT_QUEUE_H
#define LARS_GATEWAY_ADMIT_QUEUE_H

#include "gateway/admit.h"
#include "net/evloop.h"

#define ADMIT_QUEUE_MAX 4096              /* requests that wait */
#define ADMIT_QUEUE_NEW (ADMIT_QUEUE_MAX / 4 * 3) /* of them by visitors not inside */
#define ADMIT_CALLS_MAX 4000              /* of this loop at once: a process has 4,096
                                           * calls in shared memory */

struct admit_queue;
struct admit_wait;

typedef void admit_queue_fn(struct admit_wait *w);

/* A request that waits; a member of its owner.  Zeroed = it does not wait. */
struct admit_wait {
    struct evtimer place;                 /* in the order of the queue */
    unsigned module;
    enum admit_class class;
    admit_queue_fn *admitted;
};

/* Borrows <l> and <a>.  Returns 0, -ENOMEM.  Thread: init. */
int admit_queue_create(struct admit_queue **out, struct evloop *l, struct admit *a,
                       unsigned n_modules);
void admit_queue_destroy(struct admit_queue *q); /* NULL is fine */

/* Enter at once (1), or wait (0) until w->admitted is called.  The caller has set the
 * fields of <w> but <place>.  <first_s>: when the visitor was seen first, in seconds.
 * Returns -ENOBUFS when too many wait; -ENOMEM. */
int admit_queue_join(struct admit_queue *q, struct admit_wait *w, uint64_t first_s);
void admit_queue_remove(struct admit_queue *q, struct admit_wait *w); /* may be out */

/* An admitted request of this loop has ended; those who wait are served at the end of
 * this turn. */
void admit_queue_leave(struct admit_queue *q, unsigned module);

void admit_queue_serve(struct admit_queue *q); /* now: for tests */

unsigned admit_queue_n(const struct admit_queue *q); /* who wait.  Thread: any */

#endif
