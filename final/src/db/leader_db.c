/* A count is in exactly one of CallSecond, CallMinute, CallHour, so their sum is exact at
 * any moment.  Moving is an INSERT ... SELECT and a DELETE of the same rows in one
 * transaction.  The SELECT locks the range that it reads: a late batch that adds to it
 * waits, then adds a new row, and the next move takes that row along.
 *
 * Rejected: computing coarser tables from finer ones and keeping both.  A late batch
 * would then have to change several rows, and a lost one would make them disagree. */
#include "db/leader_db.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_MAX 160
#define DELETE_MAX 10000              /* rows of one statement: a short lock */
/* Its row in Lease.  Every release uses this name, or two would have a leader each. */
#define LEASE "keeper"
/* Readers of ZoneLoad and NodeOut look back at most 15 s. */
#define LOAD_S 60

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

static int take_number(char **at, void *arg)
{
    *(uint64_t *)arg = at[0] ? strtoull(at[0], NULL, 10) : 0;
    return 0;
}

int leader_db_lease(struct leader_db *d, uint64_t holder, uint32_t ttl_s)
{
    char sql[400];
    uint64_t who = 0;
    int rc;

    /* one statement: two processes that ask at once cannot both find it free */
    snprintf(sql, sizeof(sql),
             "INSERT INTO Lease (name, holder, until_at) VALUES ('" LEASE "', %llu, "
             "NOW(3) + INTERVAL %u SECOND) ON DUPLICATE KEY UPDATE "
             "holder = IF(holder = %llu OR until_at < NOW(3), VALUES(holder), holder), "
             "until_at = IF(holder = %llu, VALUES(until_at), until_at)",
             (unsigned long long)holder, ttl_s, (unsigned long long)holder,
             (unsigned long long)holder);
    rc = run_sql(d, sql);
    if (rc == 0)
        rc = select_rows(d, "SELECT holder FROM Lease WHERE name = '" LEASE "'",
                         take_number, &who);
    return rc < 0 ? rc : who == holder;
}

int leader_db_release(struct leader_db *d, uint64_t holder)
{
    char sql[120];

    snprintf(sql, sizeof(sql),
             "DELETE FROM Lease WHERE name = '" LEASE "' AND holder = %llu",
             (unsigned long long)holder);
    return run_sql(d, sql);
}

/* --- moving ------------------------------------------------------------------------- */

/* Move the counts that began before <limit> (seconds since 1970) from <from> to <to>,
 * whose rows span <span> seconds. */
static int move_table(struct leader_db *d, const char *from, const char *to,
                      uint32_t span, uint64_t limit)
{
    char sql[500];
    int rc = run_sql(d, "START TRANSACTION");

    snprintf(sql, sizeof(sql),
             "INSERT INTO %s (at, modid, cmdid, ip, port, succ, err) SELECT at DIV %u * "
             "%u, modid, cmdid, ip, port, SUM(succ), SUM(err) FROM %s WHERE at < %llu "
             "GROUP BY at DIV %u, modid, cmdid, ip, port ON DUPLICATE KEY UPDATE "
             "succ = %s.succ + VALUES(succ), err = %s.err + VALUES(err)",
             to, span, span, from, (unsigned long long)limit, span, to, to);
    if (rc == 0)
        rc = run_sql(d, sql);
    snprintf(sql, sizeof(sql), "DELETE FROM %s WHERE at < %llu", from,
             (unsigned long long)limit);
    if (rc == 0)
        rc = run_sql(d, sql);
    return rc < 0 ? rc : run_sql(d, "COMMIT");
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

static int delete_before(struct leader_db *d, const char *table, uint64_t at)
{
    char sql[120];

    snprintf(sql, sizeof(sql), "DELETE FROM %s WHERE at < %llu LIMIT %d", table,
             (unsigned long long)at, DELETE_MAX);
    return run_sql(d, sql);
}

int leader_db_move_counts(struct leader_db *d, const struct leader_db_ages *ages)
{
    uint64_t now = 0;
    int rc = select_rows(d, "SELECT UNIX_TIMESTAMP()", take_number, &now);

    if (rc == 0)
        rc = move_table(d, "CallSecond", "CallMinute", 60, now - ages->second_s);
    if (rc == 0)
        rc = move_table(d, "CallMinute", "CallHour", 3600, now - ages->minute_s);
    if (rc == 0)
        rc = delete_before(d, "CallHour", now - ages->hour_s);
    if (rc == 0)
        rc = delete_before(d, "CallLatency", now - ages->minute_s);
    if (rc == 0)
        rc = delete_before(d, "ZoneLoad", now - LOAD_S);
    if (rc == 0)
        rc = delete_before(d, "NodeOut", now - LOAD_S);
    if (rc == 0)
        rc = delete_older(d, "RouteChange", "changed_at", ages->change_s);
    return rc < 0 ? rc : delete_older(d, "ReportSeen", "updated_at", ages->seen_s);
}

/* --- alarms ------------------------------------------------------------------------- */

static uint32_t u32(const char *text)
{
    return text ? (uint32_t)strtoull(text, NULL, 10) : 0;
}

struct node_call {
    int (*fn)(const struct leader_db_node *k, void *arg);
    void *arg;
};

static int take_node(char **at, void *arg)
{
    struct node_call *c = arg;
    struct leader_db_node k = {u32(at[0]), u32(at[1]), u32(at[2]), u32(at[3]), 0, 0};

    take_number(&at[4], &k.ok);
    take_number(&at[5], &k.failed);
    return c->fn(&k, c->arg);
}

int leader_db_each_node(struct leader_db *d, uint32_t s,
                        int (*fn)(const struct leader_db_node *k, void *arg), void *arg)
{
    struct node_call c = {fn, arg};
    char sql[240];

    snprintf(
        sql, sizeof(sql),
        "SELECT modid, cmdid, ip, port, SUM(succ), SUM(err) FROM CallSecond WHERE at "
        ">= UNIX_TIMESTAMP() - %u GROUP BY modid, cmdid, ip, port "
        "ORDER BY modid, cmdid, ip, port",
        s);
    return select_rows(d, sql, take_node, &c);
}

struct module_call {
    int (*fn)(uint32_t modid, uint32_t cmdid, void *arg);
    void *arg;
};

static int take_module(char **at, void *arg)
{
    struct module_call *c = arg;

    return c->fn(u32(at[0]), u32(at[1]), c->arg);
}

int leader_db_each_drained(struct leader_db *d,
                           int (*fn)(uint32_t modid, uint32_t cmdid, void *arg),
                           void *arg)
{
    struct module_call c = {fn, arg};

    return select_rows(d,
                       "SELECT modid, cmdid FROM RouteData GROUP BY modid, cmdid "
                       "HAVING SUM(state = 'up') = 0",
                       take_module, &c);
}

/* Copy <text> with every character that could end an SQL string replaced by '?'. */
static const char *plain_text(const char *text, char out[TEXT_MAX])
{
    size_t i;

    for (i = 0; text[i] && i < TEXT_MAX - 1; i++)
        out[i] =
            isalnum((unsigned char)text[i]) || strchr(" .:/%_-", text[i]) ? text[i] : '?';
    out[i] = '\0';
    return out;
}

int leader_db_raise_alarm(struct leader_db *d, const char *kind, const char *subject,
                          const char *detail)
{
    char k[TEXT_MAX], s[TEXT_MAX], t[TEXT_MAX], sql[700];

    snprintf(sql, sizeof(sql),
             "INSERT INTO Alarm (kind, subject, detail) VALUES ('%s', '%s', '%s')",
             plain_text(kind, k), plain_text(subject, s), plain_text(detail, t));
    return run_sql(d, sql);
}

int leader_db_clear_alarm(struct leader_db *d, const char *kind, const char *subject)
{
    char k[TEXT_MAX], s[TEXT_MAX], sql[600];

    snprintf(
        sql, sizeof(sql),
        "UPDATE Alarm SET cleared_at = NOW() WHERE kind = '%s' AND subject = '%s' AND "
        "cleared_at IS NULL",
        plain_text(kind, k), plain_text(subject, s));
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

int leader_db_each_open_alarm(struct leader_db *d,
                              int (*fn)(const char *kind, const char *subject, void *arg),
                              void *arg)
{
    struct alarm_call c = {fn, arg};

    return select_rows(d, "SELECT kind, subject FROM Alarm WHERE cleared_at IS NULL",
                       take_alarm, &c);
}
