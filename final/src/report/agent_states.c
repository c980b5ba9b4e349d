/* A queue between the loops and one thread with a connection to the database.
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

#include "base/deadline.h"
#include "base/err.h"
#include "base/log.h"
#include "base/mono.h"
#include "base/process_name.h"
#include "base/worker.h"

#define BEAT_MS 1000
#define LOG_GAP_MS 60000

struct job {
    struct job *next;
    uint64_t tag[2];
    size_t len;
    char body[]; /* of a message that msg_state_unpack() takes */
};

struct agent_states {
    struct service_db *db; /* the thread's, with what follows */
    char name[PROCESS_NAME_MAX], address[PROCESS_NAME_MAX];
    char zone[SERVICE_DB_ZONE];
    uint64_t beat_ms; /* monotonic; of the next beat */
    bool down, rows_down; /* of beats, of messages: the failure is logged */
    bool conflicts; /* StreamConflict may have rows of this process */
    struct msg_state state; /* the message that is written */
    size_t max;
    struct batchsrv *srv;
    struct worker *worker; /* its lock guards what follows */
    struct job *first, **last;
    size_t n_bytes; /* of all jobs that wait */
    struct agent_states_stat stat;
};

static size_t size_of(const struct job *j)
{
    return sizeof(*j) + j->len;
}

static void put_job(struct agent_states *a, struct job *j)
{
    bool room;

    worker_lock(a->worker);
    room = a->n_bytes + size_of(j) <= a->max && !worker_is_stopping(a->worker);
    a->stat.n_dropped += !room;
    if (room) {
        *a->last = j;
        a->last = &j->next;
        a->n_bytes += size_of(j);
        worker_wake(a->worker);
    }
    worker_unlock(a->worker);
    if (!room)
        free(j);
}

/* Returns 0, -ENOMEM, or why the message is wrong. */
static int check(const struct frame *f)
{
    struct msg_state *state = malloc(sizeof(*state));
    int rc = state ? msg_state_unpack(state, f->body, f->len) : -ENOMEM;

    free(state);
    return rc;
}

/* A message waits in the form in which it came: unpacked it has room for all modules and
 * nodes that an agent may have, which is several hundred times as much. */
static void on_state(struct conn *c, const struct frame *f, void *arg)
{
    char peer[NET_ADDR_STRLEN];
    struct job *j = NULL;
    int rc = check(f);

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
    j->next = NULL;
    j->len = f->len;
    memcpy(j->body, f->body, f->len);
    put_job(arg, j);
}

int agent_states_more(struct dispatch *d, struct agent_states *a)
{
    return dispatch_set(d, MSG_AGENT_STATE, on_state, a);
}

/* The next job, or NULL when a beat is due or it is time to stop. */
static struct job *take_job(struct agent_states *a)
{
    struct timespec until;
    uint64_t now = mono_ms();
    struct job *j;

    until = deadline_in(a->beat_ms > now ? (uint32_t)(a->beat_ms - now) : 0);
    worker_lock(a->worker);
    while (!worker_is_stopping(a->worker) && !a->first)
        if (!worker_wait_until(a->worker, &until))
            break;
    j = worker_is_stopping(a->worker) ? NULL : a->first;
    if (j) {
        a->first = j->next;
        if (!a->first)
            a->last = &a->first;
        a->n_bytes -= size_of(j);
    }
    worker_unlock(a->worker);
    return j;
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

static void write_state(struct agent_states *a, const struct job *j)
{
    struct msg_ack ack;
    char body[BATCHSRV_SEND];
    int rc = msg_state_unpack(&a->state, j->body, j->len);
    ssize_t n;

    if (rc == 0)
        rc = service_db_put_agent(a->db, &a->state);
    note_result(a, &a->rows_down, "agent_states.rows", rc);
    worker_lock(a->worker);
    a->stat.n_written += rc == 0;
    a->stat.n_fail += rc < 0;
    worker_unlock(a->worker);
    if (rc < 0)
        return;
    ack.seq = a->state.seq;
    memcpy(ack.stream, a->state.stream, MSG_STREAM);
    n = msg_batch_pack_ack(&ack, body, sizeof(body));
    if (n > 0)
        batchsrv_send(a->srv, j->tag, MSG_AGENT_STATE_ACK, body, (size_t)n);
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
    struct job *j;

    while (!is_stopping(a)) {
        beat(a);
        j = take_job(a);
        if (j)
            write_state(a, j);
        free(j);
    }
    service_db_close(a->db); /* in the thread that used it */
    a->db = NULL;
}

void agent_states_destroy(struct agent_states *a)
{
    struct job *j, *next;

    if (!a)
        return;
    worker_destroy(a->worker);
    service_db_close(a->db);
    for (j = a->first; j; j = next) {
        next = j->next;
        free(j);
    }
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
    a->last = &a->first;
    snprintf(a->name, sizeof(a->name), "%s", cfg->name);
    snprintf(a->address, sizeof(a->address), "%s", cfg->address);
    snprintf(a->zone, sizeof(a->zone), "%s", cfg->zone ? cfg->zone : "");
    rc = worker_create(&a->worker);
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
