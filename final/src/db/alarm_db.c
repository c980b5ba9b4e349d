/* What alarms are about, as queries whose rows go to a callback one by one, and the table
 * Alarm.  The connection and the lease are not those of the other tasks of the leader, so
 * a statement there that waits or fails delays no alarm. */
#include "db/alarm_db.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "db/lease.h"

#define TEXT_MAX 160
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

static int take_number(char **at, void *arg)
{
    *(uint64_t *)arg = at[0] ? strtoull(at[0], NULL, 10) : 0;
    return 0;
}

static uint32_t u32(const char *text)
{
    return text ? (uint32_t)strtoull(text, NULL, 10) : 0;
}

struct node_call {
    int (*fn)(const struct alarm_db_node *k, void *arg);
    void *arg;
};

static int take_node(char **at, void *arg)
{
    struct node_call *c = arg;
    struct alarm_db_node k = {u32(at[0]), u32(at[1]), u32(at[2]), u32(at[3]), 0, 0};

    take_number(&at[4], &k.ok);
    take_number(&at[5], &k.failed);
    return c->fn(&k, c->arg);
}

int alarm_db_each_node(struct alarm_db *d, uint32_t s,
                       int (*fn)(const struct alarm_db_node *k, void *arg), void *arg)
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

int alarm_db_each_drained(struct alarm_db *d,
                          int (*fn)(uint32_t modid, uint32_t cmdid, void *arg), void *arg)
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

int alarm_db_raise_alarm(struct alarm_db *d, const char *kind, const char *subject,
                         const char *detail)
{
    char k[TEXT_MAX], s[TEXT_MAX], t[TEXT_MAX], sql[700];

    snprintf(sql, sizeof(sql),
             "INSERT INTO Alarm (kind, subject, detail) VALUES ('%s', '%s', '%s')",
             plain_text(kind, k), plain_text(subject, s), plain_text(detail, t));
    return run_sql(d, sql);
}

int alarm_db_clear_alarm(struct alarm_db *d, const char *kind, const char *subject)
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

int alarm_db_each_open_alarm(struct alarm_db *d,
                             int (*fn)(const char *kind, const char *subject, void *arg),
                             void *arg)
{
    struct alarm_call c = {fn, arg};

    return select_rows(d, "SELECT kind, subject FROM Alarm WHERE cleared_at IS NULL",
                       take_alarm, &c);
}
