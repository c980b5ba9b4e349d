/* The limit is anchored on what was measured for the nodes, and a factor corrects it
 * within narrow bounds: down by a tenth when more than a tenth of the responses are late,
 * up by 0.05 when the limit holds back and the responses are twice as fast as they have
 * to be, and else slowly back to 1.  It errs upwards, because a limit that is too high
 * costs waiting time within the nodes, and one that is too low costs capacity.
 *
 * Whether the 90th percentile is above a bound is known from two counts: it is when more
 * than a tenth of the responses are.  So no histogram is kept.
 * Rejected: to estimate the capacity at run time from the times of responses alone.  The
 * estimate follows the overload, and its probing refuses visitors without need. */
#include "gateway/admit_rule.h"

#define HEADROOM 1.5

/* The bounds of the factor: wide when the capacity is a guess. */
static double clamp_factor(const struct admit_capacity *c, double f)
{
    bool measured = c->inflight > 0;
    double least = measured ? 0.5 : 0.25, most = measured ? 1.2 : 4;

    return f < least ? least : f > most ? most : f;
}

uint32_t admit_rule_limit(const struct admit_capacity *c, uint32_t unmeasured, double f)
{
    double guess = (double)unmeasured * (c->nodes_in ? c->nodes_in : 1);
    double all = c->inflight > 0 ? c->inflight : guess;
    double l = HEADROOM * clamp_factor(c, f) * c->share * all;

    if (c->most && l > c->most)
        l = c->most;
    return l < 1 ? 1 : l > 1e9 ? 1000000000 : (uint32_t)l;
}

double admit_rule_factor(const struct admit_capacity *c, double f,
                         const struct admit_seen *seen)
{
    bool late = seen->over_target * 10 > seen->first_bytes;
    bool fast = seen->over_half * 10 < seen->first_bytes;

    if (late)
        f *= 0.9;
    else if (seen->limit_reached && fast)
        f += 0.05;
    else if (f > 1.02)
        f -= 0.02;
    else if (f < 0.98)
        f += 0.02;
    else
        f = 1;
    return clamp_factor(c, f);
}

uint32_t admit_rule_limit_new(uint32_t limit, uint32_t reserve)
{
    uint32_t l = limit - (uint32_t)((uint64_t)limit * reserve / 100);

    return l ? l : 1;
}

uint32_t admit_rule_refresh_s(uint32_t refresh_s, double refused, double affordable)
{
    double n = affordable > 0 ? refresh_s * refused / affordable : ADMIT_REFRESH_MAX_S;

    if (n < ADMIT_REFRESH_MIN_S)
        return ADMIT_REFRESH_MIN_S;
    return n > ADMIT_REFRESH_MAX_S ? ADMIT_REFRESH_MAX_S : (uint32_t)n;
}

enum admit_state admit_rule_state(const uint64_t seen_ms[ADMIT_STATES], uint64_t now_ms)
{
    int s;

    for (s = ADMIT_STATES - 1; s > ADMIT_NORMAL; s--)
        if (seen_ms[s] && now_ms < seen_ms[s] + ADMIT_CALM_MS)
            return (enum admit_state)s;
    return ADMIT_NORMAL;
}

const char *admit_rule_state_name(enum admit_state s)
{
    static const char *const name[ADMIT_STATES] = {"normal", "queueing", "waiting",
                                                   "shedding", "static"};

    return name[s];
}
