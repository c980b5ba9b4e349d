/* The whole rate is known before the drill begins, so the schedule of the load does not
 * depend on when the thread of the events gets a processor. */
#include "drill/load_plan.h"

#include <string.h>

static void add_step(struct arrivals_plan *plan, uint32_t at_s, double factor)
{
    struct arrivals_step *last = plan->n_steps ? &plan->step[plan->n_steps - 1] : NULL;

    if (last && last->at_us == at_s * 1000000ull) /* the end of the event before */
        last->factor = factor;
    else if (plan->n_steps < ARRIVALS_STEPS)
        plan->step[plan->n_steps++] = (struct arrivals_step){at_s * 1000000ull, factor};
}

static void add_steps(struct arrivals_plan *plan, const struct script *s)
{
    const struct script_event *e;

    for (e = s->event; e < s->event + s->n_events; e++) {
        if (e->what != SCRIPT_LOAD)
            continue;
        add_step(plan, e->at_s, e->factor);
        if (e->for_s)
            add_step(plan, e->at_s + e->for_s, 1);
    }
}

static int open_log(struct visits **out, const struct script_load *l,
                    char err[PATH_LIST_ERR])
{
    struct log_replay log = {0};
    int rc = log_replay_read(&log, l->access_log, err);

    if (rc == 0)
        return visits_create_log(out, &log, l->speed);
    log_replay_free(&log);
    return rc;
}

int load_plan_open(struct visits **out, const struct script *s, char err[PATH_LIST_ERR])
{
    const struct script_load *l = &s->load;
    const struct visits_model model = {l->pages, l->pause_s, l->pictures};
    struct arrivals_plan plan = {.per_s = l->rate, .seed = l->seed};
    struct path_list list = {0};
    int rc;

    if (l->access_log[0])
        return open_log(out, l, err);
    plan.kind = strcmp(l->arrivals, "fixed") == 0 ? ARRIVALS_FIXED : ARRIVALS_POISSON;
    add_steps(&plan, s);
    rc = l->paths[0] ? path_list_read(&list, l->paths, err)
                     : path_list_add(&list, s->to.path);
    if (rc < 0) {
        path_list_free(&list);
        return rc;
    }
    return l->visits ? visits_create_model(out, &list, &plan, &model)
                     : visits_create_paths(out, &list, &plan);
}
