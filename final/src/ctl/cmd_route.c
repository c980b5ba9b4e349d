/* module, route, node and zone.  Every change is one transaction that sets
 * @lars_confirmed: a trigger then marks the change as confirmed, and lars-dnsd does not
 * hold it.  Larsctl asks instead, before the change: one that removes or drains most
 * nodes of a module needs -y.  After a commit larsctl waits until the agents have it
 * (in_force_wait), so that a script may use the change as soon as the command returns.
 *
 * Rejected: leaving every question to the removal guard of lars-dnsd.  The operator would
 * see a change that has no effect, and learn the reason from a log on another host. */
#include "ctl/cmd_route.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "ctl/in_force.h"
#include "route/mass_removal.h"

#define NAME_CHARACTERS 255 /* of a module or a command in the database */
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

static int zone_list(struct ctl *c, int argc, char **argv)
{
    (void)argc;
    (void)argv;
    return ctl_print(c, "zone nodes# up# modules#",
                     "SELECT zone, COUNT(*), SUM(state = 'up'), COUNT(DISTINCT modid, "
                     "cmdid) FROM RouteData GROUP BY zone ORDER BY zone");
}

/* --- changing ----------------------------------------------------------------------- */

#define OF_NODE " WHERE modid = %u AND cmdid = %u AND serverip = %u AND serverport = %u"
#define IN_SERVICE "state = 'up' AND weight > 0"

/* Begin a transaction whose changes are confirmed.  Returns 0 or -errno. */
static int begin_change(struct ctl *c)
{
    int rc = ctldb_run(c->db, "SET @lars_confirmed = 1");

    return rc < 0 ? rc : ctldb_run(c->db, "START TRANSACTION");
}

/* The nodes of the module that are given calls.  Their rows stay locked until the
 * transaction ends, so two commands at once are judged one after the other. */
static int count_in_service(struct ctl *c, uint32_t modid, uint32_t cmdid, uint64_t *n)
{
    return ctldb_number(c->db, n,
                        "SELECT SUM(" IN_SERVICE ") FROM RouteData WHERE modid = %u AND "
                        "cmdid = %u FOR UPDATE",
                        modid, cmdid);
}

/* The module had <had> nodes in service when the transaction began.  May it have those
 * it has now?  The removal guard of lars-dnsd would hold a mass removal, so it needs -y.
 * Returns 0, or an exit code after a line on standard error. */
static int ask_for_yes(struct ctl *c, uint32_t modid, uint32_t cmdid, uint64_t had)
{
    uint64_t left, gone;
    int rc = count_in_service(c, modid, cmdid, &left);

    if (rc < 0)
        return ctl_db_failed(c, rc);
    gone = left < had ? had - left : 0;
    if (c->yes || !mass_removal_of_module(had, gone, left))
        return 0;
    return ctl_say(
        CTL_NEEDS_YES,
        "this takes %llu of the %llu nodes of %u/%u that are up; give -y to do it",
        (unsigned long long)gone, (unsigned long long)had, modid, cmdid);
}

/* End a change of the module, which had <had> nodes in service: commit when <rc> is 0 and
 * the change may be made, and print where it is in force.  Returns an exit code. */
static int end_change(struct ctl *c, int rc, uint32_t modid, uint32_t cmdid, uint64_t had)
{
    int code = rc == 0 ? ask_for_yes(c, modid, cmdid, had) : CTL_OK;

    if (rc == 0)
        rc = code == CTL_OK ? ctldb_commit_routes(c->db) : ctldb_run(c->db, "ROLLBACK");
    if (rc < 0)
        return ctl_db_failed(c, rc);
    if (code == CTL_OK)
        in_force_wait(c, modid, cmdid);
    return code;
}

/* One of zone=b, weight=50, state=up into its column of the row.  Returns 0; -EINVAL
 * after a line on standard error; -errno of the database. */
static int set_column(struct ctl *c, const char *word, uint32_t modid, uint32_t cmdid,
                      uint32_t ip, uint32_t port)
{
    const char *value = strchr(word, '=');
    uint32_t weight;

    value = value ? value + 1 : "";
    if (strncmp(word, "zone=", 5) == 0)
        return ctl_text(value, "zone", 32) != 0
                   ? -EINVAL
                   : ctldb_run(c->db, "UPDATE RouteData SET zone = %s" OF_NODE, value,
                               modid, cmdid, ip, port);
    if (strncmp(word, "state=", 6) == 0 &&
        (strcmp(value, "up") == 0 || strcmp(value, "drained") == 0))
        return ctldb_run(c->db, "UPDATE RouteData SET state = %s" OF_NODE, value, modid,
                         cmdid, ip, port);
    if (strncmp(word, "weight=", 7) == 0)
        return ctl_u32(value, "weight", CTL_WEIGHT_MAX, &weight) != 0
                   ? -EINVAL
                   : ctldb_run(c->db, "UPDATE RouteData SET weight = %u" OF_NODE, weight,
                               modid, cmdid, ip, port);
    ctl_say(0, "\"%s\" is not zone=NAME, weight=0..10000, state=up or state=drained",
            word);
    return -EINVAL;
}

/* Read the arguments MODID CMDID NODE.  Returns 0 or an exit code. */
static int read_node(char **argv, uint32_t *modid, uint32_t *cmdid, uint32_t *ip,
                     uint32_t *port)
{
    int rc = ctl_module(argv, modid, cmdid);

    return rc != 0 ? rc : ctl_node(argv[2], ip, port);
}

static int count_rows(struct ctl *c, uint32_t modid, uint32_t cmdid, uint32_t ip,
                      uint32_t port, uint64_t *n)
{
    return ctldb_number(c->db, n, "SELECT COUNT(*) FROM RouteData" OF_NODE, modid, cmdid,
                        ip, port);
}

static int change_node(struct ctl *c, int argc, char **argv, bool add)
{
    uint32_t modid, cmdid, ip, port;
    uint64_t n, had;
    int i, rc = read_node(argv, &modid, &cmdid, &ip, &port);

    if (rc != 0)
        return rc;
    rc = begin_change(c);
    if (rc == 0)
        rc = count_in_service(c, modid, cmdid, &had);
    if (rc == 0)
        rc = count_rows(c, modid, cmdid, ip, port, &n);
    if (rc < 0)
        return ctl_db_failed(c, rc);
    if (add == (n > 0)) {
        ctldb_run(c->db, "ROLLBACK");
        return ctl_say(CTL_FAILED, "%s is %s a node of %u/%u", argv[2],
                       add ? "already" : "not", modid, cmdid);
    }
    if (add)
        rc = ctldb_run(c->db,
                       "INSERT INTO RouteData (modid, cmdid, serverip, serverport) "
                       "VALUES (%u, %u, %u, %u)",
                       modid, cmdid, ip, port);
    for (i = 3; i < argc && rc == 0; i++)
        rc = set_column(c, argv[i], modid, cmdid, ip, port);
    if (rc == -EINVAL) {
        ctldb_run(c->db, "ROLLBACK");
        return CTL_USAGE;
    }
    return end_change(c, rc, modid, cmdid, had);
}

static int route_add(struct ctl *c, int argc, char **argv)
{
    return change_node(c, argc, argv, true);
}

static int route_set(struct ctl *c, int argc, char **argv)
{
    return change_node(c, argc, argv, false);
}

/* Set the state of one node of one module; "" removes the node. */
static int set_node_state(struct ctl *c, char **argv, const char *state)
{
    uint32_t modid, cmdid, ip, port;
    uint64_t n, had;
    int rc = read_node(argv, &modid, &cmdid, &ip, &port);

    if (rc != 0)
        return rc;
    rc = begin_change(c);
    if (rc == 0)
        rc = count_in_service(c, modid, cmdid, &had);
    if (rc == 0)
        rc = count_rows(c, modid, cmdid, ip, port, &n);
    if (rc < 0)
        return ctl_db_failed(c, rc);
    if (n == 0) {
        ctldb_run(c->db, "ROLLBACK");
        return ctl_say(CTL_FAILED, "%s is not a node of %u/%u", argv[2], modid, cmdid);
    }
    if (state[0])
        rc = ctldb_run(c->db, "UPDATE RouteData SET state = %s" OF_NODE, state, modid,
                       cmdid, ip, port);
    else
        rc = ctldb_run(c->db, "DELETE FROM RouteData" OF_NODE, modid, cmdid, ip, port);
    return end_change(c, rc, modid, cmdid, had);
}

static int route_remove(struct ctl *c, int argc, char **argv)
{
    (void)argc;
    return set_node_state(c, argv, "");
}

static int route_drain(struct ctl *c, int argc, char **argv)
{
    (void)argc;
    return set_node_state(c, argv, "drained");
}

static int route_undrain(struct ctl *c, int argc, char **argv)
{
    (void)argc;
    return set_node_state(c, argv, "up");
}

static int module_remove(struct ctl *c, int argc, char **argv)
{
    uint32_t modid, cmdid;
    uint64_t n, had;
    int rc = ctl_module(argv, &modid, &cmdid);

    (void)argc;
    if (rc != 0)
        return rc;
    rc = begin_change(c);
    if (rc == 0)
        rc = count_in_service(c, modid, cmdid, &had);
    if (rc == 0)
        rc = ctldb_number(c->db, &n,
                          "SELECT COUNT(*) FROM RouteData WHERE modid = %u AND cmdid = "
                          "%u",
                          modid, cmdid);
    if (rc < 0)
        return ctl_db_failed(c, rc);
    if (n == 0) {
        ctldb_run(c->db, "ROLLBACK");
        return ctl_say(CTL_FAILED, "there is no module %u/%u", modid, cmdid);
    }
    rc = ctldb_run(c->db, "DELETE FROM RouteData WHERE modid = %u AND cmdid = %u", modid,
                   cmdid);
    return end_change(c, rc, modid, cmdid, had);
}

static int module_set(struct ctl *c, int argc, char **argv)
{
    uint32_t modid, cmdid;
    int rc = ctl_known_module(c, argv, CTL_IN_ROUTES, &modid, &cmdid);

    if (rc == 0)
        rc = ctl_text(argv[2], "NAME", NAME_CHARACTERS);
    if (rc == 0 && argc > 3)
        rc = ctl_text(argv[3], "COMMAND", NAME_CHARACTERS);
    if (rc != 0)
        return rc;
    rc = ctldb_run(c->db,
                   "INSERT INTO ModIDConfig (modid, content) VALUES (%u, %s) "
                   "ON DUPLICATE KEY UPDATE content = VALUES(content)",
                   modid, argv[2]);
    if (rc == 0 && argc > 3)
        rc = ctldb_run(c->db,
                       "INSERT INTO CmdIDConfig (cmdid, content) VALUES (%u, %s) "
                       "ON DUPLICATE KEY UPDATE content = VALUES(content)",
                       cmdid, argv[3]);
    return rc < 0 ? ctl_db_failed(c, rc) : CTL_OK;
}

static int route_confirm(struct ctl *c, int argc, char **argv)
{
    uint32_t modid, cmdid;
    int rc = ctl_known_module(c, argv, CTL_IN_ROUTES | CTL_IN_CHANGES, &modid, &cmdid);

    (void)argc;
    if (rc != 0)
        return rc;
    rc = begin_change(c);
    if (rc == 0)
        rc = ctldb_run(c->db,
                       "INSERT INTO RouteConfirm (modid, cmdid, who) VALUES (%u, %u, %s)",
                       modid, cmdid, c->who);
    if (rc == 0)
        rc = ctldb_commit_routes(c->db);
    if (rc < 0)
        return ctl_db_failed(c, rc);
    in_force_wait(c, modid, cmdid);
    return CTL_OK;
}

/* Every module that has nodes in the zone, or on the host, <value>, with the number of
 * its nodes in service.  The rows stay locked until the transaction ends. */
static int modules_of(struct ctl *c, struct table *t, bool zone, const char *value)
{
#define MODULES_WHERE(which)                                                             \
    "SELECT modid, cmdid, SUM(" IN_SERVICE ") FROM RouteData WHERE (modid, cmdid) IN "   \
    "(SELECT modid, cmdid FROM RouteData WHERE " which ") GROUP BY modid, cmdid "        \
    "ORDER BY modid, cmdid FOR UPDATE"

    return zone ? ctldb_table(c->db, t, MODULES_WHERE("zone = %s"), value)
                : ctldb_table(c->db, t, MODULES_WHERE("serverip = INET_ATON(%s)"), value);
}

static int set_all_states(struct ctl *c, bool zone, const char *value, const char *state)
{
    return zone ? ctldb_run(c->db, "UPDATE RouteData SET state = %s WHERE zone = %s",
                            state, value)
                : ctldb_run(c->db,
                            "UPDATE RouteData SET state = %s WHERE serverip = "
                            "INET_ATON(%s)",
                            state, value);
}

/* Call ask_for_yes() for each module of <t>.  Returns an exit code. */
static int ask_for_each(struct ctl *c, const struct table *t)
{
    uint32_t modid, cmdid, had;
    int code = CTL_OK;
    size_t r;

    for (r = 0; code == CTL_OK && r < table_n_rows(t); r++) {
        ctl_u32(table_cell(t, r, 0), "", UINT32_MAX, &modid);
        ctl_u32(table_cell(t, r, 1), "", UINT32_MAX, &cmdid);
        ctl_u32(table_cell(t, r, 2), "", UINT32_MAX, &had);
        code = ask_for_yes(c, modid, cmdid, had);
    }
    return code;
}

/* Set the state of every node in a zone, or on a host. */
static int set_many(struct ctl *c, bool zone, const char *value, const char *state)
{
    struct table *t;
    int rc, code = CTL_OK;

    if (value[strspn(value, " ")] == '\0')
        return ctl_say(CTL_USAGE,
                       "the name of the %s is empty; nodes without a zone are drained "
                       "with larsctl node drain or route drain",
                       zone ? "zone" : "node");
    rc = table_create(&t, "modid# cmdid# nodes#");
    if (rc < 0)
        return ctl_db_failed(c, rc);
    rc = begin_change(c);
    if (rc == 0)
        rc = modules_of(c, t, zone, value);
    if (rc == 0 && table_n_rows(t) == 0)
        code = ctl_say(CTL_FAILED, "no node is in %s; see larsctl %s list", value,
                       zone ? "zone" : "node");
    if (rc == 0 && code == CTL_OK)
        rc = set_all_states(c, zone, value, state);
    if (rc == 0 && code == CTL_OK)
        code = ask_for_each(c, t);
    if (rc == 0)
        rc = code == CTL_OK ? ctldb_commit_routes(c->db) : ctldb_run(c->db, "ROLLBACK");
    if (rc == 0 && code == CTL_OK)
        in_force_wait_each(c, t);
    table_destroy(t);
    return rc < 0 ? ctl_db_failed(c, rc) : code;
}

static int zone_drain(struct ctl *c, int argc, char **argv)
{
    (void)argc;
    return set_many(c, true, argv[0], "drained");
}

static int zone_undrain(struct ctl *c, int argc, char **argv)
{
    (void)argc;
    return set_many(c, true, argv[0], "up");
}

/* INET_ATON() of the database takes 10.1 for 10.0.0.1, which the user may not mean. */
static int set_host(struct ctl *c, const char *text, const char *state)
{
    struct in_addr ip;

    if (inet_pton(AF_INET, text, &ip) != 1)
        return ctl_say(CTL_USAGE, "IP: \"%s\" is not like 10.0.0.1", text);
    return set_many(c, false, text, state);
}

static int node_drain(struct ctl *c, int argc, char **argv)
{
    (void)argc;
    return set_host(c, argv[0], "drained");
}

static int node_undrain(struct ctl *c, int argc, char **argv)
{
    (void)argc;
    return set_host(c, argv[0], "up");
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
    {"zone", "list", "", 0, 0, "List the zones with their nodes and modules.", zone_list,
     NULL},
    {"zone", "drain", "ZONE", 1, 1, "Drain a zone in every module.", zone_drain, NULL},
    {"zone", "undrain", "ZONE", 1, 1, "Give a drained zone calls again in every module.",
     zone_undrain, NULL},
    {NULL, NULL, NULL, 0, 0, NULL, NULL, NULL}};
