/* exactlink -- connects exact with the agent's threads: who runs what where.  Tasks for a
 * shard go to the thread of its number, the rest to the Report Service client's. */
#ifndef LARS_AGENT_REPORT_BATCH_LINK_H
#define LARS_AGENT_REPORT_BATCH_LINK_H

#include <stdbool.h>

#include "agent/shard.h"
#include "net/looppool.h"

struct batch_link;

/* Ledgers beside <path>; <zone>: ours, as in routes, or 0.  <rep>: the thread of <pool>
 * whose user is the struct repcli.  <on_base> is called there when the peer does not
 * acknowledge.  Borrows <pool> and <arg>.  Returns 0; as outbox_open().  Thread: init. */
int batch_link_create(struct batch_link **out, struct looppool *pool, unsigned rep,
                     const char *path, uint32_t zone, void (*on_base)(void *arg),
                     void *arg);
void batch_link_destroy(struct batch_link *x); /* before the pool.  NULL is fine */

const struct dispatch *batch_link_dispatch(const struct batch_link *x); /* for repcli */

void batch_link_on_up(struct batch_link *x, uint32_t caller); /* Thread: <rep> */

/* Thread: the shard's. */
void batch_link_on_call(struct batch_link *x, unsigned index, const struct msg_call *q);

/* Does the Report Service acknowledge, as far as is known?  Thread: any. */
bool batch_link_is_on(const struct batch_link *x);

struct outbox *batch_link_ledger(struct batch_link *x, unsigned index); /* side's */

/* Ship what side <index> has counted.  False: the peer does not acknowledge; then tell
 * what changed as totals, a row at a time.  Thread: the side's. */
bool batch_link_ship(struct batch_link *x, unsigned index);
typedef void batch_link_row_fn(const struct module_id *m, const struct msg_result *res,
                              void *arg);
void batch_link_tell(struct batch_link *x, unsigned index, batch_link_row_fn *fn,
                     void *arg);

/* A shard's totals.  True: batches go instead; false: tell them by message 3. */
bool batch_link_report(struct batch_link *x, const struct module_id *m,
                      const struct msg_result *res, size_t n);

#endif
