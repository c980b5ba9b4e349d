/* keeper -- a thread that does what one Report Service of all does, while it has the
 * lease: moves counts to coarser tables, deletes what is old, raises and clears alarms.
 *   error_rate     more than error_percent of a module's calls failed, of 20 and more in
 *                  10 s; good again below half of that
 *   node_dead      none of 5 and more calls of a node succeeded in 10 s
 *   no_nodes       a module has nodes, and all are drained
 * Raised after 3 rounds of a second, cleared after 10. */
#ifndef LARS_REPORT_LEADER_TASKS_H
#define LARS_REPORT_LEADER_TASKS_H

#include "db/leader_db.h"
#include "report/notifier.h"

struct leader_tasks;

struct leader_tasks_config {
    uint32_t round_ms;                /* 1000, but for tests */
    uint32_t lease_s;
    uint32_t error_percent;           /* 1 to 100 */
    struct keeper_ages ages;
    struct notifier_config hook;          /* texts borrowed */
};

/* Takes <db>, on failure as well.  Returns 0; -ENOMEM, -EAGAIN.  Thread: init. */
int leader_tasks_start(struct leader_tasks **out, struct leader_db *db,
                 const struct leader_tasks_config *cfg);

/* Gives the lease back.  Waits for a call of the database and for a hook under way.  NULL
 * is fine. */
void leader_tasks_stop(struct leader_tasks *k);

struct leader_tasks_stat {
    uint64_t n_round, n_fail;         /* rounds with the lease; calls that failed */
    uint64_t n_raised, n_cleared, n_hook_fail;
    uint64_t n_open;                  /* alarms raised now */
    uint64_t is_leader;               /* 1 = it has the lease */
};

/* Thread: any */
void leader_tasks_stat(const struct leader_tasks *k, struct leader_tasks_stat *out);

#endif
