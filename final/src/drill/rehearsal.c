/* The loop has the load and the signals, a thread the events, a thread the questions to
 * the system.  The end is the same in all cases: the events stop, what is left is
 * undone in reverse order, the report is written.
 *
 * Invariant: after rehearsal_run() nothing of the drill is in force, or the journal
 * says what is, and a line on the terminal how to undo it.
 * Rejected: undoing from the loop when a limit is passed.  A command that hangs would
 * keep the loop from seeing the second Ctrl-C; the thread of the events ends first, and
 * then there is only one place that undoes. */
#include "drill/rehearsal.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/err.h"
#include "base/fd_limit.h"
#include "base/mono.h"
#include "drill/drill_db.h"
#include "drill/limits.h"
#include "drill/load_mark.h"
#include "drill/load_plan.h"
#include "drill/preflight.h"
#include "drill/record.h"
#include "drill/report.h"
#include "load/play.h"
#include "net/evsig.h"

#define DESCRIPTORS 128 /* besides those of the load */

struct drill {
    const struct rehearsal_config *cfg;
    struct evloop *loop;
    struct evsig *sig;
    struct visits *visits;
    struct play *play;
    struct watch *watch;
    struct journal *journal;
    struct actions *actions;
    struct drill_db *row;
    struct load_mark mark;
    struct limits limits;
    struct record record;
    unsigned gone_s; /* without a terminal */
    bool has_terminal;
};

/* --- the end of the load ------------------------------------------------------------ */

/* At once, without waiting for responses: they may come from what is stopped. */
static void abort_drill(struct drill *d, const char *why)
{
    if (d->record.why[0])
        return;
    snprintf(d->record.why, sizeof(d->record.why), "%s", why);
    fprintf(d->cfg->to, "the drill ends early: %s\n", why);
    fflush(d->cfg->to);
    evloop_stop(d->loop);
}

static void on_signal(int signo, void *arg)
{
    abort_drill(arg, signo == SIGINT ? "Ctrl-C" : "larsctl drill abort, or SIGTERM");
}

static void on_end(void *arg)
{
    struct drill *d = arg;

    evloop_stop(d->loop);
}

/* --- each second -------------------------------------------------------------------- */

static bool terminal_is_there(void)
{
    struct pollfd p = {.fd = STDIN_FILENO, .events = POLLIN};

    return poll(&p, 1, 0) >= 0 && !(p.revents & (POLLHUP | POLLERR | POLLNVAL));
}

static void check_terminal(struct drill *d)
{
    if (!d->has_terminal)
        return;
    d->gone_s = terminal_is_there() ? 0 : d->gone_s + 1;
    if (d->gone_s > d->cfg->script->abort.terminal_s)
        abort_drill(d, "the terminal is gone");
}

static void check_limits(struct drill *d, const struct figures *f,
                         const struct watch_sample *seen)
{
    const struct limits_second s = {*f, seen->answered, seen->failed};
    char why[LIMITS_WHY];

    if (!limits_add(&d->limits, &s, why))
        abort_drill(d, why);
    if (actions_failed(d->actions))
        abort_drill(d, "an event failed");
}

/* What has happened so far, and how much of it is undone. */
static void count_events(struct drill *d, unsigned *did, unsigned *undone)
{
    struct actions_event *e;
    unsigned i;

    *did = *undone = 0;
    for (i = 0; i < d->cfg->script->n_events; i++) {
        e = &d->record.event[i];
        actions_look(d->actions, i, e);
        *did += e->did_ms > 0;
        *undone += e->undone_ms > 0;
    }
}

/* For the console; <undone> is known at the end only. */
static void set_row(struct drill *d, bool is_undone)
{
    const struct script *s = d->cfg->script;
    const struct figures *f = &d->record.all;
    struct drill_db_now now = {.second = d->record.n < s->load.seconds ? d->record.n
                                                                       : s->load.seconds,
                               .due = f->scheduled,
                               .ok = f->ok,
                               .failed = figures_failed(f),
                               .p50_us = figures_p_us(f, 0.5),
                               .p99_us = figures_p_us(f, 0.99)};
    unsigned i;

    for (i = 0; i < s->n_events; i++) {
        const struct actions_event *e = &d->record.event[i];

        now.happened += e->did_ms > 0;
        now.undo_open |= !is_undone && e->did_ms > 0 && !e->undone_ms &&
                         s->event[i].what != SCRIPT_WAIT &&
                         s->event[i].what != SCRIPT_LOAD;
    }
    drill_db_set(d->row, &now, record_live_json(&d->record));
}

static void check_console(struct drill *d)
{
    char why[DRILL_DB_WHY];

    if (drill_db_is_abort_wanted(d->row, why))
        abort_drill(d, why);
}

static void write_status(struct drill *d, unsigned k)
{
    const struct record_second *s = &d->record.second[d->record.n - 1];
    unsigned did, undone;

    count_events(d, &did, &undone);
    report_write_status(d->cfg->dir,
                        json_pack("{si si sI sI sI sI si si si}", "second", (int)k + 1,
                                  "of", (int)d->cfg->script->load.seconds, "due",
                                  (json_int_t)s->due, "ok", (json_int_t)s->ok, "failed",
                                  (json_int_t)s->failed, "p99_us", (json_int_t)s->p99_us,
                                  "events", (int)d->cfg->script->n_events, "happened",
                                  (int)did, "undone", (int)undone));
}

static void on_second(unsigned k, const struct figures *f, unsigned in_progress,
                      void *arg)
{
    struct drill *d = arg;
    struct watch_sample seen;

    load_mark_renew(&d->mark, (uint64_t)time(NULL));
    watch_look(d->watch, &seen);
    if (record_add(&d->record, f, &seen) < 0) {
        abort_drill(d, "out of memory");
        return;
    }
    fprintf(d->cfg->to, "%5u s  ", k + 1);
    figures_print(f, d->cfg->to);
    fprintf(d->cfg->to, "  in progress %u\n", in_progress);
    fflush(d->cfg->to);
    if (!d->actions)
        return;
    write_status(d, k);
    set_row(d, false);
    check_console(d);
    check_terminal(d);
    check_limits(d, f, &seen);
}

/* --- the beginning ------------------------------------------------------------------ */

static int fail(struct drill *d, int rc, const char *why)
{
    fprintf(d->cfg->to, "the drill did not begin: %s\n", why[0] ? why : err_text(rc));
    return rc;
}

static int begin_load(struct drill *d)
{
    static const struct play_owner owner = {on_second, on_end};
    const struct script_load *l = &d->cfg->script->load;
    struct play_plan p = {.to = d->cfg->script->to.to,
                          .host = l->host[0] ? l->host : d->cfg->script->to.host,
                          .fields = d->mark.fields,
                          .duration_us = l->seconds * 1000000ull,
                          .timeout_ms = l->timeout_ms,
                          .connections = l->connections,
                          .queue = l->queue,
                          .visits = d->visits};

    d->record.begin_ms = mono_ms();
    return play_create(&d->play, d->loop, &p, &owner, d);
}

static int begin(struct drill *d)
{
    char why[JOURNAL_WHY] = "";
    int rc =
        journal_create(&d->journal, d->cfg->dir, d->cfg->script, d->cfg->who->name, why);

    if (rc == 0)
        rc = drill_db_create(&d->row, d->cfg->db_config, d->cfg->dir, d->cfg->script,
                             d->cfg->who);
    if (rc == 0)
        rc = watch_start(d->watch);
    if (rc == 0)
        rc = begin_load(d);
    if (rc == 0)
        rc = actions_create(&d->actions, d->cfg->script, d->journal, d->cfg->dir,
                            d->cfg->db_config, d->record.begin_ms, d->cfg->to);
    return rc < 0 ? fail(d, rc, why) : 0;
}

static void stamp_begin(struct record *r)
{
    struct tm t;
    time_t now = time(NULL);

    localtime_r(&now, &t);
    strftime(r->began, sizeof(r->began), "%Y-%m-%d %H:%M:%S %z", &t);
}

static bool is_ready(struct drill *d, struct sqldb *db)
{
    const struct rehearsal_config *c = d->cfg;
    const struct preflight p = {.script = c->script,
                                .who = c->who->name,
                                .fields = d->mark.fields,
                                .db = db,
                                .db_config = c->db_config,
                                .watch = d->watch,
                                .to = c->to};

    return preflight_check(&p) == 0;
}

static int prepare(struct drill *d)
{
    const struct rehearsal_config *c = d->cfg;
    const struct script *s = c->script;
    struct sqldb *db = s->modid ? c->db : NULL;
    const struct watch_config w = {c->gateways, db, s->modid, s->cmdid};
    char why[JOURNAL_WHY] = "";
    int rc = journal_check_free(c->dir, why);

    if (rc < 0)
        return fail(d, rc, why);
    if (s->load.connections + DESCRIPTORS > fd_limit_raise())
        return fail(d, -EMFILE,
                    "the connections of [load] need more descriptors than "
                    "the system allows; raise them with ulimit -n");
    rc = load_mark_init(&d->mark, c->key_file, (uint64_t)time(NULL), why);
    if (rc == 0)
        rc = load_plan_open(&d->visits, s, why);
    if (rc == 0)
        rc = watch_create(&d->watch, &w);
    if (rc < 0)
        return fail(d, rc, why);
    if (!is_ready(d, db))
        return fail(d, -EBUSY, "it is not ready for it");
    rc = evloop_create(&d->loop);
    if (rc == 0) /* before other threads, which inherit the blocked signals */
        rc = evsig_create(&d->sig, d->loop, on_signal, d);
    return rc < 0 ? fail(d, rc, "") : 0;
}

/* --- the end ------------------------------------------------------------------------ */

/* What was in force until now, was so until now. */
static void stamp_undone(struct drill *d)
{
    unsigned i;

    for (i = 0; i < d->cfg->script->n_events; i++) {
        actions_look(d->actions, i, &d->record.event[i]);
        if (d->record.event[i].did_ms && !d->record.event[i].undone_ms)
            d->record.event[i].undone_ms = mono_ms();
    }
}

static void undo_all(struct drill *d)
{
    int rc;

    actions_stop(d->actions);
    stamp_undone(d);
    rc = journal_undo(d->journal, d->cfg->dir, d->cfg->to);
    d->record.undone = rc == 0;
    if (rc < 0)
        fprintf(d->cfg->to,
                "NOT UNDONE: correct what is named above, then use larsctl "
                "drill undo %s\n",
                d->cfg->dir);
    else
        journal_add_end(d->journal, d->record.why[0] ? "aborted" : "complete");
}

/* The console shows how it has ended. */
static void end_row(struct drill *d, const json_t *report)
{
    const char *state = d->record.why[0]            ? "aborted"
                        : record_passed(&d->record) ? "passed"
                                                    : "failed";

    set_row(d, d->record.undone);
    if (drill_db_end(d->row, state, d->record.why, report) < 0)
        fprintf(d->cfg->to,
                "the console does not show this drill, because the database cannot be "
                "reached; when it is back, use larsctl drill report %s\n",
                d->cfg->dir);
}

static bool conclude(struct drill *d)
{
    struct record_target t[RECORD_TARGETS];
    unsigned i, n;
    json_t *json;
    int rc;

    watch_stop(d->watch);
    d->record.sample = watch_samples(d->watch, &d->record.n_samples);
    n = record_targets(&d->record, t);
    for (i = 0; i < n; i++) {
        fprintf(d->cfg->to, "%s  %s: at most %g wanted, ", t[i].pass ? "pass" : "FAIL",
                t[i].name, t[i].wanted);
        if (t[i].got < 0)
            fputs("not seen\n", d->cfg->to);
        else
            fprintf(d->cfg->to, "%.4g seen\n", t[i].got);
    }
    json = record_json(&d->record);
    rc = json ? report_write(d->cfg->dir, json) : -ENOMEM;
    end_row(d, json);
    json_decref(json);
    if (rc < 0)
        fprintf(d->cfg->to, "the report cannot be written to %s: %s\n", d->cfg->dir,
                err_text(rc));
    else
        fprintf(d->cfg->to, "report: %s/report.zh.html, %s/report.en.html\n", d->cfg->dir,
                d->cfg->dir);
    return rc == 0 && record_passed(&d->record);
}

static void free_all(struct drill *d)
{
    drill_db_destroy(d->row);
    actions_destroy(d->actions);
    play_destroy(d->play);
    watch_destroy(d->watch);
    visits_destroy(d->visits);
    load_mark_fini(&d->mark);
    journal_close(d->journal);
    evsig_destroy(d->sig);
    evloop_destroy(d->loop);
    record_free(&d->record);
}

bool rehearsal_run(const struct rehearsal_config *cfg)
{
    struct drill d = {.cfg = cfg};
    bool passed = false;
    int rc;

    d.record.script = cfg->script;
    d.record.who = cfg->who->name;
    d.has_terminal = terminal_is_there();
    limits_init(&d.limits, &cfg->script->abort);
    rc = prepare(&d);
    stamp_begin(&d.record);
    if (rc == 0)
        rc = begin(&d);
    if (rc == 0) {
        rc = evloop_run(d.loop);
        if (rc < 0)
            snprintf(d.record.why, sizeof(d.record.why), "the loop: %s", err_text(rc));
        undo_all(&d);
        passed = conclude(&d);
    }
    fflush(cfg->to);
    free_all(&d);
    return passed;
}
