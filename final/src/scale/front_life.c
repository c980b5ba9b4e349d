/* A round makes at most one step of each host, and starts or withdraws at most one.  What
 * is done is written before the program is called (front.c), so a leader that ends
 * between the two leaves a row from which the next one continues.
 *
 * Invariant: only standby hosts that are not held are started, and only announced ones
 * that are seen and not held are withdrawn because of the load.
 * Rejected: a number of gateways that is wanted, as for nodes.  What a further gateway
 * can take is not known before it works, so one is added, looked at, and then perhaps the
 * next one. */
#include "scale/front_life.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct memory { /* of a host */
    char name[SNAPSHOT_NAME];
    uint64_t tried_ms; /* a command was given; 0 = none */
    bool accepted; /* the program has accepted ... */
    enum front_command command; /* ... this one */
};

struct front_life {
    struct front_life_config cfg;
    uint64_t led_ms, stepped_ms; /* since; stepped: 0 = not by this leader */
    uint64_t high_ms, low_ms; /* since; 0 = it is not */
    struct memory memory[SNAPSHOT_FRONT_MAX];
    size_t n_memory;
};

const char *front_life_hold_name(enum front_life_hold h)
{
    static const char *const names[] = {"",
                                        "no host that could be withdrawn",
                                        "frozen",
                                        "no data",
                                        "new leader",
                                        "a step was made",
                                        "a host is starting"};

    return names[h];
}

const char *front_life_command_name(enum front_command c)
{
    static const char *const names[] = {"start", "announce", "withdraw"};

    return names[c];
}

int front_life_create(struct front_life **out, const struct front_life_config *c)
{
    struct front_life *l = calloc(1, sizeof(*l));

    if (!l)
        return -ENOMEM;
    l->cfg = *c;
    *out = l;
    return 0;
}

void front_life_destroy(struct front_life *l)
{
    free(l);
}

void front_life_lead(struct front_life *l, uint64_t now_ms)
{
    l->led_ms = now_ms;
    l->stepped_ms = l->high_ms = l->low_ms = 0;
    l->n_memory = 0;
}

/* --- hosts that are remembered ------------------------------------------------------ */

static struct memory *find(struct front_life *l, const char *name)
{
    size_t i;

    for (i = 0; i < l->n_memory; i++)
        if (strcmp(l->memory[i].name, name) == 0)
            return &l->memory[i];
    return NULL;
}

static struct memory *memory_of(struct front_life *l, const char *name)
{
    struct memory *m = find(l, name);

    if (m || l->n_memory == SNAPSHOT_FRONT_MAX)
        return m;
    m = &l->memory[l->n_memory++];
    *m = (struct memory){0};
    snprintf(m->name, sizeof(m->name), "%s", name);
    return m;
}

/* Hosts that are no more make room for others. */
static void forget_others(struct front_life *l, const struct front_life_input *in)
{
    size_t i = 0, k;

    while (i < l->n_memory) {
        for (k = 0; k < in->n && strcmp(in->host[k].name, l->memory[i].name) != 0; k++)
            ;
        if (k < in->n)
            i++;
        else
            l->memory[i] = l->memory[--l->n_memory];
    }
}

/* The command of a state.  False: it has none, or it was accepted. */
static bool command_of(const struct snapshot_front *h, enum front_command *out)
{
    if (h->done)
        return false;
    switch (h->state) {
    case SNAPSHOT_FRONT_STARTING:
        *out = FRONT_START;
        return true;
    case SNAPSHOT_FRONT_ANNOUNCED:
        *out = FRONT_ANNOUNCE;
        return true;
    case SNAPSHOT_FRONT_WITHDRAWING:
        *out = FRONT_WITHDRAW;
        return true;
    default:
        return false;
    }
}

/* --- one host ----------------------------------------------------------------------- */

/* <note>: NULL = it stays. */
static void enter(struct snapshot_front *to, enum snapshot_front_state state,
                  const char *note)
{
    to->state = state;
    to->done = to->seen = to->ever_seen = false;
    to->entered = true;
    if (note)
        snprintf(to->note, sizeof(to->note), "%s", note);
}

static void give_up(struct snapshot_front *to, enum snapshot_front_state state,
                    const char *what, const struct front_life_probe *p)
{
    char note[SNAPSHOT_NOTE];

    snprintf(note, sizeof(note), "given up: %s%s%s", what, p->why[0] ? "; " : "", p->why);
    to->failed++;
    enter(to, state, note);
}

static const char *start_host(const struct front_life *l, struct snapshot_front *to,
                              const struct front_life_probe *p)
{
    if (to->done && p->n_ok > 0) {
        enter(to, SNAPSHOT_FRONT_ANNOUNCED, "");
        return "front announce";
    }
    if (to->held || to->age_ms < l->cfg.start_ms)
        return NULL;
    give_up(to, SNAPSHOT_FRONT_STANDBY,
            to->done ? "it was not ready in time"
                     : "the program [hook] front did not start it in time",
            p);
    return "front give up";
}

static const char *look_from_outside(const struct front_life *l,
                                     struct snapshot_front *to,
                                     const struct front_life_probe *p)
{
    if (to->done && !to->seen && p->n_ok >= FRONT_LIFE_SEEN) {
        to->seen = to->ever_seen = true;
        to->failed = 0;
        to->note[0] = '\0';
    } else if (to->seen && p->n_failed >= FRONT_LIFE_UNSEEN) {
        to->seen = false;
        snprintf(to->note, sizeof(to->note), "not seen from outside any more: %s",
                 p->why);
    }
    if (to->ever_seen || to->held || to->age_ms < l->cfg.start_ms)
        return NULL;
    give_up(to, SNAPSHOT_FRONT_WITHDRAWING,
            to->done ? "it was not seen from outside in time"
                     : "the program [hook] front did not announce it in time",
            p);
    return "front give up";
}

/* The next state of <to>.  Returns the action for Audit, or NULL. */
static const char *next_of(struct front_life *l, struct snapshot_front *to,
                           const struct front_life_probe *p)
{
    struct memory *m = find(l, to->name);
    enum front_command c;

    if (command_of(to, &c) &&
        (!l->cfg.has_program || (m && m->accepted && m->command == c))) {
        to->done = true;
        to->entered = to->state == SNAPSHOT_FRONT_WITHDRAWING; /* the drain begins */
        return NULL;
    }
    if (m)
        m->accepted = false;
    switch (to->state) {
    case SNAPSHOT_FRONT_STARTING:
        return start_host(l, to, p);
    case SNAPSHOT_FRONT_ANNOUNCED:
        return look_from_outside(l, to, p);
    case SNAPSHOT_FRONT_WITHDRAWING:
        if (!to->done || to->age_ms < l->cfg.drain_ms)
            return NULL;
        enter(to, to->held ? SNAPSHOT_FRONT_WITHDRAWN : SNAPSHOT_FRONT_STANDBY, NULL);
        return to->held ? "front withdrawn" : "front standby";
    default:
        return NULL;
    }
}

static bool differs(const struct snapshot_front *a, const struct snapshot_front *b)
{
    return a->state != b->state || a->done != b->done || a->seen != b->seen ||
           a->ever_seen != b->ever_seen || a->failed != b->failed;
}

static void add_change(struct front_life_output *out, size_t host,
                       const struct snapshot_front *to, const char *action)
{
    out->change[out->n_change++] =
        (struct front_life_change){.host = host, .to = *to, .action = action};
}

/* --- how many ----------------------------------------------------------------------- */

static bool is_in_progress(const struct front_life *l, const struct snapshot_front *h)
{
    bool coming = h->state == SNAPSHOT_FRONT_STARTING ||
                  (h->state == SNAPSHOT_FRONT_ANNOUNCED && !h->ever_seen);

    /* one that an operator holds and that does not come keeps no other one away */
    return coming && h->age_ms <= l->cfg.start_ms;
}

static bool counts(const struct snapshot_front *h)
{
    return h->state == SNAPSHOT_FRONT_ANNOUNCED && h->seen;
}

static uint64_t rest_of(const struct snapshot_front *h)
{
    uint64_t ms = FRONT_LIFE_REST_MS;
    unsigned i;

    for (i = 1; i < h->failed && ms < FRONT_LIFE_REST_MAX_MS; i++)
        ms *= 2;
    if (h->failed == 0)
        return 0;
    return ms < FRONT_LIFE_REST_MAX_MS ? ms : FRONT_LIFE_REST_MAX_MS;
}

static unsigned n_in_zone(const struct front_life_input *in, const char *zone)
{
    unsigned n = 0;
    size_t i;

    for (i = 0; i < in->n; i++)
        n += counts(&in->host[i]) && strcmp(in->host[i].zone, zone) == 0;
    return n;
}

/* Which of two hosts is to be started first? */
static bool is_better(const struct front_life_input *in, const struct snapshot_front *a,
                      const struct snapshot_front *b)
{
    unsigned na = n_in_zone(in, a->zone), nb = n_in_zone(in, b->zone);

    if (a->failed != b->failed)
        return a->failed < b->failed;
    return na < nb; /* else in the order of their names, in which they come */
}

/* The host to start; in->n = there is none. */
static size_t choose_standby(const struct front_life_input *in)
{
    size_t i, best = in->n;

    for (i = 0; i < in->n; i++) {
        const struct snapshot_front *h = &in->host[i];

        if (h->state != SNAPSHOT_FRONT_STANDBY || h->held || h->zone_out ||
            h->age_ms < rest_of(h))
            continue;
        if (best == in->n || is_better(in, h, &in->host[best]))
            best = i;
    }
    return best;
}

/* The host to withdraw: the one that was announced last; in->n = there is none. */
static size_t choose_announced(const struct front_life_input *in)
{
    size_t i, best = in->n;

    for (i = 0; i < in->n; i++) {
        const struct snapshot_front *h = &in->host[i];

        if (counts(h) && !h->held && (best == in->n || h->age_ms < in->host[best].age_ms))
            best = i;
    }
    return best;
}

/* *<since>: since when it is so; 0 = it is not.  Returns for how long. */
static uint64_t note_since(uint64_t *since, bool is, uint64_t now_ms)
{
    if (!is)
        *since = 0;
    else if (*since == 0)
        *since = now_ms;
    return is ? now_ms - *since : 0;
}

static void go_up(struct front_life *l, const struct front_life_input *in, bool coming,
                  struct front_life_output *out)
{
    bool high = in->busy >= l->cfg.busy && !coming;
    uint64_t high_for = note_since(&l->high_ms, high, in->now_ms);
    struct snapshot_front to;
    size_t i;

    if (!high || high_for < l->cfg.busy_ms)
        return;
    i = choose_standby(in);
    out->none_left = i == in->n;
    if (out->none_left || out->n_change > 0)
        return;
    to = in->host[i];
    enter(&to, SNAPSHOT_FRONT_STARTING, "the gateways are busy");
    add_change(out, i, &to, "front start");
    l->stepped_ms = in->now_ms;
    l->high_ms = 0;
}

static enum front_life_hold hold_of(const struct front_life *l,
                                    const struct front_life_input *in, bool coming,
                                    size_t candidate, unsigned n_serving)
{
    if (candidate == in->n || n_serving <= FRONT_LIFE_STAY)
        return FRONT_LIFE_NONE;
    if (in->frozen)
        return FRONT_LIFE_FROZEN;
    if (!in->whole || in->busy < 0)
        return FRONT_LIFE_NO_DATA;
    if (in->now_ms < l->led_ms + l->cfg.hold_ms)
        return FRONT_LIFE_NEW_LEADER;
    if (l->stepped_ms && in->now_ms < l->stepped_ms + l->cfg.hold_ms)
        return FRONT_LIFE_STEPPED;
    return coming ? FRONT_LIFE_IN_PROGRESS : FRONT_LIFE_FREE;
}

static void go_down(struct front_life *l, const struct front_life_input *in, bool coming,
                    struct front_life_output *out)
{
    size_t i = choose_announced(in);
    unsigned n = out->n_serving;
    bool low = n > 1 && in->whole && in->busy >= 0 &&
               in->busy * n / (n - 1) < l->cfg.calm; /* those that stay */
    uint64_t low_for = note_since(&l->low_ms, low, in->now_ms);
    struct snapshot_front to;

    out->hold = hold_of(l, in, coming, i, n);
    if (!low || low_for < l->cfg.calm_ms || out->hold != FRONT_LIFE_FREE ||
        out->n_change > 0)
        return;
    to = in->host[i];
    enter(&to, SNAPSHOT_FRONT_WITHDRAWING, "the load is low");
    add_change(out, i, &to, "front withdraw");
    l->stepped_ms = in->now_ms;
    l->low_ms = 0;
}

void front_life_round(struct front_life *l, const struct front_life_input *in,
                      struct front_life_output *out)
{
    bool coming = false, lost = false;
    struct front_life_input now = *in;
    size_t i;

    *out = (struct front_life_output){.n_serving = in->n_configured};
    forget_others(l, in);
    for (i = 0; i < in->n; i++) {
        const struct snapshot_front *h = &in->host[i];
        struct snapshot_front to = *h;
        const char *action = next_of(l, &to, &in->probe[i]);

        if (differs(h, &to))
            add_change(out, i, &to, action);
        coming |= is_in_progress(l, h);
        lost |= h->state == SNAPSHOT_FRONT_ANNOUNCED && h->ever_seen && !h->seen;
        out->n_serving += counts(h);
    }
    now.whole = in->whole && !lost;
    if (l->cfg.has_program) {
        go_up(l, &now, coming, out);
        go_down(l, &now, coming, out);
    }
}

/* --- commands ----------------------------------------------------------------------- */

int front_life_command(struct front_life *l, const struct snapshot_front *host, size_t n,
                       uint64_t now_ms, enum front_command *out)
{
    struct memory *best = NULL;
    enum front_command c;
    int found = -1;
    size_t i;

    for (i = 0; i < n && l->cfg.has_program; i++) {
        struct memory *m = command_of(&host[i], &c) ? memory_of(l, host[i].name) : NULL;

        if (!m || (m->accepted && m->command == c))
            continue;
        if (m->tried_ms && m->command == c && now_ms < m->tried_ms + FRONT_LIFE_AGAIN_MS)
            continue;
        if (best && best->tried_ms <= m->tried_ms)
            continue;
        best = m;
        found = (int)i;
        *out = c;
    }
    if (!best)
        return -1;
    best->tried_ms = now_ms;
    best->command = *out;
    best->accepted = false;
    return found;
}

void front_life_accepted(struct front_life *l, const char *host, enum front_command c)
{
    struct memory *m = find(l, host);

    if (m && m->command == c)
        m->accepted = true;
}
