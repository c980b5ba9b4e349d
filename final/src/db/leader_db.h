/* keeperdb -- the work in the database that one Report Service of all does: old counts
 * move to coarser tables, old rows go, and what alarms are about is looked up.
 * Each call may take as long as the server's time-outs.  Results are 0, or -ENOTCONN,
 * -ENOENT, -EIO as myconn_query(): leader_db_error() has the words.
 * Thread: one at a time. */
#ifndef LARS_DB_LEADER_DB_H
#define LARS_DB_LEADER_DB_H

#include <stdbool.h>
#include <stdint.h>

#include "db/myconn.h"

struct leader_db;

/* Copies <cfg>.  Returns 0 or -ENOMEM. */
int leader_db_create(struct leader_db **out, const struct myconn_config *cfg);
void leader_db_close(struct leader_db *d); /* in the thread that used it; NULL is fine */

/* Take the lease, or keep it, for <ttl_s> from now by the server's clock.  Returns 1: it
 * is <holder>'s; 0: it is somebody else's. */
int leader_db_lease(struct leader_db *d, uint64_t holder, uint32_t ttl_s);
int leader_db_release(struct leader_db *d, uint64_t holder);

struct keeper_ages {
    uint32_t second_s, minute_s, hour_s; /* how long counts stay in each table */
    uint32_t change_s, seen_s;        /* how long rows stay in RouteChange, ReportSeen */
};

/* Move counts that are too old for their table, each in one transaction; delete what is
 * too old for all. */
int leader_db_move(struct leader_db *d, const struct keeper_ages *ages);

/* Calls of each node in the last <s> seconds. */
struct keeper_calls {
    uint32_t modid, cmdid, ip, port;
    uint64_t ok, failed;
};
int leader_db_calls(struct leader_db *d, uint32_t s,
                   int (*fn)(const struct keeper_calls *k, void *arg), void *arg);

/* Modules that have rows, and none of them is up. */
int leader_db_without_nodes(struct leader_db *d,
                           int (*fn)(uint32_t modid, uint32_t cmdid, void *arg),
                           void *arg);

/* The table Alarm.  Texts: letters, digits, blanks and .:/%_- only, anything else is
 * written as '?'. */
int leader_db_raise(struct leader_db *d, const char *kind, const char *subject,
                   const char *detail);
int leader_db_clear(struct leader_db *d, const char *kind, const char *subject);
int leader_db_raised(struct leader_db *d,
                    int (*fn)(const char *kind, const char *subject, void *arg),
                    void *arg);

const char *leader_db_error(const struct leader_db *d); /* of the last failure */

#endif
