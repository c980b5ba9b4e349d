/* Each arrival needs an amount of "expected arrivals" after the one before: 1 at fixed
 * distances, an exponential amount of mean 1 for Poisson.  The amount is used up along
 * the schedule, at per_s x factor a second, so one loop serves both kinds and every
 * schedule.
 *
 * Invariant: in a stretch of constant rate the expected number of arrivals is rate x
 * time, also when a gap goes across several steps.
 * Rejected: to draw a gap from the rate at its beginning.  After a step from 1/s to
 * 1000/s the load would then begin up to seconds late. */
#include "load/arrivals.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>

#define FACTOR_MAX 1000
#define STEP_S_MAX 604800

void arrivals_init(struct arrivals *a, const struct arrivals_plan *plan)
{
    *a = (struct arrivals){.plan = *plan};
    rnd_init(&a->rnd, plan->seed);
    if (plan->kind == ARRIVALS_POISSON) /* the first number of a small seed is small */
        (void)(rnd_u32(&a->rnd) + rnd_u32(&a->rnd));
}

static double draw_amount(struct arrivals *a)
{
    if (a->plan.kind == ARRIVALS_FIXED)
        return 1;
    return -log((rnd_u32(&a->rnd) + 0.5) / 4294967296.0);
}

static double rate_now(const struct arrivals *a)
{
    double factor = a->next_step ? a->plan.step[a->next_step - 1].factor : 1;

    return a->plan.per_s * factor / 1e6;
}

uint64_t arrivals_next_us(struct arrivals *a)
{
    double amount = draw_amount(a), rate, end, room;

    for (; a->next_step < a->plan.n_steps; a->next_step++) {
        end = (double)a->plan.step[a->next_step].at_us;
        rate = rate_now(a);
        room = end > a->at_us ? (end - a->at_us) * rate : 0;
        if (amount < room)
            break;
        amount -= room;
        if (end > a->at_us)
            a->at_us = end;
    }
    rate = rate_now(a);
    if (rate <= 0)
        return UINT64_MAX;
    a->at_us += amount / rate;
    return (uint64_t)a->at_us;
}

int arrivals_add_step(struct arrivals_plan *plan, const char *text)
{
    double at_s, factor;
    char end;

    if (plan->n_steps == ARRIVALS_STEPS)
        return -E2BIG;
    if (sscanf(text, "%9lf=%9lf%c", &at_s, &factor, &end) != 2 || !(at_s >= 0) ||
        !(at_s <= STEP_S_MAX) || !(factor >= 0) || !(factor <= FACTOR_MAX))
        return -EINVAL;
    if (plan->n_steps > 0 && at_s * 1e6 < (double)plan->step[plan->n_steps - 1].at_us)
        return -EINVAL;
    plan->step[plan->n_steps++] = (struct arrivals_step){(uint64_t)(at_s * 1e6), factor};
    return 0;
}
