/* keeperdb -- the work in the database that one Report Service of all does: old counts
 * move to coarser tables, old rows go, and what alarms are about is looked up.
 * Each call may take as long as the server's time-outs.  Results are 0, or -ENOTCONN,
 * -ENOENT, -EIO as myconn_query(): keeperdb_error() has the words.
 * Thread: one at a time. */
#ifndef LARS_DB_KEEPERDB_H
#define LARS_DB_KEEPERDB_H

#include <stdbool.h>
#include <stdint.h>

#include "db/myconn.h"

struct keeperdb;

/* Copies <cfg>.  Returns 0 or -ENOMEM. */
int keeperdb_create(struct keeperdb **out, const struct myconn_config *cfg);
void keeperdb_close(struct keeperdb *d); /* in the thread that used it; NULL is fine */

/* Take the lease, or keep it, for <ttl_s> from now by the server's clock.  Returns 1: it
 * is <holder>'s; 0: it is somebody else's. */
int keeperdb_lease(struct keeperdb *d, uint64_t holder, uint32_t ttl_s);
int keeperdb_release(struct keeperdb *d, uint64_t holder);

struct keeper_ages {
    uint32_t second_s, minute_s, hour_s; /* how long counts stay in each table */
    uint32_t change_s, seen_s;        /* how long rows stay in RouteChange, ReportSeen */
};

/* Move counts that are too old for their table, each in one transaction; delete what is
 * too old for all. */
int keeperdb_move(struct keeperdb *d, const struct keeper_ages *ages);

/* Calls of each node in the last <s> seconds. */
struct keeper_calls {
    uint32_t modid, cmdid, ip, port;
    uint64_t ok, failed;
};
int keeperdb_calls(struct keeperdb *d, uint32_t s,
                   int (*fn)(const struct keeper_calls *k, void *arg), void *arg);

/* Modules that have rows, and none of them is up. */
int keeperdb_without_nodes(struct keeperdb *d,
                           int (*fn)(uint32_t modid, uint32_t cmdid, void *arg),
                           void *arg);

/* The table Alarm.  Texts: letters, digits, blanks and .:/%_- only, anything else is
 * written as '?'. */
int keeperdb_raise(struct keeperdb *d, const char *kind, const char *subject,
                   const char *detail);
int keeperdb_clear(struct keeperdb *d, const char *kind, const char *subject);
int keeperdb_raised(struct keeperdb *d,
                    int (*fn)(const char *kind, const char *subject, void *arg),
                    void *arg);

const char *keeperdb_error(const struct keeperdb *d); /* of the last failure */

#endif
