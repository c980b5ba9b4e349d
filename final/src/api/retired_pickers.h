/* retired_pickers -- the pickers with which threads of this client called before another
 * segment came into force.  A call that was begun in an old segment is ended there, by
 * any thread, as long as an agent collects that segment.  Thread: any; the caller holds
 * the lock that guards the list. */
#ifndef LARS_API_RETIRED_PICKERS_H
#define LARS_API_RETIRED_PICKERS_H

#include "shmem/picker.h"

#define RETIRED_PICKERS_S 60          /* the agent collects an old segment so long */

struct retired_picker;

struct retired_pickers {
    struct retired_picker *first;     /* NULL = empty */
};

/* Takes <picker> unless it fails.  Returns 0 or -ENOMEM. */
int retired_pickers_add(struct retired_pickers *l, struct picker *picker,
                        uint64_t now_ms);

/* End the call <p>.  <opener>: the call log in which it was begun, when its picker is not
 * in the list, else NULL.  Returns as picker_end(); -ESTALE when the list has no picker
 * of that segment, or no agent collects the segment any more: nothing was counted. */
int retired_pickers_end(const struct retired_pickers *l, struct call_log *opener,
                        const struct picker_pick *p, enum picker_outcome how,
                        uint64_t *took_us);

/* Destroys the pickers whose segment is not collected any more, those that were added
 * RETIRED_PICKERS_S ago and, when <is_left>, those without an open call: every thread of
 * the client has left the old segments, so no call needs another log to end in.  One
 * whose call log was taken away stays.  No other thread may be using a log of the
 * list. */
void retired_pickers_prune(struct retired_pickers *l, bool is_left, uint64_t now_ms);

/* Empties the list; <end> is picker_destroy() or, after fork(), picker_forget(). */
void retired_pickers_clear(struct retired_pickers *l, void (*end)(struct picker *));

#endif
