/* A measurement loads a node until it is slow, so the node must not be one that visitors
 * use: an address with a route that is up is refused, of whichever module it is.
 *
 * The row of Capacity and the policy are two changes, each with its row in Audit.  The
 * policy follows the class of hosts that can do least, because it holds for each node of
 * weight 100, on whatever host it runs. */
#include "ctl/cmd_capacity.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/fd_limit.h"
#include "base/sig.h"
#include "ctl/capacity_words.h"
#include "ctl/guard.h"
#include "ctl/make_change.h"
#include "ctl/measure_slot.h"
#include "load/capacity_run.h"
#include "ops/capacity_change.h"

#define TARGET_MS 200 /* when neither p99= nor the policy says it */
#define ERROR_PERCENT 0.1
#define DELIVERED_PERCENT 95
#define TIMEOUTS 5 /* a response may take so many times the target */
#define TIMEOUT_MIN_MS 2000
#define DESCRIPTORS 64 /* besides those of the connections */

/* --- list --------------------------------------------------------------------------- */

#define COLUMNS                                                                          \
    "module class rps# inflight# p99_ms# target_ms# factor# build build_from mix at who"
#define SELECT                                                                           \
    "SELECT CONCAT(modid, '/', cmdid), class, ROUND(rps, 1), ROUND(inflight, 1), "       \
    "ROUND(p99_us / 1000), ROUND(target_us / 1000), factor, build, IF(build = '', '', "  \
    "build_from), mix, at, who FROM Capacity "

static int capacity_list(struct ctl *c, int argc, char **argv)
{
    uint32_t modid, cmdid;
    int rc;

    if (argc == 0)
        return ctl_print(c, COLUMNS, SELECT "ORDER BY modid, cmdid, class");
    if (argc == 1)
        return ctl_say(CTL_USAGE, "a module has two numbers; give MODID and CMDID");
    rc = ctl_module(argv, &modid, &cmdid);
    return rc != 0 ? rc
                   : ctl_print(c, COLUMNS,
                               SELECT "WHERE modid = %u AND cmdid = %u ORDER BY class",
                               modid, cmdid);
}

/* --- set ---------------------------------------------------------------------------- */

struct least { /* of all classes of hosts */
    double rps, inflight;
    uint32_t target_us;
};

static int take_least(char **at, void *arg)
{
    struct least *l = arg;

    l->rps = at[0] ? strtod(at[0], NULL) : 0;
    l->inflight = at[1] ? strtod(at[1], NULL) : 0;
    l->target_us = at[2] ? (uint32_t)strtoul(at[2], NULL, 10) : 0;
    return 0;
}

static uint32_t at_least_1(double n)
{
    return n < 1 ? 1 : (uint32_t)n;
}

/* node_rps, node_inflight and target_ms of the policy. */
static int set_policy(struct ctl *c, uint32_t modid, uint32_t cmdid)
{
    static const struct make_change_options how = {PLAN_NO_CONSENT, {"", "", ""}};
    struct change_op op = {.verb = CHANGE_POLICY,
                           .fields = CHANGE_F_NODE_RPS | CHANGE_F_NODE_INFLIGHT |
                                     CHANGE_F_TARGET_MS,
                           .node = {.modid = modid, .cmdid = cmdid}};
    struct ops_outcome out = {.result = OPS_DONE};
    struct least l = {0};
    char subject[24];
    struct ops_request r = {
        .action = "policy set", .subject = subject, .op = &op, .n_op = 1};
    int code, rc = sqldb_each(c->db, take_least, &l,
                              "SELECT rps, inflight, target_us FROM Capacity WHERE modid "
                              "= %u AND cmdid = %u ORDER BY rps LIMIT 1",
                              modid, cmdid);

    if (rc < 0)
        return ctl_db_failed(c, rc);
    op.policy.node_rps = at_least_1(floor(l.rps));
    op.policy.node_inflight = at_least_1(ceil(l.inflight));
    op.policy.target_ms = at_least_1(l.target_us / 1000);
    snprintf(subject, sizeof(subject), "%u/%u", modid, cmdid);
    code = make_change_run(c, &r, &how, &out);
    ops_free(&out);
    return code;
}

static int write_capacity(struct ctl *c, const struct capacity_change *row, char **argv)
{
    const struct audit_actor who = ctl_actor(c);
    char why[CHANGE_WHY];
    int rc, code;

    if (c->dry_run)
        return ctl_say(CTL_OK, "with -n nothing is written");
    rc = capacity_change_set(c->db, &who, row, why);
    if (rc < 0)
        return ctl_changed(c, rc, CTL_USAGE, why);
    code = set_policy(c, row->modid, row->cmdid);
    return code == CTL_OK ? capacity_list(c, 2, argv) : code;
}

static int capacity_set(struct ctl *c, int argc, char **argv)
{
    struct capacity_change row = {.mix = ""};
    struct capacity_words w;
    int rc = ctl_known_module(c, argv, CTL_IN_ROUTES | CTL_IN_POLICIES, &row.modid,
                              &row.cmdid);

    if (rc == 0)
        rc = capacity_words_read(&w, true, argc - 2, argv + 2);
    if (rc != 0)
        return rc;
    if (!(w.rps > 0) || !(w.inflight > 0) || w.target_ms == 0)
        return ctl_say(CTL_USAGE, "rps=, inflight= and target= are needed");
    row.class = w.class ? w.class : "";
    row.build = w.build;
    row.rps = w.rps;
    row.inflight = w.inflight;
    row.target_us = w.target_ms * 1000;
    row.p99_us = w.p99_ms * 1000;
    return write_capacity(c, &row, argv);
}

/* --- measure ------------------------------------------------------------------------ */

struct job {
    struct guard *guard; /* NULL = nothing is watched */
    struct measure_slot *slot; /* NULL = a node that was named */
    char class[MEASURE_SLOT_CLASS], build[MEASURE_SLOT_BUILD]; /* of that one */
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

    return guard_warns(job->guard) || measure_slot_warns(job->slot);
}

static int say_stopped(const struct job *job)
{
    if (job->silent)
        return ctl_say(CTL_FAILED, "the node has answered no request with a status from "
                                   "200 to 399: see the step above, and check node=, "
                                   "path= and host=");
    return ctl_say(CTL_FAILED, "stopped, nothing was written: %s",
                   measure_slot_warns(job->slot) ? measure_slot_why(job->slot)
                                                 : guard_why(job->guard));
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

/* The node that is named, or one in a slot of its own. */
static int find_node(struct ctl *c, const struct capacity_words *w,
                     const struct capacity_change *row, struct job *job,
                     struct target *to)
{
    char url[60];
    const char *why;
    int code;

    if (w->node)
        return check_node(c, w, to);
    code = measure_slot_take(&job->slot, c, row->modid, row->cmdid, w->class);
    if (code != CTL_OK)
        return code;
    snprintf(job->class, sizeof(job->class), "%s", measure_slot_class(job->slot));
    snprintf(job->build, sizeof(job->build), "%s", measure_slot_build(job->slot));
    snprintf(url, sizeof(url), "http://%.40s/", measure_slot_at(job->slot));
    why = target_parse(to, url);
    return why ? ctl_say(CTL_FAILED, "%s: %s", url, why) : CTL_OK;
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
        plan.host = w->host[0] ? w->host : to.host;
        plan.arg = job;
        code = run_search(&plan, job, row);
    }
    measure_slot_end(job->slot);
    guard_destroy(job->guard);
    return code;
}

static int capacity_measure(struct ctl *c, int argc, char **argv)
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
        row.build = w.build[0] ? w.build : job.build;
        row.build_is_measured = !w.build[0];
        row.mix = w.paths ? w.paths : w.path;
        code = measure(c, &w, &paths, target_ms, &job, &row);
    }
    path_list_free(&paths);
    return code == CTL_OK ? write_capacity(c, &row, argv) : code;
}

/* --- check -------------------------------------------------------------------------- */

/* Each module that is scaled or has a policy, with what is wrong. */
#define CHECK                                                                            \
    "SELECT * FROM ("                                                                    \
    "SELECT CONCAT(p.modid, '/', p.cmdid) AS module, '' AS class, 'not measured: "       \
    "larsctl capacity measure' AS problem FROM ScalePolicy p WHERE NOT EXISTS (SELECT "  \
    "1 FROM Capacity c WHERE c.modid = p.modid AND c.cmdid = p.cmdid) "                  \
    "UNION ALL SELECT CONCAT(modid, '/', cmdid), class, CONCAT('measured ', "            \
    "TIMESTAMPDIFF(DAY, at, NOW(3)), ' days ago: measure again') FROM Capacity WHERE "   \
    "at < NOW(3) - INTERVAL 180 DAY "                                                    \
    "UNION ALL SELECT CONCAT(modid, '/', cmdid), class, CONCAT('nodes do ', "            \
    "ROUND(100 * factor), ' %% of what was measured: measure again') FROM Capacity "     \
    "WHERE factor < 0.8 "                                                                \
    "UNION ALL SELECT CONCAT(p.modid, '/', p.cmdid), '', CONCAT('the policy has "        \
    "node_rps ', p.node_rps, ', and ', FLOOR(MIN(c.rps)), ' were measured') FROM "       \
    "ModulePolicy p JOIN Capacity c ON c.modid = p.modid AND c.cmdid = p.cmdid GROUP "   \
    "BY p.modid, p.cmdid, p.node_rps HAVING p.node_rps <> GREATEST(1, "                  \
    "FLOOR(MIN(c.rps)))) AS all_of_them ORDER BY module, class, problem"

static int capacity_check(struct ctl *c, int argc, char **argv)
{
    struct table *t = NULL;
    int code, rc = table_create(&t, "module class problem");
    bool wrong;

    (void)argc;
    (void)argv;
    if (rc == 0)
        rc = ctl_table(c, t, CHECK);
    if (rc < 0) {
        table_destroy(t);
        return ctl_db_failed(c, rc);
    }
    wrong = table_n_rows(t) > 0;
    code = ctl_print_table(c, t);
    return code == CTL_OK && wrong ? CTL_FAILED : code;
}

const struct ctl_cmd cmd_capacity[] = {
    {"capacity", "list", "[MODID CMDID]", 0, 2,
     "List what a node of each module can do, as it was measured.", capacity_list, NULL},
    {"capacity", "measure", "MODID CMDID [node=ADDRESS:PORT] [KEY=VALUE...]", 2, 40,
     "Load a node until it is slow, and write down what it can do.", capacity_measure,
     "The node runs in a free slot of a host of class= (empty: any), which "
     "lars-autoscaler "
     "gives and takes back when visitors need it, and never gets a route. node= names "
     "another one, which must have no route that is up. The rate rises from from= (20 "
     "requests a "
     "second) by a quarter every step_s= (5) seconds, of which the first settle_s= (1) "
     "do "
     "not count, until the p99 is above p99= (such as 200ms; otherwise target_ms of the "
     "policy, or 200), more than 0.1 % fail or less than 95 % are answered in time, "
     "twice "
     "in a row; three bisections follow, and confirm_s= (30) seconds at 90 %. Requests "
     "are "
     "for path= (/) or for the lines of the file paths=, with the name host=, and arrive "
     "as arrivals= (poisson or fixed). guard=ADDRESS:PORT,... (in a slot: [gateways] "
     "admin; "
     "none: none) watches the admin ports of gateways and stops at once when one of them "
     "refuses visitors or does not answer. "
     "to= (20000) is the highest rate, connections= (1024) the most connections, seed= "
     "another sequence. The result is a row of Capacity for class= (of hosts; "
     "otherwise that of the slot's host, or empty: any) with build=, and node_rps, "
     "node_inflight and target_ms of the policy, which follow "
     "the weakest class. With -n nothing is written."},
    {"capacity", "set", "MODID CMDID rps=N inflight=N target=MS [KEY=VALUE...]", 5, 40,
     "Write down what a node can do without measuring it.", capacity_set,
     "rps is the number of requests a second, inflight the mean number in progress then, "
     "target the p99 that is allowed. KEY may be p99, class and build as well. The "
     "policy "
     "follows as after a measurement."},
    {"capacity", "check", "", 0, 0,
     "List modules whose capacity is not measured, old, or not that of the policy; the "
     "exit code is 1 when there are some.",
     capacity_check, NULL},
    {NULL, NULL, NULL, 0, 0, NULL, NULL, NULL}};
