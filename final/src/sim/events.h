/* events -- what is still to happen in a simulation, sorted by time; of two events at the
 * same time the one that was added first comes first, so that a run can be repeated.
 * Thread: the owner's. */
#ifndef LARS_SIM_EVENTS_H
#define LARS_SIM_EVENTS_H

#include <stdbool.h>
#include <stdint.h>

struct event {
    uint64_t at;                      /* microseconds of virtual time */
    uint64_t order;                   /* number of its events_add() */
    uint32_t type, id, gen;           /* the caller's own */
};

struct events {                       /* a binary heap; zeroed = empty */
    struct event *heap;
    uint32_t n, cap;
    uint64_t order;
    bool no_memory;                   /* an event was lost: the result is void */
};

/* Sets no_memory when it cannot be added. */
void events_add(struct events *e, uint64_t at, uint32_t type, uint32_t id, uint32_t gen);
struct event events_next(struct events *e); /* removes the first; n must not be 0 */
void events_free(struct events *e);   /* empty afterwards */

#endif
