/* Each round is: take or keep the lease; read one snapshot; decide; next steps; write all
 * of it in a transaction that begins with the lease.  A round that fails anywhere has
 * written nothing, and the next one begins with what is then true.
 *
 * A process that has lost the lease forgets its averages: they lack what happened since,
 * and a new leader takes nothing away for five minutes.  One that could not reach the
 * database keeps them: the time without data stands still in them (decide.c).
 *
 * Rejected: deciding in each process and writing in one.  Two processes with different
 * averages would take turns at every change of the leader. */
#include "scale/rounds.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "base/mono.h"
#include "base/rnd.h"
#include "base/worker.h"
#include "scale/shortage_rows.h"
#include "scale/start_failures.h"

struct rounds {
    struct scale_db *db; /* the thread's, with what follows */
    struct rounds_config cfg;
    struct snapshot snapshot;
    struct deciders *deciders;
    struct node_life *life;
    struct node_steps steps;
    struct measures_changes measures;
    struct node_minutes *minutes; /* what nodes did lately */
    struct track track;
    struct track_change factor[TRACK_MAX]; /* of this round */
    size_t n_factor;
    unsigned n_timed;
    struct shortages shortages, written; /* of this round; as they are in the table */
    uint64_t written_ms; /* <written> was; 0 = not by this leader */
    uint64_t holder; /* our name on the lease */
    uint64_t fence;
    bool leader, down; /* down: the failure is logged already */
    uint64_t read_ms; /* the tables were read; 0 = not yet */
    struct worker *worker;
    /* under the worker's lock, for other threads */
    struct rounds_stat stat;
    uint64_t fail_since_ms; /* monotonic; 0 = the last round succeeded */
    uint64_t published_ms; /* read_ms of the last round */
    struct rounds_view *last; /* owned */
};

/* --- log ---------------------------------------------------------------------------- */

static void log_decision(const struct decided *x)
{
    const struct scale_decision *r = &x->decision;

    if (r->was == r->wanted)
        return;
    LOG_INFO("scale.decision",
             "module=%u/%u was=%u wanted=%u zones=%u rule=%s demand=%.1f load=%.2f up=%u "
             "need=%u note=\"%s\"",
             r->id.modid, r->id.cmdid, r->was, r->wanted, r->zones, r->rule, r->demand,
             r->load_nodes, r->up, r->need, r->note);
}

static void log_step(const struct rounds *r, const struct node_step *t)
{
    static const char *const names[] = {"order", "route", "drain", "remove", "cancel"};

    LOG_INFO("scale.step", "step=%s module=%u/%u host=%s slot=%u port=%u", names[t->kind],
             t->id.modid, t->id.cmdid, r->snapshot.host[t->host].name, t->slot, t->port);
}

static void log_factor(const struct track_change *x)
{
    LOG_INFO("scale.factor",
             "module=%u/%u class=\"%s\" was=%.2f factor=%.2f: this part of the measured "
             "capacity counts",
             x->id.modid, x->id.cmdid, x->class, x->was, x->factor);
}

static void log_measure(const struct rounds *r, const struct measures_change *x)
{
    static const char *const names[] = {"give", "refuse", "end"};
    const struct snapshot_measure *m = &r->snapshot.measure[x->measure];
    uint32_t host = x->verb == MEASURES_GIVE ? x->host : m->host;

    LOG_INFO("scale.measure", "verb=%s module=%u/%u host=%s slot=%u note=\"%s\"",
             names[x->verb], m->id.modid, m->id.cmdid,
             host < r->snapshot.n_host ? r->snapshot.host[host].name : "",
             x->verb == MEASURES_GIVE ? x->slot : m->slot, x->note);
}

static void log_written(struct rounds *r)
{
    size_t i;

    for (i = 0; i < r->n_factor; i++)
        log_factor(&r->factor[i]);
    for (i = 0; i < r->deciders->n; i++)
        log_decision(&r->deciders->at[i]);
    for (i = 0; i < r->steps.n; i++)
        log_step(r, &r->steps.at[i]);
    for (i = 0; i < r->measures.n; i++)
        log_measure(r, &r->measures.at[i]);
}

/* --- a round ------------------------------------------------------------------------ */

static void become_leader(struct rounds *r)
{
    LOG_INFO("scale.leader", "holder=%" PRIx64 " fence=%" PRIu64, r->holder, r->fence);
    deciders_forget(r->deciders);
    r->track.n = 0;
    r->written_ms = 0;
    front_lead(r->cfg.front, mono_ms());
    r->leader = true;
}

static void lose_leadership(struct rounds *r)
{
    if (!r->leader)
        return;
    LOG_WARN("scale.lease_lost",
             "fence=%" PRIu64
             ": another lars-autoscaler leads, or this one was too late; "
             "nothing was written",
             r->fence);
    r->leader = false;
    deciders_forget(r->deciders);
    if (r->cfg.exec)
        exec_modules_forget(r->cfg.exec);
    front_forget(r->cfg.front);
    demand_orders_set(r->cfg.demand, NULL, 0);
}

/* Returns 1: this process leads; 0: another one does; -errno. */
static int take_lease(struct rounds *r)
{
    uint64_t fence = 0;
    int mine = scale_db_lease(r->db, r->holder, r->cfg.lease_s, &fence);

    if (mine < 0)
        return mine;
    if (r->leader && (!mine || fence != r->fence))
        lose_leadership(r);
    r->fence = fence;
    if (mine && !r->leader)
        become_leader(r);
    return mine;
}

/* Do nodes still do what was measured?  A gateway that does not tell might have sent them
 * most of what they answered. */
static void track(struct rounds *r, uint64_t now_ms)
{
    r->n_factor = 0;
    r->n_timed = r->cfg.track ? demand_nodes_timed(r->cfg.demand, now_ms) : 0;
    if (r->cfg.track && demand_nodes_take(r->cfg.demand, r->minutes))
        r->n_factor = track_minute(&r->track, &r->snapshot, r->minutes, r->factor);
}

static int decide(struct rounds *r, uint64_t now_ms)
{
    struct deciders *d = r->deciders;
    int rc = scale_db_read(r->db, &r->snapshot);

    if (rc < 0)
        return rc;
    r->read_ms = now_ms;
    demand_orders_set(r->cfg.demand, &r->snapshot, now_ms);
    track(r, now_ms);
    rc = deciders_round(d, &r->snapshot, r->cfg.look, r->cfg.demand, now_ms);
    if (rc == 0)
        rc = node_life_round(r->life, &r->snapshot, d->want, d->n_slots, now_ms,
                             &r->steps, d->missing);
    if (rc == 0)
        measures_round(&r->snapshot, d->want, d->missing, d->n_slots, &r->steps,
                       &r->measures);
    if (rc == 0 && r->cfg.exec)
        rc = exec_modules_routes(r->cfg.exec, &r->snapshot, &r->steps);
    if (rc == 0)
        deciders_conclude(d, &r->snapshot, now_ms);
    if (rc == 0)
        rc = shortage_find(d, &r->snapshot, r->life, now_ms, &r->shortages);
    if (rc == 0)
        front_round(r->cfg.front, &r->snapshot, now_ms);
    return rc;
}

static bool shortages_are_due(const struct rounds *r)
{
    return r->written_ms == 0 || r->read_ms >= r->written_ms + SHORTAGE_ROWS_MS ||
           shortage_differs(&r->shortages, &r->written);
}

static void note_shortages(struct rounds *r)
{
    if (!shortages_are_due(r))
        return;
    r->written = r->shortages;
    r->written_ms = r->read_ms;
}

/* Returns 1: written; 0: the lease is lost; -errno. */
static int write_round(struct rounds *r)
{
    struct scale_changes c = {.steps = &r->steps,
                              .snapshot = &r->snapshot,
                              .factor = r->factor,
                              .n_factor = r->n_factor,
                              .measures = &r->measures,
                              .front = front_changes(r->cfg.front),
                              .shortages = shortages_are_due(r) ? &r->shortages : NULL};
    struct scale_decision *due = calloc(r->deciders->n + 1, sizeof(*due));
    size_t i;
    int rc;

    if (!due)
        return -ENOMEM;
    c.decision = due;
    for (i = 0; i < r->deciders->n; i++)
        if (r->deciders->at[i].due)
            due[c.n_decision++] = r->deciders->at[i].decision;
    rc = scale_db_write(r->db, r->holder, r->fence, r->cfg.lease_s, &c);
    free(due);
    return rc;
}

static void publish(struct rounds *r)
{
    struct deciders *d = r->deciders;
    size_t i;

    worker_lock(r->worker);
    r->stat.n_round++;
    r->stat.n_resting = start_failures_n_resting(node_life_failures(r->life), r->read_ms);
    r->stat.zones = d->zones.n_usable;
    r->stat.n_timed = r->n_timed;
    front_stat(r->cfg.front, &r->stat.front);
    for (i = 0; i < d->n; i++)
        r->stat.n_by_rule[d->at[i].rule] +=
            d->at[i].decision.was != d->at[i].decision.wanted;
    for (i = 0; i < r->steps.n; i++)
        r->stat.n_step[r->steps.at[i].kind]++;
    memcpy(r->last->at, d->at, d->n * sizeof(*d->at));
    memcpy(r->last->zone, d->zone, d->n_zone * sizeof(*d->zone));
    r->last->n = d->n;
    worker_unlock(r->worker);
}

static void tell_program(struct rounds *r)
{
    const struct deciders *d = r->deciders;

    if (r->cfg.exec)
        exec_modules_order(r->cfg.exec, d->want + d->n_slots, d->n_want - d->n_slots,
                           r->fence);
}

/* Returns 0 or -errno. */
static int lead(struct rounds *r)
{
    uint64_t now_ms = mono_ms();
    int rc = decide(r, now_ms);

    if (rc == 0)
        rc = write_round(r);
    if (rc < 0)
        return rc;
    if (rc == 0) {
        lose_leadership(r);
        return 0;
    }
    deciders_recorded(r->deciders, now_ms);
    note_shortages(r);
    tell_program(r);
    front_written(r->cfg.front, &r->snapshot, now_ms, r->fence);
    log_written(r);
    publish(r);
    return 0;
}

static void note_result(struct rounds *r, int rc, uint64_t begin_ms)
{
    if (rc < 0 && !r->down)
        LOG_ERROR("db.down", "err=%s of=rounds %s", err_str(rc), scale_db_error(r->db));
    if (rc == 0 && r->down)
        LOG_INFO("db.back", "of=rounds");
    r->down = rc < 0;
    worker_lock(r->worker);
    if (rc == 0)
        r->fail_since_ms = 0;
    else if (r->fail_since_ms == 0)
        r->fail_since_ms = begin_ms;
    r->published_ms = r->read_ms;
    r->stat.n_fail += rc < 0;
    r->stat.n_lost += r->stat.is_leader && !r->leader;
    r->stat.is_leader = r->leader;
    r->stat.fence = r->fence;
    if (!r->leader)
        r->last->n = 0;
    worker_unlock(r->worker);
}

static void run_round(struct rounds *r)
{
    uint64_t begin_ms = mono_ms();
    int rc;

    front_turn(r->cfg.front, begin_ms); /* without a database, too */
    rc = take_lease(r);
    if (rc == 1)
        rc = lead(r);
    note_result(r, rc, begin_ms);
}

static void rounds_main(void *arg)
{
    struct rounds *r = arg;

    do
        run_round(r);
    while (worker_pause(r->worker, r->cfg.round_ms));
    if (r->leader)
        scale_db_release(r->db, r->holder);
    scale_db_close(r->db); /* in the thread that used it */
    r->db = NULL;
}

/* --- start and stop ----------------------------------------------------------------- */

static void release_rounds(struct rounds *r)
{
    worker_destroy(r->worker);
    scale_db_close(r->db);
    node_life_destroy(r->life);
    if (r->deciders)
        deciders_forget(r->deciders);
    free(r->deciders);
    snapshot_empty(&r->snapshot);
    free(r->last);
    free(r->minutes);
    free(r);
}

int rounds_start(struct rounds **out, struct scale_db *db,
                 const struct rounds_config *cfg)
{
    struct rounds *r = calloc(1, sizeof(*r));
    struct rnd any;
    int rc;

    if (!r) {
        scale_db_close(db);
        return -ENOMEM;
    }
    r->db = db;
    r->cfg = *cfg;
    rnd_init_any(&any);
    r->holder = (uint64_t)rnd_u32(&any) << 31 | rnd_u32(&any) | 1;
    r->deciders = calloc(1, sizeof(*r->deciders));
    r->last = calloc(1, sizeof(*r->last));
    r->minutes = calloc(1, sizeof(*r->minutes));
    rc = r->deciders && r->last && r->minutes ? node_life_create(&r->life) : -ENOMEM;
    if (rc == 0) {
        r->deciders->pace = cfg->pace;
        r->deciders->exec = cfg->exec;
        rc = worker_create(&r->worker);
    }
    if (rc == 0)
        rc = worker_start(r->worker, rounds_main, r);
    if (rc < 0)
        release_rounds(r);
    else
        *out = r;
    return rc;
}

void rounds_stop(struct rounds *r)
{
    if (!r)
        return;
    worker_stop(r->worker);
    release_rounds(r);
}

void rounds_stat(struct rounds *r, struct rounds_stat *out)
{
    uint64_t now_ms = mono_ms();

    worker_lock(r->worker);
    *out = r->stat;
    out->failing_ms = r->fail_since_ms ? now_ms - r->fail_since_ms + 1 : 0;
    out->age_ms = r->published_ms ? now_ms - r->published_ms : 0;
    worker_unlock(r->worker);
}

void rounds_look(struct rounds *r, struct rounds_view *out)
{
    worker_lock(r->worker);
    *out = *r->last;
    worker_unlock(r->worker);
}
