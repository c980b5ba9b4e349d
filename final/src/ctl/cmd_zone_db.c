/* fence and promote.
 *
 * A database that is fenced is stopped by the statement SHUTDOWN: it leaves the cluster
 * in order, so the others wait a second for it and not for the time-out of a lost one,
 * and no supervisor starts it again after an end without an error.
 * Rejected: evs.evict and gmcast.isolate.  The first ends with the process, which a
 * supervisor starts again; the second lets the others take the node for lost, which is
 * the gap that a fence is to avoid.  Both need the right to change all settings.
 *
 * A database is promoted by pc.bootstrap, on its own host, as its administrator.  An
 * account with this right can change all settings of the server, so none is reachable
 * over the network. */
#include "ctl/cmd_zone_db.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/mono.h"
#include "ctl/cmd_zone.h"
#include "ctl/zone_hosts.h"
#include "ops/zone_change.h"

#define TRY_MS 30000 /* to reach a database behind a link that flaps */
#define AGAIN_MS 500
#define READY_MS 20000 /* until a database that was promoted takes writes */
/* Without it a database outside of the primary component refuses SHUTDOWN (1047), and
 * could be stopped only after it has come back, which the others notice. */
#define ALSO_ISOLATED "SET SESSION wsrep_dirty_reads = 1"
#define ON_HOST "sh /usr/share/lars/two-zones/zone-db"

void cmd_zone_db_print_start(const char *zone)
{
    fputs("on the host of the database of ", stderr);
    table_print_safe(zone, stderr);
    fputs(": " ON_HOST " start; larsctl zone status shows when it takes part again\n",
          stderr);
}

/* --- fence -------------------------------------------------------------------------- */

/* Look at the database that larsctl uses, before anything is changed: it has to stay, and
 * to write without the other one.  A member that leaves in order is no longer counted, so
 * the rest stays the majority of itself. */
static int look_at_own(struct ctl *c, struct zone_db_view *own)
{
    struct sqldb *db;
    int rc = zone_db_open(&db, c->db_config);

    if (rc < 0)
        return ctl_say(CTL_FAILED, "out of memory");
    rc = zone_db_read(db, own);
    if (rc < 0)
        ctl_say(CTL_NO_DB, "%s", sqldb_error(db));
    sqldb_close(db);
    if (rc < 0)
        return CTL_NO_DB;
    if (own->is == ZONE_DB_ONE)
        return ctl_say(CTL_FAILED, "the database is no cluster, so there is none to "
                                   "fence; larsctl zone drain is what can be done");
    return own->is != ZONE_DB_ISOLATED ? CTL_OK
                                       : ctl_say(CTL_FAILED, "nothing was fenced: %s",
                                                 zone_db_text(own));
}

static int check_target(const struct zone_db_view *own, const struct zone_db_view *leaves)
{
    if (leaves->node[0] && strcmp(own->node, leaves->node) == 0)
        return ctl_say(CTL_FAILED,
                       "the database that is to stop is the one that larsctl is "
                       "connected to; write that of another zone into [db]");
    return own->data >= 2 || leaves->is == ZONE_DB_ISOLATED
               ? CTL_OK
               : ctl_say(CTL_FAILED, "no other database takes part");
}

/* Much may have changed since the zone was fenced: another operator returns it, or it is
 * this database that is cut off.  Returns an exit code. */
static int check_again(struct ctl *c, const char *zone, const struct zone_db_view *leaves)
{
    char state[ZONE_CHANGE_STATE];
    struct zone_db_view own;
    int code = look_at_own(c, &own), rc;

    if (code == CTL_OK)
        code = check_target(&own, leaves);
    if (code != CTL_OK)
        return code;
    rc = zone_change_state(c->db, zone, state);
    if (rc < 0)
        return ctl_db_failed(c, rc);
    return strcmp(state, "fenced") == 0
               ? CTL_OK
               : ctl_say(CTL_FAILED,
                         "%s is no longer fenced: another operator has changed it, and "
                         "its database was not stopped",
                         zone);
}

/* Stop the database of the zone, which may be reachable at times only. */
static int stop_database(struct ctl *c, const char *zone)
{
    struct zone_db_view leaves;
    struct sqldb *db = NULL;
    uint64_t until = mono_ms() + TRY_MS;
    int code = zone_hosts_open(c, zone, false, &db), rc;

    if (code != 0)
        return code;
    do {
        rc = zone_db_read(db, &leaves);
        code = rc == 0 ? check_again(c, zone, &leaves) : CTL_OK;
        if (rc == 0 && code == CTL_OK)
            rc = sqldb_run(db, ALSO_ISOLATED);
        if (rc == 0 && code == CTL_OK)
            rc = sqldb_run(db, "SHUTDOWN");
    } while (rc < 0 && mono_ms() < until && poll(NULL, 0, AGAIN_MS) == 0);
    if (rc < 0)
        code = ctl_say(CTL_FAILED, "the database of %s was not stopped: %s", zone,
                       sqldb_error(db));
    sqldb_close(db);
    return code;
}

static int zone_fence(struct ctl *c, int argc, char **argv)
{
    const struct audit_actor who = ctl_actor(c);
    const char *zone = argv[0];
    char why[CHANGE_WHY], state[ZONE_CHANGE_STATE], where[108];
    struct zone_db_view own;
    int code = zone_hosts_database(c, zone, where), rc;

    if (code == 0)
        code = look_at_own(c, &own);
    if (code == 0)
        code = cmd_zone_drain(c, argc, argv);
    if (code != 0 || c->dry_run)
        return code;
    rc = zone_change_state(c->db, zone, state);
    if (rc == 0 && strcmp(state, "drained") == 0)
        rc = zone_change_mark(c->db, &who, "zone fence", zone, "drained", "fenced", why);
    if (rc < 0)
        return ctl_changed(c, rc == -EBUSY ? -EINVAL : rc, CTL_FAILED, why);
    code = where[0] != '/' && !c->zone_password[0]
               ? ctl_say(CTL_FAILED, "the zone is drained, and its database still takes "
                                     "part: [zone] password is empty")
               : stop_database(c, zone);
    if (code == CTL_OK)
        fprintf(stderr,
                "the database of the zone was stopped; after larsctl zone return, "
                "start it on its host\n");
    else
        fprintf(stderr, "stop it on its host: " ON_HOST " stop\n");
    return code;
}

/* --- promote ------------------------------------------------------------------------ */

/* A line in a file of this host, on the disk before anything is done: before a promotion
 * no database takes a row of the audit. */
static int record(struct ctl *c, const char *zone, const char *what)
{
    char line[1500], at[40];
    time_t now = time(NULL);
    struct tm tm;
    int fd = open(c->zone_record, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0600), n;
    bool ok;
    int i;

    gmtime_r(&now, &tm);
    strftime(at, sizeof(at), "%Y-%m-%dT%H:%M:%SZ", &tm);
    n = snprintf(line, sizeof(line),
                 "%s zone promote zone=%.128s who=%.200s %s reason=%.1000s\n", at, zone,
                 c->who, what, c->reason);
    for (i = 0; i + 1 < n; i++)
        if ((unsigned char)line[i] < ' ')
            line[i] = '?'; /* a reason is one line */
    ok = fd >= 0 && n > 0 && write(fd, line, (size_t)n) == n && fsync(fd) == 0;
    if (!ok)
        ctl_say(CTL_FAILED,
                "%s: it cannot be recorded there, so nothing was done: %s; see [zone] "
                "record",
                c->zone_record, strerror(errno));
    if (fd >= 0)
        close(fd);
    return ok ? 0 : CTL_FAILED;
}

/* Is it a database that could be promoted? */
static int check_view(const char *zone, const struct zone_db_view *v)
{
    char node[ZONE_DB_TEXT + 8];

    snprintf(node, sizeof(node), "zone-%.60s", zone);
    if (v->is == ZONE_DB_ONE)
        return ctl_say(CTL_FAILED, "the database is no cluster: there is nothing to "
                                   "promote");
    if (v->is != ZONE_DB_ISOLATED)
        return ctl_say(CTL_FAILED, "the database of %s takes writes already: %s", zone,
                       zone_db_text(v));
    if (strcmp(v->node, node) != 0)
        return ctl_say(
            CTL_FAILED,
            "the server at [zone] databases is the node %s and not %s: nothing "
            "was done",
            v->node, node);
    return CTL_OK;
}

static int wait_until_ready(struct sqldb *db, struct zone_db_view *v)
{
    uint64_t until = mono_ms() + READY_MS;

    do {
        if (zone_db_read(db, v) == 0 && v->is != ZONE_DB_ISOLATED)
            return CTL_OK;
        poll(NULL, 0, AGAIN_MS);
    } while (mono_ms() < until);
    return ctl_say(CTL_FAILED,
                   "the database accepted it and takes no writes yet: see its log, "
                   "and larsctl zone status");
}

static void print_duties(const char *zone)
{
    fprintf(stderr,
            "The database of %s takes writes. Before another zone comes back:\n"
            "- never start a database there as the first one (" ON_HOST
            " bootstrap): its changes since the loss would be a second history\n"
            "- start it as a member: " ON_HOST " start; when its data do not fit, empty "
            "them and: " ON_HOST " add\n"
            "- then larsctl zone status, and larsctl zone return for a drained zone\n",
            zone);
}

/* Writes are possible now; the record of before has the rest. */
static void audit(struct ctl *c, struct sqldb *db, const char *zone)
{
    const struct audit_actor who = ctl_actor(c);
    char subject[160];
    const struct audit_entry what = {.action = "zone promote",
                                     .subject = subject,
                                     .result = "done"};
    uint64_t id;

    snprintf(subject, sizeof(subject), "zone:%s", zone);
    if (audit_add(db, &who, &what, &id) < 0)
        ctl_say(CTL_OK, "the audit has no row of this, and %s has: %s", c->zone_record,
                sqldb_error(db));
}

/* Look, ask, and do it when <confirmed>.  Returns an exit code. */
static int promote(struct ctl *c, struct sqldb *db, const char *zone, bool confirmed)
{
    struct zone_db_view v;
    struct zone_hosts hosts;
    char why[CHANGE_WHY];
    int rc = zone_db_read(db, &v), code;

    if (rc < 0)
        return ctl_say(CTL_NO_DB, "%s", sqldb_error(db));
    code = check_view(zone, &v);
    if (code != CTL_OK)
        return code;
    rc = zone_hosts_read(c, db, zone, &v, &hosts, why);
    if (rc == 0)
        rc = zone_hosts_ask(&hosts, why);
    if (rc < 0)
        return ctl_say(CTL_FAILED, "nothing was promoted: %s",
                       rc == -EINVAL || rc == -EBUSY ? why : sqldb_error(db));
    fprintf(stderr,
            "none of %zu hosts of other zones answers ping, its agent's port or the port "
            "of Galera; %zu other hosts of %s are known\n",
            hosts.n_other, hosts.n_own, zone);
    if (c->dry_run)
        return CTL_OK;
    if (!confirmed)
        return ctl_say(
            CTL_NEEDS_YES,
            "if another zone lives and writes, its changes are lost; make sure "
            "that it does not, by telephone or by its power switch, and give "
            "confirm=%s",
            zone);
    code = record(c, zone, "begins");
    if (code != CTL_OK)
        return code;
    if (sqldb_run(db, "SET GLOBAL wsrep_provider_options = 'pc.bootstrap=YES'") < 0) {
        record(c, zone, "failed");
        return ctl_say(CTL_FAILED,
                       "%s; run it on the host of the database, with its "
                       "socket in [zone] databases, as its administrator",
                       sqldb_error(db));
    }
    code = wait_until_ready(db, &v);
    record(c, zone, code == CTL_OK ? "done" : "not ready");
    if (code != CTL_OK)
        return code;
    audit(c, db, zone);
    print_duties(zone);
    return CTL_OK;
}

static int zone_promote(struct ctl *c, int argc, char **argv)
{
    bool confirmed = argc > 1 && strncmp(argv[1], "confirm=", 8) == 0;
    struct sqldb *db = NULL;
    char where[108];
    int code;

    if (argc > 1 && (!confirmed || strcmp(argv[1] + 8, argv[0]) != 0))
        return ctl_say(CTL_USAGE, "confirm= needs the name of the zone, %s", argv[0]);
    code = zone_hosts_open(c, argv[0], false, &db);
    if (code == 0 && zone_hosts_database(c, argv[0], where) == 0 && where[0] != '/')
        code = ctl_say(CTL_USAGE,
                       "zone promote runs on the host of the database: write the path of "
                       "its socket into [zone] databases there, %s=/SOCKET",
                       argv[0]);
    if (code == 0)
        code = promote(c, db, argv[0], confirmed);
    sqldb_close(db);
    return code;
}

const struct ctl_cmd cmd_zone_db[] = {
    {"zone", "fence", "ZONE [confirm=ZONE] [wait=SECONDS]", 1, 3,
     "Drain a zone and stop its database, when the link to it flaps.", zone_fence,
     "Each loss and return of a database keeps the others from writing for seconds. It "
     "needs [zone] databases, and the user and password of [zone], who may stop a "
     "server; "
     "without them it drains and prints the command for the host."},
    {"zone", "promote", "ZONE [confirm=ZONE]", 1, 2,
     "Let the isolated database of a zone write alone, after the other zone was lost.",
     zone_promote,
     "For two rooms without an arbiter. It runs on the host of the database, whose "
     "socket "
     "is in [zone] databases, and is refused while any host of another zone answers "
     "ping, "
     "at the port of its agent or of Galera. -n shows only that. confirm=ZONE is needed, "
     "and -y does not replace it."},
    {NULL, NULL, NULL, 0, 0, NULL, NULL, NULL}};
