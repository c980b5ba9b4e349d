/* A measurement loads a node until it is slow, so the node must not be one that visitors
 * use: without node= it runs in a slot of its own, and a named address with a route that
 * is up is refused, of whichever module it is. */
#include "ctl/cmd_measure.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/err.h"
#include "base/fd_limit.h"
#include "base/sig.h"
#include "ctl/capacity_words.h"
#include "ctl/cmd_capacity.h"
#include "ctl/guard.h"
#include "ctl/measure_slot.h"
#include "ctl/node_watch.h"
#include "load/capacity_run.h"
#include "ops/measured_build.h"

#define TARGET_MS 200 /* when neither p99= nor the policy says it */
#define ERROR_PERCENT 0.1
#define DELIVERED_PERCENT 95
#define TIMEOUTS 5 /* a response may take so many times the target */
#define TIMEOUT_MIN_MS 2000
#define DESCRIPTORS 64 /* besides those of the connections */

struct job {
    struct guard *guard; /* NULL = nothing is watched, as <nodes> */
    struct node_watch *nodes; /* the others of the host */
    struct measure_slot *slot; /* NULL = a node that was named */
    char class[MEASURE_SLOT_CLASS]; /* of that one */
    struct measured_build build;
    bool silent; /* a step without any good answer */
};

static bool on_step(const struct capacity_search *s, double rate,
                    const struct capacity_search_step *step, const struct figures *f,
                    void *arg)
{
    enum capacity_search_verdict v = capacity_search_judge(&s->rules, step);
    struct job *job = arg;

    fprintf(stderr, "%9.1f 1/s  ", rate);
    figures_print(f, stderr);
    fprintf(stderr, "  in progress %.1f: %s%s\n", step->inflight,
            capacity_search_words(v), s->again ? "; once more" : "");
    job->silent = f->ok == 0 && step->due > 0;
    return !job->silent;
}

static bool should_stop(void *arg)
{
    const struct job *job = arg;

    return guard_warns(job->guard) || measure_slot_warns(job->slot) ||
           node_watch_warns(job->nodes);
}

static int say_stopped(const struct job *job)
{
    const char *why;

    if (job->silent)
        return ctl_say(CTL_FAILED, "the node has answered no request with a status from "
                                   "200 to 399: see the step above, and check node=, "
                                   "path= and host=");
    if (measure_slot_warns(job->slot))
        why = measure_slot_why(job->slot);
    else if (guard_warns(job->guard))
        why = guard_why(job->guard);
    else
        why = node_watch_why(job->nodes);
    return ctl_say(CTL_FAILED, "stopped, nothing was written: %s", why);
}

static int say_none(const struct capacity_search *s)
{
    return ctl_say(CTL_FAILED,
                   "%s; see the steps above, give a longer p99= than %llu ms, or look at "
                   "the node",
                   s->low > 0 ? "the rate that was found was not confirmed"
                              : "the node was too slow or failed at every rate",
                   (unsigned long long)s->rules.target_us / 1000);
}

/* Measure the node; <row> gets what was found.  Returns an exit code. */
static int run_search(const struct capacity_run_plan *plan, const struct job *job,
                      struct capacity_change *row)
{
    struct capacity_search found;
    int rc = capacity_run_search(plan, &found);

    if (rc == -ECANCELED)
        return say_stopped(job);
    if (rc < 0)
        return ctl_say(CTL_FAILED, "the load cannot be made: %s", err_text(rc));
    if (found.phase != CAPACITY_SEARCH_FOUND)
        return say_none(&found);
    row->rps = found.low;
    row->inflight = found.best.inflight > 0.01 ? found.best.inflight : 0.01;
    row->p99_us = (uint32_t)found.best.p99_us;
    row->target_us = (uint32_t)plan->rules.target_us;
    fprintf(stderr,
            "a node of %u/%u serves %.1f requests a second within %u ms%s; confirmed "
            "at %.1f\n",
            row->modid, row->cmdid, row->rps, row->target_us / 1000,
            found.low >= plan->rules.to ? " or more (to= was the highest rate)" : "",
            found.rate);
    return CTL_OK;
}

static int check_words(const struct capacity_words *w)
{
    if (strcmp(w->arrivals, "poisson") != 0 && strcmp(w->arrivals, "fixed") != 0)
        return ctl_say(CTL_USAGE, "arrivals= must be poisson or fixed");
    if (w->from > w->to || w->settle_s >= w->step_s)
        return ctl_say(CTL_USAGE, "from= must not exceed to=, and settle_s= must be less "
                                  "than step_s=");
    if (w->connections + DESCRIPTORS > fd_limit_raise())
        return ctl_say(CTL_USAGE,
                       "connections=%u needs more descriptors than the system "
                       "allows; raise them with ulimit -n",
                       w->connections);
    return target_is_host(w->host) ? 0 : ctl_say(CTL_USAGE, "host= is not a name");
}

/* No visitor may use the node. */
static int check_node(struct ctl *c, const struct capacity_words *w, struct target *to)
{
    uint32_t ip, port;
    uint64_t n = 0;
    char url[60];
    const char *why;
    int rc = ctl_node(w->node, &ip, &port);

    if (rc != 0)
        return rc;
    rc = sqldb_number(c->db, &n,
                      "SELECT COUNT(*) FROM RouteData WHERE serverip = %u AND serverport "
                      "= %u AND state = 'up'",
                      ip, port);
    if (rc < 0)
        return ctl_db_failed(c, rc);
    if (n > 0)
        return ctl_say(CTL_FAILED,
                       "%s has a route that is up, so visitors would feel the load; "
                       "drain it first: larsctl route set MODID CMDID %s state=drained",
                       w->node, w->node);
    snprintf(url, sizeof(url), "http://%.40s/", w->node);
    why = target_parse(to, url);
    return why ? ctl_say(CTL_USAGE, "node=: %s", why) : 0;
}

static int read_paths(struct path_list *list, const struct capacity_words *w)
{
    char err[PATH_LIST_ERR];
    int rc;

    if (w->paths) {
        rc = path_list_read(list, w->paths, err);
        return rc < 0 ? ctl_say(CTL_USAGE, "%s", err) : 0;
    }
    rc = path_list_add(list, w->path);
    return rc < 0 ? ctl_say(CTL_USAGE, "path= must begin with / and have neither blanks "
                                       "nor characters outside ASCII")
                  : 0;
}

static int find_target(struct ctl *c, const struct capacity_change *row,
                       const struct capacity_words *w, uint64_t *ms)
{
    int rc = 0;

    *ms = w->p99_ms;
    if (*ms == 0)
        rc = sqldb_number(c->db, ms,
                          "SELECT target_ms FROM ModulePolicy WHERE modid = %u AND cmdid "
                          "= %u",
                          row->modid, row->cmdid);
    if (*ms == 0)
        *ms = TARGET_MS;
    return rc < 0 ? ctl_db_failed(c, rc) : 0;
}

/* The admin ports of the gateways that are watched; NULL = none. */
static const char *find_guard(const struct ctl *c, const struct capacity_words *w)
{
    const char *list = w->guard;

    if (!list && !w->node) /* visitors use other nodes of the host */
        list = c->gateways;
    if (list && (!list[strspn(list, " ,\t")] || strcmp(list, "none") == 0))
        list = NULL;
    if (!list && !w->node)
        fputs("no gateway is watched: see guard= and [gateways] admin\n", stderr);
    return list;
}

/* Before the load: which process is measured. */
static int note_build(struct ctl *c, const struct capacity_change *row, const char *node,
                      struct job *job)
{
    struct measured_build *b = &job->build;
    int rc = ctl_node(node, &b->ip, &b->port);

    if (rc != 0)
        return rc;
    b->modid = row->modid;
    b->cmdid = row->cmdid;
    rc = measured_build_begin(b, c->db);
    return rc < 0 ? ctl_db_failed(c, rc) : CTL_OK;
}

/* After it.  Without its build the measurement is written as well. */
static void say_build(struct ctl *c, struct job *job)
{
    if (measured_build_end(&job->build, c->db) < 0)
        fprintf(stderr, "the build cannot be read: %s\n", sqldb_error(c->db));
    if (job->build.build[0])
        fprintf(stderr, "the build of its program is %s\n", job->build.build);
    else
        fputs("the build of its program is not known, so no other build raises the alarm "
              "capacity_stale: see the column build of larsctl host slots HOST\n",
              stderr);
}

/* The node that is named, or one in a slot of its own. */
static int find_node(struct ctl *c, const struct capacity_words *w,
                     const struct capacity_change *row, struct job *job,
                     struct target *to)
{
    char url[60];
    const char *why;
    int code;

    if (w->node) {
        code = check_node(c, w, to);
        return code == CTL_OK ? note_build(c, row, w->node, job) : code;
    }
    code = measure_slot_take(&job->slot, c, row->modid, row->cmdid, w->class);
    if (code != CTL_OK)
        return code;
    snprintf(job->class, sizeof(job->class), "%s", measure_slot_class(job->slot));
    snprintf(url, sizeof(url), "http://%.40s/", measure_slot_at(job->slot));
    why = target_parse(to, url);
    if (why)
        return ctl_say(CTL_FAILED, "%s: %s", url, why);
    return note_build(c, row, measure_slot_at(job->slot), job);
}

/* Visitors of the other nodes of the host; without enough of them there is nothing to
 * compare, and refusals are watched all the same. */
static void watch_nodes(const struct ctl *c, const char *list, struct job *job)
{
    char why[NODE_WATCH_WHY];

    if (!list || !job->slot)
        return;
    if (!c->gateways_key[0])
        fputs("how long visitors wait is not watched: see [gateways] key_file\n", stderr);
    else if (node_watch_create(&job->nodes, list, c->gateways_key,
                               measure_slot_ip(job->slot), why) < 0)
        fprintf(stderr, "%s\n", why);
}

/* With everything checked: watch, measure. */
static int measure(struct ctl *c, const struct capacity_words *w,
                   const struct path_list *paths, uint64_t target_ms, struct job *job,
                   struct capacity_change *row)
{
    uint64_t timeout_ms = target_ms * TIMEOUTS;
    struct target to;
    struct capacity_run_plan plan = {
        .target = &to,
        .paths = paths,
        .rules = {w->from, w->to, target_ms * 1000, ERROR_PERCENT, DELIVERED_PERCENT},
        .step_s = w->step_s,
        .settle_s = w->settle_s,
        .confirm_s = w->confirm_s,
        .timeout_ms =
            (uint32_t)(timeout_ms > TIMEOUT_MIN_MS ? timeout_ms : TIMEOUT_MIN_MS),
        .connections = w->connections,
        .arrivals = strcmp(w->arrivals, "fixed") == 0 ? ARRIVALS_FIXED : ARRIVALS_POISSON,
        .seed = w->seed,
        .should_stop = should_stop,
        .on_step = on_step};
    const char *list = find_guard(c, w);
    char why[GUARD_WHY];
    int code;

    if (list && guard_create(&job->guard, list, why) < 0)
        return ctl_say(CTL_FAILED, "%s", why);
    code = find_node(c, w, row, job, &to);
    if (code == CTL_OK) {
        watch_nodes(c, list, job);
        plan.host = w->host[0] ? w->host : to.host;
        plan.arg = job;
        code = run_search(&plan, job, row);
    }
    if (code == CTL_OK && row->build_is_measured)
        say_build(c, job);
    node_watch_destroy(job->nodes);
    measure_slot_end(job->slot);
    guard_destroy(job->guard);
    return code;
}

int cmd_measure_run(struct ctl *c, int argc, char **argv)
{
    struct capacity_change row = {.measured = true};
    struct path_list paths = {0};
    struct capacity_words w;
    struct job job = {.silent = false};
    uint64_t target_ms = 0;
    int code = ctl_known_module(c, argv, CTL_IN_ROUTES | CTL_IN_POLICIES, &row.modid,
                                &row.cmdid);

    if (code == CTL_OK)
        code = capacity_words_read(&w, false, argc - 2, argv + 2);
    if (code == CTL_OK)
        code = check_words(&w);
    if (code == CTL_OK)
        code = find_target(c, &row, &w, &target_ms);
    if (code == CTL_OK)
        code = read_paths(&paths, &w);
    if (code == CTL_OK) {
        sig_ignore_pipe_and_hup();
        row.class = w.class ? w.class : job.class;
        row.build = w.build[0] ? w.build : job.build.build;
        row.build_is_measured = !w.build[0];
        row.mix = w.paths ? w.paths : w.path;
        code = measure(c, &w, &paths, target_ms, &job, &row);
    }
    path_list_free(&paths);
    return code == CTL_OK ? cmd_capacity_write(c, &row, argv) : code;
}
