/* A thread of its own, because a command may take seconds and a journal waits for the
 * disk, while the load must not wait for either.
 *
 * Invariant: each event passes prepare, journal, do in this order, so what the journal
 * does not have has not happened. */
#include "drill/actions.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/deadline.h"
#include "base/err.h"
#include "base/mono.h"
#include "base/worker.h"

struct actions {
    const struct script *s;
    struct journal *j;
    const struct myconn_config *db;
    FILE *to;
    uint64_t begin_ms;
    char log[PATH_MAX];
    struct worker *worker;
    struct actions_event event[SCRIPT_EVENTS]; /* under its lock */
    json_t *undo[SCRIPT_EVENTS]; /* of events that wait for their end */
    bool failed; /* under its lock */
};

struct step {
    unsigned i;
    bool undo;
    uint64_t at_ms; /* monotonic; UINT64_MAX = none is left */
};

static void take_if_sooner(struct step *first, unsigned i, bool undo, uint64_t at_ms)
{
    if (at_ms < first->at_ms)
        *first = (struct step){i, undo, at_ms};
}

/* What is to be done next.  The caller holds the lock. */
static struct step next_step(const struct actions *a)
{
    struct step first = {0, false, UINT64_MAX};
    const struct script_event *e;
    unsigned i;

    for (i = 0; i < a->s->n_events; i++) {
        e = &a->s->event[i];
        if (!a->event[i].did_ms)
            take_if_sooner(&first, i, false, a->begin_ms + e->at_s * 1000ull);
        else if (e->for_s && !a->event[i].undone_ms)
            take_if_sooner(&first, i, true, a->begin_ms + (e->at_s + e->for_s) * 1000ull);
    }
    return first;
}

static void note(struct actions *a, const struct step *st, int rc, const char *why)
{
    struct actions_event *e = &a->event[st->i];
    const struct script_event *of = &a->s->event[st->i];

    fprintf(a->to, "%7.1f s  event %u %s: %s%s%s\n",
            (double)(mono_ms() - a->begin_ms) / 1000, of->number,
            st->undo ? "undone" : "done", of->text, rc < 0 ? " FAILED: " : "",
            rc < 0 ? why : "");
    fflush(a->to);
    worker_lock(a->worker);
    if (rc < 0) {
        e->failed = a->failed = true;
        snprintf(e->why, sizeof(e->why), "%s", why);
    }
    worker_unlock(a->worker);
}

static void stamp(struct actions *a, uint64_t *field)
{
    worker_lock(a->worker);
    *field = mono_ms();
    worker_unlock(a->worker);
}

static int happen(struct actions *a, unsigned i, char why[FAULTS_WHY])
{
    const struct script_event *e = &a->s->event[i];
    json_t *undo = faults_prepare(e, a->db, why);
    int rc;

    stamp(a, &a->event[i].did_ms);
    if (!undo)
        return -ESRCH;
    rc = journal_add_undo(a->j, e->number, undo);
    if (rc < 0) {
        snprintf(why, FAULTS_WHY, "the journal cannot be written: %s; nothing was done",
                 err_text(rc));
        json_decref(undo);
        return rc;
    }
    a->undo[i] = undo;
    stamp(a, &a->event[i].did_ms);
    return faults_do(e, undo, a->log, why);
}

static int end_event(struct actions *a, unsigned i, char why[FAULTS_WHY])
{
    int rc = faults_undo(a->undo[i], a->log, why);

    stamp(a, &a->event[i].undone_ms);
    if (rc < 0)
        return rc;
    rc = journal_add_undone(a->j, a->s->event[i].number);
    if (rc < 0)
        snprintf(why, FAULTS_WHY, "the journal cannot be written: %s", err_text(rc));
    return rc;
}

/* Wait for the next step.  False: the end. */
static bool wait_step(struct actions *a, struct step *out)
{
    uint64_t now, ms;
    bool stopping;

    worker_lock(a->worker);
    for (;;) {
        *out = next_step(a);
        now = mono_ms();
        stopping = worker_is_stopping(a->worker) || a->failed;
        if (stopping || out->at_ms <= now)
            break;
        ms = out->at_ms - now < 3600000 ? out->at_ms - now : 3600000;
        struct timespec at = deadline_in((uint32_t)ms);
        worker_wait_until(a->worker, &at);
    }
    worker_unlock(a->worker);
    return !stopping;
}

static void run(void *arg)
{
    struct actions *a = arg;
    char why[FAULTS_WHY];
    struct step st;
    int rc;

    while (wait_step(a, &st)) {
        why[0] = '\0';
        rc = st.undo ? end_event(a, st.i, why) : happen(a, st.i, why);
        note(a, &st, rc, why);
    }
}

int actions_create(struct actions **out, const struct script *s, struct journal *j,
                   const char *dir, const struct myconn_config *db, uint64_t begin_ms,
                   FILE *to)
{
    struct actions *a = calloc(1, sizeof(*a));
    int rc;

    if (!a)
        return -ENOMEM;
    a->s = s;
    a->j = j;
    a->db = db;
    a->to = to;
    a->begin_ms = begin_ms;
    journal_path(a->log, dir, "commands.log");
    rc = worker_create(&a->worker);
    if (rc == 0)
        rc = worker_start(a->worker, run, a);
    if (rc < 0) {
        actions_destroy(a);
        return rc;
    }
    *out = a;
    return 0;
}

void actions_stop(struct actions *a)
{
    worker_stop(a->worker);
}

void actions_destroy(struct actions *a)
{
    unsigned i;

    if (!a)
        return;
    worker_destroy(a->worker);
    for (i = 0; i < SCRIPT_EVENTS; i++)
        json_decref(a->undo[i]);
    free(a);
}

void actions_look(struct actions *a, unsigned i, struct actions_event *out)
{
    worker_lock(a->worker);
    *out = a->event[i];
    worker_unlock(a->worker);
}

bool actions_failed(struct actions *a)
{
    bool failed;

    worker_lock(a->worker);
    failed = a->failed;
    worker_unlock(a->worker);
    return failed;
}
