/* host_times -- whether visitors wait longer for the nodes of a host than they did before
 * something else began to load it.  The usual time is the p99 before.  Answers that began
 * later than 1.2 times that are late; when more than 3 % of at least 200 answers are, and
 * of the next 200 as well, visitors feel it.  With the usual 1 %, chance alone does that
 * once in some 50,000 pairs.  Pure.  Thread: one at a time. */
#ifndef LARS_CTL_HOST_TIMES_H
#define LARS_CTL_HOST_TIMES_H

#include "scale/node_minutes.h"

#define HOST_TIMES_ANSWERS 200 /* fewer say nothing about a p99 */
#define HOST_TIMES_LATE_PERCENT 3
#define HOST_TIMES_WINDOWS 2 /* late ones in a row */

struct host_times { /* zeroed at first, with <ip> set */
    uint32_t ip; /* of the host; host byte order */
    uint64_t usual[LATENCY_BUCKETS + 1]; /* before the load; index: bucket */
    uint64_t usual_us; /* their p99; 0 = not known yet */
    struct node_minute window; /* answers that are not judged yet */
    unsigned n_late; /* windows in a row */
};

/* Answers before the load. */
void host_times_add_usual(struct host_times *t, const struct node_minutes *m);

/* The load begins.  Returns false when there were fewer than HOST_TIMES_ANSWERS. */
bool host_times_begin(struct host_times *t);

/* Answers during the load.  Returns true when visitors feel it. */
bool host_times_add(struct host_times *t, const struct node_minutes *m);

#endif
