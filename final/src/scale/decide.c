/* Two thresholds.  The urgent one looks at the last seconds and leaves a wide band, so
 * that noise does not reach it; the slow one looks at a minute and keeps the floor.  One
 * threshold for both purposes either answers noise with steps or a crowd too late.
 *
 * An urgent step goes to what the load needs and is never repeated for nodes that were
 * ordered and are starting.  Rejected: "at least one more in each urgent round".  When
 * the load becomes three times as high it orders 193 nodes where 150 are enough, and
 * when a zone has no room for its nodes it never ends.
 *
 * A step up of the floor goes 5 % beyond what the minute needs.  Without that a rising
 * load, or noise, asks for the next step at once: 29 changes in a day instead of 21
 * (docs/decisions/032-scaling-rule.md has the figures).
 *
 * Time without data stands still: the window from which a step down follows holds 15
 * minutes of data, however long it took to get them. */
#include "scale/decide.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#define URGENT_USE 0.85 /* of all nodes */
#define URGENT_LEFT 1.5 /* of the nodes left without the largest zone */
#define URGENT_ROUNDS 2 /* successive rounds above URGENT_LEFT */
#define URGENT_TIMES 8 /* one step goes to at most 8 times as many */
#define FLOOR_ABOVE 1.05
#define FLOOR_LEAD 1.05 /* a step up goes beyond what the minute needs */
#define MOST_TIMES 8 /* a round goes up to at most 8 times as many */
#define DOWN_BELOW 0.83
#define DOWN_PART 10 /* a tenth */
#define FAST_S 5.0
#define SLOW_S 60.0
#define GAP_MS 5000 /* one sample stands for at most this long */
#define DEMAND 0.01 /* nodes; less is no demand */
#define BUCKETS 16 /* 15 of a window and the one that is filled */

const struct decide_pace decide_pace_usual = {900, 300, 60};

struct decide_state {
    struct decide_pace pace;
    unsigned wanted; /* in each zone */
    uint64_t begun_ms, urgent_ms, down_ms; /* the last step of each kind */
    bool had_urgent, had_down;
    unsigned above_left; /* successive rounds above URGENT_LEFT */
    uint64_t sample_ms; /* when the last sample was taken */
    uint64_t data_ms; /* time for which there was data; 0 = no sample yet */
    double last, mean_fast, mean_slow; /* loads, in nodes */
    double high[BUCKETS]; /* highest mean_slow of each part of the window */
};

const char *decide_rule_name(enum decide_rule r)
{
    static const char *const name[] = {"keep", "urgent", "floor", "plan", "down"};

    return name[r];
}

const char *decide_hold_name(enum decide_hold h)
{
    static const char *const name[] = {"",
                                       "frozen",
                                       "no data",
                                       "unmeasured",
                                       "new leader",
                                       "urgent step",
                                       "zone suspect",
                                       "alarm open",
                                       "actuator behind"};

    return name[h];
}

int decide_state_create(struct decide_state **out, const struct decide_pace *pace,
                        unsigned wanted, uint64_t now_ms)
{
    struct decide_state *s = calloc(1, sizeof(*s));

    if (!s)
        return -ENOMEM;
    s->pace = pace ? *pace : decide_pace_usual;
    s->wanted = wanted;
    s->begun_ms = now_ms;
    *out = s;
    return 0;
}

void decide_state_destroy(struct decide_state *s)
{
    free(s);
}

/* An exponential mean over <over_s>; until there is as much data, the plain mean. */
static void add_sample(double *mean, double load, double dt_s, double data_s,
                       double over_s)
{
    *mean += fmax(1 - exp(-dt_s / over_s), dt_s / (data_s + dt_s)) * (load - *mean);
}

static uint64_t bucket_at(const struct decide_state *s, uint64_t data_ms)
{
    uint64_t part = (uint64_t)s->pace.window_s * 1000 / (BUCKETS - 1);

    return data_ms / (part > 0 ? part : 1);
}

static void keep_high(struct decide_state *s, uint64_t dt_ms)
{
    uint64_t from = bucket_at(s, s->data_ms), to = bucket_at(s, s->data_ms + dt_ms), b;

    for (b = from + 1; b <= to && b <= from + BUCKETS; b++)
        s->high[b % BUCKETS] = 0;
    s->high[to % BUCKETS] = fmax(s->high[to % BUCKETS], s->mean_slow);
}

static bool has_load(const struct decide_input *in)
{
    return in->fresh && in->load >= 0; /* false for a NaN too */
}

static void learn(struct decide_state *s, const struct decide_input *in)
{
    uint64_t dt_ms = 1000;

    if (s->data_ms > 0) {
        if (in->now_ms <= s->sample_ms)
            return;
        dt_ms = in->now_ms - s->sample_ms;
        if (dt_ms > GAP_MS)
            dt_ms = GAP_MS;
    }
    s->last = fmin(in->load, NEED_NODES_MAX);
    add_sample(&s->mean_fast, s->last, (double)dt_ms / 1000, (double)s->data_ms / 1000,
               FAST_S);
    add_sample(&s->mean_slow, s->last, (double)dt_ms / 1000, (double)s->data_ms / 1000,
               SLOW_S);
    keep_high(s, dt_ms);
    s->data_ms += dt_ms;
    s->sample_ms = in->now_ms;
}

static double highest(const struct decide_state *s)
{
    double most = 0;
    unsigned b;

    for (b = 0; b < BUCKETS; b++)
        most = fmax(most, s->high[b]);
    return most;
}

static unsigned larger(unsigned a, unsigned b)
{
    return a > b ? a : b;
}

/* Two where there is demand, so that one can fail. */
static unsigned least_nodes(double load, const struct decide_input *in)
{
    return load > DEMAND && in->max_zone != 1 ? 2 : 1;
}

static bool is_urgent(struct decide_state *s, const struct decide_input *in, double fast)
{
    unsigned lost = in->largest_zone_up, up = in->nodes_up;

    if (in->rule.zones >= 2 && fast > URGENT_LEFT * (up > lost ? up - lost : 0))
        s->above_left++;
    else
        s->above_left = 0;
    return fast > URGENT_USE * up || s->above_left >= URGENT_ROUNDS;
}

/* What the last seconds need in the zones that serve now: a zone that has just been lost
 * still counts as usable, but the others must carry its load. */
static double urgent_need(const struct decide_input *in, double fast)
{
    double need = need_per_zone(fast, &in->rule);

    return in->zones_up > 0 ? fmax(need, fast / (URGENT_USE * in->zones_up)) : need;
}

static void raise_to(struct decide_output *out, unsigned n, enum decide_rule rule)
{
    if (n <= out->wanted)
        return;
    out->wanted = n;
    out->rule = rule;
}

static void answer_load(struct decide_state *s, const struct decide_input *in,
                        struct decide_output *out)
{
    double most = MOST_TIMES * fmax(out->was, 1);
    double floor = need_per_zone(out->slow, &in->rule);

    if (is_urgent(s, in, out->fast))
        raise_to(out, need_nodes(fmin(urgent_need(in, out->fast), most)), DECIDE_URGENT);
    if (floor > FLOOR_ABOVE * out->wanted)
        raise_to(out, need_nodes(fmin(FLOOR_LEAD * floor, most)), DECIDE_FLOOR);
    raise_to(out, least_nodes(out->slow, in), DECIDE_FLOOR);
}

static void go_up(struct decide_state *s, const struct decide_input *in,
                  struct decide_output *out)
{
    if (has_load(in))
        answer_load(s, in, out);
    else
        s->above_left = 0;
    raise_to(out, larger(1, larger(in->plan, in->min_zone)), DECIDE_PLAN);
    out->unbounded = out->wanted;
    if (out->wanted == out->was || in->max_zone == 0 || out->wanted <= in->max_zone)
        return;
    out->at_max = true;
    out->wanted = larger(in->max_zone, out->was);
    if (out->wanted == out->was)
        out->rule = DECIDE_KEEP;
}

static bool is_within(bool ever, uint64_t since_ms, uint64_t now_ms, uint32_t s)
{
    return ever && now_ms < since_ms + (uint64_t)s * 1000;
}

static enum decide_hold find_hold(const struct decide_state *s,
                                  const struct decide_input *in)
{
    if (in->frozen)
        return DECIDE_FROZEN;
    if (!in->fresh || !in->all_gateways_60s)
        return DECIDE_NO_DATA;
    if (!(in->load >= 0))
        return DECIDE_UNMEASURED;
    if (is_within(true, s->begun_ms, in->now_ms, s->pace.hold_s))
        return DECIDE_NEW_LEADER;
    if (is_within(s->had_urgent, s->urgent_ms, in->now_ms, s->pace.hold_s))
        return DECIDE_AFTER_URGENT;
    if (in->zone_suspect)
        return DECIDE_ZONE_SUSPECT;
    if (in->alarm)
        return DECIDE_ALARM;
    return in->behind ? DECIDE_BEHIND : DECIDE_FREE;
}

/* max_zone may have been set below what is wanted: then the same steps lead there. */
static void go_down(struct decide_state *s, const struct decide_input *in,
                    struct decide_output *out)
{
    unsigned n = out->wanted, step = larger(1, n / DOWN_PART), least = in->max_zone;

    if (is_within(s->had_down, s->down_ms, in->now_ms, s->pace.every_s))
        return;
    if (least == 0 || n <= least) {
        if (need_per_zone(fmax(out->peak, out->fast), &in->rule) >=
            DOWN_BELOW * (n - 1.0))
            return;
        least = larger(least_nodes(out->peak, in), larger(in->plan, in->min_zone));
    }
    if (n <= least)
        return;
    out->wanted = larger(least, n - step);
    out->rule = DECIDE_DOWN;
}

void decide_round(struct decide_state *s, const struct decide_input *in,
                  struct decide_output *out)
{
    if (has_load(in))
        learn(s, in);
    *out = (struct decide_output){.was = s->wanted, .wanted = s->wanted};
    out->fast = fmax(s->last, s->mean_fast);
    out->slow = s->mean_slow;
    out->peak = highest(s);
    out->hold = find_hold(s, in);
    if (in->load >= 0 && s->data_ms > 0)
        out->need = larger(least_nodes(out->slow, in),
                           need_nodes(need_per_zone(out->slow, &in->rule)));
    go_up(s, in, out);
    if (out->wanted == out->was && out->hold == DECIDE_FREE)
        go_down(s, in, out);
    if (out->rule == DECIDE_URGENT) {
        s->had_urgent = true;
        s->urgent_ms = in->now_ms;
    } else if (out->rule == DECIDE_DOWN) {
        s->had_down = true;
        s->down_ms = in->now_ms;
    }
    s->wanted = out->wanted;
}
