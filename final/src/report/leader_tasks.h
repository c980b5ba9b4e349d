/* leader_tasks -- a thread that does the work which only one of all Report Services does,
 * while it has the lease: it moves counts to coarser tables and deletes rows that are too
 * old.  Alarms are alarm_watch's, in another thread. */
#ifndef LARS_REPORT_LEADER_TASKS_H
#define LARS_REPORT_LEADER_TASKS_H

#include "db/leader_db.h"

struct leader_tasks;

struct leader_tasks_config {
    uint32_t round_ms; /* between two rounds; tests use less than 1000 */
    uint32_t lease_s; /* how long the lease lasts without renewal */
    struct leader_db_ages ages;
};

/* Takes <db>, on failure as well.  Returns 0; -ENOMEM, -EAGAIN.  Thread: init. */
int leader_tasks_start(struct leader_tasks **out, struct leader_db *db,
                       const struct leader_tasks_config *cfg);

/* Gives the lease back.  Waits for a database call in progress.  NULL is fine.
 * Thread: init. */
void leader_tasks_stop(struct leader_tasks *k);

struct leader_tasks_stat {
    uint64_t n_round; /* rounds done as leader */
    uint64_t n_fail; /* database calls that failed */
    uint64_t is_leader; /* 1 = this process has the lease */
    uint64_t failing_ms; /* how long rounds have failed without a break, at
                                       * least 1; 0 = the last round succeeded */
};

/* Thread: any. */
void leader_tasks_stat(const struct leader_tasks *k, struct leader_tasks_stat *out);

#endif
