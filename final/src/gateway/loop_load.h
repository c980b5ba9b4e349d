/* loop_load -- how busy the thread of a loop is: its processor time in the last second.
 * Thread: loop, except where a function names another. */
#ifndef LARS_GATEWAY_LOOP_LOAD_H
#define LARS_GATEWAY_LOOP_LOAD_H

#include <stdatomic.h>

#include "net/evloop.h"

typedef void loop_load_fn(uint32_t permille, void *arg);

struct loop_load {                        /* only loop_load.c uses the fields */
    struct evloop *loop;
    loop_load_fn *fn;
    void *arg;
    uint64_t cpu_us, wall_us;             /* at the last look; 0 = none yet */
    _Atomic uint32_t permille;
    struct evtimer timer;
};

/* Measure from now on, and call <fn> in the loop with each result, 0 to 1000.  Borrows
 * all but <fn>.  Returns 0 or -ENOMEM.  Thread: init. */
int loop_load_start(struct loop_load *m, struct evloop *l, loop_load_fn *fn, void *arg);
void loop_load_stop(struct loop_load *m); /* never started: fine */

uint32_t loop_load_permille(const struct loop_load *m); /* the last result.  any */

#endif
