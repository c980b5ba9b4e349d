/* A zone is drained where its calls are decided: the nodes leave the routes in one
 * transaction, and the gateways of the zone get a command to send visitors elsewhere.
 * The table is changed first, because it is what all others obey and what a second
 * operator sees; a gateway that does not obey is named, and the command can be repeated.
 *
 * When the other zones cannot take the calls, and lars-autoscaler scales modules, they
 * are given time to grow before the calls come.
 *
 * Rejected: a table that the gateways read.  Gateways need no database. */
#include "ctl/cmd_zone.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mono.h"
#include "ctl/cmd_zone_db.h"
#include "ctl/ctl_gateways.h"
#include "ctl/make_change.h"
#include "ctl/zone_hosts.h"
#include "db/zone_db.h"
#include "ops/zone_change.h"

#define SUBJECT 160 /* "zone:NAME" */
#define WAIT_S 60 /* that the other zones are given to grow */
#define WAIT_MAX_S 600
#define LOOK_MS 500

/* --- list and status ---------------------------------------------------------------- */

static int zone_list(struct ctl *c, int argc, char **argv)
{
    (void)argc;
    (void)argv;
    return ctl_print(c, "zone nodes# up# modules#",
                     "SELECT zone, COUNT(*), SUM(state = 'up'), COUNT(DISTINCT modid, "
                     "cmdid) FROM RouteData GROUP BY zone ORDER BY zone");
}

struct status {
    struct table *t;
    const struct ctl_gateways *gateways;
    struct sqldb *db; /* that has the rows */
};

/* "1 of 2 serve"; "" = none is configured for the zone. */
static void gateways_text(const struct ctl_gateways *g, const char *zone, char out[32])
{
    unsigned i, n = 0, serving = 0;

    for (i = 0; i < g->n; i++)
        if (ctl_gateways_in_zone(&g->at[i], zone)) {
            n++;
            serving += ctl_gateways_serves(&g->at[i]);
        }
    out[0] = '\0';
    if (n > 0)
        snprintf(out, 32, "%u of %u serve", serving, n);
}

static int add_line(char **at, void *arg)
{
    struct status *s = arg;
    char text[32], *cell[10];

    memcpy(cell, at, 6 * sizeof(*cell));
    gateways_text(s->gateways, at[0] ? at[0] : "", text);
    cell[6] = text;
    memcpy(&cell[7], &at[6], 3 * sizeof(*cell));
    return table_add(s->t, cell);
}

#define ZONES                                                                            \
    "SELECT zone FROM RouteData WHERE zone <> '' UNION SELECT zone FROM ZoneState "      \
    "UNION SELECT zone FROM ScaleHost WHERE zone <> ''"
/* Calls a second: the mean of the last minute that is complete in all tables. */
#define CALLS                                                                            \
    "SELECT r.zone, ROUND(SUM(c.succ + c.err) / 60, 1) AS calls FROM CallSecond c JOIN " \
    "RouteData r ON r.modid = c.modid AND r.cmdid = c.cmdid AND r.serverip = c.ip AND "  \
    "r.serverport = c.port WHERE c.at BETWEEN UNIX_TIMESTAMP() - 62 AND "                \
    "UNIX_TIMESTAMP() - 3 GROUP BY r.zone"

static int fill_status(struct status *s)
{
    return sqldb_each(
        s->db, add_line, s,
        "SELECT z.zone, COALESCE(MAX(s.state), 'in service'), COUNT(r.id), "
        "COALESCE(SUM(r.state = 'up' AND r.weight > 0), 0), COALESCE(SUM(r.state <> "
        "'up'), 0), COALESCE(MAX(k.calls), 0), MAX(s.who), MAX(s.at), MAX(s.reason) FROM "
        "(" ZONES ") z LEFT JOIN ZoneState s ON s.zone = z.zone LEFT JOIN RouteData r ON "
        "r.zone = z.zone LEFT JOIN (" CALLS
        ") k ON k.zone = z.zone GROUP BY z.zone ORDER BY z.zone");
}

/* The line about the database is no row: it is about all zones. */
static void print_database(struct sqldb *own, struct zone_db_view *v)
{
    *v = (struct zone_db_view){.is = ZONE_DB_UNKNOWN};
    if (own)
        zone_db_read(own, v);
    fputs("database", stderr);
    if (v->is_on && v->node[0]) {
        fputs(" (asked: ", stderr);
        table_print_safe(v->node, stderr);
        fprintf(stderr, ", %u members, %u of them with data, pc.weight %u of %u)",
                v->members, v->data, v->own_weight, v->weight);
    }
    fprintf(stderr, ": %s\n", zone_db_text(v));
}

/* Each of [zone] databases in a line of its own. */
static void print_one(const char *zone, const struct zone_db_view *v, int rc,
                      const char *why)
{
    fputs("database of ", stderr);
    table_print_safe(zone, stderr);
    fprintf(stderr, ": %s", rc < 0 ? "" : zone_db_case_name(v->is));
    if (rc == 0 && v->state[0]) {
        fputs(", ", stderr);
        table_print_safe(v->state, stderr);
    }
    table_print_safe(why, stderr);
    fputc('\n', stderr);
}

/* An isolated database tells its old rows, when no other one is in reach.  Returns <rc>
 * or the result of the second try. */
static int fill_from_isolated(struct status *s, struct sqldb *own, int rc)
{
    s->db = own;
    if (sqldb_run(own, "SET SESSION wsrep_dirty_reads = 1") < 0 || fill_status(s) < 0)
        return rc;
    fputs("no other database is in reach: the rows are those of before\n", stderr);
    return 0;
}

static int zone_status(struct ctl *c, int argc, char **argv)
{
    struct ctl_gateways gateways = {.n = 0};
    struct status s = {NULL, &gateways, c->db};
    struct zone_db_view v;
    struct sqldb *own = NULL;
    int rc = table_create(&s.t, "zone state nodes# up# drained# calls_s# gateways by "
                                "since reason");

    (void)argc;
    (void)argv;
    if (c->gateways[strspn(c->gateways, " ,\t")])
        ctl_gateways_ask(c, &gateways);
    if (rc == 0) {
        zone_db_open(&own, c->db_config);
        print_database(own, &v);
        zone_hosts_each_database(c, print_one);
        rc = fill_status(&s);
        if (rc < 0 && v.is == ZONE_DB_ISOLATED)
            rc = fill_from_isolated(&s, own, rc);
    }
    sqldb_close(own);
    ctl_gateways_free(&gateways);
    if (rc == 0)
        return ctl_print_table(c, s.t);
    table_destroy(s.t);
    return rc == -ENOMEM ? ctl_say(CTL_FAILED, "out of memory") : ctl_db_failed(c, rc);
}

/* --- what both changes share -------------------------------------------------------- */

struct words {
    const char *zone;
    bool confirmed; /* confirm=ZONE was given */
    uint32_t wait_s;
};

static int read_words(int argc, char **argv, struct words *w)
{
    int i, rc = 0;

    *w = (struct words){argv[0], false, WAIT_S};
    if (w->zone[strspn(w->zone, " ")] == '\0')
        return ctl_say(CTL_USAGE,
                       "the name of the zone is empty; nodes without a zone are drained "
                       "with larsctl node drain or route drain");
    for (i = 1; i < argc && rc == 0; i++) {
        if (strncmp(argv[i], "confirm=", 8) == 0) {
            w->confirmed = strcmp(argv[i] + 8, w->zone) == 0;
            if (!w->confirmed)
                rc = ctl_say(CTL_USAGE, "confirm= needs the name of the zone, %s",
                             w->zone);
        } else if (strncmp(argv[i], "wait=", 5) == 0)
            rc = ctl_u32(argv[i] + 5, "wait", WAIT_MAX_S, &w->wait_s);
        else
            rc =
                ctl_say(CTL_USAGE, "\"%s\" is not confirm=ZONE or wait=SECONDS", argv[i]);
    }
    return rc;
}

static int read_op(const struct words *w, const char *state, struct change_op *op,
                   char subject[SUBJECT])
{
    char why[CHANGE_WHY];

    *op = (struct change_op){.verb = CHANGE_ZONE};
    if (change_set_field(op, "zone", w->zone, why) < 0)
        return ctl_say(CTL_USAGE, "%s", why);
    snprintf(op->node.state, sizeof(op->node.state), "%s", state);
    snprintf(subject, SUBJECT, "zone:%s", w->zone);
    return 0;
}

/* A gateway that does not answer may be of the zone, and serve visitors. */
static void print_silent(const struct ctl_gateways *all)
{
    unsigned i, n = 0;

    for (i = 0; i < all->n; i++)
        n += all->at[i].state != NULL;
    for (i = 0; i < all->n && n > 0; i++)
        if (!all->at[i].state)
            ctl_say(CTL_OK, "%s; its zone is not known, and it got no command",
                    all->at[i].why);
}

/* Tell the gateways of the zone; none is known without [gateways] admin. */
static int tell_gateways(struct ctl *c, const struct words *w, const char *path)
{
    struct ctl sure = *c;
    struct ctl_gateways all;
    char name[SUBJECT];
    unsigned i, n = 0;
    int code = CTL_OK;

    if (!c->gateways[strspn(c->gateways, " ,\t")])
        return CTL_OK;
    code = ctl_gateways_ask(c, &all);
    for (i = 0; code == CTL_OK && i < all.n; i++)
        n += ctl_gateways_in_zone(&all.at[i], w->zone);
    sure.yes = true; /* that none of the zone serves is what is wanted */
    snprintf(name, sizeof(name), "zone:%s", w->zone);
    print_silent(&all);
    if (n > 0)
        code = ctl_gateways_command(&sure, &all, name, path, "");
    ctl_gateways_free(&all);
    return code;
}

/* --- drain -------------------------------------------------------------------------- */

/* Visitors need a gateway outside of the zone, unless the zone has none that serves. */
static int check_gateways(struct ctl *c, const struct words *w)
{
    struct ctl_gateways all;
    unsigned i, inside = 0, outside = 0;

    if (!c->gateways[strspn(c->gateways, " ,\t")] || w->confirmed)
        return CTL_OK;
    if (ctl_gateways_ask(c, &all) != 0) {
        ctl_gateways_free(&all);
        return CTL_FAILED;
    }
    for (i = 0; i < all.n; i++)
        if (ctl_gateways_serves(&all.at[i])) {
            inside += ctl_gateways_in_zone(&all.at[i], w->zone);
            outside += !ctl_gateways_in_zone(&all.at[i], w->zone);
        }
    ctl_gateways_free(&all);
    return inside == 0 || outside > 0
               ? CTL_OK
               : ctl_say(CTL_NEEDS_YES,
                         "no gateway outside of %s serves, so new visitors would be sent "
                         "nowhere; give -y and confirm=%s to do it",
                         w->zone, w->zone);
}

/* Is there an autoscaler that has decided lately, and may act? */
static bool can_grow(struct ctl *c)
{
    uint64_t n = 0;

    return sqldb_number(c->db, &n,
                        "SELECT COUNT(*) FROM ScaleDecision d JOIN ScalePolicy p ON "
                        "p.modid = d.modid AND p.cmdid = d.cmdid AND p.dry_run = 0 WHERE "
                        "d.at > NOW(3) - INTERVAL 150 SECOND") == 0 &&
           n > 0;
}

/* Returns 1: the others can take the calls; 0: they cannot, and <why> has the reason; or
 * as ops_plan().  What is refused for other reasons counts as 1: the drain itself says
 * it. */
static int others_suffice(struct ctl *c, const struct change_op *op, char why[CHANGE_WHY])
{
    struct ops_request r = {
        .who = ctl_actor(c), .action = "", .subject = "", .op = op, .n_op = 1};
    struct ops_outcome out = {.result = OPS_DONE};
    int rc = ops_plan(c->db, &r, &out);

    if (rc == 0)
        rc = out.result != OPS_DONE || !zone_change_explain(&out.plan, why);
    ops_free(&out);
    return rc;
}

/* Is the zone still about to leave?  Another operator may have returned it meanwhile. */
static int still_leaves(struct ctl *c, const char *zone)
{
    char state[ZONE_CHANGE_STATE];
    int rc = zone_change_state(c->db, zone, state);

    if (rc < 0 || strcmp(state, "leaving") == 0)
        return rc;
    ctl_say(CTL_OK, "%s is no longer leaving: another operator has changed it", zone);
    return -EBUSY;
}

/* Say to the autoscaler that the zone is about to leave, and wait until the others have
 * grown.  Returns an exit code; CTL_OK: the drain may be tried. */
static int let_others_grow(struct ctl *c, const struct words *w,
                           const struct change_op *op)
{
    const struct audit_actor who = ctl_actor(c);
    char why[CHANGE_WHY] = "", busy[CHANGE_WHY] = "";
    uint64_t until = mono_ms() + w->wait_s * UINT64_C(1000);
    int rc = others_suffice(c, op, why);

    if (rc < 0)
        return ctl_db_failed(c, rc);
    if (rc > 0 || w->wait_s == 0 || !can_grow(c))
        return CTL_OK;
    rc = zone_change_mark(c->db, &who, "zone leave", w->zone, "", "leaving", busy);
    if (rc < 0)
        return ctl_changed(c, rc == -EBUSY ? -EINVAL : rc, CTL_FAILED, busy);
    ctl_say(CTL_OK,
            "%s; the autoscaler lets the other zones grow first, for at most %u s", why,
            w->wait_s);
    do {
        poll(NULL, 0, LOOK_MS);
        rc = still_leaves(c, w->zone);
        if (rc == 0)
            rc = others_suffice(c, op, why);
    } while (rc == 0 && mono_ms() < until);
    if (rc == -EBUSY)
        return CTL_FAILED;
    if (rc < 0)
        ctl_say(CTL_OK,
                "%s is still marked as leaving; larsctl zone return %s takes it "
                "back",
                w->zone, w->zone);
    if (rc != 0)
        return rc < 0 ? ctl_db_failed(c, rc) : CTL_OK;
    rc = zone_change_mark(c->db, &who, "zone stay", w->zone, "leaving", "", busy);
    return rc < 0 ? ctl_changed(c, rc == -EBUSY ? -EINVAL : rc, CTL_FAILED, busy)
                  : CTL_OK;
}

int cmd_zone_drain(struct ctl *c, int argc, char **argv)
{
    char subject[SUBJECT], typed[SUBJECT];
    const struct make_change_options unsure = {PLAN_YES, {"", "give -y to do it", typed}},
                                     sure = {PLAN_REMOVE_ALL,
                                             {"", "give -y to do it",
                                              "give -y to do it"}};
    struct change_op op;
    struct words w;
    int code = read_words(argc, argv, &w);

    if (code == 0)
        code = read_op(&w, "drained", &op, subject);
    if (code == 0)
        code = check_gateways(c, &w);
    if (code == 0 && c->yes && !c->dry_run && !w.confirmed)
        code = let_others_grow(c, &w, &op);
    if (code != 0)
        return code;
    snprintf(typed, sizeof(typed), "give -y and confirm=%s to do it", w.zone);
    code = make_change_routes_by(c, "zone drain", subject, &op,
                                 w.confirmed ? &sure : &unsure);
    if (code == CTL_OK && !c->dry_run)
        code = tell_gateways(c, &w, "/drain");
    return code;
}

/* --- return ------------------------------------------------------------------------- */

static int zone_return(struct ctl *c, int argc, char **argv)
{
    char subject[SUBJECT];
    char state[ZONE_CHANGE_STATE] = "";
    struct change_op op;
    struct words w;
    int code = read_words(argc, argv, &w);

    if (code == 0)
        code = read_op(&w, "up", &op, subject);
    if (code != 0)
        return code;
    zone_change_state(c->db, w.zone, state);
    code = make_change_routes(c, "zone return", subject, &op);
    if (code == CTL_OK && !c->dry_run)
        code = tell_gateways(c, &w, "/undrain");
    if (code == CTL_OK && !c->dry_run && strcmp(state, "fenced") == 0)
        cmd_zone_db_print_start(w.zone);
    return code;
}

const struct ctl_cmd cmd_zone[] = {
    {"zone", "list", "", 0, 0, "List the zones with their nodes and modules.", zone_list,
     NULL},
    {"zone", "status", "", 0, 0,
     "Show which zones are in service, and how their databases stand.", zone_status,
     "calls_s is the mean of the last minute. The line about the database is on standard "
     "error. A gateway belongs to the zone in its [gateway] zone."},
    {"zone", "drain", "ZONE [confirm=ZONE] [wait=SECONDS]", 1, 3,
     "Give a zone no new calls and no new visitors.", cmd_zone_drain,
     "All of its nodes that are up leave the routes, and its gateways send visitors "
     "elsewhere; calls in progress end as they would. It is refused for the last zone in "
     "service. When the other zones can take less than the calls of the last minute, or "
     "a module has no node elsewhere, the autoscaler is given SECONDS (60) to start "
     "nodes there; if that is not enough, confirm=ZONE is needed as well as -y."},
    {"zone", "return", "ZONE", 1, 1, "Take a drain back.", zone_return,
     "The nodes that the drain took out are in the routes again, and those that were "
     "drained one by one stay so. The calls of the zone return to it within 10 s."},
    {NULL, NULL, NULL, 0, 0, NULL, NULL, NULL}};
