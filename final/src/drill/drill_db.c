/* The row is found by a random token, because the database may be away when the drill
 * begins: then the row is added later, and no number has to be known before.
 *
 * Every write has the whole state, so of several that failed only the newest is kept.
 * Rejected: a queue of seconds.  It grows as long as the database is away, and what is
 * missing between two writes is in the report anyway. */
#include "drill/drill_db.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/deadline.h"
#include "base/mono.h"
#include "base/utf8.h"
#include "base/worker.h"
#include "drill/drill_row.h"
#include "drill/journal.h"

#define EVERY_MS 1000
#define REPORT_MAX (4u << 20) /* a longer report is only in the folder */

struct drill_db {
    struct sqldb *db;
    struct worker *worker;
    json_t *head; /* drill.json; the thread only reads it */
    /* under the worker's lock: */
    struct drill_db_now now;
    char state[12], why[DRILL_DB_WHY], abort[DRILL_DB_WHY];
    uint64_t ended_ms; /* since 1970; 0 = not yet */
    char *live, *report; /* owned; NULL = as in the table */
    bool is_abort_wanted, is_known; /* known: it was in the table */
    bool is_ended, is_written; /* the last state */
    unsigned n_tries; /* to write the last state */
};

/* --- the thread --------------------------------------------------------------------- */

/* What failed is written again, unless there is something newer. */
static void put_back(char **at, char *text)
{
    if (*at)
        free(text);
    else
        *at = text;
}

/* The caller holds the lock, which is released while the database works. */
static void write_once(struct drill_db *d)
{
    struct drill_row_state s = {.now = d->now, .ended_ms = d->ended_ms};
    bool is_last = d->is_ended;
    char *live = d->live, *report = d->report;
    struct drill_row_wish wish = {.is_there = false};
    int rc;

    memcpy(s.state, d->state, sizeof(s.state));
    memcpy(s.why, d->why, sizeof(s.why));
    s.live = live;
    s.report = report;
    d->live = d->report = NULL;
    worker_unlock(d->worker);
    rc = drill_row_ensure(d->db, d->head, &wish);
    if (rc == 0)
        rc = drill_row_update(d->db, d->head, &s);
    worker_lock(d->worker);
    if (rc < 0) {
        put_back(&d->live, live);
        put_back(&d->report, report);
    } else {
        free(live);
        free(report);
        d->is_known = true;
        d->is_written = is_last;
        if (wish.is_wanted) {
            d->is_abort_wanted = true;
            memcpy(d->abort, wish.why, sizeof(d->abort));
        }
    }
    d->n_tries += is_last;
}

static void run(void *arg)
{
    struct drill_db *d = arg;
    struct timespec next;

    worker_lock(d->worker);
    while (!worker_is_stopping(d->worker) && !d->is_written) {
        bool was_ended = d->is_ended;

        next = deadline_in(EVERY_MS);
        write_once(d);
        while (!worker_is_stopping(d->worker) && d->is_ended == was_ended &&
               worker_wait_until(d->worker, &next))
            ;
    }
    worker_unlock(d->worker);
}

/* --- the owner ---------------------------------------------------------------------- */

static int begin(struct drill_db *d, const struct myconn_config *db, const char *dir,
                 const struct script *s, const struct audit_actor *who)
{
    char path[PATH_MAX];
    int rc;

    d->head = drill_row_make_head(dir, s, who);
    if (!d->head)
        return -ENOMEM;
    journal_path(path, dir, "drill.json");
    if (json_dump_file(d->head, path, JSON_INDENT(1)) < 0)
        return -EIO;
    if (!db)
        return 0;
    rc = sqldb_open(&d->db, db);
    if (rc == 0)
        rc = worker_create(&d->worker);
    return rc == 0 ? worker_start(d->worker, run, d) : rc;
}

int drill_db_create(struct drill_db **out, const struct myconn_config *db,
                    const char *dir, const struct script *s,
                    const struct audit_actor *who)
{
    struct drill_db *d = calloc(1, sizeof(*d));
    int rc;

    if (!d)
        return -ENOMEM;
    snprintf(d->state, sizeof(d->state), "running");
    rc = begin(d, db, dir, s, who);
    if (rc < 0)
        drill_db_destroy(d);
    else
        *out = d;
    return rc;
}

void drill_db_destroy(struct drill_db *d)
{
    if (!d)
        return;
    worker_destroy(d->worker);
    sqldb_close(d->db);
    json_decref(d->head);
    free(d->live);
    free(d->report);
    free(d);
}

void drill_db_set(struct drill_db *d, const struct drill_db_now *now, json_t *live)
{
    char *text = d->worker && live
                     ? json_dumps(live, JSON_COMPACT | JSON_REAL_PRECISION(6))
                     : NULL;

    json_decref(live);
    if (!d->worker)
        return;
    worker_lock(d->worker);
    d->now = *now;
    if (text) {
        free(d->live);
        d->live = text;
    }
    worker_unlock(d->worker);
}

bool drill_db_is_abort_wanted(struct drill_db *d, char why[DRILL_DB_WHY])
{
    bool is_wanted;

    if (!d->worker)
        return false;
    worker_lock(d->worker);
    is_wanted = d->is_abort_wanted;
    memcpy(why, d->abort, DRILL_DB_WHY);
    worker_unlock(d->worker);
    return is_wanted;
}

static char *report_text(const json_t *report)
{
    char *text =
        report ? json_dumps(report, JSON_COMPACT | JSON_REAL_PRECISION(6)) : NULL;

    if (text && strlen(text) > REPORT_MAX) {
        free(text);
        text = NULL;
    }
    return text;
}

/* Wait for the thread: for one attempt when the database was never there, else until it
 * is written or <end_ms>. */
static int wait_written(struct drill_db *d, uint64_t end_ms)
{
    int rc = -ETIMEDOUT;

    while (rc == -ETIMEDOUT && mono_ms() < end_ms) {
        worker_lock(d->worker);
        if (d->is_written)
            rc = 0;
        else if (!d->is_known && d->n_tries > 0)
            rc = -ENOTCONN;
        worker_unlock(d->worker);
        if (rc == -ETIMEDOUT)
            nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL);
    }
    return rc;
}

int drill_db_end(struct drill_db *d, const char *state, const char *why,
                 const json_t *report)
{
    if (!d->worker)
        return 0;
    worker_lock(d->worker);
    snprintf(d->state, sizeof(d->state), "%s", state);
    snprintf(d->why, sizeof(d->why), "%s", why);
    utf8_replace_broken(d->why);
    d->report = report_text(report);
    d->ended_ms = drill_row_wall_ms();
    d->is_ended = true;
    worker_wake(d->worker);
    worker_unlock(d->worker);
    return wait_written(d, mono_ms() + DRILL_DB_END_MS);
}

/* --- later -------------------------------------------------------------------------- */

static uint64_t sum_of(const json_t *report, const char *name)
{
    return (uint64_t)json_integer_value(
        json_object_get(json_object_get(report, "all"), name));
}

static void state_of_report(struct drill_row_state *s, const json_t *head,
                            const json_t *report)
{
    const char *why = drill_row_text(report, "aborted");
    size_t i, n = json_array_size(json_object_get(report, "seconds"));
    json_t *event;

    snprintf(s->state, sizeof(s->state), "%s",
             why[0]                                          ? "aborted"
             : json_is_true(json_object_get(report, "pass")) ? "passed"
                                                             : "failed");
    snprintf(s->why, sizeof(s->why), "%s", why);
    utf8_replace_broken(s->why);
    json_array_foreach(json_object_get(report, "events"), i, event) s->now.happened +=
        json_is_number(json_object_get(event, "did_s"));
    s->now.second = (uint32_t)n;
    if (s->now.second > drill_row_number(head, "seconds"))
        s->now.second = drill_row_number(head, "seconds");
    s->now.due = sum_of(report, "due");
    s->now.ok = sum_of(report, "ok");
    s->now.failed = sum_of(report, "failed");
    s->now.p50_us = sum_of(report, "p50_us");
    s->now.p99_us = sum_of(report, "p99_us");
    s->now.undo_open = !json_is_true(json_object_get(report, "undone"));
    s->ended_ms =
        (uint64_t)json_integer_value(json_object_get(head, "began_ms")) + n * 1000;
}

static int is_open(struct sqldb *db, const json_t *head, uint64_t *n)
{
    return sqldb_number(db, n,
                        "SELECT COUNT(*) FROM Drill WHERE token = %s AND state = "
                        "'running'",
                        drill_row_text(head, "token"));
}

int drill_db_catch_up(struct sqldb *db, const char *dir, const json_t *report)
{
    struct drill_row_state s = {.ended_ms = 0};
    struct drill_row_wish wish = {.is_there = false};
    json_t *head = drill_row_read_head(dir);
    uint64_t n = 0;
    char *text;
    int rc;

    if (!head)
        return -ENOENT;
    rc = drill_row_ensure(db, head, &wish);
    if (rc == 0)
        rc = is_open(db, head, &n);
    if (rc == 0 && n > 0 && report) {
        text = report_text(report);
        s.report = text;
        state_of_report(&s, head, report);
        rc = drill_row_update(db, head, &s);
        free(text);
    }
    json_decref(head);
    return rc;
}

static int note(struct sqldb *db, const char *dir, const struct audit_actor *who,
                const char *action, bool is_undone)
{
    json_t *head = drill_row_read_head(dir);
    int rc = head ? drill_row_note(db, head, who, action, is_undone) : -ENOENT;

    json_decref(head);
    return rc;
}

int drill_db_aborted(struct sqldb *db, const char *dir, const struct audit_actor *who)
{
    return note(db, dir, who, "drill abort", false);
}

int drill_db_undone(struct sqldb *db, const char *dir, const struct audit_actor *who)
{
    return note(db, dir, who, "drill undo", true);
}
