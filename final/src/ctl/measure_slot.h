/* measure_slot -- a node that runs in a slot of its own while it is measured: asks the
 * leader of the autoscalers for the slot, waits until the node is ready, and keeps the
 * slot in a thread until it is given back.  When larsctl ends without giving it back, the
 * leader empties the slot 20 s later. */
#ifndef LARS_CTL_MEASURE_SLOT_H
#define LARS_CTL_MEASURE_SLOT_H

#include "ctl/ctl.h"

#define MEASURE_SLOT_CLASS 33 /* bytes of a class */

struct measure_slot;

/* <class>: of the host; NULL = any.  Returns an exit code, after a line on standard error
 * unless it is CTL_OK.  Thread: one, also for measure_slot_end(). */
int measure_slot_take(struct measure_slot **out, struct ctl *c, uint32_t modid,
                      uint32_t cmdid, const char *class);
void measure_slot_end(struct measure_slot *m); /* NULL is fine */

/* "ADDRESS:PORT" of the node, its IPv4 in host byte order, the class of its host.
 * Borrowed. */
const char *measure_slot_at(const struct measure_slot *m);
uint32_t measure_slot_ip(const struct measure_slot *m);
const char *measure_slot_class(const struct measure_slot *m);

/* Whether the slot was taken back or the node has ended; false for NULL.  Thread: any. */
bool measure_slot_warns(const struct measure_slot *m);

/* The reason, after measure_slot_warns() was true.  Borrowed. */
const char *measure_slot_why(const struct measure_slot *m);

#endif
