/* fork_detector -- is this process a child of the one that created the detector?  In the
 * child, one thread begins the renewal of what must not be shared with the parent, and
 * the others wait for its end.  Thread: any, except where a function names another. */
#ifndef LARS_API_FORK_DETECTOR_H
#define LARS_API_FORK_DETECTOR_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum { FORK_DETECTOR_FORKED = 0, FORK_DETECTOR_RENEWING, FORK_DETECTOR_RENEWED };

struct fork_detector {
    _Atomic uint64_t *state;          /* FORKED after fork(), by MADV_WIPEONFORK */
};

int fork_detector_init(struct fork_detector *d); /* 0, -ENOMEM; thread: init */
void fork_detector_fini(struct fork_detector *d);

/* One load. */
static inline bool fork_detector_has_forked(const struct fork_detector *d)
{
    return atomic_load_explicit(d->state, memory_order_acquire) != FORK_DETECTOR_RENEWED;
}

/* True: this thread makes everything anew and then ends the renewal.  False: another
 * thread has made it. */
bool fork_detector_begin(struct fork_detector *d);
void fork_detector_end(struct fork_detector *d);

#endif
