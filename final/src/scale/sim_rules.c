/* The other rules are written down after their documentation and source, with their
 * default settings: kubernetes.io/docs/tasks/run-application/horizontal-pod-autoscale and
 * knative/serving pkg/autoscaler/scaling/autoscaler.go.  They are models: both see the
 * exact load of each second, which flatters them, because metrics arrive later there.
 * All states are one allocation, so free() ends each of them. */
#include "scale/sim_rules.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>

#include "scale/decide.h"

double sim_rules_target(const struct need_rule *r)
{
    return 1 / (need_per_zone(1, r) * (r->zones > 0 ? r->zones : 1));
}

/* --- ours --- */

static int create_ours(void **out, const struct sim_seen *first, unsigned wanted,
                       unsigned phase_s)
{
    struct decide_state *s = NULL;
    int rc = decide_state_create(&s, NULL, wanted / first->need.zones,
                                 (uint64_t)first->now_s * 1000);

    (void)phase_s; /* a round is as long as a second */
    *out = s;
    return rc;
}

static unsigned round_ours(void *state, const struct sim_seen *seen)
{
    struct decide_input in = {.now_ms = (uint64_t)seen->now_s * 1000,
                              .fresh = true,
                              .load = seen->load,
                              .rule = seen->need,
                              .nodes_up = seen->up,
                              .largest_zone_up = seen->largest_zone_up,
                              .zones_up = seen->need.zones,
                              .min_zone = 1,
                              .all_gateways_60s = true,
                              .behind = seen->starting > 0};
    struct decide_output out;

    decide_round(state, &in, &out);
    return out.wanted * seen->need.zones;
}

const struct sim_rule sim_rule_ours = {"ours", create_ours, round_ours};

/* --- what both others keep: the loads of the last 60 s --- */

#define KEPT_S 60

struct loads {
    double of[KEPT_S];
    unsigned n; /* seconds so far */
};

static void loads_add(struct loads *l, double load)
{
    l->of[l->n++ % KEPT_S] = load;
}

static double loads_mean(const struct loads *l, unsigned seconds)
{
    unsigned n = l->n < seconds ? l->n : seconds, i;
    double sum = 0;

    for (i = 1; i <= n; i++)
        sum += l->of[(l->n - i) % KEPT_S];
    return n > 0 ? sum / n : 0;
}

/* --- as HPA --- */

#define HPA_PERIOD_S 15
#define HPA_KEPT 60 /* recommendations of 900 s */

struct hpa {
    struct loads loads;
    unsigned phase_s, wanted;
    unsigned window; /* recommendations that hold what is there */
    unsigned said[HPA_KEPT], n_said;
};

static int create_hpa(void **out, const struct sim_seen *first, unsigned wanted,
                      unsigned phase_s)
{
    struct hpa *s = calloc(1, sizeof(*s));

    (void)first;
    if (!s)
        return -ENOMEM;
    s->phase_s = phase_s;
    s->wanted = wanted;
    s->window = 300 / HPA_PERIOD_S;
    *out = s;
    return 0;
}

static int create_hpa_slow(void **out, const struct sim_seen *first, unsigned wanted,
                           unsigned phase_s)
{
    int rc = create_hpa(out, first, wanted, phase_s);

    if (rc == 0)
        ((struct hpa *)*out)->window = 900 / HPA_PERIOD_S;
    return rc;
}

/* Nodes that are not ready count as idle when more are recommended. */
static unsigned hpa_recommend(const struct hpa *s, const struct sim_seen *seen)
{
    double use = loads_mean(&s->loads, HPA_PERIOD_S), up = seen->up > 0 ? seen->up : 1;
    double target = sim_rules_target(&seen->need), ratio = use / (up * target);

    if (ratio > 1 && seen->starting > 0) {
        up += seen->starting;
        ratio = use / (up * target);
        if (ratio < 1)
            return s->wanted;
    }
    return fabs(ratio - 1) <= 0.1 ? s->wanted : need_nodes(ratio * up);
}

static unsigned round_hpa(void *state, const struct sim_seen *seen)
{
    struct hpa *s = state;
    unsigned n, most = s->wanted * 2, i;

    loads_add(&s->loads, seen->load);
    if ((seen->now_s + s->phase_s) % HPA_PERIOD_S != 0)
        return s->wanted;
    n = hpa_recommend(s, seen);
    s->said[s->n_said++ % HPA_KEPT] = n;
    for (i = 1; n < s->wanted && i <= s->window && i <= s->n_said; i++) {
        unsigned said = s->said[(s->n_said - i) % HPA_KEPT];

        if (said > n)
            n = said < s->wanted ? said : s->wanted;
    }
    if (n < s->wanted)
        return s->wanted = n > seen->need.zones ? n : seen->need.zones;
    if (most < s->wanted + 4)
        most = s->wanted + 4;
    return s->wanted = n < most ? n : most;
}

const struct sim_rule sim_rule_hpa = {"HPA-like", create_hpa, round_hpa};
const struct sim_rule sim_rule_hpa_slow = {"HPA-like with 15 min", create_hpa_slow,
                                           round_hpa};

/* --- as Knative --- */

#define KNATIVE_TICK_S 2
#define KNATIVE_PANIC_S 6
#define KNATIVE_PANIC_TIMES 2

struct knative {
    struct loads loads;
    unsigned phase_s, wanted, panic_s; /* panic_s: since when; 0 = not in panic */
    double most_in_panic;
};

static int create_knative(void **out, const struct sim_seen *first, unsigned wanted,
                          unsigned phase_s)
{
    struct knative *s = calloc(1, sizeof(*s));

    (void)first;
    if (!s)
        return -ENOMEM;
    s->phase_s = phase_s;
    s->wanted = wanted;
    *out = s;
    return 0;
}

static unsigned round_knative(void *state, const struct sim_seen *seen)
{
    struct knative *s = state;
    double target = sim_rules_target(&seen->need), up = seen->up > 0 ? seen->up : 1;
    double least = floor(up / 2), want, panic;

    loads_add(&s->loads, seen->load);
    if ((seen->now_s + s->phase_s) % KNATIVE_TICK_S != 0)
        return s->wanted;
    want = need_nodes(loads_mean(&s->loads, KEPT_S) / target);
    panic = need_nodes(loads_mean(&s->loads, KNATIVE_PANIC_S) / target);
    if (panic / up >= KNATIVE_PANIC_TIMES) {
        s->panic_s = seen->now_s;
    } else if (s->panic_s > 0 && seen->now_s > s->panic_s + KEPT_S) {
        s->panic_s = 0;
        s->most_in_panic = 0;
    }
    want = fmax(want, least);
    if (s->panic_s > 0)
        want = s->most_in_panic = fmax(s->most_in_panic, fmax(want, panic));
    s->wanted = need_nodes(fmax(want, seen->need.zones));
    return s->wanted;
}

const struct sim_rule sim_rule_knative = {"Knative-like", create_knative, round_knative};
