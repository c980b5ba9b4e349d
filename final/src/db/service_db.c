/* Messages of several agents become one transaction.  Each table is written by one
 * statement for all of them, because a transaction and its statements cost the server
 * more than a row.  The first statement locks the agents' rows of Service: Report
 * Services that have messages of the same agent wait for each other, and they do not wait
 * in a circle, because they lock in the order of the names.
 *
 * Invariant: rows of AgentRoute and AgentNode are those of the newest message that the
 * row of Service names; a message with a lower number of the same stream changes nothing.
 *
 * Rejected: a savepoint for each message, so that a refused one can be left out.  It
 * costs two statements a message, and the caller can repeat each message alone.
 *
 * Names are checked by the receiver (process_name_is_valid()), and a zone, which may hold
 * any text, is written as hexadecimal digits, so nothing needs quoting. */
#include "db/service_db.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/buf.h"
#include "base/version.h"
#include "db/repeat.h"

#define ROW_MAX 800

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

/* --- rows --------------------------------------------------------------------------- */

static int append(struct service_db *d, const char *text)
{
    return buf_append(&d->sql, text, strlen(text));
}

static int begin_rows(struct service_db *d, const char *text)
{
    buf_consume(&d->sql, d->sql.len);
    return append(d, text);
}

/* Append text of less than ROW_MAX bytes. */
static int append_row(struct service_db *d, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static int append_row(struct service_db *d, const char *format, ...)
{
    va_list ap;
    int n;

    if (buf_reserve(&d->sql, ROW_MAX) < 0)
        return -ENOMEM;
    va_start(ap, format);
    n = vsnprintf(buf_tail(&d->sql), ROW_MAX, format, ap);
    va_end(ap);
    buf_added(&d->sql, (size_t)n);
    return 0;
}

/* Send the statement in the buffer, whose last byte is the comma of a row, with <end> in
 * place of the comma. */
static int end_rows(struct service_db *d, const char *end)
{
    buf_tail(&d->sql)[-1] = ' ';
    return append(d, end);
}

static int send_rows(struct service_db *d, const char *end)
{
    int rc = end_rows(d, end);

    return rc < 0 ? rc : myconn_query(d->con, buf_bytes(&d->sql), d->sql.len);
}

/* --- agents ------------------------------------------------------------------------- */

struct agent {                        /* a message, and what its row of Service has */
    const struct msg_state *s;
    char stream[2 * MSG_STREAM + 1];  /* of the message */
    bool is_new;                      /* another stream than the row's */
    bool is_old;                      /* not newer than the row: it changes nothing */
};

struct batch {
    struct agent agent[SERVICE_DB_AGENTS]; /* in the order of their names; as
                                            * the server, whatever their case */
    size_t n;
};

static int by_name(const void *a, const void *b)
{
    const struct agent *x = a, *y = b;

    return strcasecmp(x->s->name, y->s->name);
}

static void fill_batch(struct batch *b, const struct msg_state *s, size_t n)
{
    size_t i;

    b->n = n;
    for (i = 0; i < n; i++) {
        b->agent[i] = (struct agent){.s = &s[i], .is_new = true};
        hex_of(s[i].stream, MSG_STREAM, b->agent[i].stream);
    }
    qsort(b->agent, n, sizeof(b->agent[0]), by_name);
}

static int take_seen(char **at, void *arg)
{
    struct batch *b = arg;
    uint64_t seq = strtoull(at[2], NULL, 10);
    size_t i = 0;

    while (i < b->n && strcasecmp(b->agent[i].s->name, at[0]) != 0)
        i++;
    if (i == b->n)
        return 0;
    b->agent[i].is_new = strcmp(b->agent[i].stream, at[1]) != 0;
    b->agent[i].is_old = !b->agent[i].is_new && seq >= b->agent[i].s->seq;
    return 0;
}

/* Lock the rows, which are added where they are missing.  The update, which changes
 * nothing, makes the lock an exclusive one from the beginning. */
static int lock_agents(struct service_db *d, struct batch *b)
{
    size_t i;
    int rc = begin_rows(d, "INSERT INTO Service (kind, name) VALUES ");

    for (i = 0; i < b->n && rc == 0; i++)
        rc = append_row(d, "('agent','%s'),", b->agent[i].s->name);
    if (rc == 0)
        rc = send_rows(d, "ON DUPLICATE KEY UPDATE kind = VALUES(kind)");
    if (rc == 0)
        rc = begin_rows(d, "SELECT name, LOWER(HEX(stream)), seq FROM Service WHERE kind "
                           "= 'agent' AND name IN (");
    for (i = 0; i < b->n && rc == 0; i++)
        rc = append_row(d, "'%s',", b->agent[i].s->name);
    if (rc == 0)
        rc = end_rows(d, ") FOR UPDATE");
    if (rc == 0)
        rc = buf_append(&d->sql, "", 1);
    return rc < 0 ? rc : myconn_select(d->con, buf_bytes(&d->sql), take_seen, b);
}

static int append_service(struct service_db *d, const struct agent *a)
{
    char zone[2 * MSG_STATE_ZONE], report[2 * MSG_STREAM + 1];
    const struct msg_state *s = a->s;
    uint32_t ip = s->caller;

    return append_row(
        d,
        "('agent','%s',LEFT(CONVERT(X'%s' USING utf8mb4),32),'%u.%u.%u.%u','%s','',"
        "X'%s',%llu,X'%s',NOW(3)),",
        s->name, hex_of(s->zone, strlen(s->zone), zone), ip >> 24, ip >> 16 & 255,
        ip >> 8 & 255, ip & 255, s->program, a->stream, (unsigned long long)s->seq,
        hex_of(s->report, s->has_report ? MSG_STREAM : 0, report));
}

/* The server assigns from left to right, so <since> is compared with the stream before.
 * It stays while the agent has not started again. */
static int put_services(struct service_db *d, const struct batch *b)
{
    size_t i;
    int rc = begin_rows(d, "INSERT INTO Service (kind, name, zone, address, version, "
                           "state, stream, seq, report, seen_at) VALUES ");

    for (i = 0; i < b->n && rc == 0; i++)
        rc = append_service(d, &b->agent[i]);
    return rc < 0 ? rc
                  : send_rows(d, "ON DUPLICATE KEY UPDATE since = IF(stream = "
                                 "VALUES(stream), since, NOW(3)), zone = VALUES(zone), "
                                 "address = VALUES(address), version = VALUES(version), "
                                 "state = '', stream = VALUES(stream), seq = "
                                 "VALUES(seq), report = VALUES(report), seen_at = "
                                 "NOW(3)");
}

static bool any_agent(const struct agent *a)
{
    (void)a;
    return true;
}

static bool is_new(const struct agent *a)
{
    return a->is_new;
}

static bool has_left_a_module(const struct agent *a)
{
    size_t i = 0;

    while (i < a->s->n_module && a->s->module[i].sum != 0)
        i++;
    return i < a->s->n_module;
}

/* Send <head> (the names of the agents that <which> chooses) <tail>, if there are any. */
static int delete_of(struct service_db *d, const struct batch *b,
                     bool which(const struct agent *a), const char *head,
                     const char *tail)
{
    size_t i, n = 0;
    int rc = begin_rows(d, head);

    for (i = 0; i < b->n && rc == 0; i++)
        if (which(&b->agent[i])) {
            rc = append_row(d, "'%s',", b->agent[i].s->name);
            n++;
        }
    return rc < 0 || n == 0 ? rc : send_rows(d, tail);
}

static int append_modules(struct service_db *d, const struct msg_state *s)
{
    size_t i;
    int rc = 0;

    for (i = 0; i < s->n_module && rc == 0; i++) {
        const struct msg_state_module *m = &s->module[i];

        rc = append_row(d, "('%s',%u,%u,%llu,%llu,%llu,NOW(3)),", s->name, m->mod.modid,
                        m->mod.cmdid, (unsigned long long)m->version,
                        (unsigned long long)m->sum, (unsigned long long)m->policy);
    }
    return rc;
}

static int put_modules(struct service_db *d, const struct batch *b)
{
    size_t i, n = 0;
    int rc = begin_rows(d, "INSERT INTO AgentRoute (agent, modid, cmdid, version, sum, "
                           "policy, at) VALUES ");

    for (i = 0; i < b->n && rc == 0; i++) {
        rc = append_modules(d, b->agent[i].s);
        n += b->agent[i].s->n_module;
    }
    if (rc < 0 || n == 0)
        return rc;
    rc = send_rows(d, "ON DUPLICATE KEY UPDATE version = VALUES(version), sum = "
                      "VALUES(sum), policy = VALUES(policy), at = VALUES(at)");
    return rc < 0 ? rc
                  : delete_of(d, b, has_left_a_module,
                              "DELETE FROM AgentRoute WHERE agent IN (", ") AND sum = 0");
}

static int append_nodes(struct service_db *d, const struct msg_state *s)
{
    size_t i;
    int rc = 0;

    for (i = 0; i < s->n_node && rc == 0; i++) {
        const struct msg_state_node *n = &s->node[i];

        rc = append_row(d, "('%s',%u,%u,%u,%u,%u),", s->name, n->mod.modid, n->mod.cmdid,
                        n->ip, n->port, n->state);
    }
    return rc;
}

static int put_nodes(struct service_db *d, const struct batch *b)
{
    size_t i, n = 0;
    int rc = delete_of(d, b, any_agent, "DELETE FROM AgentNode WHERE agent IN (", ")");

    if (rc == 0)
        rc = begin_rows(d, "INSERT IGNORE INTO AgentNode (agent, modid, cmdid, ip, port, "
                           "state) VALUES ");
    for (i = 0; i < b->n && rc == 0; i++) {
        rc = append_nodes(d, b->agent[i].s);
        n += b->agent[i].s->n_node;
    }
    return rc < 0 || n == 0 ? rc : send_rows(d, "");
}

static void drop_old(struct batch *b)
{
    size_t i, n = 0;

    for (i = 0; i < b->n; i++)
        if (!b->agent[i].is_old)
            b->agent[n++] = b->agent[i];
    b->n = n;
}

static int put_batch(struct service_db *d, struct batch *b)
{
    int rc = lock_agents(d, b);

    drop_old(b);
    if (rc < 0 || b->n == 0)
        return rc;
    rc = delete_of(d, b, is_new, "DELETE FROM AgentRoute WHERE agent IN (", ")");
    if (rc == 0)
        rc = put_services(d, b);
    if (rc == 0)
        rc = put_modules(d, b);
    return rc < 0 ? rc : put_nodes(d, b);
}

static int put_agents_once(struct service_db *d, const struct msg_state *s, size_t n)
{
    struct batch b;
    int rc = run_sql(d, "START TRANSACTION");

    fill_batch(&b, s, n);
    if (rc == 0)
        rc = put_batch(d, &b);
    return rc < 0 ? rc : run_sql(d, "COMMIT");
}

int service_db_put_agents(struct service_db *d, const struct msg_state *s, size_t n)
{
    int rc = myconn_begin_work(d->con);

    assert(n >= 1 && n <= SERVICE_DB_AGENTS);
    if (rc == 0)
        REPEAT(rc, put_agents_once(d, s, n));
    return rc;
}

/* --- this process ------------------------------------------------------------------- */

int service_db_beat(struct service_db *d, const struct service_db_self *self)
{
    char sql[800], zone[2 * SERVICE_DB_ZONE + 1];
    int rc = myconn_begin_work(d->con);

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

static int put_holds_once(struct service_db *d, const char *dnsd,
                          const struct service_db_hold *hold, size_t n)
{
    int rc = run_sql(d, "START TRANSACTION");

    if (rc == 0)
        rc = put_hold_rows(d, dnsd, hold, n);
    return rc < 0 ? rc : run_sql(d, "COMMIT");
}

int service_db_put_holds(struct service_db *d, const char *dnsd,
                         const struct service_db_hold *hold, size_t n)
{
    int rc = myconn_begin_work(d->con);

    if (rc == 0)
        REPEAT(rc, put_holds_once(d, dnsd, hold, n));
    return rc;
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

static int put_conflicts_once(struct service_db *d, const char *reportd,
                              const struct service_db_conflict *conflict, size_t n)
{
    int rc = run_sql(d, "START TRANSACTION");

    if (rc == 0)
        rc = put_conflict_rows(d, reportd, conflict, n);
    return rc < 0 ? rc : run_sql(d, "COMMIT");
}

int service_db_put_conflicts(struct service_db *d, const char *reportd,
                             const struct service_db_conflict *conflict, size_t n)
{
    int rc = myconn_begin_work(d->con);

    if (rc == 0)
        REPEAT(rc, put_conflicts_once(d, reportd, conflict, n));
    return rc;
}
