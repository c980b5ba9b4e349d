/* events -- what happens in virtual time, the earliest first; of equal times, the one
 * that was made first.  Thread: the owner's. */
#ifndef LARS_SIM_EVENTS_H
#define LARS_SIM_EVENTS_H

#include <stdbool.h>
#include <stdint.h>

struct event {
    uint64_t at; /* us */
    uint64_t order; /* of its making */
    uint32_t type, id, gen; /* the caller's */
};

struct events { /* a heap; zeroed = empty */
    struct event *heap;
    uint32_t n, cap;
    uint64_t order;
    bool no_memory; /* some were lost: the run is worth nothing */
};

void events_add(struct events *e, uint64_t at, uint32_t type, uint32_t id, uint32_t gen);
struct event events_next(struct events *e); /* n is 1 and more */
void events_free(struct events *e);

#endif
