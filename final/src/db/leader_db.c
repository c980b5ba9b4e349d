/* A count is in exactly one of CallSecond, CallMinute, CallHour, so their sum is exact at
 * any moment.  Moving is an INSERT ... SELECT and a DELETE of the same rows in one
 * transaction.  The SELECT locks the range that it reads: a late batch that adds to it
 * waits, then adds a new row, and the next move takes that row along.  A sum that is too
 * large for its column becomes the largest number, so one absurd row does not stop the
 * moves.
 *
 * Rejected: computing coarser tables from finer ones and keeping both.  A late batch
 * would then have to change several rows, and a lost one would make them disagree. */
#include "db/leader_db.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mono.h"
#include "base/process_name.h"
#include "db/lease.h"
#include "db/repeat.h"

#define COUNT_MAX "18446744073709551615" /* of BIGINT UNSIGNED */
#define SLICE_SPANS 10 /* counts of so many coarser rows are moved at once */
#define MOVE_MS 1000
#define DELETE_MAX 10000              /* rows of one statement: a short lock */
/* Its row in Lease.  Every release uses this name, or two would have a leader each. */
#define LEASE "keeper"
/* Readers of ZoneLoad and NodeOut look back at most 15 s. */
#define LOAD_S 60
#define SESSION_S 86400               /* a session that is over opens nothing */
#define DECISION_S 7776000            /* 90 days of ScaleDecision */
#define PROCESS_S 172800              /* a row of Service; alarms look back for a day */

struct leader_db {
    struct myconn *con;
    char error[MYCONN_ERROR_MAX];
};

int leader_db_create(struct leader_db **out, const struct myconn_config *cfg)
{
    struct leader_db *d = calloc(1, sizeof(*d));
    int rc = d ? myconn_create(&d->con, cfg, d->error) : -ENOMEM;

    if (rc < 0)
        free(d);
    else
        *out = d;
    return rc;
}

void leader_db_close(struct leader_db *d)
{
    if (!d)
        return;
    myconn_destroy(d->con);
    free(d);
}

const char *leader_db_error(const struct leader_db *d)
{
    return d->error;
}

static int run_sql(struct leader_db *d, const char *sql)
{
    int rc = myconn_ensure(d->con);

    return rc < 0 ? rc : myconn_query(d->con, sql, strlen(sql));
}

static int select_rows(struct leader_db *d, const char *sql,
                       int (*row)(char **at, void *arg), void *arg)
{
    int rc = myconn_ensure(d->con);

    return rc < 0 ? rc : myconn_select(d->con, sql, row, arg);
}

/* --- lease -------------------------------------------------------------------------- */

int leader_db_lease(struct leader_db *d, uint64_t holder, uint32_t ttl_s)
{
    return lease_take(d->con, LEASE, holder, ttl_s);
}

int leader_db_release(struct leader_db *d, uint64_t holder)
{
    return lease_release(d->con, LEASE, holder);
}

static int take_number(char **at, void *arg)
{
    *(uint64_t *)arg = at[0] ? strtoull(at[0], NULL, 10) : 0;
    return 0;
}

/* --- moving ------------------------------------------------------------------------- */

/* Move the counts that began before <limit> (seconds since 1970) from <from> to <to>,
 * whose rows span <span> seconds. */
static int move_slice_once(struct leader_db *d, const char *from, const char *to,
                           uint32_t span, uint64_t limit)
{
    char sql[700];
    int rc = run_sql(d, "START TRANSACTION");

    snprintf(sql, sizeof(sql),
             "INSERT INTO %s (at, modid, cmdid, ip, port, succ, err) SELECT at DIV %u * "
             "%u AS begins, modid, cmdid, ip, port, LEAST(SUM(succ), " COUNT_MAX "), "
             "LEAST(SUM(err), " COUNT_MAX ") FROM %s WHERE "
             "at < %llu GROUP BY begins, modid, cmdid, ip, port ON DUPLICATE KEY UPDATE "
             "succ = LEAST(CAST(%s.succ AS DECIMAL(30)) + VALUES(succ), " COUNT_MAX "), "
             "err = LEAST(CAST(%s.err AS DECIMAL(30)) + VALUES(err), " COUNT_MAX ")",
             to, span, span, from, (unsigned long long)limit, to, to);
    if (rc == 0)
        rc = run_sql(d, sql);
    snprintf(sql, sizeof(sql), "DELETE FROM %s WHERE at < %llu", from,
             (unsigned long long)limit);
    if (rc == 0)
        rc = run_sql(d, sql);
    return rc < 0 ? rc : run_sql(d, "COMMIT");
}

static int move_slice(struct leader_db *d, const char *from, const char *to,
                      uint32_t span, uint64_t limit)
{
    REPEAT_RETURN(move_slice_once(d, from, to, span, limit));
}

/* The same in slices, the oldest first: after a long time without a
 * leader, all at once would take longer than a statement may.  What MOVE_MS does not
 * suffice for is left to the next call. */
static int move_table(struct leader_db *d, const char *from, const char *to,
                      uint32_t span, uint64_t limit)
{
    uint64_t first, end, slice_s = SLICE_SPANS * (uint64_t)span;
    uint64_t end_ms = mono_ms() + MOVE_MS;
    char sql[120];
    int rc;

    do {
        first = limit;
        snprintf(sql, sizeof(sql), "SELECT COALESCE(MIN(at), %llu) FROM %s",
                 (unsigned long long)limit, from);
        rc = select_rows(d, sql, take_number, &first);
        if (rc < 0 || first >= limit)
            return rc;
        end = (first / slice_s + 1) * slice_s;
        rc = move_slice(d, from, to, span, end < limit ? end : limit);
    } while (rc == 0 && mono_ms() < end_ms);
    return rc;
}

static int delete_older(struct leader_db *d, const char *table, const char *column,
                        uint32_t age_s)
{
    char sql[200];

    snprintf(sql, sizeof(sql),
             "DELETE FROM %s WHERE %s < NOW() - INTERVAL %u SECOND LIMIT %d", table,
             column, age_s, DELETE_MAX);
    return run_sql(d, sql);
}

#define NAMES_MAX 100                 /* processes deleted at once */

struct names {
    char name[NAMES_MAX][PROCESS_NAME_MAX];
    size_t n;
};

static int take_name(char **at, void *arg)
{
    struct names *l = arg;

    if (l->n < NAMES_MAX && at[0] && process_name_is_valid(at[0]))
        snprintf(l->name[l->n++], PROCESS_NAME_MAX, "%s", at[0]);
    return 0;
}

/* The rows of this process, that of Service last: after a failure it is found again. */
static int delete_process(struct leader_db *d, const char *name)
{
    static const char *const where[] = {"AgentRoute WHERE agent", "AgentNode WHERE agent",
                                        "RouteHold WHERE dnsd",
                                        "StreamConflict WHERE reportd",
                                        "Service WHERE name"};
    char sql[200];
    size_t i;
    int rc = 0;

    for (i = 0; i < sizeof(where) / sizeof(where[0]) && rc == 0; i++) {
        snprintf(sql, sizeof(sql), "DELETE FROM %s = '%s'", where[i], name);
        rc = run_sql(d, sql);
    }
    return rc;
}

/* Processes that have been gone for long raise no alarm any more (alarm_db.h).  They are
 * read first: a DELETE with a subquery would lock the rows of all others. */
static int delete_processes(struct leader_db *d)
{
    struct names l = {.n = 0};
    char sql[160];
    size_t i;
    int rc;

    snprintf(sql, sizeof(sql),
             "SELECT name FROM Service WHERE seen_at < NOW() - INTERVAL %d SECOND LIMIT "
             "%d",
             PROCESS_S, NAMES_MAX);
    rc = select_rows(d, sql, take_name, &l);
    for (i = 0; i < l.n && rc == 0; i++)
        rc = delete_process(d, l.name[i]);
    return rc;
}

static int delete_before(struct leader_db *d, const char *table, uint64_t at)
{
    char sql[120];

    snprintf(sql, sizeof(sql), "DELETE FROM %s WHERE at < %llu LIMIT %d", table,
             (unsigned long long)at, DELETE_MAX);
    return run_sql(d, sql);
}

/* The result of a task and of those before it: the first error, but a lost connection in
 * any case. */
static int both(int rc, int next)
{
    return rc == 0 || next == -ENOTCONN ? next : rc;
}

/* A task that fails does not keep the next ones from being done, unless the server is
 * away. */
int leader_db_move_counts(struct leader_db *d, const struct leader_db_ages *ages)
{
    uint64_t now = 0;
    int i, rc = select_rows(d, "SELECT UNIX_TIMESTAMP()", take_number, &now);
    const struct {
        const char *table, *column;
        uint32_t age_s;
    } dated[] = {{"RouteChange", "changed_at", ages->change_s},
                 {"ReportSeen", "updated_at", ages->seen_s},
                 {"Audit", "at", ages->audit_s},
                 {"RouteLog", "at", ages->audit_s},
                 {"AlarmSilence", "until_at", ages->audit_s},
                 {"Drill", "seen_at", ages->audit_s},
                 {"Session", "until_at", SESSION_S},
                 {"ScaleDecision", "at", DECISION_S}};
    const struct {
        const char *table;
        uint64_t before;
    } old[] = {{"CallHour", now - ages->hour_s},
               {"CallLatency", now - ages->minute_s},
               {"ZoneLoad", now - LOAD_S},
               {"NodeOut", now - LOAD_S}};

    if (rc < 0)
        return rc;
    rc = move_table(d, "CallSecond", "CallMinute", 60, now - ages->second_s);
    if (rc != -ENOTCONN)
        rc =
            both(rc, move_table(d, "CallMinute", "CallHour", 3600, now - ages->minute_s));
    for (i = 0; i < 4 && rc != -ENOTCONN; i++)
        rc = both(rc, delete_before(d, old[i].table, old[i].before));
    for (i = 0; i < 8 && rc != -ENOTCONN; i++)
        rc = both(rc, delete_older(d, dated[i].table, dated[i].column, dated[i].age_s));
    return rc == -ENOTCONN ? rc : both(rc, delete_processes(d));
}
