/* stream_owner -- which connection a report stream belongs to.  An agent sends each of
 * its streams on one connection.  Two live connections with the same stream come from two
 * agents that have the same folder, for example in a virtual machine that was cloned
 * while it ran.  Both number their batches alike, so batches of one would be taken for
 * repetitions of the other's and their calls would be lost.  The connection that had the
 * stream first keeps it; the batches of the other are refused.
 * Thread: any. */
#ifndef LARS_REPORT_STREAM_OWNER_H
#define LARS_REPORT_STREAM_OWNER_H

#include <stdint.h>

#include "proto/msg_batch.h"

struct stream_owners;

/* Remembers at most <max> streams.  Returns 0 or -ENOMEM.  Thread: init. */
int stream_owner_create(struct stream_owners **out, uint32_t max);
void stream_owner_destroy(struct stream_owners *s); /* NULL is fine */

/* A batch of <stream> came by the connection <number>, 1 or more; numbers grow and none
 * is used twice.  Returns 0: take the batch; -EBUSY: another connection has the stream,
 * so the batch must not be applied or acknowledged; -EEXIST: take it, and report that
 * another agent sends the same stream.  When <max> streams are known, the batches of any
 * other stream are taken unchecked. */
int stream_owner_claim(struct stream_owners *s, const uint8_t stream[MSG_STREAM],
                        uint64_t number, uint64_t now_ms);

/* The connection <number> has ended: its streams are free for others. */
void stream_owner_close(struct stream_owners *s, uint64_t number);

/* Batches that were refused so far, and streams that have two agents now. */
void stream_owner_stat(struct stream_owners *s, uint64_t *n_refused,
                        uint32_t *n_conflict);

#endif
