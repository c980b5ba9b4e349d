/* A message of an agent becomes one transaction.  Its first statement locks the agent's
 * row of Service: Report Services that have messages of the same agent wait for each
 * other.
 *
 * Invariant: rows of AgentRoute and AgentNode are those of the newest message that the
 * row of Service names; a message with a lower number of the same stream changes nothing.
 *
 * Names are checked by the receiver (process_name_is_valid()), and a zone, which may hold
 * any text, is written as hexadecimal digits, so nothing needs quoting. */
#include "db/service_db.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/version.h"

#define ROW_MAX 200

struct service_db {
    struct myconn *con;
    struct buf sql;                   /* reused */
    char error[MYCONN_ERROR_MAX];
};

int service_db_create(struct service_db **out, const struct myconn_config *cfg)
{
    struct service_db *d = calloc(1, sizeof(*d));
    int rc = d ? myconn_create(&d->con, cfg, d->error) : -ENOMEM;

    if (rc < 0)
        free(d);
    else
        *out = d;
    return rc;
}

void service_db_close(struct service_db *d)
{
    if (!d)
        return;
    myconn_destroy(d->con);
    buf_free(&d->sql);
    free(d);
}

const char *service_db_error(const struct service_db *d)
{
    return d->error;
}

static int run_sql(struct service_db *d, const char *sql)
{
    return myconn_query(d->con, sql, strlen(sql));
}

static const char *hex_of(const void *bytes, size_t n, char *out)
{
    const uint8_t *b = bytes;
    size_t i;

    out[0] = '\0';
    for (i = 0; i < n; i++)
        snprintf(out + 2 * i, 3, "%02x", b[i]);
    return out;
}

/* --- agents ------------------------------------------------------------------------- */

struct seen {                         /* what the agent's row of Service has */
    char stream[2 * MSG_STREAM + 1];
    uint64_t seq;
};

static int take_seen(char **at, void *arg)
{
    struct seen *s = arg;

    snprintf(s->stream, sizeof(s->stream), "%s", at[0] ? at[0] : "");
    s->seq = at[1] ? strtoull(at[1], NULL, 10) : 0;
    return 0;
}

static int lock_agent(struct service_db *d, const char *name, struct seen *seen)
{
    char sql[240];
    int rc;

    snprintf(sql, sizeof(sql),
             "INSERT IGNORE INTO Service (kind, name) VALUES ('agent', '%s')", name);
    rc = run_sql(d, sql);
    snprintf(
        sql, sizeof(sql),
        "SELECT LOWER(HEX(stream)), seq FROM Service WHERE kind = 'agent' AND name = "
        "'%s' FOR UPDATE",
        name);
    return rc < 0 ? rc : myconn_select(d->con, sql, take_seen, seen);
}

/* <same>: this stream wrote the row before, so the agent has not started since. */
static int put_service(struct service_db *d, const struct msg_state *s,
                       const char *stream, bool same)
{
    char sql[900], zone[2 * MSG_STATE_ZONE], report[2 * MSG_STREAM + 1];
    uint32_t ip = s->caller;

    snprintf(
        sql, sizeof(sql),
        "UPDATE Service SET zone = LEFT(CONVERT(X'%s' USING utf8mb4), 32), address = "
        "'%u.%u.%u.%u', version = '%s', state = '', stream = X'%s', seq = %llu, report "
        "= X'%s', seen_at = NOW(3)%s WHERE kind = 'agent' AND name = '%s'",
        hex_of(s->zone, strlen(s->zone), zone), ip >> 24, ip >> 16 & 255, ip >> 8 & 255,
        ip & 255, s->program, stream, (unsigned long long)s->seq,
        hex_of(s->report, s->has_report ? MSG_STREAM : 0, report),
        same ? "" : ", since = NOW(3)", s->name);
    return run_sql(d, sql);
}

/* Append a row that <n> bytes of the buffer's tail have. */
static int added(struct service_db *d, int n)
{
    buf_added(&d->sql, (size_t)n);
    return 0;
}

static int append(struct service_db *d, const char *text)
{
    return buf_append(&d->sql, text, strlen(text));
}

/* Send the statement in the buffer, whose last byte is the comma of a row, with <end> in
 * place of the comma. */
static int send_rows(struct service_db *d, const char *end)
{
    int rc = 0;

    buf_tail(&d->sql)[-1] = ' ';
    rc = append(d, end);
    return rc < 0 ? rc : myconn_query(d->con, buf_bytes(&d->sql), d->sql.len);
}

static int begin_rows(struct service_db *d, const char *text)
{
    buf_consume(&d->sql, d->sql.len);
    return append(d, text);
}

static int append_module(struct service_db *d, const struct msg_state *s, size_t i)
{
    const struct msg_state_module *m = &s->module[i];

    if (buf_reserve(&d->sql, ROW_MAX) < 0)
        return -ENOMEM;
    return added(d, snprintf(buf_tail(&d->sql), ROW_MAX,
                             "('%s',%u,%u,%llu,%llu,%llu,NOW(3)),", s->name, m->mod.modid,
                             m->mod.cmdid, (unsigned long long)m->version,
                             (unsigned long long)m->sum, (unsigned long long)m->policy));
}

static int put_modules(struct service_db *d, const struct msg_state *s)
{
    char sql[200];
    size_t i;
    int rc = begin_rows(d, "INSERT INTO AgentRoute (agent, modid, cmdid, version, sum, "
                           "policy, at) VALUES ");

    if (s->n_module == 0)
        return 0;
    for (i = 0; i < s->n_module && rc == 0; i++)
        rc = append_module(d, s, i);
    if (rc == 0)
        rc = send_rows(d, "ON DUPLICATE KEY UPDATE version = VALUES(version), sum = "
                          "VALUES(sum), policy = VALUES(policy), at = VALUES(at)");
    snprintf(sql, sizeof(sql), "DELETE FROM AgentRoute WHERE agent = '%s' AND sum = 0",
             s->name);
    return rc < 0 ? rc : run_sql(d, sql);
}

static int append_node(struct service_db *d, const struct msg_state *s, size_t i)
{
    const struct msg_state_node *n = &s->node[i];

    if (buf_reserve(&d->sql, ROW_MAX) < 0)
        return -ENOMEM;
    return added(d,
                 snprintf(buf_tail(&d->sql), ROW_MAX, "('%s',%u,%u,%u,%u,%u),", s->name,
                          n->mod.modid, n->mod.cmdid, n->ip, n->port, n->state));
}

static int put_nodes(struct service_db *d, const struct msg_state *s)
{
    char sql[200];
    size_t i;
    int rc;

    snprintf(sql, sizeof(sql), "DELETE FROM AgentNode WHERE agent = '%s'", s->name);
    rc = run_sql(d, sql);
    if (rc < 0 || s->n_node == 0)
        return rc;
    rc = begin_rows(d, "INSERT IGNORE INTO AgentNode (agent, modid, cmdid, ip, port, "
                       "state) VALUES ");
    for (i = 0; i < s->n_node && rc == 0; i++)
        rc = append_node(d, s, i);
    return rc < 0 ? rc : send_rows(d, "");
}

static int put_agent_rows(struct service_db *d, const struct msg_state *s)
{
    char sql[200], stream[2 * MSG_STREAM + 1];
    struct seen seen = {0};
    bool same;
    int rc = lock_agent(d, s->name, &seen);

    hex_of(s->stream, MSG_STREAM, stream);
    same = strcmp(seen.stream, stream) == 0;
    if (rc < 0 || (same && seen.seq >= s->seq))
        return rc;
    snprintf(sql, sizeof(sql), "DELETE FROM AgentRoute WHERE agent = '%s'", s->name);
    if (!same)
        rc = run_sql(d, sql);
    if (rc == 0)
        rc = put_service(d, s, stream, same);
    if (rc == 0)
        rc = put_modules(d, s);
    return rc < 0 ? rc : put_nodes(d, s);
}

int service_db_put_agent(struct service_db *d, const struct msg_state *s)
{
    int rc = myconn_ensure(d->con);

    if (rc == 0)
        rc = run_sql(d, "START TRANSACTION");
    if (rc == 0)
        rc = put_agent_rows(d, s);
    return rc < 0 ? rc : run_sql(d, "COMMIT");
}

/* --- this process ------------------------------------------------------------------- */

int service_db_beat(struct service_db *d, const struct service_db_self *self)
{
    char sql[800], zone[2 * SERVICE_DB_ZONE + 1];
    int rc = myconn_ensure(d->con);

    snprintf(
        sql, sizeof(sql),
        "INSERT INTO Service (kind, name, zone, address, version, revision, state, "
        "seen_at) VALUES ('%s', '%s', CONVERT(X'%s' USING utf8mb4), '%s', '" LARS_VERSION
        "', %llu, '%s', NOW(3)) ON DUPLICATE KEY UPDATE zone = VALUES(zone), address = "
        "VALUES(address), version = VALUES(version), revision = VALUES(revision), state "
        "= VALUES(state), seen_at = NOW(3)",
        self->kind, self->name, hex_of(self->zone, strlen(self->zone), zone),
        self->address, (unsigned long long)self->revision, self->state);
    return rc < 0 ? rc : run_sql(d, sql);
}

static int put_hold_rows(struct service_db *d, const char *dnsd,
                         const struct service_db_hold *hold, size_t n)
{
    char sql[500];
    size_t i;
    int rc = run_sql(d, "SET @lars_now = NOW(3)");

    for (i = 0; i < n && rc == 0; i++) {
        snprintf(sql, sizeof(sql),
                 "INSERT INTO RouteHold (dnsd, modid, cmdid, had, gone, since, seen_at) "
                 "VALUES ('%s', %u, %u, %u, %u, @lars_now, @lars_now) ON DUPLICATE KEY "
                 "UPDATE had = VALUES(had), gone = VALUES(gone), seen_at = @lars_now",
                 dnsd, hold[i].modid, hold[i].cmdid, hold[i].had, hold[i].gone);
        rc = run_sql(d, sql);
    }
    snprintf(sql, sizeof(sql),
             "DELETE FROM RouteHold WHERE dnsd = '%s' AND seen_at < @lars_now", dnsd);
    return rc < 0 ? rc : run_sql(d, sql);
}

int service_db_put_holds(struct service_db *d, const char *dnsd,
                         const struct service_db_hold *hold, size_t n)
{
    int rc = myconn_ensure(d->con);

    if (rc == 0)
        rc = run_sql(d, "START TRANSACTION");
    if (rc == 0)
        rc = put_hold_rows(d, dnsd, hold, n);
    return rc < 0 ? rc : run_sql(d, "COMMIT");
}

/* --- streams that two agents send --------------------------------------------------- */

static int put_conflict_rows(struct service_db *d, const char *reportd,
                             const struct service_db_conflict *conflict, size_t n)
{
    char sql[500];
    size_t i;
    int rc;

    snprintf(sql, sizeof(sql), "DELETE FROM StreamConflict WHERE reportd = '%s'",
             reportd);
    rc = run_sql(d, sql);
    for (i = 0; i < n && rc == 0; i++) {
        snprintf(sql, sizeof(sql),
                 "INSERT INTO StreamConflict (reportd, stream, owner, other, seen_at) "
                 "VALUES ('%s', '%s', '%s', '%s', NOW(3))",
                 reportd, conflict[i].stream, conflict[i].owner, conflict[i].other);
        rc = run_sql(d, sql);
    }
    return rc;
}

int service_db_put_conflicts(struct service_db *d, const char *reportd,
                             const struct service_db_conflict *conflict, size_t n)
{
    int rc = myconn_ensure(d->con);

    if (rc == 0)
        rc = run_sql(d, "START TRANSACTION");
    if (rc == 0)
        rc = put_conflict_rows(d, reportd, conflict, n);
    return rc < 0 ? rc : run_sql(d, "COMMIT");
}
