/* Each Report Service tries once a round to take or renew the lease "alarms"; the one
 * that has it judges every rule.  An alarm that is open when the lease changes its holder
 * is read from the table, so it is not raised a second time.
 *
 * Invariant: a round that failed changes no alarm: missing data are not good data.
 *
 * Rejected: the thread of the leader's other tasks.  A statement there that waited for a
 * lock, or failed in every round, ended all alarms. */
#include "report/alarm_watch.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/log.h"
#include "base/mono.h"
#include "base/rnd.h"
#include "base/worker.h"
#include "report/alarm_messages.h"
#include "report/alarm_rules.h"
#include "report/alarm_targets.h"

#define RAISE_AFTER 3
#define CLEAR_AFTER 10

struct alarm_watch {
    struct alarm_db *db;              /* the thread's, with what follows */
    struct alarm_watch_config cfg;
    struct alarms *alarms;
    struct alarm_rules *rules;
    struct notifier *notifier;        /* its functions may be called by any thread */
    struct alarm_messages *messages;
    struct alarm_targets *targets;
    int alarm_rc;                     /* of writing an alarm in this round */
    bool was_leader;                  /* when the database was last there */
    struct alarm away;                /* the database's alarm */
    bool away_raised;
    uint64_t away_seen_ms;            /* monotonic; when it was seen to be away */
    uint64_t away_told_ms;            /* monotonic; its last message; 0 = none */
    uint64_t silent_until_ms;         /* monotonic; its messages are silenced, as the
                                       * database said last */
    uint64_t holder;                  /* our name on the lease */
    bool leader;
    bool down;                        /* the failure is logged already */
    struct worker *worker;
    _Atomic uint64_t n_round, n_fail, n_raised, n_cleared, n_open, n_silenced;
    _Atomic uint64_t is_leader;
    _Atomic uint64_t fail_since_ms;   /* monotonic; 0 = the last round succeeded */
};

static void note_alarm(struct alarm_watch *w, const struct alarm *al, bool raised)
{
    if (raised)
        LOG_ERROR("alarm.raised", "kind=%s subject=\"%s\" detail=\"%s\"", al->kind,
                  al->subject, al->detail);
    else
        LOG_INFO("alarm.cleared", "kind=%s subject=\"%s\"", al->kind, al->subject);
    w->n_raised += raised;
    w->n_cleared += !raised;
}

static void on_alarm(const struct alarm *al, bool raised, void *arg)
{
    struct alarm_watch *w = arg;
    int rc = w->alarm_rc;

    if (rc == 0)
        rc = raised ? alarm_messages_raise(w->messages, al)
                    : alarm_messages_clear(w->messages, al);
    if (rc == 0)
        note_alarm(w, al, raised);
    w->alarm_rc = rc;                 /* the round fails, and the table is read again */
}

static int on_open_alarm(const char *kind, const char *subject, void *arg)
{
    struct alarm_watch *w = arg;
    struct alarm al = {0};

    snprintf(al.kind, sizeof(al.kind), "%s", kind);
    snprintf(al.subject, sizeof(al.subject), "%s", subject);
    alarms_set_raised(w->alarms, &al);
    return 0;
}

/* With the lease: load the open alarms, so that none is raised a second time. */
static int load_open_alarms(struct alarm_watch *w)
{
    int rc;

    alarms_forget(w->alarms);
    alarm_targets_begin(w->targets);
    LOG_INFO("alarm.lease", "holder=%llx", (unsigned long long)w->holder);
    rc = alarm_db_each_open_alarm(w->db, on_open_alarm, w);
    return rc < 0 ? rc : alarm_rules_begin(w->rules);
}

/* Without the database its silences cannot be read. */
static int look_for_silence(struct alarm_watch *w)
{
    uint64_t ms;
    int rc = alarm_db_silent_ms(w->db, w->away.kind, w->away.subject, &ms);

    if (rc == 0)
        w->silent_until_ms = mono_ms() + ms;
    return rc;
}

static int judge_and_tell(struct alarm_watch *w)
{
    int rc;

    w->alarm_rc = 0;
    rc = alarm_rules_check(w->rules);
    if (rc == 0)
        rc = w->alarm_rc;
    if (rc == 0)
        rc = alarm_messages_send(w->messages);
    if (rc == 0)
        rc = alarm_targets_update(w->targets, mono_ms());
    w->n_open = alarms_n_raised(w->alarms);
    w->n_silenced = alarm_messages_n_silenced(w->messages);
    return rc;
}

static int do_round(struct alarm_watch *w)
{
    int mine = alarm_db_lease(w->db, w->holder, w->cfg.lease_s), rc;

    if (mine < 0)
        return mine;
    rc = look_for_silence(w);
    if (rc == 0 && mine && !w->leader)
        rc = load_open_alarms(w);
    if (rc < 0)
        return rc;
    w->leader = mine == 1;
    w->is_leader = w->leader;
    if (!mine)
        return 0;
    rc = judge_and_tell(w);
    w->n_round++;
    return rc;
}

/* --- the database itself ------------------------------------------------------------ */

/* The process that evaluated has the alarm first; if it was lost together with the
 * database, the others have it later.  The time begins with the end of the first round
 * that failed: a statement that waits for a silent server fails late, and the next one
 * may succeed at another server. */
static void raise_away(struct alarm_watch *w, uint64_t now_ms)
{
    uint32_t after_ms = w->was_leader ? w->cfg.database_ms : w->cfg.other_ms;

    if (w->away_raised || now_ms - w->away_seen_ms < after_ms)
        return;
    w->away_raised = true;
    snprintf(w->away.detail, sizeof(w->away.detail), "cannot be used: %.300s",
             alarm_db_error(w->db));
    note_alarm(w, &w->away, true);
}

/* As alarm_messages_send(), for the alarm that is not in the table. */
static void tell_away(struct alarm_watch *w, uint64_t now_ms)
{
    bool due = w->away_told_ms == 0 ||
               (w->cfg.repeat_s > 0 &&
                now_ms >= w->away_told_ms + w->cfg.repeat_s * UINT64_C(1000));

    if (!w->away_raised || !due || now_ms < w->silent_until_ms)
        return;
    w->away_told_ms = now_ms;
    notifier_put(w->notifier, &w->away, true);
}

static int clear_away(struct alarm_watch *w, uint64_t away_ms)
{
    int rc = alarm_db_add_past(w->db, w->away.kind, w->away.subject, w->away.detail,
                               (uint32_t)(away_ms / 1000));

    if (rc < 0)
        return rc;
    w->away_raised = false;
    note_alarm(w, &w->away, false);
    if (w->away_told_ms > 0)
        notifier_put(w->notifier, &w->away, false);
    w->away_told_ms = 0;
    return 0;
}

static void note_failure(struct alarm_watch *w, int rc, uint64_t begin_ms)
{
    w->n_fail++;
    if (w->fail_since_ms == 0) {
        w->fail_since_ms = begin_ms;
        w->away_seen_ms = mono_ms();
        w->was_leader = w->leader;
    }
    w->leader = false;                /* the lease may have run out meanwhile */
    w->is_leader = 0;
    if (!w->down)
        LOG_ERROR("db.down", "err=%s of=alarm_watch %s", err_str(rc),
                  alarm_db_error(w->db));
    w->down = true;
    raise_away(w, mono_ms());
    tell_away(w, mono_ms());
}

static void note_success(struct alarm_watch *w)
{
    if (w->down)
        LOG_INFO("db.back", "of=alarm_watch");
    w->down = false;
    w->fail_since_ms = 0;
}

static void run_round(struct alarm_watch *w)
{
    uint64_t begin_ms = mono_ms();
    int rc = do_round(w);

    if (rc == 0 && w->away_raised)
        rc = clear_away(w, begin_ms - w->fail_since_ms);
    if (rc == 0)
        note_success(w);
    else
        note_failure(w, rc, begin_ms);
}

static void alarm_watch_main(void *arg)
{
    struct alarm_watch *w = arg;

    do
        run_round(w);
    while (worker_pause(w->worker, w->cfg.round_ms));
    if (w->leader)
        alarm_db_release(w->db, w->holder);
    alarm_db_close(w->db);            /* in the thread that used it */
    w->db = NULL;
}

static void release_alarm_watch(struct alarm_watch *w)
{
    worker_destroy(w->worker);
    alarm_db_close(w->db);
    alarm_messages_destroy(w->messages);
    alarm_targets_destroy(w->targets);
    notifier_stop(w->notifier);
    alarm_rules_destroy(w->rules);
    alarms_destroy(w->alarms);
    free(w);
}

int alarm_watch_start(struct alarm_watch **out, struct alarm_db *db,
                      struct wanted_routes *wanted,
                      const struct alarm_watch_config *cfg)
{
    struct alarm_watch *w = calloc(1, sizeof(*w));
    struct alarm_config ac = {RAISE_AFTER, CLEAR_AFTER, on_alarm, w};
    struct rnd any;
    int rc;

    if (!w) {
        alarm_db_close(db);
        wanted_routes_destroy(wanted);
        return -ENOMEM;
    }
    w->db = db;
    w->cfg = *cfg;
    rnd_init_any(&any);
    w->holder = (uint64_t)rnd_u32(&any) << 31 | rnd_u32(&any) | 1;
    w->away = (struct alarm){.kind = "database"};
    snprintf(w->away.subject, sizeof(w->away.subject), "%s", cfg->database);
    rc = alarms_create(&w->alarms, &ac);
    if (rc < 0)
        wanted_routes_destroy(wanted);
    else
        rc = alarm_rules_create(&w->rules, db, w->alarms, wanted, &cfg->rules);
    if (rc == 0)
        rc = notifier_start(&w->notifier, &cfg->notify, cfg->retry_ms);
    if (rc == 0)
        rc = alarm_messages_create(&w->messages, db, w->notifier, cfg->repeat_s);
    if (rc == 0)
        rc = alarm_targets_create(&w->targets, db, w->notifier);
    if (rc == 0)
        rc = worker_create(&w->worker);
    if (rc == 0)
        rc = worker_start(w->worker, alarm_watch_main, w);
    if (rc < 0)
        release_alarm_watch(w);
    else
        *out = w;
    return rc;
}

void alarm_watch_stop(struct alarm_watch *w)
{
    if (!w)
        return;
    worker_stop(w->worker);
    release_alarm_watch(w);
}

void alarm_watch_stat(const struct alarm_watch *w, struct alarm_watch_stat *out)
{
    uint64_t since = w->fail_since_ms;
    struct notifier_stat told;

    notifier_stat(w->notifier, &told);
    *out = (struct alarm_watch_stat){.n_round = w->n_round,
                                     .n_fail = w->n_fail,
                                     .n_raised = w->n_raised,
                                     .n_cleared = w->n_cleared,
                                     .n_told = told.n_sent,
                                     .n_notify_fail = told.n_fail,
                                     .n_notify_lost = told.n_dropped,
                                     .n_open = w->n_open,
                                     .n_silenced = w->n_silenced,
                                     .is_leader = w->is_leader,
                                     .failing_ms = since ? mono_ms() - since + 1 : 0};
}
