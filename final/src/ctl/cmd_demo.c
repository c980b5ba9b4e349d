/* The demonstration has a module of its own, which no user has, with nodes that this
 * process starts.  Nothing else is touched: no other route, no policy, no row of Drill,
 * which would keep other modules from being scaled down.
 *
 * Undo.  All that outlives this process is the routes of that module, and its number is
 * known before anything happens: so the undo is to remove the module, and nothing has to
 * be stored first.  Its nodes end with this process.
 * Invariant: one demonstration at a time; a lease, which it keeps each second, tells one
 * that runs from one that was killed.
 * Rejected: a journal as a drill has it.  It could be lost, or be in another folder.  A
 * lock of the database server, which another node of a cluster does not know. */
#include "ctl/cmd_demo.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/err.h"
#include "base/ipv4.h"
#include "base/mono.h"
#include "base/rnd.h"
#include "base/sig.h"
#include "ctl/demo_calls.h"
#include "ctl/make_change.h"
#include "db/lease.h"

#define MODID 4294900001u
#define CMDID 1u
#define SUBJECT "4294900001/1"
#define LEASE "demo"
#define ZONES 2
#define NODES 4                       /* the same number in each zone */
#define RATE 50u                      /* calls a second in each zone */
#define LOST_S 8u                     /* the second in which the zone is lost, in */
#define BACK_S 20u                    /* which it is back, and the end */
#define END_S 32u
#define SHIFTED_S 3u                  /* seconds before BACK_S without a failure */
#define REGISTER_MS 10000u
#define REPORT_MS 20000u              /* an agent reports within so long */
#define ZONE_NAME 33

struct demo {
    struct ctl *c;
    uint64_t holder;                  /* of the lease */
    char zone[ZONES][ZONE_NAME];
    unsigned agent[ZONES];            /* its index in c->agent */
    unsigned lost;                    /* the zone that is lost */
    struct lars_client *lars[ZONES];
    struct demo_calls *calls[ZONES];
    struct demo_node node[NODES];
    uint64_t n_ok, n_failed, n_shifted, n_failed_late;
};

static volatile sig_atomic_t stopped;

static void on_signal(int signo)
{
    (void)signo;
    stopped = 1;
}

/* --- what must hold ----------------------------------------------------------------- */

struct zone_text {
    char name[ZONE_NAME];
};

static int on_zone(char **at, void *arg)
{
    struct zone_text *z = arg;

    snprintf(z->name, sizeof(z->name), "%s", at[0] ? at[0] : "");
    return 0;
}

/* The first agent that larsctl knows in each of two zones, on this machine.  *<n>: in how
 * many zones there is one. */
static int look_for_zones(struct demo *d, unsigned *n)
{
    struct ctl *c = d->c;
    unsigned i;
    struct net_addr at;
    int rc;

    for (i = 0, *n = 0; i < c->n_agent && *n < ZONES; i++) {
        struct zone_text z = {""};

        if (net_addr_parse(&at, c->agent[i]) < 0 || at.family != AF_INET ||
            at.ip[0] != 127)
            return ctl_say(CTL_FAILED,
                           "agent %.60s is not of this machine: the nodes of demo "
                           "zone-loss are; use it with make run",
                           c->agent[i]);
        rc = sqldb_each(c->db, on_zone, &z,
                        "SELECT zone FROM Service WHERE kind = 'agent' AND "
                        "SUBSTRING_INDEX(name, '/', -1) = %s AND seen_at > NOW(3) - "
                        "INTERVAL 10 SECOND",
                        c->agent[i]);
        if (rc < 0)
            return ctl_db_failed(c, rc);
        if (!z.name[0] || (*n == 1 && strcmp(z.name, d->zone[0]) == 0))
            continue;
        snprintf(d->zone[*n], sizeof(d->zone[*n]), "%s", z.name);
        d->agent[(*n)++] = i;
    }
    return CTL_OK;
}

/* An agent that was just started has not reported yet. */
static int find_zones(struct demo *d)
{
    uint64_t end_ms = mono_ms() + (d->c->n_agent < ZONES ? 0 : REPORT_MS);
    unsigned n = 0;
    int code;

    while ((code = look_for_zones(d, &n)) == CTL_OK && n < ZONES && mono_ms() < end_ms)
        poll(NULL, 0, 200);
    if (code != CTL_OK)
        return code;
    return n == ZONES ? CTL_OK
                      : ctl_say(CTL_FAILED,
                                "demo zone-loss needs running agents of two zones in "
                                "[larsctl] agents, and %u are there; start make run and "
                                "use its larsctl.ini",
                                n);
}

static int choose_zone(struct demo *d, const char *name)
{
    unsigned i;

    for (i = 0; i < ZONES; i++)
        if (!name || strcmp(name, d->zone[i]) == 0)
            d->lost = name ? i : 1;
    if (!name || strcmp(name, d->zone[d->lost]) == 0)
        return CTL_OK;
    return ctl_say(CTL_USAGE, "there is no agent of zone %.60s; the zones are %s and %s",
                   name, d->zone[0], d->zone[1]);
}

static uint64_t new_holder(void)
{
    struct rnd r;

    rnd_init_any(&r);
    return (uint64_t)rnd_u32(&r) << 32 | rnd_u32(&r) | 1;
}

static int keep_lease(struct ctl *c, uint64_t holder)
{
    return lease_take(sqldb_connection(c->db), LEASE, holder, LEASE_S);
}

static void give_back(struct ctl *c, uint64_t holder)
{
    lease_release(sqldb_connection(c->db), LEASE, holder);
}

/* One that was killed, or has lost the database, keeps its lease until it ends. */
static int take_lease(struct ctl *c, uint64_t holder)
{
    uint64_t end_ms = mono_ms() + (LEASE_S + 1) * 1000;
    int rc;

    while ((rc = keep_lease(c, holder)) == 0 && mono_ms() < end_ms)
        poll(NULL, 0, 200);
    if (rc < 0)
        return ctl_db_failed(c, rc);
    return rc == 1 ? CTL_OK
                   : ctl_say(CTL_FAILED,
                             "a demonstration runs; wait for its end, or end it with "
                             "Ctrl-C in its terminal");
}

static int count_routes(struct ctl *c, uint64_t *out)
{
    int rc = sqldb_number(c->db, out,
                          "SELECT COUNT(*) FROM RouteData WHERE modid = %u AND cmdid = "
                          "%u",
                          MODID, CMDID);

    return rc < 0 ? ctl_db_failed(c, rc) : CTL_OK;
}

static int check_free(struct ctl *c, uint64_t holder)
{
    uint64_t n = 0;
    int code = take_lease(c, holder);

    if (code != CTL_OK)
        return code;
    code = count_routes(c, &n);
    if (code == CTL_OK && n > 0)
        code = ctl_say(CTL_FAILED,
                       "a demonstration that was killed has left %llu routes; remove "
                       "them with larsctl demo undo",
                       (unsigned long long)n);
    if (code != CTL_OK)
        give_back(c, holder);
    return code;
}

/* --- beginning and end -------------------------------------------------------------- */

static int start_nodes(struct demo *d)
{
    unsigned i;
    int rc = 0;

    for (i = 0; i < NODES && rc == 0; i++) {
        struct demo_node *n = &d->node[i];

        n->zone = i / (NODES / ZONES);
        n->at = ipv4_addr(0x7f0000c9u + ((n->zone + 1) << 8) + i % (NODES / ZONES), 0);
        rc = demo_nodes_start(n);
    }
    return rc < 0 ? ctl_say(CTL_FAILED, "a node cannot be started: %s", err_text(rc))
                  : CTL_OK;
}

static int add_routes(struct demo *d)
{
    static const struct make_change_options how = {PLAN_NO_CONSENT, {"", "", ""}};
    struct change_op op[NODES] = {{.verb = CHANGE_ADD}};
    struct ops_request r = {
        .action = "demo zone-loss", .subject = SUBJECT, .op = op, .n_op = NODES};
    struct ops_outcome out = {.result = OPS_DONE};
    char why[CHANGE_WHY];
    unsigned i;
    int code = CTL_OK;

    for (i = 0; i < NODES && code == CTL_OK; i++) {
        op[i].verb = CHANGE_ADD;
        op[i].node.modid = MODID;
        op[i].node.cmdid = CMDID;
        op[i].node.ip = ipv4_of(&d->node[i].at);
        op[i].node.port = d->node[i].at.port;
        if (change_set_field(&op[i], "zone", d->zone[d->node[i].zone], why) < 0)
            code = ctl_say(CTL_FAILED, "%s", why);
    }
    if (code == CTL_OK)
        code = make_change_run(d->c, &r, &how, &out);
    ops_free(&out);
    return code;
}

static int start_calls(struct demo *d)
{
    struct demo_calls_config cfg = {
        .modid = MODID, .cmdid = CMDID, .rate = RATE, .node = d->node, .n_nodes = NODES};
    uint64_t end_ms = mono_ms() + REGISTER_MS;
    unsigned z;
    int rc = 0;

    for (z = 0; z < ZONES && rc == 0; z++) {
        rc = ctl_open_agent(d->c, d->agent[z], &d->lars[z]);
        while (rc == 0 && (rc = lars_register(d->lars[z], MODID, CMDID)) == -ENOENT &&
               mono_ms() < end_ms && !stopped)
            rc = keep_lease(d->c, d->holder) == 0 ? -EBUSY : 0; /* it has waited */
        if (rc < 0)
            return ctl_say(CTL_FAILED, "the agent of zone %s has no nodes: %s",
                           d->zone[z], lars_strerror(rc));
    }
    for (z = 0; z < ZONES && rc == 0; z++) {
        cfg.lars = d->lars[z];
        rc = demo_calls_start(&d->calls[z], &cfg);
    }
    return rc < 0 ? ctl_say(CTL_FAILED, "the calls cannot begin: %s", err_text(rc))
                  : CTL_OK;
}

/* Remove all routes of the module, also those of an earlier demonstration. */
static int remove_routes(struct ctl *c)
{
    const struct change_op op = {.verb = CHANGE_REMOVE_MODULE,
                                 .node = {.modid = MODID, .cmdid = CMDID}};
    uint64_t n = 0;
    int code = count_routes(c, &n);
    bool yes = c->yes;

    if (code != CTL_OK || n == 0)
        return code;
    c->yes = true;                    /* they are the demonstration's own */
    code = make_change_routes(c, "demo undo", SUBJECT, &op);
    c->yes = yes;
    return code;
}

static int end_demo(struct demo *d)
{
    unsigned i;
    int code;

    for (i = 0; i < ZONES; i++)
        demo_calls_stop(d->calls[i]);
    code = remove_routes(d->c);
    for (i = 0; i < NODES; i++)
        demo_nodes_kill(&d->node[i]);
    for (i = 0; i < ZONES; i++)
        lars_close(d->lars[i]);
    return code == CTL_OK ? CTL_OK
                          : ctl_say(code, "the routes of the demonstration are not "
                                          "removed; use larsctl demo undo");
}

/* --- while it runs ------------------------------------------------------------------ */

static const char *happen(struct demo *d, unsigned s)
{
    unsigned i;
    int rc = 0;

    if (s != LOST_S && s != BACK_S)
        return "";
    for (i = 0; i < NODES; i++) {
        if (d->node[i].zone != d->lost)
            continue;
        if (s == LOST_S)
            demo_nodes_kill(&d->node[i]);
        else if (rc == 0)
            rc = demo_nodes_start(&d->node[i]);
    }
    return rc < 0        ? "its nodes cannot be started again"
           : s == LOST_S ? "all its nodes are killed"
                         : "its nodes run again";
}

static void print_head(const struct demo *d)
{
    printf("%u nodes and %u calls a second in each zone; zone %s is lost for %u s\n\n"
           "        calls from zone %-12s  calls from zone %s\n"
           "  time  %8.8s %8.8s  failed  %8.8s %8.8s  failed\n",
           NODES / ZONES, RATE, d->zone[d->lost], BACK_S - LOST_S, d->zone[0], d->zone[1],
           d->zone[0], d->zone[1], d->zone[0], d->zone[1]);
}

static void print_second(struct demo *d, unsigned s, const char *what)
{
    struct demo_calls_counts n[ZONES];
    unsigned z;

    printf("%4u s", s);
    for (z = 0; z < ZONES; z++) {
        demo_calls_look(d->calls[z], &n[z]);
        printf("  %8llu %8llu  %6llu", (unsigned long long)n[z].ok[0],
               (unsigned long long)n[z].ok[1], (unsigned long long)n[z].failed);
        d->n_ok += n[z].ok[0] + n[z].ok[1];
        d->n_failed += n[z].failed;
    }
    printf("%s%s%s%s\n", what[0] ? "  zone " : "", what[0] ? d->zone[d->lost] : "",
           what[0] ? ": " : "", what);
    fflush(stdout);
    if (s > BACK_S - SHIFTED_S && s <= BACK_S) {
        d->n_shifted += n[d->lost].ok[!d->lost];
        d->n_failed_late += n[0].failed + n[1].failed;
    }
}

/* Wait until <at_ms>; false: a signal has come. */
static bool wait_until(uint64_t at_ms)
{
    uint64_t now;

    while (!stopped && (now = mono_ms()) < at_ms) {
        const struct timespec t = {(time_t)((at_ms - now) / 1000),
                                   (long)((at_ms - now) % 1000) * 1000000};

        nanosleep(&t, NULL);
    }
    return !stopped;
}

static int run(struct demo *d)
{
    uint64_t begin_ms = mono_ms();
    unsigned s;

    print_head(d);
    for (s = 1; s <= END_S && wait_until(begin_ms + s * 1000ull); s++) {
        print_second(d, s, happen(d, s));
        if (keep_lease(d->c, d->holder) == 0)
            return ctl_say(CTL_FAILED, "this process was suspended for so long that "
                                       "another demonstration has begun; it ends");
    }
    if (stopped)
        return ctl_say(CTL_FAILED, "the demonstration was ended early");
    printf("\n%llu calls were answered, %llu failed; in the last %u s of the loss zone "
           "%s answered %llu calls from zone %s, and %llu failed\n",
           (unsigned long long)d->n_ok, (unsigned long long)d->n_failed, SHIFTED_S,
           d->zone[!d->lost], (unsigned long long)d->n_shifted, d->zone[d->lost],
           (unsigned long long)d->n_failed_late);
    if (d->n_shifted > 0 && d->n_failed_late == 0)
        return CTL_OK;
    return ctl_say(CTL_FAILED, "the calls have not all gone to zone %s",
                   d->zone[!d->lost]);
}

static int zone_loss(struct ctl *c, int argc, char **argv)
{
    struct demo d = {.c = c, .holder = new_holder()};
    int code = find_zones(&d), end;

    if (code == CTL_OK)
        code = choose_zone(&d, argc > 0 ? argv[0] : NULL);
    if (code == CTL_OK)
        code = check_free(c, d.holder);
    if (code != CTL_OK)
        return code;
    sig_ignore_pipe_and_hup(); /* it is undone also when no process reads the table */
    sig_set(SIGHUP, on_signal);
    sig_set(SIGINT, on_signal);
    sig_set(SIGTERM, on_signal);
    code = start_nodes(&d);
    if (code == CTL_OK)
        code = add_routes(&d);
    if (code == CTL_OK)
        code = start_calls(&d);
    if (code == CTL_OK)
        code = run(&d);
    end = end_demo(&d);
    give_back(c, d.holder);
    return code != CTL_OK ? code : end;
}

static int undo(struct ctl *c, int argc, char **argv)
{
    uint64_t holder = new_holder();
    int code = take_lease(c, holder);

    (void)argc;
    (void)argv;
    if (code != CTL_OK)
        return code;
    code = remove_routes(c);
    give_back(c, holder);
    if (code == CTL_OK)
        puts("nothing of a demonstration is left");
    return code;
}

const struct ctl_cmd cmd_demo[] = {
    {"demo", "zone-loss", "[ZONE]", 0, 1,
     "Show on this machine how calls go to the other zone when a zone is lost.",
     zone_loss,
     "For a system of two zones on one machine, as make run starts it.  It takes half a "
     "minute, has a module and nodes of its own, and removes them at the end and with "
     "Ctrl-C.  The exit status is 0 when all calls have gone to the other zone."},
    {"demo", "undo", "", 0, 0,
     "Remove what a demonstration that was killed has left: its routes.", undo, NULL},
    {NULL, NULL, NULL, 0, 0, NULL, NULL, NULL}};
