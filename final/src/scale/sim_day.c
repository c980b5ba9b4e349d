/* A second is one step: the load of the last second is shown to the rule, the rule says
 * how many nodes it wants, and nodes that were ordered start_s ago serve.  Nodes are
 * placed evenly over the zones.  What is taken away leaves at once, the newest first.
 * Noise is a process of Ornstein and Uhlenbeck, exact at its steps, so that its mean over
 * a minute still varies: noise that is independent from second to second would vanish in
 * any mean and would make every rule look stable. */
#include "scale/sim_day.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "base/rnd.h"

#define START_MAX_S 600
#define PI 3.14159265358979323846

const struct sim_day sim_day_usual = {.seed = 1,
                                      .mean = 20,
                                      .wave = 0.5,
                                      .noise = 0.1,
                                      .together_s = 30,
                                      .start_s = 30,
                                      .zones = 2,
                                      .before_s = 3600,
                                      .seconds = SIM_DAY_S,
                                      .step = 1,
                                      .floor = true,
                                      .rule = &sim_rule_ours};

struct world {
    const struct sim_day *d;
    struct need_rule need;
    struct rnd rnd;
    double noise; /* in standard deviations */
    double keep, fresh; /* of the noise, from second to second */
    unsigned now_s, wanted, up;
    unsigned ready_at[START_MAX_S + 1]; /* nodes by the second in which they serve */
    double capacity, ideal, exact; /* sums of nodes over time */
};

/* A normal variable, by the method of Box and Muller. */
static double normal(struct rnd *r)
{
    double a = (rnd_u32(r) + 1.0) / 4294967296.0, b = rnd_u32(r) / 4294967296.0;

    return sqrt(-2 * log(a)) * cos(2 * PI * b);
}

static bool in_step(const struct world *w)
{
    return w->d->step != 1 && w->now_s >= w->d->before_s + w->d->seconds / 2;
}

static double quiet_load(const struct world *w)
{
    double t = ((double)w->now_s - w->d->before_s) / SIM_DAY_S;

    return w->d->mean * (1 - w->d->wave * cos(2 * PI * t)) *
           (in_step(w) ? w->d->step : 1);
}

static double next_load(struct world *w)
{
    w->noise = w->keep * w->noise + w->fresh * normal(&w->rnd);
    return fmax(0, quiet_load(w) * (1 + w->d->noise * w->noise));
}

static unsigned starting(const struct world *w)
{
    return w->wanted - w->up;
}

static void start_nodes(struct world *w)
{
    unsigned *ready = &w->ready_at[w->now_s % (START_MAX_S + 1)];

    w->up += *ready;
    *ready = 0;
}

/* Nodes that start are given up before nodes that serve. */
static void take_away(struct world *w, unsigned n)
{
    unsigned s;

    w->wanted -= n;
    for (s = w->d->start_s; s > 0 && n > 0; s--) {
        unsigned *at = &w->ready_at[(w->now_s + s) % (START_MAX_S + 1)];
        unsigned some = *at < n ? *at : n;

        *at -= some;
        n -= some;
    }
    w->up -= n;
}

static void order(struct world *w, unsigned wanted, struct sim_day_figures *out)
{
    if (wanted == w->wanted)
        return;
    if (w->now_s >= w->d->before_s) {
        out->actions++;
        out->up += wanted > w->wanted;
        out->down += wanted < w->wanted;
    }
    if (wanted < w->wanted) {
        take_away(w, w->wanted - wanted);
        return;
    }
    w->ready_at[(w->now_s + w->d->start_s) % (START_MAX_S + 1)] += wanted - w->wanted;
    w->wanted = wanted;
}

static unsigned largest_zone(const struct world *w)
{
    return (w->up + w->need.zones - 1) / w->need.zones;
}

static void note_step(const struct world *w, unsigned before, struct sim_day_figures *out)
{
    unsigned s = w->now_s - (w->d->before_s + w->d->seconds / 2) + 1;
    double load = quiet_load(w);

    if (out->decided_s == 0 && w->wanted > before)
        out->decided_s = s;
    /* as far as it is known: noise moves what a rule sees */
    if (out->ordered_s == 0 &&
        w->wanted >= 0.9 * need_per_zone(load, &w->need) * w->need.zones)
        out->ordered_s = s;
    if (out->enough_s == 0 && w->up >= load)
        out->enough_s = s;
}

static void note(struct world *w, double load, struct sim_day_figures *out)
{
    out->short_s += load > w->up;
    out->unsafe_s += w->need.zones >= 2 && load > w->up - largest_zone(w);
    w->capacity += w->up;
    w->ideal += need_nodes(need_per_zone(quiet_load(w), &w->need)) * w->need.zones;
    w->exact += need_per_zone(quiet_load(w), &w->need) * w->need.zones;
    out->most = fmax(out->most, w->up);
    out->least = fmin(out->least, w->up);
}

static void run(struct world *w, void *rule, struct sim_seen *seen,
                struct sim_day_figures *out)
{
    unsigned end = w->d->before_s + w->d->seconds;

    for (; w->now_s < end; w->now_s++) {
        unsigned before = w->wanted;

        start_nodes(w);
        *seen = (struct sim_seen){w->now_s,    next_load(w),    w->up,
                                  starting(w), largest_zone(w), w->need};
        if (w->now_s >= w->d->before_s)
            note(w, seen->load, out);
        order(w, w->d->rule->round(rule, seen), out);
        if (in_step(w))
            note_step(w, before, out);
    }
}

static bool is_valid(const struct sim_day *d)
{
    return d->mean > 0 && d->mean <= 1e5 && d->wave >= 0 && d->wave < 1 &&
           d->noise >= 0 && d->noise <= 1 && d->together_s >= 1 && d->start_s >= 1 &&
           d->start_s <= START_MAX_S && d->zones >= 1 && d->zones <= 16 &&
           d->seconds > 0 && d->seconds <= 400 * SIM_DAY_S && d->before_s <= SIM_DAY_S &&
           d->step > 0 && d->step <= 100;
}

int sim_day_run(const struct sim_day *d, struct sim_day_figures *out)
{
    struct world w = {.d = d, .need = {0.70, d->floor ? 0.90 : 1e9, d->zones}};
    struct sim_day_figures f = {.least = 1e9};
    struct sim_seen seen = {.need = w.need};
    void *rule = NULL;
    int rc;

    if (!is_valid(d))
        return -EINVAL;
    rnd_init(&w.rnd, d->seed);
    w.noise = normal(&w.rnd);
    w.keep = exp(-1 / d->together_s);
    w.fresh = sqrt(1 - w.keep * w.keep);
    w.up = w.wanted = need_nodes(need_per_zone(quiet_load(&w), &w.need)) * d->zones;
    rc = d->rule->create(&rule, &seen, w.wanted, rnd_u32(&w.rnd) % 600);
    if (rc < 0)
        return rc;
    run(&w, rule, &seen, &f);
    free(rule);
    f.nodes = w.capacity / d->seconds;
    f.capacity = w.capacity / w.ideal;
    f.capacity_exact = w.capacity / w.exact;
    *out = f;
    return 0;
}
