/* exactlink -- connects exact with the agent's threads: who runs what where.  Tasks for a
 * shard go to the thread of its number, the rest to the Report Service client's. */
#ifndef LARS_AGENT_EXACTLINK_H
#define LARS_AGENT_EXACTLINK_H

#include <stdbool.h>

#include "agent/shard.h"
#include "net/looppool.h"

struct exactlink;

/* Ledgers beside <path>; <zone>: ours, as in routes, or 0.  <rep>: the thread of <pool>
 * whose user is the struct repcli.  <on_base> is called there when the peer does not
 * acknowledge.  Borrows <pool> and <arg>.  Returns 0; as ledger_open().  Thread: init. */
int exactlink_create(struct exactlink **out, struct looppool *pool, unsigned rep,
                     const char *path, uint32_t zone, void (*on_base)(void *arg),
                     void *arg);
void exactlink_destroy(struct exactlink *x); /* before the pool.  NULL is fine */

const struct dispatch *exactlink_dispatch(const struct exactlink *x); /* for repcli */

void exactlink_on_up(struct exactlink *x, uint32_t caller); /* Thread: <rep> */

/* Thread: the shard's. */
void exactlink_on_call(struct exactlink *x, unsigned index, const struct msg_call *q);

/* Does the Report Service acknowledge, as far as is known?  Thread: any. */
bool exactlink_is_on(const struct exactlink *x);

struct ledger *exactlink_ledger(struct exactlink *x, unsigned index); /* side's */

/* Ship what side <index> has counted.  False: the peer does not acknowledge; then tell
 * what changed as totals, a row at a time.  Thread: the side's. */
bool exactlink_ship(struct exactlink *x, unsigned index);
typedef void exactlink_row_fn(const struct module_id *m, const struct msg_result *res,
                              void *arg);
void exactlink_tell(struct exactlink *x, unsigned index, exactlink_row_fn *fn, void *arg);

/* A shard's totals.  True: batches go instead; false: tell them by message 3. */
bool exactlink_report(struct exactlink *x, const struct module_id *m,
                      const struct msg_result *res, size_t n);

#endif
