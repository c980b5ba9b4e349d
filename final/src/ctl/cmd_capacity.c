/* The row of Capacity and the policy are two changes, each with its row in Audit.  The
 * policy follows the class of hosts that can do least, because it holds for each node of
 * weight 100, on whatever host it runs. */
#include "ctl/cmd_capacity.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/capacity_words.h"
#include "ctl/cmd_measure.h"
#include "ctl/make_change.h"

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

int cmd_capacity_write(struct ctl *c, const struct capacity_change *row, char **argv)
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
    return cmd_capacity_write(c, &row, argv);
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
     "Load a node until it is slow, and write down what it can do.", cmd_measure_run,
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
     "refuses visitors or does not answer; in a slot also when visitors wait longer for "
     "the "
     "other nodes of the host. "
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
