/* shortage -- the modules and zones in which fewer nodes take calls than are wanted, and
 * what is known of why.  Pure: what was decided and a snapshot go in.  What is not known
 * is not a shortage.  Thread: one at a time. */
#ifndef LARS_SCALE_SHORTAGE_H
#define LARS_SCALE_SHORTAGE_H

#include "scale/deciders.h"

#define SHORTAGE_MAX 64 /* more are left out */
#define SHORTAGE_WHY 256

struct shortage {
    struct module_id id;
    char zone[SNAPSHOT_ZONE];
    unsigned wanted, up;
    char why[SHORTAGE_WHY]; /* "starts fail on host h1; no free slot for 2" */
};

struct shortages {
    size_t n;
    struct shortage at[SHORTAGE_MAX];
    bool whole; /* what is not there is not short; else it may be unknown */
};

/* After deciders_conclude().  Returns 0 or -ENOMEM. */
int shortage_find(const struct deciders *d, const struct snapshot *s,
                  const struct node_life *life, uint64_t now_ms, struct shortages *out);

/* Other modules, zones or numbers; other reasons alone do not count. */
bool shortage_differs(const struct shortages *a, const struct shortages *b);

#endif
