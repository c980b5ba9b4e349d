/* The row of the host is locked first, which keeps two Report Services that have states
 * of the same host from mixing their rows, and it has the number of the state that was
 * written last: a Report Service that was slow or suspended still has an older one when
 * lars-slotd has long sent newer ones to another.  Each start of lars-slotd begins a
 * stream of numbers, and it never returns to a former stream.
 *
 * New rows come before the deletion, which locks gaps: a transaction that only deletes
 * and commits waits for no other one.
 *
 * <since> is computed from the age that lars-slotd tells, because clocks of hosts differ.
 * The age is late by the way of the message, a little each time, so <since> keeps its
 * value unless it moves by a second or more.
 *
 * <build_since> is the time at which a state first had this build, and not that of the
 * state of the node: a node that is sick for a moment still runs the same program.
 *
 * Rejected: one transaction for several hosts, as agents have.  A host sends a state each
 * second, which is much less than all agents send, and the gaps of the deletions would
 * make transactions of different hosts wait in a circle. */
#include "db/slot_state_db.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "db/repeat.h"
#include "db/sqldb.h"

#define AGE_MAX_MS 315360000000ull    /* ten years: the table has no time before 1970 */

struct slot_state_db {
    struct sqldb *db;
    struct buf sql;                   /* reused */
};

int slot_state_db_create(struct slot_state_db **out, const struct myconn_config *cfg)
{
    struct slot_state_db *d = calloc(1, sizeof(*d));
    int rc = d ? sqldb_open(&d->db, cfg) : -ENOMEM;

    if (rc < 0)
        free(d);
    else
        *out = d;
    return rc;
}

void slot_state_db_close(struct slot_state_db *d)
{
    if (!d)
        return;
    sqldb_close(d->db);
    buf_free(&d->sql);
    free(d);
}

const char *slot_state_db_error(const struct slot_state_db *d)
{
    return sqldb_error(d->db);
}

static void write_hex(char out[2 * MSG_STREAM + 1], const uint8_t stream[MSG_STREAM])
{
    size_t i;

    for (i = 0; i < MSG_STREAM; i++)
        snprintf(out + 2 * i, 3, "%02x", stream[i]);
}

/* The row is there and locked. */
static int lock_host(struct slot_state_db *d, const char *host)
{
    return sqldb_run(d->db,
                     "INSERT INTO ScaleHost (host) VALUES (%s) ON DUPLICATE KEY UPDATE "
                     "host = VALUES(host)",
                     host);
}

/* *<n>: 1 = a later state of the host is there. */
static int find_later(struct slot_state_db *d, const struct msg_slot_state *s,
                      const char *stream, uint64_t *n)
{
    return sqldb_number(d->db, n,
                        "SELECT COUNT(*) FROM ScaleHost WHERE host = %s AND (former = "
                        "%s OR (stream = %s AND seq >= %llu)) LOCK IN SHARE MODE",
                        s->of.host, stream, stream, (unsigned long long)s->seq);
}

static int put_host(struct slot_state_db *d, const struct msg_slot_state *s,
                    const char *stream)
{
    const struct msg_slot_host *h = &s->of;

    return sqldb_run(d->db,
                     "UPDATE ScaleHost SET zone = %s, address = %s, class = %s, slots = "
                     "%u, former = IF(stream = %s, former, stream), stream = %s, seq = "
                     "%llu, fence = %llu, seen_at = NOW(3) WHERE host = %s",
                     h->zone, h->address, h->class, h->slots, stream, stream,
                     (unsigned long long)s->seq, (unsigned long long)s->fence, h->host);
}

static int append_slot(struct slot_state_db *d, const char *host,
                       const struct msg_slot_node *n)
{
    uint64_t age_ms = n->since_ms < AGE_MAX_MS ? n->since_ms : AGE_MAX_MS;

    return sqldb_append(&d->sql,
                        "(%s, %u, %u, %u, %u, %u, %s, %u, %s, %s, NOW(3), NOW(3) - "
                        "INTERVAL %llu MICROSECOND, NOW(3)),",
                        host, n->slot, n->mod.modid, n->mod.cmdid, n->port, n->pid,
                        msg_slot_state_name(n->state), n->starts, n->note, n->build,
                        (unsigned long long)age_ms * 1000);
}

/* Send the statement in the buffer with <end> in place of its last comma. */
static int send_list(struct slot_state_db *d, const char *end)
{
    int rc;

    d->sql.len--;
    rc = buf_append(&d->sql, end, strlen(end));
    return rc < 0 ? rc : sqldb_each_text(d->db, NULL, NULL, &d->sql);
}

static void begin_list(struct slot_state_db *d)
{
    buf_consume(&d->sql, d->sql.len);
}

static int put_slots(struct slot_state_db *d, const struct msg_slot_state *s)
{
    size_t i;
    int rc;

    if (s->n == 0)
        return 0;
    begin_list(d);
    rc = sqldb_append(&d->sql, "INSERT INTO ScaleSlot (host, slot, modid, cmdid, port, "
                               "pid, state, starts, note, build, build_since, since, "
                               "seen_at) VALUES ");
    for (i = 0; i < s->n && rc == 0; i++)
        rc = append_slot(d, s->of.host, &s->node[i]);
    if (rc < 0)
        return rc;
    return send_list(
        d, " ON DUPLICATE KEY UPDATE since = IF(state = VALUES(state) AND "
           "ABS(TIMESTAMPDIFF(MICROSECOND, since, VALUES(since))) < 1000000, since, "
           "VALUES(since)), build_since = IF(build = VALUES(build) AND modid = "
           "VALUES(modid) AND cmdid = VALUES(cmdid), build_since, VALUES(build_since)), "
           "build = VALUES(build), modid = VALUES(modid), cmdid = VALUES(cmdid), port = "
           "VALUES(port), pid = VALUES(pid), state = VALUES(state), starts = "
           "VALUES(starts), note = VALUES(note), seen_at = VALUES(seen_at)");
}

static int delete_others(struct slot_state_db *d, const struct msg_slot_state *s)
{
    size_t i;
    int rc;

    begin_list(d);
    rc = sqldb_append(&d->sql,
                      "DELETE FROM ScaleSlot WHERE host = %s AND slot NOT IN "
                      "(0,",
                      s->of.host);
    for (i = 0; i < s->n && rc == 0; i++)
        rc = sqldb_append(&d->sql, "%u,", s->node[i].slot);
    return rc < 0 ? rc : send_list(d, ")");
}

/* Returns 0: written; 1: a later one is there; -errno. */
static int put_all(struct slot_state_db *d, const struct msg_slot_state *s)
{
    char stream[2 * MSG_STREAM + 1];
    uint64_t n_later = 0;
    int rc = lock_host(d, s->of.host);

    write_hex(stream, s->stream);
    if (rc == 0)
        rc = find_later(d, s, stream, &n_later);
    if (rc == 0 && n_later > 0)
        return 1;
    if (rc == 0)
        rc = put_host(d, s, stream);
    if (rc == 0)
        rc = put_slots(d, s);
    return rc < 0 ? rc : delete_others(d, s);
}

static int put_once(struct slot_state_db *d, const struct msg_slot_state *s)
{
    int end, rc = sqldb_run_text(d->db, "START TRANSACTION");

    if (rc == 0)
        rc = put_all(d, s);
    if (rc < 0)
        return rc;
    end = sqldb_run_text(d->db, rc == 0 ? "COMMIT" : "ROLLBACK");
    return end < 0 ? end : rc;
}

int slot_state_db_put(struct slot_state_db *d, const struct msg_slot_state *s)
{
    sqldb_go_back(d->db);
    REPEAT_RETURN(put_once(d, s));
}
