/* Taking and renewing is one statement, so two processes that ask at once cannot both
 * find the lease free.  A second statement reads who has it.
 *
 * Invariant: a lease ends within its length from now.  One that claims to end later was
 * taken before the server's clock was set back; it is free, or no process could take it
 * for as long as the clock was set back.
 *
 * The fence is the number of takers so far, so it outlives them: a lease that is given
 * back keeps its row.  A holder that was suspended for longer than its lease still
 * believes that it has it; lease_hold() in its next transaction shows that it has not,
 * and locks the row, so no process takes the lease before that transaction has ended.
 *
 * Rejected: GET_LOCK().  It belongs to a connection, is not replicated by Galera, and
 * stays with a process that hangs. */
#include "db/lease.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"

#define SLACK_S 1 /* a clock may be set back so far without a lease being taken */

static int run_sql(struct myconn *con, const char *sql)
{
    int rc = myconn_ensure(con);

    return rc < 0 ? rc : myconn_query(con, sql, strlen(sql));
}

/* What the table says about a lease. */
struct lease_row {
    uint64_t holder;
    int64_t left_ms;                  /* until it ends, by the server's clock */
    uint64_t fence;
};

static int take_lease(char **at, void *arg)
{
    struct lease_row *r = arg;

    r->holder = at[0] ? strtoull(at[0], NULL, 10) : 0;
    r->left_ms = at[1] ? strtoll(at[1], NULL, 10) : 0;
    r->fence = at[2] ? strtoull(at[2], NULL, 10) : 0;
    return 0;
}

static int read_lease(struct myconn *con, const char *name, struct lease_row *out)
{
    char sql[160];
    int rc = myconn_ensure(con);

    snprintf(
        sql, sizeof(sql),
        "SELECT holder, TIMESTAMPDIFF(MICROSECOND, NOW(3), until_at) DIV 1000, fence "
        "FROM Lease WHERE name = '%s'",
        name);
    *out = (struct lease_row){0};
    return rc < 0 ? rc : myconn_select(con, sql, take_lease, out);
}

static void log_too_long(const char *name, const struct lease_row *r, uint64_t holder,
                         uint32_t ttl_s)
{
    if (r->holder == 0 || r->holder == holder ||
        r->left_ms <= (int64_t)(ttl_s + SLACK_S) * 1000)
        return;
    LOG_WARN("lease.too_long",
             "name=%s holder=%" PRIx64 " left_s=%" PRId64
             " length_s=%u: the clock of the database server was set back, so the lease "
             "is taken",
             name, r->holder, r->left_ms / 1000, ttl_s);
}

static int take_once(struct myconn *con, const char *name, uint64_t holder,
                     uint32_t ttl_s, uint64_t *fence)
{
    unsigned long long me = holder;
    struct lease_row r;
    char sql[800];
    int rc = myconn_begin_work(con);

    if (rc == 0)
        rc = read_lease(con, name, &r);
    if (rc < 0)
        return rc;
    log_too_long(name, &r, holder, ttl_s);
    snprintf(sql, sizeof(sql),
             "INSERT INTO Lease (name, holder, until_at, fence) VALUES ('%s', %llu, "
             "NOW(3) + INTERVAL %u SECOND, 1) ON DUPLICATE KEY UPDATE "
             "fence = IF(holder <> %llu AND (until_at < NOW(3) OR until_at > NOW(3) + "
             "INTERVAL %u SECOND), fence + 1, fence), "
             "holder = IF(holder = %llu OR until_at < NOW(3) OR until_at > NOW(3) + "
             "INTERVAL %u SECOND, VALUES(holder), holder), "
             "until_at = IF(holder = %llu, VALUES(until_at), until_at)",
             name, me, ttl_s, me, ttl_s + SLACK_S, me, ttl_s + SLACK_S, me);
    rc = run_sql(con, sql);
    if (rc == 0)
        rc = read_lease(con, name, &r);
    if (rc < 0)
        return rc;
    *fence = r.fence;
    return r.holder == holder;
}

/* To take it twice changes nothing, and most rounds of a program begin here. */
int lease_take_fenced(struct myconn *con, const char *name, uint64_t holder,
                      uint32_t ttl_s, uint64_t *fence)
{
    int rc = take_once(con, name, holder, ttl_s, fence);

    return myconn_may_go_on(con, rc) ? take_once(con, name, holder, ttl_s, fence) : rc;
}

int lease_take(struct myconn *con, const char *name, uint64_t holder, uint32_t ttl_s)
{
    uint64_t fence;

    return lease_take_fenced(con, name, holder, ttl_s, &fence);
}

static int take_held(char **at, void *arg)
{
    *(bool *)arg = at[0] && strcmp(at[0], "1") == 0;
    return 0;
}

int lease_hold(struct myconn *con, const char *name, uint64_t holder, uint64_t fence,
               uint32_t ttl_s)
{
    unsigned long long me = holder, f = fence;
    bool held = false;
    char sql[300];
    int rc;

    snprintf(sql, sizeof(sql),
             "UPDATE Lease SET until_at = NOW(3) + INTERVAL %u SECOND WHERE name = '%s' "
             "AND holder = %llu AND fence = %llu AND until_at > NOW(3)",
             ttl_s, name, me, f);
    rc = myconn_query(con, sql, strlen(sql));
    snprintf(
        sql, sizeof(sql),
        "SELECT holder = %llu AND fence = %llu AND until_at > NOW(3) FROM Lease WHERE "
        "name = '%s' FOR UPDATE",
        me, f, name);
    if (rc == 0)
        rc = myconn_select(con, sql, take_held, &held);
    return rc < 0 ? rc : held;
}

int lease_release(struct myconn *con, const char *name, uint64_t holder)
{
    char sql[200];

    snprintf(sql, sizeof(sql),
             "UPDATE Lease SET holder = 0, until_at = NOW(3) - INTERVAL 1 SECOND WHERE "
             "name = '%s' AND holder = %llu",
             name, (unsigned long long)holder);
    return run_sql(con, sql);
}
