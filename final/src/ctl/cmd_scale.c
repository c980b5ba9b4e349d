/* What the autoscaler does is in tables that it writes, so the commands ask no process.
 * Times of plans are those of the operator's time zone (TZ), as `date` prints them. */
#define _XOPEN_SOURCE 700 /* strptime */
#include "ctl/cmd_scale.h"

#include <errno.h>
#include <string.h>
#include <time.h>

#include "ops/scale_change.h"

#define NOW_MINUTES 60 /* how long the order of `scale now` lasts */

static int result(const struct ctl *c, int rc, const char *why)
{
    return ctl_changed(c, rc, CTL_FAILED, why);
}

/* --- modules ------------------------------------------------------------------------ */

/* The index by_module has the newest decision at its end; MAX(id) would read all of them,
 * which takes 0.1 s for each module when they are kept for 90 days. */
static int scale_list(struct ctl *c, int argc, char **argv)
{
    (void)argc;
    (void)argv;
    return ctl_print(
        c,
        "module actuator dry_run# min# max# warm# wanted# need# up# demand# rule "
        "seconds_ago# note",
        "SELECT CONCAT(p.modid, '/', p.cmdid), p.actuator, p.dry_run, p.min_zone, "
        "p.max_zone, p.warm, d.wanted, d.need, (SELECT COUNT(*) FROM RouteData r WHERE "
        "r.modid = p.modid AND r.cmdid = p.cmdid AND r.state = 'up'), ROUND(d.demand, "
        "1), d.rule, TIMESTAMPDIFF(SECOND, d.at, NOW(3)), d.note FROM ScalePolicy p LEFT "
        "JOIN ScaleDecision d ON d.id = (SELECT x.id FROM ScaleDecision x WHERE x.modid "
        "= p.modid AND x.cmdid = p.cmdid ORDER BY x.at DESC, x.id DESC LIMIT 1) ORDER BY "
        "p.modid, p.cmdid");
}

static int scale_why(struct ctl *c, int argc, char **argv)
{
    uint32_t modid, cmdid;
    int rc = ctl_module(argv, &modid, &cmdid);

    (void)argc;
    if (rc != 0)
        return rc;
    return ctl_print(
        c,
        "at demand# refused# inflight# load_nodes# zones# up# need# plan# was# wanted# "
        "rule note",
        "SELECT at, ROUND(demand, 1), ROUND(refused, 1), ROUND(inflight, 1), "
        "ROUND(load_nodes, 2), zones, up, need, plan, was, wanted, rule, note FROM "
        "(SELECT * FROM ScaleDecision WHERE modid = %u AND cmdid = %u ORDER BY id DESC "
        "LIMIT 20) d ORDER BY id",
        modid, cmdid);
}

static int scale_set(struct ctl *c, int argc, char **argv)
{
    struct audit_actor who = ctl_actor(c);
    uint32_t modid, cmdid;
    char why[CHANGE_WHY];
    int rc = ctl_known_module(c, argv, CTL_IN_ROUTES | CTL_IN_POLICIES, &modid, &cmdid);

    return rc != 0 ? rc
                   : result(c,
                            scale_change_set(c->db, &who, modid, cmdid, argv + 2,
                                             (unsigned)argc - 2, why),
                            why);
}

static int scale_off(struct ctl *c, int argc, char **argv)
{
    struct audit_actor who = ctl_actor(c);
    uint32_t modid, cmdid;
    char why[CHANGE_WHY];
    int rc = ctl_module(argv, &modid, &cmdid);

    (void)argc;
    return rc != 0 ? rc
                   : result(c, scale_change_off(c->db, &who, modid, cmdid, why), why);
}

static int scale_freeze(struct ctl *c, int argc, char **argv)
{
    struct audit_actor who = ctl_actor(c);
    char why[CHANGE_WHY];
    uint32_t minutes;
    int rc = ctl_range(argv[0], "MINUTES", 1, SCALE_CHANGE_MINUTES_MAX, &minutes);

    (void)argc;
    who.reason = argv[1];
    return rc != 0 ? rc : result(c, scale_change_freeze(c->db, &who, minutes, why), why);
}

static int scale_unfreeze(struct ctl *c, int argc, char **argv)
{
    struct audit_actor who = ctl_actor(c);
    char why[CHANGE_WHY];

    (void)argc;
    (void)argv;
    return result(c, scale_change_freeze(c->db, &who, 0, why), why);
}

/* --- plans -------------------------------------------------------------------------- */

static int take_time(const char *text, const char *what, uint64_t *out)
{
    struct tm t = {.tm_isdst = -1};
    const char *end = strptime(text, "%Y-%m-%d %H:%M", &t);
    time_t at = end && *end == '\0' ? mktime(&t) : -1;

    if (at < 0)
        return ctl_say(CTL_USAGE, "%s \"%s\" is not of the form \"2027-05-01 08:30\"",
                       what, text);
    *out = (uint64_t)at;
    return 0;
}

static int add_plan(struct ctl *c, const struct scale_plan *p)
{
    struct audit_actor who = ctl_actor(c);
    char why[CHANGE_WHY];
    uint64_t id;
    int rc = scale_change_plan(c->db, &who, p, &id, why);

    if (rc == 0)
        printf("plan %llu\n", (unsigned long long)id);
    return result(c, rc, why);
}

static int plan_add(struct ctl *c, int argc, char **argv)
{
    struct scale_plan p = {.zone = argc > 5 ? argv[5] : "", .note = c->reason};
    int rc = ctl_module(argv, &p.modid, &p.cmdid);

    if (rc == 0)
        rc = take_time(argv[2], "FROM", &p.from_s);
    if (rc == 0)
        rc = take_time(argv[3], "UNTIL", &p.until_s);
    if (rc == 0)
        rc = ctl_range(argv[4], "NODES", 1, SCALE_CHANGE_NODES_MAX, &p.n_zone);
    return rc != 0 ? rc : add_plan(c, &p);
}

static int scale_now(struct ctl *c, int argc, char **argv)
{
    struct scale_plan p = {.zone = "", .note = c->reason};
    uint32_t minutes = NOW_MINUTES;
    int rc = ctl_module(argv, &p.modid, &p.cmdid);

    if (rc == 0)
        rc = ctl_range(argv[2], "NODES", 1, SCALE_CHANGE_NODES_MAX, &p.n_zone);
    if (rc == 0 && argc > 3)
        rc = ctl_range(argv[3], "MINUTES", 1, SCALE_CHANGE_MINUTES_MAX, &minutes);
    p.from_s = (uint64_t)time(NULL);
    p.until_s = p.from_s + minutes * 60u;
    return rc != 0 ? rc : add_plan(c, &p);
}

static int plan_list(struct ctl *c, int argc, char **argv)
{
    (void)argc;
    (void)argv;
    return ctl_print(
        c, "id# module zone from until nodes# in_force# by note",
        "SELECT id, CONCAT(modid, '/', cmdid), zone, from_at, until_at, n_zone, "
        "from_at <= NOW(), who, note FROM ScalePlan WHERE until_at > NOW() ORDER BY "
        "from_at, id");
}

static int plan_remove(struct ctl *c, int argc, char **argv)
{
    struct audit_actor who = ctl_actor(c);
    char why[CHANGE_WHY];
    uint32_t id;
    int rc = ctl_range(argv[0], "ID", 1, UINT32_MAX, &id);

    (void)argc;
    return rc != 0 ? rc : result(c, scale_change_unplan(c->db, &who, id, why), why);
}

/* --- hosts -------------------------------------------------------------------------- */

static int host_list(struct ctl *c, int argc, char **argv)
{
    (void)argc;
    (void)argv;
    return ctl_print(
        c, "host zone address class slots# ordered# ready# in_use# seconds_ago# fence#",
        "SELECT h.host, h.zone, h.address, h.class, h.slots, (SELECT COUNT(*) FROM "
        "ScaleWanted w WHERE w.host = h.host), (SELECT COUNT(*) FROM ScaleSlot s WHERE "
        "s.host = h.host AND s.state = 'ready'), h.in_use, TIMESTAMPDIFF(SECOND, "
        "h.seen_at, NOW(3)), h.fence FROM ScaleHost h ORDER BY h.zone, h.host");
}

static int host_slots(struct ctl *c, int argc, char **argv)
{
    (void)argc;
    return ctl_print(
        c, "slot# ordered runs port# pid# state starts# seconds# build note",
        "SELECT o.slot, IF(w.slot IS NULL, '', CONCAT(w.modid, '/', w.cmdid)), "
        "IF(s.slot IS NULL, '', CONCAT(s.modid, '/', s.cmdid)), s.port, s.pid, s.state, "
        "s.starts, TIMESTAMPDIFF(SECOND, s.since, NOW(3)), s.build, IF(s.note > '', "
        "s.note, IF(EXISTS (SELECT 1 FROM ScaleMeasure m WHERE m.state = 'given' AND "
        "m.host = o.host AND m.slot = o.slot), 'is measured', s.note)) FROM (SELECT "
        "host, slot FROM ScaleWanted UNION SELECT host, slot FROM ScaleSlot) o LEFT JOIN "
        "ScaleWanted w ON w.host = o.host AND w.slot = o.slot LEFT JOIN ScaleSlot s ON "
        "s.host = o.host AND s.slot = o.slot WHERE o.host = %s ORDER BY o.slot",
        argv[0]);
}

static int host_drain(struct ctl *c, int argc, char **argv)
{
    struct audit_actor who = ctl_actor(c);
    char why[CHANGE_WHY];

    (void)argc;
    return result(c, scale_change_host(c->db, &who, argv[0], false, why), why);
}

static int host_undrain(struct ctl *c, int argc, char **argv)
{
    struct audit_actor who = ctl_actor(c);
    char why[CHANGE_WHY];

    (void)argc;
    return result(c, scale_change_host(c->db, &who, argv[0], true, why), why);
}

static int host_forget(struct ctl *c, int argc, char **argv)
{
    struct audit_actor who = ctl_actor(c);
    char why[CHANGE_WHY];

    (void)argc;
    return result(c, scale_change_forget(c->db, &who, argv[0], why), why);
}

static int host_adopt(struct ctl *c, int argc, char **argv)
{
    struct audit_actor who = ctl_actor(c);
    uint32_t n_end = 0;
    char why[CHANGE_WHY];
    int rc = argc > 0 ? ctl_range(argv[0], "NODES", 0, UINT32_MAX, &n_end) : 0;

    return rc != 0 ? rc : result(c, scale_change_adopt(c->db, &who, n_end, why), why);
}

const struct ctl_cmd cmd_scale[] = {
    {"scale", "list", "", 0, 0,
     "List the modules that are scaled, and the last decision.", scale_list,
     "min, max, warm, wanted and need are nodes in each zone."},
    {"scale", "why", "MODID CMDID", 2, 2,
     "List the last decisions about a module with their numbers.", scale_why, NULL},
    {"scale", "set", "MODID CMDID [KEY=VALUE...]", 2, 9,
     "Let the autoscaler scale a module, within bounds.", scale_set,
     "The keys are actuator (slots, exec), min, max and warm (nodes in each zone; max=0 "
     "is no bound), util and floor (percent of a node's capacity, in normal use and when "
     "a zone is lost) and dry_run (1: decisions are recorded and not carried out)."},
    {"scale", "off", "MODID CMDID", 2, 2,
     "Leave a module as it is: the autoscaler changes it no more.", scale_off, NULL},
    {"scale", "now", "MODID CMDID NODES [MINUTES]", 3, 4,
     "Want at least so many nodes in each zone, for 60 minutes.", scale_now, NULL},
    {"scale", "freeze", "MINUTES REASON", 2, 2, "Scale nothing down for a time.",
     scale_freeze, "What is needed is still added."},
    {"scale", "unfreeze", "", 0, 0, "End the freeze.", scale_unfreeze, NULL},
    {"plan", "add", "MODID CMDID FROM UNTIL NODES [ZONE]", 5, 6,
     "Want at least so many nodes in each zone, or in one, for a time.", plan_add,
     "FROM and UNTIL are of the form \"2027-05-01 08:30\", in your time zone. The option "
     "-r adds a note."},
    {"plan", "list", "", 0, 0, "List the plans that are in force or to come.", plan_list,
     NULL},
    {"plan", "remove", "ID", 1, 1, "Remove a plan.", plan_remove, NULL},
    {"host", "list", "", 0, 0, "List the hosts that run nodes in slots.", host_list,
     NULL},
    {"host", "slots", "HOST", 1, 1, "List what the slots of a host are to run, and run.",
     host_slots, NULL},
    {"host", "drain", "HOST", 1, 1, "Move the nodes of a host to others.", host_drain,
     NULL},
    {"host", "undrain", "HOST", 1, 1, "Let a host run nodes again.", host_undrain, NULL},
    {"host", "forget", "HOST", 1, 1, "Forget a host that was taken away.", host_forget,
     NULL},
    {"host", "adopt", "[NODES]", 0, 1,
     "Let hosts obey this database after it was set up anew or restored.", host_adopt,
     "A host refuses orders with a lower fence than it has obeyed (log: slot.stale). "
     "This raises the fence above all of them. NODES is how many nodes end because this "
     "database does not order them; with another number nothing is done, and the right "
     "one is printed."},
    {NULL, NULL, NULL, 0, 0, NULL, NULL, NULL}};
