/* leader_db -- the database calls of the leader among the Report Services: the lease,
 * moving counts to coarser tables, deleting old rows.
 * Each call may take as long as the server's time-outs.  Unless said otherwise a call
 * returns 0, or -ENOTCONN, -ENOENT, -EIO as myconn_query(), and leader_db_error() then
 * has the server's words.  Thread: one at a time. */
#ifndef LARS_DB_LEADER_DB_H
#define LARS_DB_LEADER_DB_H

#include <stdbool.h>
#include <stdint.h>

#include "db/myconn.h"

struct leader_db;

/* Copies <cfg>; connects when first used.  Returns 0 or -ENOMEM. */
int leader_db_create(struct leader_db **out, const struct myconn_config *cfg);
void leader_db_close(struct leader_db *d); /* in the thread that used it; NULL is fine */

/* Take the lease, or keep it, for <ttl_s> seconds from now by the server's clock.
 * Returns 1: <holder> has it; 0: another holder has it; -errno. */
int leader_db_lease(struct leader_db *d, uint64_t holder, uint32_t ttl_s);
int leader_db_release(struct leader_db *d, uint64_t holder);

struct leader_db_ages { /* seconds until a row leaves its table */
    uint32_t second_s, minute_s, hour_s; /* CallSecond, CallMinute (and CallLatency),
                                          * CallHour */
    uint32_t change_s, seen_s; /* RouteChange, ReportSeen */
    uint32_t audit_s; /* Audit, RouteLog; AlarmSilence after its end, Drill after it
                       * was last written */
};

/* Move counts that are too old for their table to the next coarser one, each in one
 * transaction, the oldest first, for at most about a second in each table; delete rows
 * that are too old for the last. */
int leader_db_move_counts(struct leader_db *d, const struct leader_db_ages *ages);

const char *leader_db_error(const struct leader_db *d); /* of the last failure */

#endif
