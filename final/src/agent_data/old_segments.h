/* old_segments -- segments that were in force before the one of now and that clients may
 * still have mapped: a client that had a call open when its segment was replaced reports
 * the call there.  They are collected until no client owns a call log of them, at most
 * for OLD_SEGMENTS_S seconds, and then unlinked.  Thread: one, unless said otherwise. */
#ifndef LARS_AGENT_DATA_OLD_SEGMENTS_H
#define LARS_AGENT_DATA_OLD_SEGMENTS_H

#include "agent_report/outbox.h"
#include "shmem/segment.h"

#define OLD_SEGMENTS_S 60 /* since this agent has begun to collect it */

struct old_segments;

/* Opens the old segments in the folder of <s>, the segment in force.  One that cannot be
 * read is unlinked, which is logged.  Borrows <s> and <outbox>; <now_us> is monotonic.
 * Returns 0 or -ENOMEM. */
int old_segments_create(struct old_segments **out, const struct segment *s,
                        struct outbox *outbox, uint64_t now_us);
void old_segments_destroy(struct old_segments *o); /* the files stay.  NULL is fine */

/* To be called once a second: brings what was counted since into the outbox, and ends
 * what is over.  A segment that has counts which find no room in the outbox stays.
 * Returns 0, or the first error of collector_take(). */
int old_segments_collect(struct old_segments *o, uint64_t now_us);

/* Is there still one?  False for NULL. */
bool old_segments_any(const struct old_segments *o);

/* Calls that are open in them. */
uint64_t old_segments_n_open(const struct old_segments *o);

/* Calls that clients reported in them, collected so far.  Thread: any. */
uint64_t old_segments_n_reported(const struct old_segments *o);

#endif
