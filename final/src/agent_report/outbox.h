/* outbox -- the durable counts of one part of the agent: how many calls of each node
 * succeeded and failed, in a file that is mapped into memory.  When the process is
 * killed, no count is lost: its successor opens the same file and continues.
 *
 * Counts leave the outbox in batches, one batch at a time.  A batch is written into the
 * file, with the counts that it covers, before it is sent; when it has been acknowledged,
 * these counts are settled.  A successor that finds a batch without an acknowledgement
 * sends it again under the same number.  The receiver remembers the last number of each
 * stream and applies each batch once.  So no call is lost and no call is counted twice,
 * whichever process is killed at whatever moment.
 *
 * After a reboot a new stream begins, and what had not been acknowledged is lost: the
 * disk may hold any mixture of old and new pages of the file.
 *
 * A copy of the file (another device or inode) begins a new stream as well, without the
 * counts that were copied: the agent of the original reports them.
 * Thread: one at a time, unless said otherwise. */
#ifndef LARS_AGENT_REPORT_OUTBOX_H
#define LARS_AGENT_REPORT_OUTBOX_H

#include <stdint.h>

#include "proto/msg_batch.h"
#include "proto/msg_report.h"

struct outbox;

/* Opens <path> and locks it.  A file that does not exist, is from another boot, is a
 * copy, has another size or is damaged becomes a new, empty outbox.  It holds at most
 * <max_rows> nodes and takes all its disk space now.  Copies <path>.
 * Returns 0; -EBUSY when another process has it open; -ENOSPC; -ENOMEM; -EIO when the
 * kernel gives no random stream name; the errors of open(2) and mmap(2). */
int outbox_open(struct outbox **out, const char *path, uint32_t max_rows);
size_t outbox_file_size(uint32_t max_rows); /* bytes of the file.  Thread: any */
void outbox_close(struct outbox *o);  /* the file stays as it is.  NULL is fine */

/* Counts one call of this node.  Returns 0; -ENOBUFS when there is no row for another
 * node, or no memory for its index entry. */
int outbox_count(struct outbox *o, const struct module_id *m, uint32_t ip, uint32_t port,
                 bool ok);

/* For a caller that counts in absolute values: the row of a node, which is made when it
 * does not exist.  The number stays this node's while the row has unsettled counts.
 * Returns it; -ENOBUFS as above. */
int64_t outbox_row(struct outbox *o, const struct module_id *m, uint32_t ip,
                   uint32_t port);
/* The totals of <row>, which outbox_row() returned. */
void outbox_get(const struct outbox *o, uint32_t row, uint64_t *succ, uint64_t *err);
/* Sets the totals of <row>.  A value below the present one, or a row that does not exist,
 * changes nothing. */
void outbox_set(struct outbox *o, uint32_t row, uint64_t succ, uint64_t err);

/* Calls <fn> for each node with unsettled counts, with its totals since the outbox began
 * (the lower 32 bits of them, as message 3 has them).  <res> is borrowed for the call. */
void outbox_each_unsettled(const struct outbox *o,
                           void (*fn)(const struct module_id *m,
                                      const struct msg_result *res, void *arg),
                           void *arg);

/* True when all rows are in use: from then on a new node takes over a settled row. */
bool outbox_is_full(const struct outbox *o);

/* Records whether a node is overloaded.  The state travels with the node's next counts;
 * when it has changed, the next batch carries it even without counts.  A node without a
 * row is ignored.  The state is not in the file: a successor has to set it again. */
void outbox_set_overload(struct outbox *o, const struct module_id *m, uint32_t ip,
                         uint32_t port, bool overload);
/* As outbox_set_overload(), but the next batch carries the state whether it has changed
 * or not, and the node gets a row when it has none. */
void outbox_announce_overload(struct outbox *o, const struct module_id *m, uint32_t ip,
                              uint32_t port, bool overload);

/* The batch to send: the one that is not acknowledged yet, or else a new one of at most
 * MSG_BATCH_ROWS rows.  <b> must have room for MSG_BATCH_ROWS; this sets its stream, seq
 * and rows, the caller sets the rest.  Returns 1; 0 when there is nothing to send. */
int outbox_batch(struct outbox *o, struct msg_batch *b);

/* Batch <seq> has been stored by the receiver: its counts are settled.  The number of any
 * other batch than the one that is out changes nothing. */
void outbox_acked(struct outbox *o, uint64_t seq);

/* All counts have been reported in another way (message 3): they are settled.  While a
 * batch is out nothing is settled, because that batch may have been applied. */
void outbox_settle_all(struct outbox *o);

/* The name of the stream: MSG_STREAM bytes, borrowed, constant until outbox_close().
 * Thread: any. */
const uint8_t *outbox_stream(const struct outbox *o);
bool outbox_is_new(const struct outbox *o); /* began empty: nothing was adopted */

#endif
