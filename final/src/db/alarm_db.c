/* What alarms are about, as queries whose rows go to a callback one by one, and the table
 * Alarm.  The connection and the lease are not those of the other tasks of the leader, so
 * a statement there that waits or fails delays no alarm. */
#include "db/alarm_db.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "db/alarm_scale_sql.h"
#include "db/lease.h"

#define TEXT_MAX 480                  /* bytes of a text of an alarm */
#define TEXT_ROOM (2 * TEXT_MAX + 40)
#define LEASE "alarms"

struct alarm_db {
    struct myconn *con;
    char error[MYCONN_ERROR_MAX];
};

int alarm_db_create(struct alarm_db **out, const struct myconn_config *cfg)
{
    struct alarm_db *d = calloc(1, sizeof(*d));
    int rc = d ? myconn_create(&d->con, cfg, d->error) : -ENOMEM;

    if (rc < 0)
        free(d);
    else
        *out = d;
    return rc;
}

void alarm_db_close(struct alarm_db *d)
{
    if (!d)
        return;
    myconn_destroy(d->con);
    free(d);
}

const char *alarm_db_error(const struct alarm_db *d)
{
    return d->error;
}

int alarm_db_lease(struct alarm_db *d, uint64_t holder, uint32_t ttl_s)
{
    return lease_take(d->con, LEASE, holder, ttl_s);
}

int alarm_db_release(struct alarm_db *d, uint64_t holder)
{
    return lease_release(d->con, LEASE, holder);
}

static int run_sql(struct alarm_db *d, const char *sql)
{
    int rc = myconn_ensure(d->con);

    return rc < 0 ? rc : myconn_query(d->con, sql, strlen(sql));
}

static int select_rows(struct alarm_db *d, const char *sql,
                       int (*row)(char **at, void *arg), void *arg)
{
    int rc = myconn_ensure(d->con);
    return rc < 0 ? rc : myconn_select(d->con, sql, row, arg);
}

int alarm_db_each_scale(struct alarm_db *d, alarm_db_row_fn *fn, void *arg)
{
    return select_rows(d, alarm_scale_sql, fn, arg);
}

/* --- what the rules read ----------------------------------------------------------- */

/* A process is alive that wrote its row in the last ALARM_DB_LIVE_S seconds. */
#define LIVE " s.seen_at > NOW(3) - INTERVAL 6 SECOND"
/* Joins nodes that get no calls with their rows in the route; one on trial has some. */
#define OUT_NODES                                                                        \
    " FROM AgentNode n JOIN Service s ON s.name = n.agent AND" LIVE " JOIN RouteData r " \
    "ON r.modid = n.modid AND r.cmdid = n.cmdid AND r.serverip = n.ip AND r.serverport " \
    "= n.port AND r.state = 'up' WHERE n.state <> 3"
/* Rows of a further future were written before the server's clock was set back. */
#define LATELY(s)                                                                        \
    " at BETWEEN UNIX_TIMESTAMP() - " #s " AND UNIX_TIMESTAMP() + 60"

int alarm_db_each_module(struct alarm_db *d, alarm_db_row_fn *fn, void *arg)
{
    return select_rows(d,
                       "SELECT modid, cmdid, SUM(succ), SUM(err) FROM CallSecond WHERE"
                       LATELY(10) " GROUP BY modid, cmdid",
                       fn, arg);
}

int alarm_db_each_few(struct alarm_db *d, alarm_db_row_fn *fn, void *arg)
{
    return select_rows(d,
                       "SELECT modid, cmdid, SUM(succ), SUM(err) FROM CallSecond WHERE"
                       LATELY(60) " GROUP BY modid, cmdid HAVING SUM(err) >= 5 AND "
                       "SUM(succ) + SUM(err) < 200",
                       fn, arg);
}

int alarm_db_each_latency(struct alarm_db *d, alarm_db_row_fn *fn, void *arg)
{
    return select_rows(d,
                       "SELECT modid, cmdid, bucket, SUM(n) FROM CallLatency WHERE at "
                       "BETWEEN (UNIX_TIMESTAMP() - 10) DIV 60 * 60 AND "
                       "UNIX_TIMESTAMP() + 60 GROUP BY modid, cmdid, "
                       "bucket ORDER BY modid, cmdid",
                       fn, arg);
}

int alarm_db_each_drained(struct alarm_db *d, alarm_db_row_fn *fn, void *arg)
{
    return select_rows(d,
                       "SELECT modid, cmdid FROM RouteData GROUP BY modid, cmdid HAVING "
                       "SUM(state = 'up') = 0",
                       fn, arg);
}

int alarm_db_each_out(struct alarm_db *d, alarm_db_row_fn *fn, void *arg)
{
    return select_rows(d,
                       "SELECT INET_NTOA(n.ip), n.port, MAX(r.zone), GROUP_CONCAT("
                       "DISTINCT n.modid, '/', n.cmdid SEPARATOR ' '), COUNT(DISTINCT "
                       "n.agent), GROUP_CONCAT(DISTINCT n.agent SEPARATOR ' ')" OUT_NODES
                       " GROUP BY n.ip, n.port ORDER BY 3, n.ip, n.port LIMIT 10000",
                       fn, arg);
}

int alarm_db_each_failing(struct alarm_db *d, alarm_db_row_fn *fn, void *arg)
{
    return select_rows(d,
                       "SELECT INET_NTOA(c.ip), c.port, MAX(r.zone), GROUP_CONCAT("
                       "DISTINCT c.modid, '/', c.cmdid SEPARATOR ' '), SUM(c.err) FROM "
                       "CallSecond c JOIN RouteData r ON r.modid = c.modid AND r.cmdid = "
                       "c.cmdid AND r.serverip = c.ip AND r.serverport = c.port AND "
                       "r.state = 'up' WHERE c." LATELY(10)
                       " GROUP BY c.ip, c.port HAVING SUM(c.succ) = 0 AND SUM(c.err) >= "
                       "5 LIMIT 10000",
                       fn, arg);
}

int alarm_db_each_zone(struct alarm_db *d, alarm_db_row_fn *fn, void *arg)
{
    return select_rows(d,
                       "SELECT zone, COUNT(DISTINCT serverip, serverport) FROM RouteData "
                       "WHERE state = 'up' AND zone <> '' GROUP BY zone ORDER BY zone",
                       fn, arg);
}

int alarm_db_each_unreached(struct alarm_db *d, alarm_db_row_fn *fn, void *arg)
{
    return select_rows(d,
                       "SELECT n.modid, n.cmdid, COUNT(*), n.agent" OUT_NODES
                       " GROUP BY n.modid, n.cmdid, n.agent HAVING COUNT(*) = (SELECT "
                       "COUNT(*) FROM RouteData t WHERE t.modid = n.modid AND t.cmdid = "
                       "n.cmdid AND t.state = 'up')",
                       fn, arg);
}

int alarm_db_each_unwatched(struct alarm_db *d, alarm_db_row_fn *fn, void *arg)
{
    return select_rows(d,
                       "SELECT DISTINCT r.serverip, r.serverport FROM RouteData r WHERE "
                       "r.state = 'up' AND r.zone <> '' AND NOT EXISTS (SELECT 1 FROM "
                       "Service s WHERE s.kind = 'agent' AND s.zone = r.zone AND "
                       "s.seen_at > NOW(3) - INTERVAL 3 SECOND) LIMIT 64",
                       fn, arg);
}

#define OUT_BY_AGENT                                                                     \
    " n.state <> 3 AND EXISTS (SELECT 1 FROM Service s WHERE s.kind = 'agent' AND "      \
    "s.name = n.agent AND" LIVE ")"

int alarm_db_each_rest(struct alarm_db *d, alarm_db_row_fn *fn, void *arg)
{
    return select_rows(
        d,
        "SELECT DISTINCT r.serverip, r.serverport, r.zone FROM RouteData r JOIN (SELECT "
        "o.zone FROM AgentNode n JOIN RouteData o ON o.modid = n.modid AND o.cmdid = "
        "n.cmdid AND o.serverip = n.ip AND o.serverport = n.port AND o.state = 'up' AND "
        "o.zone <> '' WHERE" OUT_BY_AGENT " GROUP BY o.zone HAVING COUNT(DISTINCT "
        "o.serverip, o.serverport) > 1) z ON z.zone = r.zone WHERE r.state = 'up' AND "
        "(r.serverip, r.serverport) NOT IN (SELECT n.ip, n.port FROM AgentNode n WHERE"
        OUT_BY_AGENT ") ORDER BY r.zone LIMIT 64",
        fn, arg);
}

int alarm_db_each_silent(struct alarm_db *d, alarm_db_row_fn *fn, void *arg)
{
    return select_rows(d,
                       "SELECT kind, name, zone, TIMESTAMPDIFF(SECOND, seen_at, NOW(3)) "
                       "FROM Service s WHERE NOT (" LIVE ") AND seen_at > NOW(3) - "
                       "INTERVAL 1 DAY LIMIT 10000",
                       fn, arg);
}

int alarm_db_each_quiet(struct alarm_db *d, alarm_db_row_fn *fn, void *arg)
{
    return select_rows(d,
                       "SELECT name, zone FROM Service WHERE zone <> '' AND seen_at "
                       "BETWEEN NOW(3) - INTERVAL 1 DAY AND NOW(3) - INTERVAL 3 SECOND "
                       "ORDER BY kind, name LIMIT 10000",
                       fn, arg);
}

int alarm_db_each_used(struct alarm_db *d, alarm_db_row_fn *fn, void *arg)
{
    return select_rows(d,
                       "SELECT a.modid, a.cmdid, a.sum, COUNT(*) FROM AgentRoute a JOIN "
                       "Service s ON s.kind = 'agent' AND s.name = a.agent AND" LIVE
                       " WHERE NOT EXISTS (SELECT 1 FROM RouteHold h WHERE h.modid = "
                       "a.modid AND h.cmdid = a.cmdid) GROUP BY a.modid, a.cmdid, a.sum",
                       fn, arg);
}

int alarm_db_each_user(struct alarm_db *d, uint32_t modid, uint32_t cmdid, uint64_t sum,
                       alarm_db_row_fn *fn, void *arg)
{
    char sql[400];

    snprintf(sql, sizeof(sql),
             "SELECT a.agent FROM AgentRoute a JOIN Service s ON s.kind = 'agent' AND "
             "s.name = a.agent AND" LIVE " WHERE a.modid = %u AND a.cmdid = %u AND a.sum "
             "= %llu LIMIT 100",
             modid, cmdid, (unsigned long long)sum);
    return select_rows(d, sql, fn, arg);
}

int alarm_db_each_hold(struct alarm_db *d, alarm_db_row_fn *fn, void *arg)
{
    return select_rows(d,
                       "SELECT modid, cmdid, MAX(had), MAX(gone), GROUP_CONCAT(dnsd "
                       "SEPARATOR ' ') FROM RouteHold WHERE seen_at > NOW(3) - INTERVAL "
                       "6 SECOND GROUP BY modid, cmdid",
                       fn, arg);
}

int alarm_db_each_stale(struct alarm_db *d, alarm_db_row_fn *fn, void *arg)
{
    return select_rows(d,
                       "SELECT s.name, s.revision, v.version FROM Service s JOIN "
                       "RouteVersion v ON v.id = 1 WHERE s.kind = 'dnsd' AND" LIVE
                       " AND (s.state = 'stale' OR EXISTS (SELECT 1 FROM RouteChange c "
                       "WHERE c.version > s.revision AND c.changed_at < NOW() - INTERVAL "
                       "3 SECOND))",
                       fn, arg);
}

int alarm_db_each_conflict(struct alarm_db *d, alarm_db_row_fn *fn, void *arg)
{
    return select_rows(d,
                       "SELECT stream, MAX(owner), MAX(other) FROM StreamConflict WHERE "
                       "seen_at > NOW(3) - INTERVAL 6 SECOND GROUP BY stream LIMIT 1000",
                       fn, arg);
}

/* An agent that was started again under another name has not spoken under the former one
 * since then.  What a Report Service sees by itself is not told a second time. */
int alarm_db_each_shared(struct alarm_db *d, alarm_db_row_fn *fn, void *arg)
{
    return select_rows(
        d,
        "SELECT g.stream, g.first, g.last FROM (SELECT LOWER(HEX(s.report)) stream, "
        "SUBSTRING_INDEX(GROUP_CONCAT(s.name ORDER BY s.since, s.name SEPARATOR ' '), "
        "' ', 1) first, SUBSTRING_INDEX(GROUP_CONCAT(s.name ORDER BY s.since, s.name "
        "SEPARATOR ' '), ' ', -1) last, MIN(s.address) a, MAX(s.address) b FROM Service "
        "s WHERE s.kind = 'agent' AND s.report <> '' AND" LIVE " GROUP BY s.report "
        "HAVING COUNT(*) > 1 AND MIN(s.seen_at) > MAX(s.since)) g WHERE NOT EXISTS "
        "(SELECT 1 FROM StreamConflict c WHERE c.seen_at > NOW(3) - INTERVAL 6 SECOND "
        "AND SUBSTRING_INDEX(c.owner, ':', 1) IN (g.a, g.b)) LIMIT 1000",
        fn, arg);
}

/* --- checked nodes ----------------------------------------------------------------- */

int alarm_db_put_checked(struct alarm_db *d, const char *name, uint32_t ip, uint32_t port)
{
    char sql[400];

    snprintf(sql, sizeof(sql),
             "INSERT IGNORE INTO AgentNode (agent, modid, cmdid, ip, port, state) SELECT "
             "'%s', modid, cmdid, serverip, serverport, 1 FROM RouteData WHERE serverip "
             "= %u AND serverport = %u AND state = 'up'",
             name, ip, port);
    return run_sql(d, sql);
}

int alarm_db_clear_checked(struct alarm_db *d)
{
    return run_sql(d, "DELETE FROM AgentNode WHERE agent IN (SELECT name FROM Service "
                      "WHERE kind = 'reportd')");
}

/* --- the table Alarm --------------------------------------------------------------- */

/* An expression with the value of <text>: hexadecimal digits need no quoting, and bytes
 * that are no characters become '?'. */
static const char *sql_text(const char *text, char out[TEXT_ROOM])
{
    size_t n = (size_t)snprintf(out, TEXT_ROOM, "CONVERT(X'"), i;

    for (i = 0; text[i] && i < TEXT_MAX; i++)
        n += (size_t)snprintf(out + n, TEXT_ROOM - n, "%02x", (unsigned char)text[i]);
    snprintf(out + n, TEXT_ROOM - n, "' USING utf8mb4)");
    return out;
}

int alarm_db_raise_alarm(struct alarm_db *d, const char *kind, const char *subject,
                         const char *detail)
{
    char k[TEXT_ROOM], s[TEXT_ROOM], t[TEXT_ROOM], sql[3 * TEXT_ROOM + 100];

    snprintf(sql, sizeof(sql),
             "INSERT INTO Alarm (kind, subject, detail) VALUES (LEFT(%s, 32), LEFT(%s, "
             "64), LEFT(%s, 500))",
             sql_text(kind, k), sql_text(subject, s), sql_text(detail, t));
    return run_sql(d, sql);
}

int alarm_db_set_detail(struct alarm_db *d, const char *kind, const char *subject,
                        const char *detail)
{
    char k[TEXT_ROOM], s[TEXT_ROOM], t[TEXT_ROOM], sql[3 * TEXT_ROOM + 120];

    snprintf(sql, sizeof(sql),
             "UPDATE Alarm SET detail = LEFT(%s, 500) WHERE kind = %s AND subject = %s "
             "AND cleared_at IS NULL",
             sql_text(detail, t), sql_text(kind, k), sql_text(subject, s));
    return run_sql(d, sql);
}

static int take_u64(char **at, void *arg)
{
    *(uint64_t *)arg = at[0] ? strtoull(at[0], NULL, 10) : 0;
    return 0;
}

int alarm_db_clear_alarm(struct alarm_db *d, const char *kind, const char *subject,
                         bool *told)
{
    char k[TEXT_ROOM], s[TEXT_ROOM], sql[2 * TEXT_ROOM + 120];
    uint64_t n = 0;
    int rc;

    snprintf(sql, sizeof(sql),
             "SELECT COUNT(told_at) FROM Alarm WHERE kind = %s AND subject = %s AND "
             "cleared_at IS NULL",
             sql_text(kind, k), sql_text(subject, s));
    rc = select_rows(d, sql, take_u64, &n);
    if (rc < 0)
        return rc;
    *told = n > 0;
    snprintf(sql, sizeof(sql),
             "UPDATE Alarm SET cleared_at = NOW() WHERE kind = %s AND subject = %s AND "
             "cleared_at IS NULL",
             sql_text(kind, k), sql_text(subject, s));
    return run_sql(d, sql);
}

int alarm_db_add_past(struct alarm_db *d, const char *kind, const char *subject,
                      const char *detail, uint32_t raised_s)
{
    char k[TEXT_ROOM], s[TEXT_ROOM], t[TEXT_ROOM], sql[5 * TEXT_ROOM + 400];

    sql_text(kind, k);
    sql_text(subject, s);
    snprintf(sql, sizeof(sql),
             "INSERT INTO Alarm (kind, subject, detail, raised_at, cleared_at) SELECT "
             "LEFT(%s, 32), LEFT(%s, 64), LEFT(%s, 500), NOW() - INTERVAL %u SECOND, "
             "NOW() FROM DUAL WHERE NOT EXISTS (SELECT 1 FROM Alarm WHERE kind = %s AND "
             "subject = %s AND raised_at >= NOW() - INTERVAL %u SECOND)",
             k, s, sql_text(detail, t), raised_s, k, s, raised_s + 5);
    return run_sql(d, sql);
}

struct alarm_call {
    int (*fn)(const char *kind, const char *subject, void *arg);
    void *arg;
};

static int take_alarm(char **at, void *arg)
{
    struct alarm_call *c = arg;

    return c->fn(at[0] ? at[0] : "", at[1] ? at[1] : "", c->arg);
}

int alarm_db_each_open_alarm(struct alarm_db *d,
                             int (*fn)(const char *kind, const char *subject, void *arg),
                             void *arg)
{
    struct alarm_call c = {fn, arg};

    return select_rows(d, "SELECT kind, subject FROM Alarm WHERE cleared_at IS NULL",
                       take_alarm, &c);
}

/* --- messages about alarms --------------------------------------------------------- */

#define SILENCED(kind, subject)                                                          \
    "SELECT 1 FROM AlarmSilence s WHERE s.until_at > NOW(3) AND s.kind = " kind          \
    " AND s.subject IN ('', " subject ")"

int alarm_db_each_due(struct alarm_db *d, uint32_t repeat_s, alarm_db_row_fn *fn,
                      void *arg)
{
    char sql[1000], again[200] = "";

    if (repeat_s > 0)                 /* the future: the server's clock was set back */
        snprintf(again, sizeof(again),
                 " OR a.told_at NOT BETWEEN NOW(3) - INTERVAL %u SECOND AND NOW(3) + "
                 "INTERVAL 60 SECOND",
                 repeat_s);
    snprintf(sql, sizeof(sql),
             "SELECT a.id, a.kind, a.subject, a.detail, EXISTS (" SILENCED(
                 "a.kind", "a.subject") ") silenced FROM Alarm a WHERE a.cleared_at IS "
             "NULL AND (a.told_at IS NULL%s) AND NOT EXISTS (SELECT 1 FROM Audit u WHERE "
             "u.subject = CONCAT('alarm:', a.id) AND u.action = 'alarm ack' AND u.result "
             "= 'done') ORDER BY silenced, a.id LIMIT %d",
             again, ALARM_DB_DUE_MAX);
    return select_rows(d, sql, fn, arg);
}

int alarm_db_set_told(struct alarm_db *d, const uint64_t *id, size_t n)
{
    char sql[100 + 21 * ALARM_DB_DUE_MAX];
    size_t len = (size_t)snprintf(sql, sizeof(sql),
                                  "UPDATE Alarm SET told_at = NOW(3) WHERE id IN (0"),
           i;

    for (i = 0; i < n && i < ALARM_DB_DUE_MAX; i++)
        len += (size_t)snprintf(sql + len, sizeof(sql) - len, ",%llu",
                                (unsigned long long)id[i]);
    snprintf(sql + len, sizeof(sql) - len, ")");
    return run_sql(d, sql);
}

int alarm_db_silent_ms(struct alarm_db *d, const char *kind, const char *subject,
                       uint64_t *ms)
{
    char k[TEXT_ROOM], s[TEXT_ROOM], sql[2 * TEXT_ROOM + 250];

    *ms = 0;
    snprintf(sql, sizeof(sql),
             "SELECT TIMESTAMPDIFF(MICROSECOND, NOW(3), MAX(until_at)) DIV 1000 FROM "
             "AlarmSilence WHERE kind = %s AND subject IN ('', LEFT(%s, 64)) AND "
             "until_at > NOW(3)",
             sql_text(kind, k), sql_text(subject, s));
    return select_rows(d, sql, take_u64, ms);
}

int alarm_db_set_targets(struct alarm_db *d, const char *const *name, size_t n)
{
    char text[TEXT_ROOM], sql[200 + TEXT_ROOM],
        other[1000] = "DELETE FROM AlarmTarget WHERE name NOT IN (''";
    size_t i, len = strlen(other);
    int rc = 0;

    for (i = 0; rc == 0 && i < n; i++) {
        sql_text(name[i], text);
        len += (size_t)snprintf(other + len, sizeof(other) - len, ", %s", text);
        if (len >= sizeof(other) - 1)
            return -EIO;
        snprintf(sql, sizeof(sql), "INSERT IGNORE INTO AlarmTarget (name) VALUES (%s)",
                 text);
        rc = run_sql(d, sql);
    }
    snprintf(other + len, sizeof(other) - len, ")");
    return rc < 0 ? rc : run_sql(d, other);
}

int alarm_db_set_result(struct alarm_db *d, const char *name, uint64_t ago_ms,
                        const char *error)
{
    char n[TEXT_ROOM], e[TEXT_ROOM], sql[2 * TEXT_ROOM + 500];

    snprintf(sql, sizeof(sql),
             "INSERT INTO AlarmTarget (name, told_at, error) VALUES (%s, NOW(3) - "
             "INTERVAL %llu MICROSECOND, LEFT(%s, 128)) ON DUPLICATE KEY UPDATE error = "
             "IF(told_at BETWEEN VALUES(told_at) AND NOW(3), error, VALUES(error)), "
             "told_at = IF(told_at BETWEEN VALUES(told_at) AND NOW(3), told_at, "
             "VALUES(told_at))",
             sql_text(name, n), (unsigned long long)ago_ms * 1000, sql_text(error, e));
    return run_sql(d, sql);
}

int alarm_db_each_test(struct alarm_db *d, alarm_db_row_fn *fn, void *arg)
{
    return select_rows(d,
                       "SELECT name, UNIX_TIMESTAMP(test_at), tested_by, "
                       "COALESCE(told_at >= test_at, 0) FROM AlarmTarget WHERE test_at "
                       "IS NOT NULL",
                       fn, arg);
}
