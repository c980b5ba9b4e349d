/* slot_step -- what one slot does next (slots.h has its states).  Thread: loop. */
#ifndef LARS_SLOT_SLOT_STEP_H
#define LARS_SLOT_SLOT_STEP_H

#include "slot/slots_private.h"

/* Look in the next turn what is to be done: something has changed. */
void slot_step_soon(struct slot *s);

/* Look at once: before the loop runs. */
void slot_step_now(struct slot *s);

/* child_fn, probe_fn, and the evloop_fn of program_build.h; the arguments are a struct
 * slot and twice the struct slots. */
void slot_step_on_end(const char *how, void *arg);
void slot_step_on_probe(uint64_t id, bool ok, enum probe_shows shows, void *arg);
void slot_step_on_build(void *arg);

#endif
