/* exact -- reports that are acknowledged: each side, a shard or the plane, counts in a
 * ledger of its own and ships batches of it, one at a time; when the Report Service does
 * not speak this, message 3 goes on as before.
 * Nothing here has a thread: the agent calls it in the threads named below, and it posts
 * by the hooks. */
#ifndef LARS_AGENT_REPORT_BATCH_SENDER_H
#define LARS_AGENT_REPORT_BATCH_SENDER_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/shard.h"
#include "net/dispatch.h"

struct batch_sender;

#define BATCH_SENDER_SIDES (SHARD_N + 1)     /* the shards', and the plane's */

struct batch_sender_config {
    const char *path;                 /* of the ledgers: PATH.calls.0, .1 ... */
    uint32_t zone;                    /* ours, in batches; 0 = none */
    /* Run batch_sender_ship() in the thread of side <index>.  Any thread calls it. */
    void (*post_ship)(unsigned index, void *arg);
    /* Run batch_sender_settle() there, with this number. */
    void (*post_acked)(unsigned index, uint64_t seq, void *arg);
    /* Send this frame to the Report Service.  Any thread calls it; copies. */
    void (*send)(int32_t msgid, const void *body, size_t len, void *arg);
    /* The peer does not acknowledge: tell totals, all of them.  The client's thread. */
    void (*on_base)(void *base_arg);
    void *base_arg;
    void *arg;                        /* borrowed */
};

/* Opens the ledgers.  Copies <cfg>.  Returns 0; as outbox_open().  Thread: init. */
int batch_sender_create(struct batch_sender **out, const struct batch_sender_config *cfg);
void batch_sender_destroy(struct batch_sender *x);  /* NULL is fine */

/* Handlers for the answers of the Report Service.  Thread: init; they run in its client's
 * thread. */
int batch_sender_add_handlers(struct batch_sender *x, struct dispatch *d);

/* Thread: the Report Service client's. */
/* A new connection: say hello.  <caller>: our IPv4 in reports from now on. */
void batch_sender_on_up(struct batch_sender *x, uint32_t caller);
/* once a second: send again */
void batch_sender_on_tick(struct batch_sender *x, uint64_t now_ms);

/* Does the Report Service acknowledge?  While it has not answered the hello: yes, wait.
 * Thread: any. */
bool batch_sender_is_on(const struct batch_sender *x);

/* Thread: side <index>'s, all of them. */
/* borrowed; also init */
struct outbox *batch_sender_ledger(struct batch_sender *x, unsigned index);
void batch_sender_count(struct batch_sender *x, unsigned index, const struct msg_call *q);
void batch_sender_note(struct batch_sender *x, unsigned index, const struct module_id *m,
                const struct msg_result *res, size_t n);
/* the batch under way, or a new one */
void batch_sender_ship(struct batch_sender *x, unsigned index);
/* and ship the next */
void batch_sender_settle(struct batch_sender *x, unsigned index, uint64_t seq);
/* by message 3: nothing left to say */
void batch_sender_told(struct batch_sender *x, unsigned index);

#endif
