/* limits -- decides second by second whether visitors suffer too much from a drill.
 * Visitors are what the gateways have answered beyond the load of the drill.  Gateways
 * treat both alike, so the share of failures that they count, and the latency that the
 * drill sees, are those of visitors too.  Pure.  Thread: any. */
#ifndef LARS_DRILL_LIMITS_H
#define LARS_DRILL_LIMITS_H

#include "drill/script.h"
#include "load/figures.h"

#define LIMITS_S 10 /* seconds that are looked at together */
#define LIMITS_WHY 200

struct limits_second {
    struct figures own; /* of this second */
    uint64_t answered, failed; /* by the gateways, since the beginning */
};

struct limits {
    struct script_abort max;
    struct limits_second ring[LIMITS_S + 1];
    unsigned n; /* seconds so far */
};

void limits_init(struct limits *l, const struct script_abort *max);

/* Requests of visitors in the last seconds; 0 when they are fewer than one in twenty, or
 * than 2 a second: then the difference may be that of the moments of counting. */
uint64_t limits_visitors(const struct limits *l);

/* Add a second.  Returns whether the drill may go on; otherwise <why> says what visitors
 * see. */
bool limits_add(struct limits *l, const struct limits_second *s, char why[LIMITS_WHY]);

#endif
