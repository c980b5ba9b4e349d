/* The commands write the table FrontHost; lars-autoscaler does what it says.  The list
 * has the gateways of [autoscaler] gateways too, as lars-autoscaler sees them, because an
 * operator looks for a gateway that is lost without knowing where its address is from. */
#include "ctl/cmd_front.h"

#include "ops/front_change.h"

static int front_list(struct ctl *c, int argc, char **argv)
{
    (void)argc;
    (void)argv;
    return ctl_print(
        c, "host zone admin outside state by seconds# answers note",
        "SELECT f.host, f.zone, f.admin, f.outside, CASE WHEN f.state = 'standby' AND "
        "f.failed > 0 THEN CONCAT('standby, given up ', f.failed, ' times in a row') "
        "WHEN "
        "f.state = 'starting' AND f.done = 0 THEN 'to be started' WHEN f.state = "
        "'starting' THEN 'started, not ready yet' WHEN f.state = 'announced' AND f.done "
        "= "
        "0 THEN 'ready, to be announced' WHEN f.state = 'announced' AND f.seen = 1 THEN "
        "'announced and seen from outside' WHEN f.state = 'announced' THEN 'announced, "
        "not seen from outside' WHEN f.state = 'withdrawing' AND f.done = 0 THEN 'to be "
        "withdrawn' WHEN f.state = 'withdrawing' THEN 'withdrawn, drains' ELSE f.state "
        "END, IF(f.held = 1, f.who, 'autoscaler'), TIMESTAMPDIFF(SECOND, f.since, "
        "NOW(3)), IF(g.address IS NULL, '', IF(g.answered_at > NOW(3) - INTERVAL 10 "
        "SECOND, 'yes', CONCAT('not for ', TIMESTAMPDIFF(SECOND, g.answered_at, NOW(3)), "
        "' s'))), f.note FROM FrontHost f LEFT JOIN GatewaySeen g ON g.address = f.admin "
        "UNION ALL SELECT '', '', g.address, '', 'configured', 'configuration', NULL, "
        "IF(g.answered_at > NOW(3) - INTERVAL 10 SECOND, 'yes', CONCAT('not for ', "
        "TIMESTAMPDIFF(SECOND, g.answered_at, NOW(3)), ' s')), g.why FROM GatewaySeen g "
        "WHERE g.origin = 'config' ORDER BY host, admin");
}

static int front_add(struct ctl *c, int argc, char **argv)
{
    const struct front_host h = {argv[0], argv[1], argv[2], argv[3]};
    struct audit_actor who = ctl_actor(c);
    char why[CHANGE_WHY];

    (void)argc;
    return ctl_changed(c, front_change_add(c->db, &who, &h, why), CTL_FAILED, why);
}

typedef int change_fn(struct sqldb *db, const struct audit_actor *who, const char *host,
                      char why[CHANGE_WHY]);

static int change(struct ctl *c, change_fn *fn, const char *host)
{
    struct audit_actor who = ctl_actor(c);
    char why[CHANGE_WHY];

    return ctl_changed(c, fn(c->db, &who, host, why), CTL_FAILED, why);
}

static int front_announce(struct ctl *c, int argc, char **argv)
{
    (void)argc;
    return change(c, front_change_announce, argv[0]);
}

static int front_withdraw(struct ctl *c, int argc, char **argv)
{
    (void)argc;
    return change(c, front_change_withdraw, argv[0]);
}

static int front_release(struct ctl *c, int argc, char **argv)
{
    (void)argc;
    return change(c, front_change_release, argv[0]);
}

static int front_remove(struct ctl *c, int argc, char **argv)
{
    (void)argc;
    return change(c, front_change_remove, argv[0]);
}

const struct ctl_cmd cmd_front[] = {
    {"front", "list", "", 0, 0,
     "List the hosts that run gateways or could, and what is done about them.",
     front_list,
     "Gateways of [autoscaler] gateways have no host. The column answers is as "
     "lars-autoscaler saw it, at most 5 s ago."},
    {"front", "add", "HOST ZONE ADMIN OUTSIDE", 4, 4,
     "Add a standby host, on which a further gateway can be started.", front_add,
     "ADMIN is ADDRESS:PORT of its admin port, OUTSIDE that at which visitors reach this "
     "one gateway by HTTP."},
    {"front", "announce", "HOST", 1, 1,
     "Start and announce the gateway of a host, and keep it.", front_announce,
     "The autoscaler does not withdraw it before `front release`."},
    {"front", "withdraw", "HOST", 1, 1,
     "Withdraw the gateway of a host, and do not use it.", front_withdraw,
     "Nothing waits for its answers any more. The autoscaler does not start it before "
     "`front release`."},
    {"front", "release", "HOST", 1, 1, "Let the autoscaler decide about a host again.",
     front_release, NULL},
    {"front", "remove", "HOST", 1, 1,
     "Forget a host whose gateway is not in use, or is lost and withdrawn.", front_remove,
     NULL},
    {NULL, NULL, NULL, 0, 0, NULL, NULL, NULL}};
