/* exact -- reports that are acknowledged: each side, a shard or the plane, counts in a
 * ledger of its own and ships batches of it, one at a time; when the Report Service does
 * not speak this, message 3 goes on as before.
 * Nothing here has a thread: the agent calls it in the threads named below, and it posts
 * by the hooks. */
#ifndef LARS_AGENT_EXACT_H
#define LARS_AGENT_EXACT_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/shard.h"
#include "net/dispatch.h"

struct exact;

#define EXACT_SIDES (SHARD_N + 1)     /* the shards', and the plane's */

struct exact_config {
    const char *path;                 /* of the ledgers: PATH.calls.0, .1 ... */
    uint32_t zone;                    /* ours, in batches; 0 = none */
    /* Run exact_ship() in the thread of side <index>.  Any thread calls it. */
    void (*post_ship)(unsigned index, void *arg);
    /* Run exact_settle() there, with this number. */
    void (*post_acked)(unsigned index, uint64_t seq, void *arg);
    /* Send this frame to the Report Service.  Any thread calls it; copies. */
    void (*send)(int32_t msgid, const void *body, size_t len, void *arg);
    /* The peer does not acknowledge: tell totals, all of them.  The client's thread. */
    void (*on_base)(void *base_arg);
    void *base_arg;
    void *arg;                        /* borrowed */
};

/* Opens the ledgers.  Copies <cfg>.  Returns 0; as ledger_open().  Thread: init. */
int exact_create(struct exact **out, const struct exact_config *cfg);
void exact_destroy(struct exact *x);  /* NULL is fine */

/* Handlers for the answers of the Report Service.  Thread: init; they run in its client's
 * thread. */
int exact_add_handlers(struct exact *x, struct dispatch *d);

/* Thread: the Report Service client's. */
/* A new connection: say hello.  <caller>: our IPv4 in reports from now on. */
void exact_on_up(struct exact *x, uint32_t caller);
void exact_on_tick(struct exact *x, uint64_t now_ms); /* once a second: send again */

/* Does the Report Service acknowledge?  While it has not answered the hello: yes, wait.
 * Thread: any. */
bool exact_is_on(const struct exact *x);

/* Thread: side <index>'s, all of them. */
struct ledger *exact_ledger(struct exact *x, unsigned index); /* borrowed; also init */
void exact_count(struct exact *x, unsigned index, const struct msg_call *q);
void exact_note(struct exact *x, unsigned index, const struct module_id *m,
                const struct msg_result *res, size_t n);
void exact_ship(struct exact *x, unsigned index); /* the batch under way, or a new one */
void exact_settle(struct exact *x, unsigned index, uint64_t seq); /* and ship the next */
void exact_told(struct exact *x, unsigned index); /* by message 3: nothing left to say */

#endif
