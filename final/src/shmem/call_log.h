/* call_log -- the file in which one thread counts its calls: which are open, and how many
 * there were of each node.  Its writer may be killed at any instruction; after that the
 * file still has exactly what was begun, what was reported and what is still open:
 *
 *     begun = done + abandoned + open        for each node, summed over all call logs
 *
 * A call is finished once: by its report, by its time-out, or, when its process has died,
 * by the agent.  A second finish returns -EALREADY.
 *
 * Thread: the owner of the log, unless another is named. */
#ifndef LARS_SHMEM_CALL_LOG_H
#define LARS_SHMEM_CALL_LOG_H

#include "shmem/segment.h"

struct call_log;

/* Map log <index>, 0 to SEGMENT_LOGS - 1, of <s>, which must outlive it.  Returns 0;
 * -EBADMSG when the file is not what it should be; -ENOSPC, -EACCES, -ENOMEM. */
int call_log_open(struct call_log **out, const struct segment *s, uint32_t index);
void call_log_close(struct call_log *c); /* what was counted stays.  NULL is fine */

/* Free <c> in a child after fork(), where its file is not mapped.  The lock of the parent
 * on the file is not touched. */
void call_log_forget(struct call_log *c);

uint32_t call_log_index(const struct call_log *c); /* Thread: any */

/* The descriptor of the file, for the lock on it.  Borrowed; -1 = none.  Thread: any. */
int call_log_fd(const struct call_log *c);

/* Has the file still a name, so that an agent finds it?  Costs a system call. */
bool call_log_has_name(const struct call_log *c);

/* Closes the descriptor; the map stays.  For the agent, which has a log of each thread of
 * every client and would run out of descriptors: it reads them by the map alone. */
void call_log_close_fd(struct call_log *c);

/* Opens it again, if it is closed.  Returns 0 or -errno. */
int call_log_reopen_fd(struct call_log *c, const struct segment *s);

/* Was anything ever counted in log <index>?  Costs a system call.  Thread: any. */
bool call_log_was_used(const struct segment *s, uint32_t index);

/* A call of node <nid> begins.  <token> names the call; 0 means that all slots are taken,
 * so this call is not tracked while it is open and is counted by call_log_count() when it
 * ends.  Returns 0; -ENOSPC when nothing can be counted. */
int call_log_begin(struct call_log *c, uint32_t nid, uint32_t mid, uint64_t now_us,
                   uint64_t *token);

enum call_log_how { CALL_LOG_OK, CALL_LOG_FAILED, CALL_LOG_ABANDONED };

struct call_log_end {
    uint32_t nid, mid;                /* the node and the module that were called */
    uint64_t lat_us;                  /* since the call began */
};

/* The index of the log in which the call <token> was begun: the one to pass as
 * <opener>. */
static inline uint32_t call_log_opener(uint64_t token)
{
    return (uint32_t)(token >> 52) - 1;
}

/* Finish the call <token> that was begun in <opener>; <mine> counts it, and may be the
 * same log.  The call counts as at least <penalty_us> long.  Returns 0 and what was
 * called; -EALREADY when the call is finished; -ENOSPC: it stays open.
 * Thread: the owner of <mine>. */
int call_log_finish(struct call_log *mine, struct call_log *opener, uint64_t token,
                    enum call_log_how how, uint64_t now_us, uint64_t penalty_us,
                    struct call_log_end *out);

/* Count a call that has no token, at its end.  Returns 0; -ENOSPC. */
int call_log_count(struct call_log *c, uint32_t nid, uint32_t mid, bool ok,
                   uint64_t lat_us);

/* Finish, as failed, each call of <opener> that is older than the time-out of its module;
 * <timeout> returns it in ms.  Calls <ended> for each.  Thread: the owner of <mine>. */
typedef uint32_t call_log_timeout_fn(uint32_t mid, void *arg);
typedef void call_log_ended_fn(const struct call_log_end *e, void *arg);
void call_log_expire(struct call_log *mine, struct call_log *opener, uint64_t now_us,
                     call_log_timeout_fn *timeout, call_log_ended_fn *ended, void *arg);

/* --- reading.  Thread: any; while the writer works, the numbers are of one moment.
 * --- */

struct call_log_sum {
    uint64_t begun;                   /* calls */
    uint64_t done;                    /* calls that were reported or timed out */
    uint64_t err;                     /* those of <done> that failed */
    uint64_t abandoned;               /* calls whose process died before it reported */
    uint64_t lat_us;                  /* sum over <done> */
};

/* Add the totals of a node to <out>.  begun >= done + abandoned holds in one log only
 * when no other log finishes its calls. */
void call_log_sum(const struct call_log *c, uint32_t nid, struct call_log_sum *out);

/* Calls that are open. */
uint32_t call_log_n_open(const struct call_log *c);

/* Grows with each change: an equal number means that nothing was counted since. */
uint64_t call_log_n_changes(const struct call_log *c);

/* Call <fn> for each node with counts, for each module with durations. */
typedef void call_log_each_fn(uint32_t id, void *arg);
void call_log_each_node(const struct call_log *c, call_log_each_fn *fn, void *arg);
void call_log_each_module(const struct call_log *c, call_log_each_fn *fn, void *arg);

/* Successful calls of module <mid> whose duration is in <bucket>, 1 to
 * SEGMENT_BUCKETS - 1. */
uint64_t call_log_bucket(const struct call_log *c, uint32_t mid, uint32_t bucket);

#endif
