/* zones -- which zones have hosts that nodes can run on, and which of them cannot be
 * trusted now.  Remembers when a zone was lost and when it came back.  Pure.  Thread: one
 * at a time. */
#ifndef LARS_SCALE_ZONES_H
#define LARS_SCALE_ZONES_H

#include "scale/snapshot.h"

#define ZONES_MAX 32 /* more are left out */

struct zone_view {
    char name[SNAPSHOT_ZONE];
    bool usable; /* a host with slots that is in use was heard in the
                                       * last minute */
    bool suspect; /* usable, and no host was heard for 5 s, or the
                                       * zone came back not long ago */
    bool emptied; /* its hosts are heard, and none is to be used */
    bool is_out; /* an operator keeps it out: not usable, its nodes stay */
};

struct zones { /* zeroed before its first use */
    struct zone_memory {
        char name[SNAPSHOT_ZONE];
        bool lost;
        uint64_t back_ms; /* when it came back; 0 = it was never lost */
    } memory[ZONES_MAX];
    size_t n_memory;
    struct zone_view at[ZONES_MAX]; /* in the order of the hosts */
    size_t n;
    unsigned n_usable;
    bool suspect; /* one of them is */
};

/* Look at the hosts of <s>.  A zone that came back is suspect for <hold_ms>. */
void zones_look(struct zones *z, const struct snapshot *s, uint64_t now_ms,
                uint64_t hold_ms);

#endif
