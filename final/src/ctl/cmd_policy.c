/* policy and why.  A policy is one row of ModulePolicy; lars-dnsd sends it to the agents
 * with the routes.  Its rules are those of lb/policies.c, so that a new one is accepted
 * here without a change.  A command with several KEY=VALUE is one transaction: all or
 * none. */
#include "ctl/cmd_policy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctl/cmd_plane.h"
#include "ctl/make_change.h"
#include "lb/policies.h"

#define COLUMNS                                                                          \
    "modid# cmdid# rule probe timeout_ms# slow_ms# node_rps# node_inflight# target_ms# " \
    "who changed"
#define SELECT                                                                           \
    "SELECT modid, cmdid, rule, probe, timeout_ms, slow_ms, node_rps, node_inflight, "   \
    "target_ms, who, changed_at FROM ModulePolicy "

static int policy_list(struct ctl *c, int argc, char **argv)
{
    uint32_t modid, cmdid;
    int rc;

    if (argc == 0)
        return ctl_print(c, COLUMNS, SELECT "ORDER BY modid, cmdid");
    if (argc == 1)
        return ctl_say(CTL_USAGE, "a module has two numbers; give MODID and CMDID");
    rc = ctl_known_module(c, argv, CTL_IN_ROUTES | CTL_IN_POLICIES, &modid, &cmdid);
    return rc != 0 ? rc
                   : ctl_print(c, COLUMNS, SELECT "WHERE modid = %u AND cmdid = %u",
                               modid, cmdid);
}

/* The rules that this larsctl was built with: the table of lb/policies.c. */
static int policy_rules(struct ctl *c, int argc, char **argv)
{
    struct table *t;
    uint32_t id;
    int rc = table_create(&t, "rule chooses");

    (void)argc;
    (void)argv;
    for (id = 0; rc == 0 && id < policies_n; id++)
        rc = table_add(t, (char *[]){(char *)policies_at(id)->name,
                                     (char *)policies_at(id)->summary});
    return rc < 0 ? ctl_say(CTL_FAILED, "out of memory") : ctl_print_table(c, t);
}

/* Change the policy of the module; <argv> has the KEY=VALUE.  Returns an exit code. */
static int change_policy(struct ctl *c, struct change_op *op, const char *action,
                         int argc, char **argv)
{
    static const struct make_change_options how = {PLAN_NO_CONSENT, {"", "", ""}};
    struct ops_outcome out = {.result = OPS_DONE};
    char subject[24];
    struct ops_request r = {.action = action, .subject = subject, .op = op, .n_op = 1};
    int i, code = CTL_OK;

    for (i = 0; code == CTL_OK && i < argc; i++)
        code = make_change_field(op, argv[i]);
    snprintf(subject, sizeof(subject), "%u/%u", op->node.modid, op->node.cmdid);
    if (code == CTL_OK)
        code = make_change_run(c, &r, &how, &out);
    ops_free(&out);
    return code;
}

static int policy_set(struct ctl *c, int argc, char **argv)
{
    struct change_op op = {.verb = CHANGE_POLICY};
    int code =
        ctl_known_module(c, argv, CTL_IN_ROUTES, &op.node.modid, &op.node.cmdid);

    if (code == CTL_OK)
        code = change_policy(c, &op, "policy set", argc - 2, argv + 2);
    return code == CTL_OK && !c->dry_run ? policy_list(c, 2, argv) : code;
}

static int policy_delete(struct ctl *c, int argc, char **argv)
{
    struct change_op op = {.verb = CHANGE_NO_POLICY};
    int code = ctl_known_module(c, argv, CTL_IN_ROUTES | CTL_IN_POLICIES, &op.node.modid,
                                &op.node.cmdid);

    (void)argc;
    return code == CTL_OK ? change_policy(c, &op, "policy delete", 0, NULL) : code;
}

/* --- why ---------------------------------------------------------------------------- */

/* Print each row on a line of its own, the first behind <head>. */
static void print_lines(const char *head, const struct table *t)
{
    size_t i;

    for (i = 0; i < table_n_rows(t); i++) {
        printf("%-8s", i == 0 ? head : "");
        table_print_safe(table_cell(t, i, 0), stdout);
        putchar('\n');
    }
}

static int print_query(struct ctl *c, const char *head, const char *sql, uint32_t modid,
                       uint32_t cmdid)
{
    struct table *t = NULL;
    int rc = table_create(&t, "words");

    if (rc == 0)
        rc = ctl_table(c, t, sql, modid, cmdid);
    if (rc == 0)
        print_lines(head, t);
    table_destroy(t);
    return rc;
}

/* What is known of the module besides its nodes: policy, loads of zones, choices here. */
static int print_module_meta(struct ctl *c, uint32_t modid, uint32_t cmdid)
{
    int rc = print_query(
        c, "policy:",
        "SELECT CONCAT('rule ', IF(rule = '', 'of each agent''s configuration', rule), "
        "IF(probe = '', '', IF(probe = 'echo', ', checked by message 100', "
        "CONCAT(', checked by HTTP ', probe))), "
        "IF(timeout_ms = 0, '', CONCAT(', time-out ', timeout_ms, ' ms')), "
        "IF(node_rps = 0, '', CONCAT(', a node takes ', node_rps, "
        "' calls/s')), "
        "IF(node_inflight = 0, '', CONCAT(', up to ', node_inflight, "
        "' calls in progress at a node')), "
        "IF(target_ms = 0, '', CONCAT(', responses begin within ', target_ms, ' ms'))) "
        "FROM ModulePolicy WHERE modid = %u AND cmdid = %u",
        modid, cmdid);

    if (rc == 0)
        rc = print_query(
            c, "load:",
            "SELECT CONCAT('zone ', COALESCE((SELECT MIN(r.zone) FROM RouteData r "
            "WHERE CRC32(r.zone) = l.zone), CONCAT('#', l.zone)), ': ', "
            "ROUND(SUM(l.ok + l.err) / 5), ' calls/s, ', ROUND(SUM(l.err) / 5), "
            "' failed') FROM ZoneLoad l WHERE l.at BETWEEN UNIX_TIMESTAMP() - 6 AND "
            "UNIX_TIMESTAMP() - 2 AND l.modid = %u AND l.cmdid = %u GROUP BY l.zone",
            modid, cmdid);
    if (rc < 0)
        return ctl_db_failed(c, rc);
    cmd_plane_say(getenv("LARS_DIR"), modid, cmdid);
    return CTL_OK;
}

/* A row for each node: its state, and how the agents judge it. */
static int show_why(struct ctl *c, int argc, char **argv)
{
    uint32_t modid, cmdid;
    int rc = ctl_known_module(c, argv, CTL_IN_ROUTES, &modid, &cmdid);

    (void)argc;
    if (rc != 0)
        return rc;
    rc = ctl_print(
        c, "node zone state failed_percent# out_on# callers# because",
        "SELECT CONCAT(INET_NTOA(r.serverip), ':', r.serverport), r.zone, r.state, "
        "COALESCE(ROUND(100 * SUM(s.err_cnt) / NULLIF(SUM(s.succ_cnt + s.err_cnt), 0), 2)"
        ", 0), COALESCE(SUM(s.overload), 0), COUNT(s.caller), "
        "CASE WHEN r.state <> 'up' THEN 'an operator drained it' "
        "WHEN SUM(s.overload) = COUNT(s.caller) AND COUNT(s.caller) > 0 THEN "
        "'it is down, ejected or on trial on every host that called it' "
        "WHEN SUM(s.overload) > 0 THEN 'it is down, ejected or on trial on some ' "
        "'hosts' "
        "WHEN COUNT(s.caller) = 0 THEN 'no agent has called it yet' "
        "ELSE 'chosen' END "
        "FROM RouteData r LEFT JOIN ServerCallStatus s ON s.modid = r.modid AND s.cmdid ="
        " r.cmdid AND s.ip = r.serverip AND s.port = r.serverport "
        "WHERE r.modid = %u AND r.cmdid = %u "
        "GROUP BY r.id, r.serverip, r.serverport, r.zone, r.state "
        "ORDER BY r.zone, r.serverip, r.serverport",
        modid, cmdid);
    return rc == CTL_OK && c->format == TABLE_TEXT ? print_module_meta(c, modid, cmdid)
                                                   : rc;
}

const struct ctl_cmd cmd_policy[] = {
    {"policy", "list", "[MODID CMDID]", 0, 2,
     "List how nodes are chosen in each module, or in one module.", policy_list, NULL},
    {"policy", "rules", "", 0, 0, "List the rules that rule= accepts.", policy_rules,
     NULL},
    {"policy", "set", "MODID CMDID KEY=VALUE...", 3, 9,
     "Set how nodes of a module are chosen; it is in force within seconds.", policy_set,
     "KEY is rule (policy rules lists them), probe (how nodes are checked: an HTTP path "
     "such as /healthz; echo: message 100, which services that speak our frames answer "
     "with 101; empty: TCP), timeout_ms (after it a call without a report has failed), "
     "slow_ms (how long the slow start of a node lasts), node_rps (how many calls a "
     "second a node of weight 100 takes), node_inflight (how many it can have in "
     "progress at once) or target_ms (within which responses have to begin); gateways "
     "admit requests by the last two. 0 or nothing leaves a key to the agents."},
    {"policy", "delete", "MODID CMDID", 2, 2,
     "Choose as the configuration of each agent has it.", policy_delete, NULL},
    {"why", "", "MODID CMDID", 2, 2,
     "Explain for each node of a module why it is chosen or not.", show_why, NULL},
    {NULL, NULL, NULL, 0, 0, NULL, NULL, NULL}};
