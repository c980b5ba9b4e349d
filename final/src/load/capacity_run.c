/* Each step is a play of its own, which ends when its last response has come: the queue
 * that an overload has left at the node is empty before the next step begins.
 * Rejected: one play whose rate is changed.  The queue of one step would be the latency
 * of the next one. */
#include "load/capacity_run.h"

#include <errno.h>

#include "load/play.h"

#define ASK_MS 100

struct run {
    const struct capacity_run_plan *plan;
    struct capacity_search search;
    struct evloop *loop;
    struct play *play;
    struct evtimer ask;
    uint32_t from_s, until_s; /* the seconds of the step that count */
    struct figures counted; /* in them; latencies also after them */
    uint64_t delivered;
    bool stopped;
};

static void on_second(unsigned k, const struct figures *f, unsigned in_progress,
                      void *arg)
{
    struct run *r = arg;

    (void)in_progress;
    if (k < r->from_s)
        return;
    if (k < r->until_s)
        r->delivered += f->ok;
    figures_add(&r->counted, f);
}

static void on_end(void *arg)
{
    struct run *r = arg;

    evloop_stop(r->loop);
}

static void ask(void *arg)
{
    struct run *r = arg;

    if (r->plan->should_stop(r->plan->arg)) {
        r->stopped = true;
        evloop_stop(r->loop);
        return;
    }
    evloop_set_timer(r->loop, &r->ask, ASK_MS, ask, r);
}

static int copy_paths(struct path_list *to, const struct path_list *from)
{
    size_t i;
    int rc = 0;

    for (i = 0; rc == 0 && i < from->n; i++)
        rc = path_list_add(to, from->all[i]);
    if (rc < 0)
        path_list_free(to);
    return rc;
}

static int open_visits(struct visits **out, const struct run *r)
{
    const struct arrivals_plan plan = {.kind = r->plan->arrivals,
                                       .per_s = r->search.rate,
                                       .seed = r->plan->seed};
    struct path_list list = {0};
    int rc = copy_paths(&list, r->plan->paths);

    return rc < 0 ? rc : visits_create_paths(out, &list, &plan);
}

/* One step at the rate of the search.  Returns 0 or -errno. */
static int play_step(struct run *r)
{
    static const struct play_owner owner = {on_second, on_end};
    const struct capacity_run_plan *plan = r->plan;
    bool prove = r->search.phase == CAPACITY_SEARCH_PROVE;
    uint32_t seconds = prove ? plan->confirm_s : plan->step_s;
    struct play_plan p = {.to = plan->target->to,
                          .host = plan->host,
                          .duration_us = seconds * 1000000ull,
                          .timeout_ms = plan->timeout_ms,
                          .connections = plan->connections,
                          .queue = plan->connections};
    int rc = open_visits(&p.visits, r);

    r->from_s = plan->settle_s < seconds ? plan->settle_s : 0;
    r->until_s = seconds;
    r->delivered = 0;
    r->counted = (struct figures){0};
    if (rc < 0)
        return rc;
    rc = play_create(&r->play, r->loop, &p, &owner, r);
    if (rc == 0 && plan->should_stop)
        ask(r);
    if (rc == 0 && !r->stopped)
        rc = evloop_run(r->loop);
    evloop_clear_timer(r->loop, &r->ask);
    play_destroy(r->play);
    r->play = NULL;
    visits_destroy(p.visits);
    return rc == 0 && r->stopped ? -ECANCELED : rc;
}

static struct capacity_search_step what_it_shows(const struct run *r)
{
    const struct figures *f = &r->counted;
    uint64_t window_us = (uint64_t)(r->until_s - r->from_s) * 1000000;

    return (struct capacity_search_step){
        .due = f->scheduled,
        .delivered = r->delivered,
        .failed = figures_failed(f) + f->waiting,
        .p99_us = figures_p_us(f, 0.99),
        .inflight = (double)f->sum_us / (double)window_us,
        .late = f->late,
    };
}

static int play_steps(struct run *r)
{
    struct capacity_search_step step;
    double rate;
    int rc;

    while (!capacity_search_is_over(&r->search)) {
        rc = play_step(r);
        if (rc < 0)
            return rc;
        step = what_it_shows(r);
        rate = r->search.rate;
        capacity_search_next(&r->search, &step);
        if (!r->plan->on_step(&r->search, rate, &step, &r->counted, r->plan->arg))
            return -ECANCELED;
    }
    return 0;
}

int capacity_run_search(const struct capacity_run_plan *plan, struct capacity_search *out)
{
    struct run r = {.plan = plan};
    int rc = evloop_create(&r.loop);

    if (rc < 0)
        return rc;
    capacity_search_init(&r.search, &plan->rules);
    rc = play_steps(&r);
    evloop_destroy(r.loop);
    if (rc == 0)
        *out = r.search;
    return rc;
}
