/* A queue between the loops and one thread with a connection to the database.
 *
 * The thread writes the messages that wait in one transaction, and begins a transaction
 * at most every AGENT_STATES_GAP_MS unless a full one waits: agents that all report a
 * change at once, or that report steadily, cost the database few transactions, and a
 * message that comes alone is written at once.
 *
 * Invariant: the messages of an agent are written in the order in which they came: a
 * transaction has one of each agent at most.  When it fails, its messages go back to the
 * head of the queue and are written one by one, so a message that the database refuses is
 * the only one that is lost.
 *
 * Invariant: every wait of the thread ends within BEAT_MS, so the row of this process is
 * written each second even when no agent says anything.
 *
 * Rejected: the batch writers.  A queue of batches that waits for a lock would delay what
 * alarms are evaluated from. */
#include "report/agent_states.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/deadline.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mono.h"
#include "base/process_name.h"
#include "base/worker.h"
#include "net/tls_conn.h"

#define BEAT_MS 1000
#define BATCH_BYTES 65536 /* bodies of a transaction; the last may pass it */
#define LOG_GAP_MS 60000

struct job {
    struct job *next;
    uint64_t tag[2];
    size_t len;
    char body[]; /* of a message that msg_state_unpack() takes */
};

struct queue {
    struct job *first, **last;
    size_t n;
};

struct agent_states {
    struct service_db *db; /* the thread's, with what follows */
    char name[PROCESS_NAME_MAX], address[PROCESS_NAME_MAX];
    char zone[SERVICE_DB_ZONE];
    uint64_t beat_ms; /* monotonic; of the next beat */
    bool down, rows_down; /* of beats, of messages: the failure is logged */
    bool conflicts; /* StreamConflict may have rows of this process */
    struct msg_state *state; /* the messages that are written; SERVICE_DB_AGENTS */
    uint64_t next_ms; /* monotonic; of the next transaction, unless it is full */
    struct queue todo; /* in it are the messages that the thread has taken */
    size_t n_alone; /* at the head of <todo>, to be written one by one */
    size_t max;
    struct batchsrv *srv;
    struct worker *worker; /* its lock guards what follows */
    struct queue in;
    size_t n_bytes; /* of all messages that are not written yet */
    struct agent_states_stat stat;
};

static size_t size_of(const struct job *j)
{
    return sizeof(*j) + j->len;
}

static void init_queue(struct queue *q)
{
    *q = (struct queue){NULL, &q->first, 0};
}

static void put_last(struct queue *q, struct job *j)
{
    j->next = NULL;
    *q->last = j;
    q->last = &j->next;
    q->n++;
}

static void put_first(struct queue *q, struct job *j)
{
    j->next = q->first;
    if (!q->first)
        q->last = &j->next;
    q->first = j;
    q->n++;
}

static struct job *take_first(struct queue *q)
{
    struct job *j = q->first;

    if (!j)
        return NULL;
    q->first = j->next;
    if (!q->first)
        q->last = &q->first;
    q->n--;
    return j;
}

static void move_all(struct queue *to, struct queue *from)
{
    struct job *j;

    while ((j = take_first(from)))
        put_last(to, j);
}

static void put_job(struct agent_states *a, struct job *j)
{
    bool room;

    worker_lock(a->worker);
    room = a->n_bytes + size_of(j) <= a->max && !worker_is_stopping(a->worker);
    a->stat.n_dropped += !room;
    if (room) {
        put_last(&a->in, j);
        a->n_bytes += size_of(j);
        worker_wake(a->worker);
    }
    worker_unlock(a->worker);
    if (!room)
        free(j);
}

/* Returns 0, -ENOMEM, or why the message is wrong, and whose state it is. */
static int check(const struct frame *f, uint32_t *caller)
{
    struct msg_state *state = malloc(sizeof(*state));
    int rc = state ? msg_state_unpack(state, f->body, f->len) : -ENOMEM;

    *caller = rc == 0 ? state->caller : 0;
    free(state);
    return rc;
}

/* A message waits in the form in which it came: unpacked it has room for all modules and
 * nodes that an agent may have, which is several hundred times as much. */
static void on_state(struct conn *c, const struct frame *f, void *arg)
{
    char peer[NET_ADDR_STRLEN];
    struct job *j = NULL;
    uint32_t caller;
    int rc = check(f, &caller);

    if (rc == 0 && !tls_conn_is_host(c, caller))
        return;
    if (rc == 0 && !(j = malloc(sizeof(*j) + f->len)))
        rc = -ENOMEM;
    if (rc < 0) {
        LOG_EVERY(LOG_GAP_MS, LOG_LEVEL_WARN, "agent_state.refused", "err=%s peer=%s",
                  err_str(rc), net_addr_str(conn_peer(c), peer));
        return;
    }
    if (!batchsrv_tag(c, j->tag)) {
        free(j);
        return;
    }
    j->len = f->len;
    memcpy(j->body, f->body, f->len);
    put_job(arg, j);
}

int agent_states_more(struct dispatch *d, struct agent_states *a)
{
    return dispatch_set(d, MSG_AGENT_STATE, on_state, a);
}

/* A transaction: the jobs of the messages in agent_states.state. */
struct batch {
    struct job *job[SERVICE_DB_AGENTS];
    size_t n, n_bytes;
};

/* May a transaction begin?  It is better to wait for more messages, unless there are
 * enough. */
static bool may_begin(const struct agent_states *a, uint64_t now)
{
    return a->todo.n >= SERVICE_DB_AGENTS || (a->todo.n > 0 && now >= a->next_ms);
}

/* Wait until a transaction may begin, a beat is due, or it is time to stop. */
static void wait_for_jobs(struct agent_states *a)
{
    worker_lock(a->worker);
    while (!worker_is_stopping(a->worker)) {
        uint64_t now = mono_ms(), until = a->beat_ms;
        struct timespec at;

        move_all(&a->todo, &a->in);
        if (may_begin(a, now) || now >= until)
            break;
        if (a->todo.n > 0 && a->next_ms < until)
            until = a->next_ms;
        at = deadline_in((uint32_t)(until - now));
        worker_wait_until(a->worker, &at);
    }
    worker_unlock(a->worker);
}

static bool has_agent_of(const struct agent_states *a, size_t n,
                         const struct msg_state *state)
{
    size_t i = 0;

    while (i < n && strcasecmp(a->state[i].name, state->name) != 0)
        i++;
    return i < n;
}

/* The message is written, or never will be. */
static void end_job(struct agent_states *a, struct job *j, bool written)
{
    worker_lock(a->worker);
    a->stat.n_written += written;
    a->stat.n_fail += !written;
    a->n_bytes -= size_of(j);
    worker_unlock(a->worker);
    free(j);
}

/* Move the first job into the transaction.  False when it has to wait for the next. */
static bool take_job(struct agent_states *a, struct batch *b)
{
    struct job *j = a->todo.first;

    if (!j || b->n == (a->n_alone > 0 ? 1 : SERVICE_DB_AGENTS) ||
        b->n_bytes >= BATCH_BYTES)
        return false;
    if (msg_state_unpack(&a->state[b->n], j->body, j->len) < 0) { /* no memory */
        end_job(a, take_first(&a->todo), false);
        return true;
    }
    if (has_agent_of(a, b->n, &a->state[b->n]))
        return false;
    b->job[b->n++] = take_first(&a->todo);
    b->n_bytes += j->len;
    return true;
}

/* The jobs of the next transaction; none when it may not begin yet. */
static void take_batch(struct agent_states *a, struct batch *b)
{
    b->n = b->n_bytes = 0;
    wait_for_jobs(a);
    if (!may_begin(a, mono_ms()))
        return;
    while (take_job(a, b))
        ;
    a->n_alone -= a->n_alone > 0;
    a->next_ms = mono_ms() + AGENT_STATES_GAP_MS;
}

/* Beats and messages use different tables, so one can fail where the other works; each
 * has its own <down>, or their lines would alternate for ever. */
static void note_result(struct agent_states *a, bool *down, const char *what, int rc)
{
    if (rc < 0 && !*down)
        LOG_ERROR("db.down", "err=%s of=%s %s", err_str(rc), what,
                  service_db_error(a->db));
    if (rc == 0 && *down)
        LOG_INFO("db.back", "of=%s", what);
    *down = rc < 0;
}

static void acknowledge(struct agent_states *a, const struct job *j,
                        const struct msg_state *state)
{
    struct msg_ack ack = {.seq = state->seq};
    char body[BATCHSRV_SEND];
    ssize_t n;

    memcpy(ack.stream, state->stream, MSG_STREAM);
    n = msg_batch_pack_ack(&ack, body, sizeof(body));
    if (n > 0)
        batchsrv_send(a->srv, j->tag, MSG_AGENT_STATE_ACK, body, (size_t)n);
}

/* Write the messages, or put them back to write each alone. */
static void write_batch(struct agent_states *a, struct batch *b)
{
    int rc = service_db_put_agents(a->db, a->state, b->n);
    size_t i;

    if (rc < 0 && b->n > 1) {
        for (i = b->n; i > 0; i--)
            put_first(&a->todo, b->job[i - 1]);
        a->n_alone = b->n;
        return;
    }
    note_result(a, &a->rows_down, "agent_states.rows", rc);
    for (i = 0; i < b->n; i++) {
        if (rc == 0)
            acknowledge(a, b->job[i], &a->state[i]);
        end_job(a, b->job[i], rc == 0);
    }
}

/* Written each second while there is a conflict, and once when there is none. */
static int put_conflicts(struct agent_states *a)
{
    struct stream_conflict found[STREAM_CONFLICTS_MAX];
    struct service_db_conflict row[STREAM_CONFLICTS_MAX];
    char stream[STREAM_CONFLICTS_MAX][2 * MSG_STREAM + 1];
    size_t n = batchsrv_list_conflicts(a->srv, found, STREAM_CONFLICTS_MAX), i, k;
    int rc;

    if (n == 0 && !a->conflicts)
        return 0;
    for (i = 0; i < n; i++) {
        for (k = 0; k < MSG_STREAM; k++)
            snprintf(stream[i] + 2 * k, 3, "%02x", found[i].stream[k]);
        row[i] = (struct service_db_conflict){stream[i], found[i].owner, found[i].other};
    }
    rc = service_db_put_conflicts(a->db, a->name, row, n);
    a->conflicts = n > 0 || rc < 0;
    return rc;
}

static void beat(struct agent_states *a)
{
    const struct service_db_self self = {"reportd", a->name, a->address, a->zone, "", 0};

    int rc;

    if (mono_ms() < a->beat_ms)
        return;
    a->beat_ms = mono_ms() + BEAT_MS;
    rc = service_db_beat(a->db, &self);
    note_result(a, &a->down, "agent_states", rc < 0 ? rc : put_conflicts(a));
}

static bool is_stopping(struct agent_states *a)
{
    bool yes;

    worker_lock(a->worker);
    yes = worker_is_stopping(a->worker);
    worker_unlock(a->worker);
    return yes;
}

static void agent_states_main(void *arg)
{
    struct agent_states *a = arg;
    struct batch b;

    while (!is_stopping(a)) {
        beat(a);
        take_batch(a, &b);
        if (b.n > 0)
            write_batch(a, &b);
    }
    service_db_close(a->db); /* in the thread that used it */
    a->db = NULL;
}

void agent_states_destroy(struct agent_states *a)
{
    struct job *j;

    if (!a)
        return;
    worker_destroy(a->worker);
    service_db_close(a->db);
    move_all(&a->todo, &a->in);
    while ((j = take_first(&a->todo)))
        free(j);
    free(a->state);
    free(a);
}

int agent_states_start(struct agent_states **out, struct service_db *db,
                       const struct agent_states_config *cfg)
{
    struct agent_states *a = calloc(1, sizeof(*a));
    int rc;

    if (!a) {
        service_db_close(db);
        return -ENOMEM;
    }
    a->db = db;
    a->max = cfg->max;
    a->conflicts = true; /* of the process before, which had our name */
    a->srv = cfg->srv;
    init_queue(&a->in);
    init_queue(&a->todo);
    snprintf(a->name, sizeof(a->name), "%s", cfg->name);
    snprintf(a->address, sizeof(a->address), "%s", cfg->address);
    snprintf(a->zone, sizeof(a->zone), "%s", cfg->zone ? cfg->zone : "");
    a->state = calloc(SERVICE_DB_AGENTS, sizeof(*a->state));
    rc = a->state ? worker_create(&a->worker) : -ENOMEM;
    if (rc == 0)
        rc = worker_start(a->worker, agent_states_main, a);
    if (rc < 0)
        agent_states_destroy(a);
    else
        *out = a;
    return rc;
}

void agent_states_stop(struct agent_states *a)
{
    if (a)
        worker_stop(a->worker);
}

void agent_states_stat(struct agent_states *a, struct agent_states_stat *out)
{
    worker_lock(a->worker);
    *out = a->stat;
    worker_unlock(a->worker);
}
