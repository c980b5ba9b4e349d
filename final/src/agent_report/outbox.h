/* ledger -- what was called, counted in a file that is mapped into memory: a process that
 * is killed has lost nothing, its successor goes on where it stopped.
 *
 * Counts leave it in batches, one at a time.  A batch is written down in the file, with
 * the counts that it covers, before it is sent; after its acknowledgement they are
 * settled.  A successor that finds a batch under way sends it again under the same
 * number, and the receiver, who remembers the last number of each stream, applies it
 * once.  So nothing is lost and nothing is counted twice, whoever dies when.
 *
 * A reboot begins a new stream: what was not acknowledged then is lost, as the disk may
 * have any mixture of old and new pages.  Thread: one at a time. */
#ifndef LARS_AGENT_REPORT_OUTBOX_H
#define LARS_AGENT_REPORT_OUTBOX_H

#include <stdint.h>

#include "proto/msg_batch.h"
#include "proto/msg_report.h"

struct outbox;

/* Adopts <path>, or makes it anew when it is not there, of another boot, or damaged.  At
 * most <max_rows> nodes.  Returns 0; -EBUSY when another process has it; -errno. */
int outbox_open(struct outbox **out, const char *path, uint32_t max_rows);
void outbox_close(struct outbox *l);  /* everything stays in the file.  NULL is fine */

/* One call of this node.  Returns 0; -ENOBUFS when there are too many nodes. */
int outbox_count(struct outbox *l, const struct module_id *m, uint32_t ip, uint32_t port,
                 bool ok);

/* The same by whoever counts in absolute values: a node's row, for good while something
 * is to be settled.  Returns it; -ENOBUFS. */
int64_t outbox_row(struct outbox *l, const struct module_id *m, uint32_t ip,
                   uint32_t port);
void outbox_get(const struct outbox *l, uint32_t row, uint64_t *succ, uint64_t *err);
/* Less than before, or of a row that is not there: nothing happens. */
void outbox_set(struct outbox *l, uint32_t row, uint64_t succ, uint64_t err);
/* Totals, since the ledger began, of each node that has something to settle. */
void outbox_each_unsettled(const struct outbox *l,
                           void (*fn)(const struct module_id *m,
                                      const struct msg_result *res, void *arg),
                           void *arg);
bool outbox_is_full(const struct outbox *l); /* a new node takes a settled one's row */

/* Is this node overloaded?  Goes with its next counts; what is news, in the next batch.
 * Not in the file: a successor notes it again. */
void outbox_note(struct outbox *l, const struct module_id *m, uint32_t ip, uint32_t port,
                 bool overload);
/* The same, in the next batch in any case. */
void outbox_say(struct outbox *l, const struct module_id *m, uint32_t ip, uint32_t port,
                bool overload);

/* The batch to send: the one under way, or a new one of what is not settled, at most
 * MSG_BATCH_ROWS rows.  The rest of <b> (caller, ts, overload) is the caller's.  Returns
 * 1; 0 when there is nothing to say.  <b> has room for MSG_BATCH_ROWS. */
int outbox_batch(struct outbox *l, struct msg_batch *b);

/* Batch <seq> is in the database.  Another number than that under way is ignored. */
void outbox_acked(struct outbox *l, uint64_t seq);

/* What is counted so far is told in another way (message 3): settle it, but for the batch
 * under way. */
void outbox_settle(struct outbox *l);

const uint8_t *outbox_stream(const struct outbox *l); /* MSG_STREAM bytes, borrowed */
bool outbox_is_new(const struct outbox *l); /* not adopted */

#endif
