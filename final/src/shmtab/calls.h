/* calls -- a thread's ledger: which calls are under way, and how many there were of each
 * node.  Its writer may be killed at any instruction: whoever finds the ledger knows
 * exactly what was begun, what was reported and what is open.
 *
 *     begun = done + abandoned + open        over all ledgers, for each node
 *
 * A call is closed once: by the report, by its time-out, or, when its process has died,
 * by the agent; whoever comes second is told.  Thread: the ledger's, unless said
 * otherwise. */
#ifndef LARS_SHMTAB_CALLS_H
#define LARS_SHMTAB_CALLS_H

#include <stdbool.h>

#include "shmtab/segment.h"

struct calls;

/* Ledger <index> of <s>, which must outlive it.  Returns 0; -EBADMSG when its file is
 * not what it should be; -ENOSPC, -EACCES, -ENOMEM. */
int calls_open(struct calls **out, const struct segment *s, uint32_t index);
void calls_close(struct calls *c);    /* what is counted stays.  NULL is fine */

/* After fork(), in the child, where the ledger is not mapped: frees only memory and the
 * descriptor; the parent keeps its lock. */
void calls_forget(struct calls *c);

uint32_t calls_index(const struct calls *c); /* Thread: any */
int calls_fd(const struct calls *c);  /* for the lock on it; borrowed.  Thread: any */
struct layout_ledger *calls_ledger(const struct calls *c); /* borrowed.  Thread: any */

/* A call of <nid> begins.  <token> names it, 0 = it is counted when it ends and cannot be
 * open: too many are under way.  Returns 0; -ENOSPC when nothing can be counted. */
int calls_begin(struct calls *c, uint32_t nid, uint32_t mid, uint64_t now_us,
                uint64_t *token);

enum calls_how { CALLS_OK, CALLS_FAILED, CALLS_ABANDONED };

struct calls_end {
    uint32_t nid, mid;                /* what was called */
    uint64_t lat_us;                  /* since it began */
};

/* The index of the ledger that <token> is from: the one to give as <opener>. */
uint32_t calls_opener(uint64_t token);

/* The call <token> of ledger <opener> has ended; <mine> counts it.  A failed one is
 * counted as long as <punish_us> at least.  Returns 0 and what was called; -EALREADY when
 * it had ended; -ENOSPC: it is open still. */
int calls_finish(struct calls *mine, struct calls *opener, uint64_t token,
                 enum calls_how how, uint64_t now_us, uint64_t punish_us,
                 struct calls_end *out);

/* A call without a token has ended: begun and done at once.  Returns 0; -ENOSPC. */
int calls_count(struct calls *c, uint32_t nid, uint32_t mid, bool ok, uint64_t lat_us);

/* Finish each call of <opener> that is older than <fn> allows: it returns the time-out of
 * a module in ms.  <punish_us>: as above.  <ended> is called for each.  <opener> may be
 * another thread's. */
typedef uint32_t calls_timeout_fn(uint32_t mid, void *arg);
typedef void calls_ended_fn(const struct calls_end *e, void *arg);
void calls_expire(struct calls *mine, struct calls *opener, uint64_t now_us,
                  calls_timeout_fn *timeout, calls_ended_fn *ended, void *arg);

/* The writer of <dead> is no more and nobody else writes it.  What it was doing is
 * finished; its open calls are counted as abandoned in <mine>, <ended> is called for
 * each.  <all> (of <n>) are the ledgers that its intent may be about, by index; NULL for
 * what is not open.  Thread: the agent's. */
void calls_recover(struct calls *mine, struct calls *dead, struct calls *const *all,
                   uint32_t n, uint64_t now_us, calls_ended_fn *ended, void *arg);

/* What it counted of a node.  Thread: any; a moment's view while the writer works. */
struct calls_sum {
    uint64_t begun, done, err, abandoned, lat_us;
};
void calls_sum(const struct calls *c, uint32_t nid, struct calls_sum *out); /* adds */

uint32_t calls_n_open(const struct calls *c); /* under way now.  Thread: any */

/* For each node with counts, for each module with durations.  Thread: any. */
typedef void calls_node_fn(uint32_t nid, void *arg);
void calls_each_node(const struct calls *c, calls_node_fn *fn, void *arg);
void calls_each_module(const struct calls *c, calls_node_fn *fn, void *arg);
uint64_t calls_bucket(const struct calls *c, uint32_t mid, uint32_t bucket);

#endif
