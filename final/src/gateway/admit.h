/* admit -- how many requests of each module this gateway has in flight at nodes, and
 * whether one more may enter.  Shared by the loops without a lock; a thread of its own
 * sets the capacity and calls admit_tick() once a second.
 *
 * The order of those who wait is admit_queue's.  Modules are the slots of
 * modules_take().  Times are monotonic.  Thread: any, except where a function names
 * another. */
#ifndef LARS_GATEWAY_ADMIT_H
#define LARS_GATEWAY_ADMIT_H

#include "gateway/admit_rule.h"

struct admit_config {
    unsigned n_modules;
    uint32_t unmeasured;                  /* in flight for a node without a measurement */
    uint32_t reserve_percent;             /* of the limit, for visitors inside: 0 to 90 */
    double affordable;                    /* refusals a second that this gateway can
                                           * answer besides its work */
};

enum admit_class {                        /* of a visitor */
    ADMIT_CLASS_NEW,
    ADMIT_CLASS_WAITING,                  /* has seen the waiting page */
    ADMIT_CLASS_INSIDE,
    ADMIT_CLASSES
};

extern const char *const admit_class_name[ADMIT_CLASSES]; /* "new", "waiting", "inside" */

struct admit;

int admit_create(struct admit **out, const struct admit_config *c); /* 0, -ENOMEM */
void admit_destroy(struct admit *a);      /* NULL is fine */

/* What the nodes can do from now on.  Thread: the one that calls admit_tick(). */
void admit_set_capacity(struct admit *a, unsigned module, const struct admit_capacity *c);

/* The number <module> is that of another module from now on: begin as at the start.  No
 * request of it is in flight.  Thread: the one that calls admit_tick(). */
void admit_reset(struct admit *a, unsigned module);

/* A second has passed: the limits, and how long refused visitors wait. */
void admit_tick(struct admit *a);

/* One more request in flight, when the limit for its class allows it.  An admitted
 * request ends with admit_leave(). */
bool admit_enter(struct admit *a, unsigned module, enum admit_class class);
void admit_leave(struct admit *a, unsigned module);

/* The response of an admitted request began after <us>; UINT64_MAX: the node refused it,
 * or did not answer in time. */
void admit_first_byte(struct admit *a, unsigned module, uint64_t us);

/* One more request waits in the queue of a loop, or one fewer. */
void admit_begin_wait(struct admit *a, unsigned module);
void admit_end_wait(struct admit *a, unsigned module);

/* Nodes have refused a request of a visitor inside, and it pauses: until admit_release()
 * no request of a visitor who is not inside enters, because it would take the place. */
void admit_hold(struct admit *a, unsigned module);
void admit_release(struct admit *a, unsigned module);

/* A request had to wait.  A request was refused.  The copy of the site was served. */
void admit_waited(struct admit *a, unsigned module, uint64_t now_ms);
void admit_refused(struct admit *a, unsigned module, enum admit_class class,
                   uint64_t now_ms);
void admit_served_static(struct admit *a, unsigned module, uint64_t now_ms);

/* How it is now. */
struct admit_view {
    uint32_t limit, inflight;             /* requests */
    double factor;                        /* of admit_rule_factor() */
    enum admit_state state;
    uint32_t refresh_s;                   /* refused visitors ask again after this */
    uint32_t wait_s;                      /* how long a new visitor may have to wait */
    uint64_t refused[ADMIT_CLASSES];      /* so far */
    uint32_t waiting;                     /* requests in the queues of all loops */
    uint32_t nodes_in;                    /* of the capacity that was set last */
    bool measured;                        /* the limit follows from a measurement */
    double share;                         /* of this gateway: 0 to 1 */
};
void admit_look(const struct admit *a, unsigned module, uint64_t now_ms,
                struct admit_view *out);

/* Refusals so far of all modules, those as well that admit_reset() has ended. */
void admit_count_refused(const struct admit *a, uint64_t out[ADMIT_CLASSES]);

#endif
