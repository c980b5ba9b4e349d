/* A table of hosts between the loops and one thread with a connection to the database.
 * Each host has at most one message that waits, so the table is bounded by the number of
 * hosts, and a database that is slow makes states older but never late by a queue.
 *
 * Invariant: messages that wait are written in the order in which their hosts began to
 * wait, so a host that sends often does not keep another one waiting.
 *
 * Rejected: the queue of agent_states.c.  Its messages are changes, each of which has to
 * be written; a state of slots is whole, and an older one is of no use. */
#include "report/slot_states.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/err.h"
#include "base/log.h"
#include "base/mono.h"
#include "base/worker.h"
#include "net/tls_conn.h"

#define LOG_GAP_MS 60000
#define FRESH_MS 5000

struct message {
    uint64_t tag[2]; /* of its connection */
    struct msg_slot_state state;
};

struct host {
    char name[MSG_SLOT_HOST];
    uint64_t seen_ms; /* monotonic; of its last message */
    uint8_t stream[MSG_STREAM]; /* of its last message, and of the one before with */
    uint8_t former[MSG_STREAM]; /* another stream; zero = none */
    uint64_t turn; /* the host with the lowest one is written next */
    struct message *waiting; /* NULL = none; owned */
};

struct slot_states {
    struct slot_state_db *db; /* the thread's, with what follows */
    bool down; /* the failure is logged */
    struct batchsrv *srv;
    struct worker *worker; /* its lock guards what follows */
    struct host host[SLOT_STATES_HOSTS];
    size_t n_host;
    uint64_t last_turn;
    struct slot_states_stat stat;
};

/* --- the loops ---------------------------------------------------------------------- */

static struct host *find_host(struct slot_states *s, const char *name)
{
    size_t i = 0;

    while (i < s->n_host && strcasecmp(s->host[i].name, name) != 0)
        i++;
    return i < s->n_host ? &s->host[i] : NULL;
}

static bool is_idle(const struct host *h, uint64_t now_ms)
{
    return !h->waiting && now_ms - h->seen_ms >= FRESH_MS;
}

/* A place for a host: a new one, or that of a host which has not been heard of. */
static struct host *new_host(struct slot_states *s, uint64_t now_ms)
{
    size_t i = 0;

    while (i < s->n_host && !is_idle(&s->host[i], now_ms))
        i++;
    if (i == SLOT_STATES_HOSTS)
        return NULL;
    s->n_host += i == s->n_host;
    s->host[i] = (struct host){0};
    return &s->host[i];
}

/* A lars-slotd has another stream after each start, and then never the former one again.
 * Two streams by turns are two of them that call themselves by one name: both obey the
 * orders, and each deletes the other's rows. */
static void note_stream(struct slot_states *s, struct host *h, const struct message *m)
{
    const uint8_t *stream = m->state.stream;

    if (memcmp(h->stream, stream, MSG_STREAM) == 0)
        return;
    if (memcmp(h->former, stream, MSG_STREAM) == 0) {
        s->stat.n_conflict++;
        LOG_EVERY(
            LOG_GAP_MS, LOG_LEVEL_ERROR, "slot_state.conflict",
            "host=%s address=%s: two lars-slotd have this name of a host; give each "
            "its own [slots] host and start them again",
            m->state.of.host, m->state.of.address);
    }
    memcpy(h->former, h->stream, MSG_STREAM);
    memcpy(h->stream, stream, MSG_STREAM);
}

/* Takes <m>.  The caller holds the lock. */
static void put_message(struct slot_states *s, struct message *m)
{
    uint64_t now_ms = mono_ms();
    struct host *h = find_host(s, m->state.of.host);

    if (!h)
        h = new_host(s, now_ms);
    if (!h || worker_is_stopping(s->worker)) {
        s->stat.n_dropped++;
        free(m);
        return;
    }
    if (h->waiting) {
        s->stat.n_replaced++;
        free(h->waiting);
    } else {
        h->turn = ++s->last_turn;
    }
    snprintf(h->name, sizeof(h->name), "%s", m->state.of.host);
    note_stream(s, h, m);
    h->seen_ms = now_ms;
    h->waiting = m;
    worker_wake(s->worker);
}

static void on_state(struct conn *c, const struct frame *f, void *arg)
{
    struct slot_states *s = arg;
    struct message *m = malloc(sizeof(*m));
    char peer[NET_ADDR_STRLEN];
    int rc = m ? msg_slot_unpack_state(&m->state, f->body, f->len) : -ENOMEM;

    if (rc < 0)
        LOG_EVERY(LOG_GAP_MS, LOG_LEVEL_WARN, "slot_state.refused", "err=%s peer=%s",
                  err_str(rc), net_addr_str(conn_peer(c), peer));
    if (rc < 0 || !tls_conn_is_host(c, msg_slot_ip(&m->state.of)) ||
        !batchsrv_tag(c, m->tag)) {
        free(m);
        return;
    }
    worker_lock(s->worker);
    put_message(s, m);
    worker_unlock(s->worker);
}

int slot_states_more(struct dispatch *d, struct slot_states *s)
{
    return dispatch_set(d, MSG_SLOT_STATE, on_state, s);
}

/* --- the thread --------------------------------------------------------------------- */

/* The caller holds the lock. */
static struct message *take_first(struct slot_states *s)
{
    struct host *first = NULL;
    struct message *m;
    size_t i;

    for (i = 0; i < s->n_host; i++)
        if (s->host[i].waiting && (!first || s->host[i].turn < first->turn))
            first = &s->host[i];
    if (!first)
        return NULL;
    m = first->waiting;
    first->waiting = NULL;
    return m;
}

/* NULL: it is time to stop. */
static struct message *next_message(struct slot_states *s)
{
    struct message *m = NULL;

    worker_lock(s->worker);
    while (!worker_is_stopping(s->worker) && !(m = take_first(s)))
        worker_wait(s->worker);
    worker_unlock(s->worker);
    return m;
}

static void note_result(struct slot_states *s, int rc)
{
    if (rc < 0 && !s->down)
        LOG_ERROR("db.down", "err=%s of=slot_states %s", err_str(rc),
                  slot_state_db_error(s->db));
    if (rc >= 0 && s->down)
        LOG_INFO("db.back", "of=slot_states");
    s->down = rc < 0;
    worker_lock(s->worker);
    s->stat.n_written += rc == 0;
    s->stat.n_late += rc == 1;
    s->stat.n_fail += rc < 0;
    worker_unlock(s->worker);
}

static void acknowledge(struct slot_states *s, const struct message *m)
{
    struct msg_ack ack = {.seq = m->state.seq};
    char body[BATCHSRV_SEND];
    ssize_t n;

    memcpy(ack.stream, m->state.stream, MSG_STREAM);
    n = msg_batch_pack_ack(&ack, body, sizeof(body));
    if (n > 0)
        batchsrv_send(s->srv, m->tag, MSG_SLOT_STATE_ACK, body, (size_t)n);
}

static void slot_states_main(void *arg)
{
    struct slot_states *s = arg;
    struct message *m;

    while ((m = next_message(s))) {
        int rc = slot_state_db_put(s->db, &m->state);

        note_result(s, rc);
        if (rc >= 0)
            acknowledge(s, m);
        free(m);
    }
    slot_state_db_close(s->db); /* in the thread that used it */
    s->db = NULL;
}

void slot_states_destroy(struct slot_states *s)
{
    size_t i;

    if (!s)
        return;
    worker_destroy(s->worker);
    slot_state_db_close(s->db);
    for (i = 0; i < s->n_host; i++)
        free(s->host[i].waiting);
    free(s);
}

int slot_states_start(struct slot_states **out, struct slot_state_db *db,
                      struct batchsrv *srv)
{
    struct slot_states *s = calloc(1, sizeof(*s));
    int rc;

    if (!s) {
        slot_state_db_close(db);
        return -ENOMEM;
    }
    s->db = db;
    s->srv = srv;
    rc = worker_create(&s->worker);
    if (rc == 0)
        rc = worker_start(s->worker, slot_states_main, s);
    if (rc < 0)
        slot_states_destroy(s);
    else
        *out = s;
    return rc;
}

void slot_states_stop(struct slot_states *s)
{
    if (s)
        worker_stop(s->worker);
}

void slot_states_stat(struct slot_states *s, struct slot_states_stat *out)
{
    uint64_t now_ms = mono_ms();
    size_t i;

    worker_lock(s->worker);
    *out = s->stat;
    out->n_host = 0;
    for (i = 0; i < s->n_host; i++)
        out->n_host += now_ms - s->host[i].seen_ms < FRESH_MS;
    worker_unlock(s->worker);
}
