/* calls -- a thread's ledger: which calls are under way, and how many there were of each
 * node.  Its writer may be killed at any instruction: whoever finds the ledger knows
 * exactly what was begun, what was reported and what is open.
 *
 *     begun = done + abandoned + open        over all ledgers, for each node
 *
 * A call is closed once: by the report, by its time-out, or, when its process has died,
 * by the agent; whoever comes second is told.  Thread: the ledger's, unless said
 * otherwise. */
#ifndef LARS_SHMEM_CALL_LOG_H
#define LARS_SHMEM_CALL_LOG_H

#include <stdbool.h>

#include "shmem/segment.h"

struct call_log;

/* Ledger <index> of <s>, which must outlive it.  Returns 0; -EBADMSG when its file is
 * not what it should be; -ENOSPC, -EACCES, -ENOMEM. */
int call_log_open(struct call_log **out, const struct segment *s, uint32_t index);
void call_log_close(struct call_log *c);    /* what is counted stays.  NULL is fine */

/* After fork(), in the child, where the ledger is not mapped: frees only memory and the
 * descriptor; the parent keeps its lock. */
void call_log_forget(struct call_log *c);

uint32_t call_log_index(const struct call_log *c); /* Thread: any */
/* for the lock on it; borrowed.  Thread: any */
int call_log_fd(const struct call_log *c);
/* borrowed.  Thread: any */
struct layout_call_log *call_log_ledger(const struct call_log *c);

/* A call of <nid> begins.  <token> names it, 0 = it is counted when it ends and cannot be
 * open: too many are under way.  Returns 0; -ENOSPC when nothing can be counted. */
int call_log_begin(struct call_log *c, uint32_t nid, uint32_t mid, uint64_t now_us,
                uint64_t *token);

enum call_log_how { CALL_LOG_OK, CALL_LOG_FAILED, CALL_LOG_ABANDONED };

struct call_log_end {
    uint32_t nid, mid;                /* what was called */
    uint64_t lat_us;                  /* since it began */
};

/* The index of the ledger that <token> is from: the one to give as <opener>. */
uint32_t call_log_opener(uint64_t token);

/* The call <token> of ledger <opener> has ended; <mine> counts it.  A failed one is
 * counted as long as <penalty_us> at least.  Returns 0 and what was called; -EALREADY
 * when it had ended; -ENOSPC: it is open still. */
int call_log_finish(struct call_log *mine, struct call_log *opener, uint64_t token,
                 enum call_log_how how, uint64_t now_us, uint64_t penalty_us,
                 struct call_log_end *out);

/* A call without a token has ended: begun and done at once.  Returns 0; -ENOSPC. */
int call_log_count(struct call_log *c, uint32_t nid, uint32_t mid, bool ok,
                   uint64_t lat_us);

/* Finish each call of <opener> that is older than <fn> allows: it returns the time-out of
 * a module in ms.  <penalty_us>: as above.  <ended> is called for each.  <opener> may be
 * another thread's. */
typedef uint32_t call_log_timeout_fn(uint32_t mid, void *arg);
typedef void call_log_ended_fn(const struct call_log_end *e, void *arg);
void call_log_expire(struct call_log *mine, struct call_log *opener, uint64_t now_us,
                  call_log_timeout_fn *timeout, call_log_ended_fn *ended, void *arg);

/* The writer of <dead> is no more and nobody else writes it.  What it was doing is
 * finished; its open calls are counted as abandoned in <mine>, <ended> is called for
 * each.  <all> (of <n>) are the ledgers that its intent may be about, by index; NULL for
 * what is not open.  Thread: the agent's. */
void call_log_recover(struct call_log *mine, struct call_log *dead,
                      struct call_log *const *all, uint32_t n, uint64_t now_us,
                      call_log_ended_fn *ended, void *arg);

/* What it counted of a node.  Thread: any; a moment's view while the writer works. */
struct call_log_sum {
    uint64_t begun, done, err, abandoned, lat_us;
};
/* adds */
void call_log_sum(const struct call_log *c, uint32_t nid, struct call_log_sum *out);

uint32_t call_log_n_open(const struct call_log *c); /* under way now.  Thread: any */

/* For each node with counts, for each module with durations.  Thread: any. */
typedef void call_log_node_fn(uint32_t nid, void *arg);
void call_log_each_node(const struct call_log *c, call_log_node_fn *fn, void *arg);
void call_log_each_module(const struct call_log *c, call_log_node_fn *fn, void *arg);
uint64_t call_log_bucket(const struct call_log *c, uint32_t mid, uint32_t bucket);

#endif
