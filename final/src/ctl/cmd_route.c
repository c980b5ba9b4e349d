/* module, route and node.  A change is one operation for ops, which applies it in
 * one transaction and records it; after the commit larsctl waits until the agents have
 * it, so that a script may use the change as soon as the command returns.
 *
 * Rejected: leaving every question to the removal guard of lars-dnsd.  The operator would
 * see a change that has no effect, and learn the reason from a log on another host. */
#include "ctl/cmd_route.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "ctl/make_change.h"

#define SUBJECT 160 /* "1/1", "host:10.0.0.1" */
#define NAME(id, of) "(SELECT content FROM " of " WHERE " id " = r." id " LIMIT 1)"

/* --- reading ------------------------------------------------------------------------ */

static int module_list(struct ctl *c, int argc, char **argv)
{
    (void)argc;
    (void)argv;
    return ctl_print(c, "modid# cmdid# module command nodes# up# zones",
                     "SELECT r.modid, r.cmdid, " NAME("modid", "ModIDConfig") ", " NAME(
                         "cmdid",
                         "CmdIDConfig") ", COUNT(*), SUM(state = 'up'), "
                                        "GROUP_CONCAT(DISTINCT zone ORDER BY zone "
                                        "SEPARATOR ' ') FROM RouteData r GROUP BY modid, "
                                        "cmdid ORDER BY modid, cmdid");
}

static int route_list(struct ctl *c, int argc, char **argv)
{
    static const char columns[] = "modid# cmdid# node zone weight# state";
    uint32_t modid, cmdid;
    int rc;

    if (argc == 0)
        return ctl_print(c, columns,
                         "SELECT modid, cmdid, CONCAT(INET_NTOA(serverip), ':', "
                         "serverport), zone, weight, state FROM RouteData "
                         "ORDER BY modid, cmdid, zone, serverip, serverport");
    if (argc == 1)
        return ctl_say(CTL_USAGE, "a module has two numbers; give MODID and CMDID");
    rc = ctl_known_module(c, argv, CTL_IN_ROUTES, &modid, &cmdid);
    if (rc != 0)
        return rc;
    return ctl_print(c, columns,
                     "SELECT modid, cmdid, CONCAT(INET_NTOA(serverip), ':', serverport), "
                     "zone, weight, state FROM RouteData WHERE modid = %u AND cmdid = %u "
                     "ORDER BY zone, serverip, serverport",
                     modid, cmdid);
}

/* What the DNSServices hold; each shows its holds in the database every few seconds. */
static int route_holds(struct ctl *c, int argc, char **argv)
{
    (void)argc;
    (void)argv;
    return ctl_print(c, "modid# cmdid# nodes# gone# since dnsd",
                     "SELECT modid, cmdid, had, gone, since, dnsd FROM RouteHold WHERE "
                     "seen_at > NOW(3) - INTERVAL 30 SECOND ORDER BY modid, cmdid, dnsd");
}

static int node_list(struct ctl *c, int argc, char **argv)
{
    (void)argc;
    (void)argv;
    return ctl_print(c, "ip zone modules# up# states",
                     "SELECT INET_NTOA(serverip), GROUP_CONCAT(DISTINCT zone), COUNT(*), "
                     "SUM(state = 'up'), GROUP_CONCAT(DISTINCT state) FROM RouteData "
                     "GROUP BY serverip ORDER BY serverip");
}

/* --- changing ----------------------------------------------------------------------- */

/* Read the arguments MODID CMDID NODE into <op>, and into <subject> the module.  Returns
 * 0 or an exit code. */
static int read_node(char **argv, struct change_op *op, char subject[SUBJECT])
{
    int rc = ctl_module(argv, &op->node.modid, &op->node.cmdid);

    snprintf(subject, SUBJECT, "%u/%u", op->node.modid, op->node.cmdid);
    return rc != 0 ? rc : ctl_node(argv[2], &op->node.ip, &op->node.port);
}

/* A change of one node; <state> is its new state, or NULL: the arguments have it. */
static int change_node(struct ctl *c, int argc, char **argv, enum change_verb verb,
                       const char *action, const char *state)
{
    struct change_op op = {.verb = verb};
    char subject[SUBJECT], why[CHANGE_WHY];
    int i, rc = read_node(argv, &op, subject);

    for (i = 3; i < argc && rc == 0; i++)
        rc = make_change_field(&op, argv[i]);
    if (rc == 0 && state)
        rc = change_set_field(&op, "state", state, why);
    return rc != 0 ? rc : make_change_routes(c, action, subject, &op);
}

static int route_add(struct ctl *c, int argc, char **argv)
{
    return change_node(c, argc, argv, CHANGE_ADD, "route add", NULL);
}

static int route_set(struct ctl *c, int argc, char **argv)
{
    return change_node(c, argc, argv, CHANGE_SET, "route set", NULL);
}

static int route_remove(struct ctl *c, int argc, char **argv)
{
    return change_node(c, argc, argv, CHANGE_REMOVE, "route remove", NULL);
}

static int route_drain(struct ctl *c, int argc, char **argv)
{
    return change_node(c, argc, argv, CHANGE_SET, "route drain", "drained");
}

static int route_undrain(struct ctl *c, int argc, char **argv)
{
    return change_node(c, argc, argv, CHANGE_SET, "route undrain", "up");
}

static int module_remove(struct ctl *c, int argc, char **argv)
{
    struct change_op op = {.verb = CHANGE_REMOVE_MODULE};
    char subject[SUBJECT];
    int rc = ctl_module(argv, &op.node.modid, &op.node.cmdid);

    (void)argc;
    snprintf(subject, sizeof(subject), "%u/%u", op.node.modid, op.node.cmdid);
    return rc != 0 ? rc : make_change_routes(c, "module remove", subject, &op);
}

static int module_set(struct ctl *c, int argc, char **argv)
{
    static const struct make_change_options how = {PLAN_NO_CONSENT, {"", "", ""}};
    struct change_op op = {.verb = CHANGE_NAME};
    struct ops_outcome out = {.result = OPS_DONE};
    char subject[SUBJECT], why[CHANGE_WHY];
    struct ops_request r = {
        .action = "module set", .subject = subject, .op = &op, .n_op = 1};
    int rc = ctl_known_module(c, argv, CTL_IN_ROUTES, &op.node.modid, &op.node.cmdid);

    if (rc != 0)
        return rc;
    snprintf(subject, sizeof(subject), "%u/%u", op.node.modid, op.node.cmdid);
    if (change_set_names(&op, argv[2], argc > 3 ? argv[3] : NULL, why) < 0)
        return ctl_say(CTL_USAGE, "%s", why);
    rc = make_change_run(c, &r, &how, &out);
    ops_free(&out);
    return rc;
}

static int route_confirm(struct ctl *c, int argc, char **argv)
{
    struct change_op op = {.verb = CHANGE_CONFIRM};
    char subject[SUBJECT];
    int rc = ctl_known_module(c, argv, CTL_IN_ROUTES | CTL_IN_CHANGES, &op.node.modid,
                              &op.node.cmdid);

    (void)argc;
    snprintf(subject, sizeof(subject), "%u/%u", op.node.modid, op.node.cmdid);
    return rc != 0 ? rc : make_change_routes(c, "route confirm", subject, &op);
}

/* Set the state of every node on a host. */
static int set_host(struct ctl *c, const char *text, const char *action,
                    const char *state)
{
    struct change_op op = {.verb = CHANGE_HOST};
    char subject[SUBJECT];
    struct in_addr ip;

    if (inet_pton(AF_INET, text, &ip) != 1)
        return ctl_say(CTL_USAGE, "IP: \"%s\" is not like 10.0.0.1", text);
    op.node.ip = ntohl(ip.s_addr);
    snprintf(subject, sizeof(subject), "host:%s", text);
    snprintf(op.node.state, sizeof(op.node.state), "%s", state);
    return make_change_routes(c, action, subject, &op);
}

static int node_drain(struct ctl *c, int argc, char **argv)
{
    (void)argc;
    return set_host(c, argv[0], "node drain", "drained");
}

static int node_undrain(struct ctl *c, int argc, char **argv)
{
    (void)argc;
    return set_host(c, argv[0], "node undrain", "up");
}

const struct ctl_cmd cmd_route[] = {
    {"module", "list", "", 0, 0, "List the modules with their names, nodes and zones.",
     module_list, NULL},
    {"module", "show", "MODID CMDID", 2, 2, "List the nodes of a module.", route_list,
     NULL},
    {"module", "set", "MODID CMDID NAME [COMMAND]", 3, 4,
     "Give a module names that people read.", module_set, NULL},
    {"module", "remove", "MODID CMDID", 2, 2, "Remove all nodes of a module.",
     module_remove, "It needs -y while a node of the module is up."},
    {"route", "list", "[MODID CMDID]", 0, 2,
     "List the nodes of all modules, or of one module.", route_list, NULL},
    {"route", "add", "MODID CMDID IP:PORT [zone=Z] [weight=N] [state=up|drained]", 3, 6,
     "Add a node to a module.", route_add,
     "The weight is 0 to 10000, and 100 when it is not given. A node of weight 0 is "
     "given no new calls, as a drained one."},
    {"route", "set", "MODID CMDID IP:PORT [zone=Z] [weight=N] [state=up|drained]", 4, 6,
     "Change a node of a module.", route_set, NULL},
    {"route", "remove", "MODID CMDID IP:PORT", 3, 3, "Remove a node from a module.",
     route_remove, NULL},
    {"route", "drain", "MODID CMDID IP:PORT", 3, 3,
     "Give a node no new calls; calls in flight end as they would.", route_drain, NULL},
    {"route", "undrain", "MODID CMDID IP:PORT", 3, 3, "Give a drained node calls again.",
     route_undrain, NULL},
    {"route", "confirm", "MODID CMDID", 2, 2,
     "Confirm a change that the removal guard of lars-dnsd holds.", route_confirm, NULL},
    {"route", "holds", "", 0, 0,
     "List the modules whose removal of nodes lars-dnsd holds.", route_holds,
     "The nodes are still given calls. Confirm the removal with route confirm, or add "
     "the nodes again."},
    {"node", "list", "", 0, 0, "List the hosts and how many modules they serve.",
     node_list, NULL},
    {"node", "drain", "IP", 1, 1, "Drain a host in every module.", node_drain, NULL},
    {"node", "undrain", "IP", 1, 1, "Give a drained host calls again in every module.",
     node_undrain, NULL},
    {NULL, NULL, NULL, 0, 0, NULL, NULL, NULL}};
