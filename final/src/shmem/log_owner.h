/* log_owner -- which process owns a call log.  A claim, a word in the shared file C,
 * names the owner of each log; a record lock on the log's file shows that the owner is
 * alive. The process that holds the lock may write the log.  Thread: any. */
#ifndef LARS_SHMEM_LOG_OWNER_H
#define LARS_SHMEM_LOG_OWNER_H

#include "shmem/call_log.h"

/* Take a free call log; it is locked until log_owner_give() or the end of this process.
 * Returns 0; -EUSERS when all are taken; else as call_log_open(). */
int log_owner_take(struct call_log **out, const struct segment *s);

/* Give it back.  Takes <c>, NULL is fine.  The claim of a log with open calls remains, so
 * that the agent finishes them before another thread gets the log. */
void log_owner_give(const struct segment *s, struct call_log *c);

/* The agent's side, for logs of clients.  Is log <i> claimed? */
/* Is <c>, taken by log_owner_take(), still this process's?  False after the program has
 * closed the log's descriptor, so that the agent took the process for dead. */
bool log_owner_holds(const struct segment *s, const struct call_log *c);

bool log_owner_is_taken(const struct segment *s, uint32_t i);

/* Is it claimed while its owner is dead?  Then it is locked for this process until
 * log_owner_release(), which makes it free for others. */
bool log_owner_seize_dead(const struct segment *s, struct call_log *c);
void log_owner_release(const struct segment *s, struct call_log *c);

#endif
