/* batch_sender -- reports calls to the Report Service in batches that it acknowledges, so
 * that each call is counted there exactly once (outbox.h).
 *
 * The agent counts in several threads.  Each of them is a side with an outbox of its own:
 * side <i> belongs to thread <i> of the pool.  A side has at most one batch in flight;
 * the acknowledgement brings the next one.  The connection itself belongs to one more
 * thread of the pool, the report thread.
 *
 * A legacy peer is a Report Service that does not acknowledge: it does not answer the
 * hello.  With such a peer the agent sends totals (message 3) instead. */
#ifndef LARS_AGENT_REPORT_BATCH_SENDER_H
#define LARS_AGENT_REPORT_BATCH_SENDER_H

#include <stdbool.h>
#include <stdint.h>

#include "agent_report/outbox.h"
#include "net/dispatch.h"
#include "net/looppool.h"
#include "proto/msg_host.h"

struct batch_sender;

struct batch_sender_config {
    struct looppool *pool;            /* borrowed */
    unsigned report_thread;           /* thread of <pool> that has the connection */
    unsigned n_side;                  /* 1 and more; sides are threads 0 to n_side - 1 */
    const char *path;                 /* the outboxes are PATH.calls.0, .1 ...; copied */
    uint32_t zone;                    /* CRC-32 of this agent's zone; 0 = none */
    /* Sends a frame on the connection; a frame that is lost is sent again later.  Called
     * in the report thread; <body> is borrowed for the call. */
    void (*send)(int32_t msgid, const void *body, size_t len, void *arg);
    /* The peer is a legacy peer: report the totals of everything.  Called in the report
     * thread. */
    void (*on_legacy)(void *arg);
    void *arg;                        /* borrowed; for both hooks */
};

/* Opens the outboxes and starts a timer in the report thread's loop.  Copies <cfg>.
 * Returns 0; -ENAMETOOLONG for a path of more than 280 bytes; -ENOMEM; the errors of
 * outbox_open(), which are logged.  Thread: init. */
int batch_sender_create(struct batch_sender **out, const struct batch_sender_config *cfg);

/* How many bytes batch_sender_create() will take on the disk: those of the outboxes 0 to
 * <n_side> - 1 of <path> that do not exist.  Thread: any. */
uint64_t batch_sender_missing_bytes(const char *path, unsigned n_side);

/* To be called before looppool_destroy(), when no thread of the pool runs.  The counts
 * stay in the files.  NULL is fine. */
void batch_sender_destroy(struct batch_sender *b);

/* Handlers of the frames that the Report Service sends; borrowed.  They have to run in
 * the report thread.  Thread: init. */
const struct dispatch *batch_sender_dispatch(const struct batch_sender *b);

/* When a server last said that it is a DNSService, monotonic; 0 = never, or a Report
 * Service has answered since.  Thread: any. */
uint64_t batch_sender_wrong_ms(const struct batch_sender *b);

/* There is a new connection: says hello, and sends again what is not acknowledged.
 * <caller>: this host's IPv4 address in reports from now on.  Thread: the report
 * thread. */
void batch_sender_on_up(struct batch_sender *b, uint32_t caller);

/* The connection was lost: no answer to the hello can come.  Thread: the report
 * thread. */
void batch_sender_on_down(struct batch_sender *b);

/* Adds a handler of a frame that the Report Service sends; as dispatch_set().  Thread:
 * init. */
int batch_sender_handle(struct batch_sender *b, int32_t msgid, dispatch_fn *fn,
                        void *arg);

/* True when the peer of the connection has answered the hello, so that it knows messages
 * from 32.  Thread: any. */
bool batch_sender_knows_hello(const struct batch_sender *b);

/* False once the peer is found to be a legacy peer.  True before, also while the hello is
 * unanswered.  Thread: any. */
bool batch_sender_acknowledges(const struct batch_sender *b);

/* When a call was last lost because an outbox was full, monotonic; 0 = never.  Thread:
 * any. */
uint64_t batch_sender_lost_ms(const struct batch_sender *b);

/* --- Thread of the functions below: the one of side <side> -------------------------- */

/* The side's outbox, borrowed.  Thread: init, too. */
struct outbox *batch_sender_outbox(struct batch_sender *b, unsigned side);

/* Counts a call, and its duration when it succeeded.  When the outbox is full the call is
 * lost, which is logged. */
void batch_sender_count(struct batch_sender *b, unsigned side, const struct msg_call *q);

/* Sends the side's batch, unless it was sent on this connection and its acknowledgement
 * may still come.  Returns false when the peer is a legacy peer: then nothing is sent,
 * and the caller reports totals. */
bool batch_sender_ship(struct batch_sender *b, unsigned side);

/* As batch_sender_ship(), for a shard that has counted every call of module <m> by
 * batch_sender_count(): takes over from <res> only which nodes are overloaded.  When it
 * returns false the caller has to send <res>; the outbox is settled as if that were
 * done. */
bool batch_sender_ship_module(struct batch_sender *b, unsigned side,
                              const struct module_id *m, const struct msg_result *res,
                              size_t n);

/* For a legacy peer: calls <fn> with the totals of each node that has unsettled counts,
 * then settles them. */
typedef void batch_sender_totals_fn(const struct module_id *m,
                                    const struct msg_result *res, void *arg);
void batch_sender_take_totals(struct batch_sender *b, unsigned side,
                              batch_sender_totals_fn *fn, void *arg);

#endif
