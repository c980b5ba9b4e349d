/* A row is written before its command is given, and names what was accepted: so at any
 * moment another process can go on with what the table says, and at worst repeats a
 * command that was given and not noted.
 *
 * Invariant: a command is given only after a write under the lease of this process, for a
 * state that was in the table before that write.
 * Rejected: commands in threads of their own.  A look at the program in each round is
 * enough, because what it does takes seconds. */
#include "scale/front.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/log.h"
#include "scale/front_probe.h"
#include "scale/hook_run.h"

#define RECORD_MS 60000 /* a decision is recorded at least so often */
#define GATEWAYS_MS 5000 /* between two writes of GatewaySeen */

struct front {
    struct front_config cfg;
    struct front_life *life;
    struct front_probe *probe;
    bool leads;
    /* the program */
    struct hook_run *run;
    char host[SNAPSHOT_NAME];
    enum front_command command;
    uint64_t n_failed;
    /* the round */
    struct front_probe_view view[SNAPSHOT_FRONT_MAX];
    struct front_life_output out;
    struct demand_gateway_view gateway[DEMAND_GATEWAYS_MAX];
    struct front_rows_gateway row[DEMAND_GATEWAYS_MAX];
    unsigned n_gateway, n_configured;
    bool whole;
    double busy;
    struct front_rows_decision decision;
    struct front_changes changes;
    char note[SNAPSHOT_NOTE];
    /* what was recorded last */
    uint64_t gateways_ms, recorded_ms; /* 0 = not by this leader */
    unsigned was_wanted;
    bool was_none_left;
};

int front_create(struct front **out, const struct front_config *cfg)
{
    struct front *f = calloc(1, sizeof(*f));
    int rc;

    if (!f)
        return -ENOMEM;
    f->cfg = *cfg;
    f->cfg.life.has_program = cfg->program[0] != '\0';
    rc = front_life_create(&f->life, &f->cfg.life);
    if (rc == 0)
        rc = front_probe_create(&f->probe);
    if (rc < 0)
        front_destroy(f);
    else
        *out = f;
    return rc;
}

void front_destroy(struct front *f)
{
    if (!f)
        return;
    hook_run_destroy(f->run);
    front_probe_destroy(f->probe);
    front_life_destroy(f->life);
    free(f);
}

void front_lead(struct front *f, uint64_t now_ms)
{
    f->leads = true;
    f->gateways_ms = f->recorded_ms = 0;
    front_life_lead(f->life, now_ms);
}

void front_forget(struct front *f)
{
    f->leads = false;
    demand_follow_set(f->cfg.demand, NULL, 0);
    front_probe_ask(f->probe, NULL, 0);
}

/* --- the program -------------------------------------------------------------------- */

static void log_end(const struct front *f, enum hook_result r, const char *why,
                    const char *text)
{
    const char *program = f->cfg.program, *what = front_life_command_name(f->command);

    if (r == HOOK_ACCEPTED)
        LOG_INFO("scale.front", "do=%s host=%s result=accepted", what, f->host);
    else if (r == HOOK_MISCONFIGURED)
        LOG_ERROR("scale.front",
                  "do=%s host=%s result=misconfigured program=%s why=\"%s\" "
                  "stderr=\"%s\": correct the configuration of the program [hook] front; "
                  "it is run again by itself",
                  what, f->host, program, why, text);
    else
        LOG_WARN("scale.front",
                 "do=%s host=%s result=%s program=%s why=\"%s\" stderr=\"%s\"", what,
                 f->host, hook_run_result_name(r), program, why, text);
}

static void note_end(struct front *f, enum hook_result r, const char *why,
                     const char *text)
{
    f->n_failed += r != HOOK_ACCEPTED;
    log_end(f, r, why, text);
    if (r == HOOK_ACCEPTED && f->leads)
        front_life_accepted(f->life, f->host, f->command);
}

void front_turn(struct front *f, uint64_t now_ms)
{
    enum hook_result r = f->run ? hook_run_look(f->run, now_ms) : HOOK_RUNS;

    if (r == HOOK_RUNS)
        return;
    note_end(f, r, hook_run_why(f->run), hook_run_error(f->run));
    hook_run_destroy(f->run);
    f->run = NULL;
}

static void give_command(struct front *f, uint64_t now_ms, uint64_t fence)
{
    char number[24];
    char *argv[] = {(char *)(uintptr_t)f->cfg.program,
                    (char *)(uintptr_t)front_life_command_name(f->command), f->host,
                    f->command == FRONT_START ? NULL : number, NULL};
    int rc;

    snprintf(number, sizeof(number), "%llu", (unsigned long long)fence);
    rc = hook_run_start(&f->run, argv, now_ms, f->cfg.timeout_ms);
    if (rc < 0)
        note_end(f, HOOK_MISCONFIGURED, "it cannot be started", err_str(rc));
}

/* --- a round ------------------------------------------------------------------------ */

static bool is_followed(const struct snapshot_front *h)
{
    return h->state == SNAPSHOT_FRONT_ANNOUNCED || h->state == SNAPSHOT_FRONT_WITHDRAWING;
}

static void follow(struct front *f, const struct snapshot *s)
{
    struct demand_follow list[SNAPSHOT_FRONT_MAX];
    unsigned n = 0;
    size_t i;

    for (i = 0; i < s->n_front && n < SNAPSHOT_FRONT_MAX; i++) {
        const struct snapshot_front *h = &s->front[i];
        bool announced = h->state == SNAPSHOT_FRONT_ANNOUNCED;

        if (!is_followed(h))
            continue;
        list[n] = (struct demand_follow){.required = announced && h->done,
                                         .counts = announced && h->seen};
        snprintf(list[n++].at, sizeof(list[0].at), "%.*s", NET_ADDR_STRLEN - 1, h->admin);
    }
    demand_follow_set(f->cfg.demand, list, n);
}

/* What the gateways answered, into <f>. */
static void look_at_gateways(struct front *f, uint64_t now_ms)
{
    unsigned i, n = demand_n_gateways(f->cfg.demand);

    f->n_gateway = f->n_configured = 0;
    f->whole = true;
    f->busy = demand_gateways_busy(f->cfg.demand, now_ms);
    for (i = 0; i < n; i++) {
        struct demand_gateway_view *v = &f->gateway[f->n_gateway];

        if (!demand_look_gateway(f->cfg.demand, i, now_ms, v))
            continue;
        f->row[f->n_gateway++] =
            (struct front_rows_gateway){v->at, v->configured, v->required, v->age_ms,
                                        v->answers ? "" : v->why};
        f->n_configured += v->configured;
        if (v->required && v->whole_ms < DEMAND_ALL_MS)
            f->whole = false;
    }
}

/* The epoch of the gateway whose admin port is <at>; "" = not known. */
static const char *epoch_of(const struct front *f, const char *at)
{
    unsigned i;

    for (i = 0; i < f->n_gateway; i++)
        if (strcmp(f->gateway[i].at, at) == 0)
            return f->gateway[i].epoch;
    return "";
}

static void probe(struct front *f, const struct snapshot *s)
{
    struct front_probe_target list[SNAPSHOT_FRONT_MAX];
    size_t i, n = 0;

    for (i = 0; i < s->n_front && n < SNAPSHOT_FRONT_MAX; i++) {
        const struct snapshot_front *h = &s->front[i];
        bool starts = h->state == SNAPSHOT_FRONT_STARTING;
        struct front_probe_target *t = &list[n];

        if (!starts && h->state != SNAPSHOT_FRONT_ANNOUNCED)
            continue;
        n++;
        t->kind = starts ? FRONT_PROBE_READY : FRONT_PROBE_ID;
        snprintf(t->host, sizeof(t->host), "%s", h->name);
        snprintf(t->at, sizeof(t->at), "%s", starts ? h->admin : h->outside);
        snprintf(t->id, sizeof(t->id), "%s", starts ? "" : epoch_of(f, h->admin));
    }
    front_probe_ask(f->probe, list, n);
    for (i = 0; i < s->n_front && i < SNAPSHOT_FRONT_MAX; i++)
        front_probe_look(f->probe, s->front[i].name, &f->view[i]);
}

static void decide(struct front *f, const struct snapshot *s, uint64_t now_ms)
{
    struct front_life_probe seen[SNAPSHOT_FRONT_MAX];
    struct front_life_input in = {.now_ms = now_ms,
                                  .host = s->front,
                                  .probe = seen,
                                  .n = s->n_front < SNAPSHOT_FRONT_MAX
                                           ? s->n_front
                                           : SNAPSHOT_FRONT_MAX,
                                  .n_configured = f->n_configured,
                                  .busy = f->busy,
                                  .whole = f->whole,
                                  .frozen = s->frozen};
    size_t i;

    for (i = 0; i < in.n; i++)
        seen[i] = (struct front_life_probe){f->view[i].n_ok, f->view[i].n_failed,
                                            f->view[i].why};
    front_life_round(f->life, &in, &f->out);
}

static bool is_wanted(enum snapshot_front_state state)
{
    return state == SNAPSHOT_FRONT_STARTING || state == SNAPSHOT_FRONT_ANNOUNCED;
}

/* The row of ScaleDecision, when one is due. */
static const struct front_rows_decision *
conclude(struct front *f, const struct snapshot *s, uint64_t now_ms)
{
    struct front_rows_decision *d = &f->decision;
    size_t i;

    *d = (struct front_rows_decision){.busy = f->busy,
                                      .serving = f->out.n_serving,
                                      .note = f->note};
    d->was = d->wanted = f->n_configured;
    for (i = 0; i < s->n_front; i++)
        d->was += is_wanted(s->front[i].state);
    d->wanted = d->was;
    for (i = 0; i < f->out.n_change; i++) {
        const struct front_life_change *x = &f->out.change[i];

        d->wanted += is_wanted(x->to.state);
        d->wanted -= is_wanted(s->front[x->host].state);
    }
    d->rule = d->wanted > d->was ? "up" : d->wanted < d->was ? "down" : "keep";
    f->note[0] = '\0';
    if (f->out.none_left)
        snprintf(f->note, sizeof(f->note),
                 "scale.front: the gateways are busy, and no standby host is left");
    else if (f->out.hold != FRONT_LIFE_FREE)
        snprintf(f->note, sizeof(f->note), "nothing is withdrawn: %s",
                 front_life_hold_name(f->out.hold));
    if (!f->cfg.life.has_program && s->n_front == 0)
        return NULL;
    return f->recorded_ms == 0 || d->was != d->wanted || d->wanted != f->was_wanted ||
                   f->out.none_left != f->was_none_left ||
                   now_ms >= f->recorded_ms + RECORD_MS
               ? d
               : NULL;
}

void front_round(struct front *f, const struct snapshot *s, uint64_t now_ms)
{
    follow(f, s);
    look_at_gateways(f, now_ms);
    probe(f, s);
    decide(f, s, now_ms);
    f->changes =
        (struct front_changes){.snapshot = s,
                               .change = f->out.change,
                               .n_change = f->out.n_change,
                               .gateway = f->row,
                               .n_gateway = f->n_gateway,
                               .gateways_due = f->gateways_ms == 0 ||
                                               now_ms >= f->gateways_ms + GATEWAYS_MS,
                               .decision = conclude(f, s, now_ms)};
}

const struct front_changes *front_changes(const struct front *f)
{
    return &f->changes;
}

static void log_changes(const struct front *f)
{
    size_t i;

    for (i = 0; i < f->out.n_change; i++) {
        const struct front_life_change *x = &f->out.change[i];

        if (x->action)
            LOG_INFO("scale.front", "step=\"%s\" host=%s busy=%.2f note=\"%s\"",
                     x->action, x->to.name, f->busy, x->to.note);
    }
}

void front_written(struct front *f, const struct snapshot *s, uint64_t now_ms,
                   uint64_t fence)
{
    struct snapshot_front host[SNAPSHOT_FRONT_MAX];
    size_t k, n = s->n_front < SNAPSHOT_FRONT_MAX ? s->n_front : SNAPSHOT_FRONT_MAX;
    int i;

    if (f->changes.gateways_due)
        f->gateways_ms = now_ms;
    if (f->changes.decision) {
        f->recorded_ms = now_ms;
        f->was_wanted = f->decision.wanted;
        f->was_none_left = f->out.none_left;
    }
    log_changes(f);
    if (f->run)
        return;
    for (k = 0; k < n; k++)
        host[k] = s->front[k];
    for (k = 0; k < f->out.n_change; k++) /* the next round sees what became of it */
        host[f->out.change[k].host].done = true;
    i = front_life_command(f->life, host, n, now_ms, &f->command);
    if (i < 0)
        return;
    snprintf(f->host, sizeof(f->host), "%s", host[i].name);
    give_command(f, now_ms, fence);
}

void front_stat(const struct front *f, struct front_stat *out)
{
    *out = (struct front_stat){f->out.n_serving, f->busy, f->out.none_left, f->n_failed};
}
