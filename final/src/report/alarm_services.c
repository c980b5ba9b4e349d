/* Processes that are silent, routes that are held or old, and agents that use other nodes
 * than the database has.  A process whose zone is down has no alarm of its
 * own.
 *
 * Invariant: an agent is not called behind while a DNSService holds the module, because
 * it then uses what it should. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "report/alarm_private.h"

#define BEHIND_MAX 20                 /* groups of agents that are looked at in a round */

static const char *text_of(const char *column)
{
    return column ? column : "";
}

static int on_silent(char **at, void *arg)
{
    struct alarm_rules *r = arg;
    struct alarm al = {0};
    bool agent = strcmp(text_of(at[0]), "agent") == 0;

    snprintf(al.kind, sizeof(al.kind), "%s", agent ? "agent_silent" : "service_silent");
    snprintf(al.subject, sizeof(al.subject), "%s", text_of(at[1]));
    snprintf(al.detail, sizeof(al.detail), "%.20s: nothing for %s s", text_of(at[0]),
             text_of(at[3]));
    if (alarm_nodes_is_zone_down(r, text_of(at[2])))
        alarms_close(r->alarms, al.kind, al.subject);
    else
        alarms_see(r->alarms, &al, ALARM_BAD);
    return 0;
}

static int on_hold(char **at, void *arg)
{
    struct alarm_rules *r = arg;
    struct alarm al = {.kind = "route_held"};

    snprintf(al.subject, sizeof(al.subject), "%s/%s", at[0], at[1]);
    snprintf(al.detail, sizeof(al.detail), "%s of %s nodes would go; held by %.300s",
             text_of(at[3]), text_of(at[2]), text_of(at[4]));
    alarms_see(r->alarms, &al, ALARM_BAD);
    return 0;
}

static int on_stale(char **at, void *arg)
{
    struct alarm_rules *r = arg;
    struct alarm al = {.kind = "routes_stale"};

    snprintf(al.subject, sizeof(al.subject), "%s", text_of(at[0]));
    snprintf(al.detail, sizeof(al.detail), "serves version %s, the database has %s",
             text_of(at[1]), text_of(at[2]));
    alarms_see(r->alarms, &al, ALARM_BAD);
    return 0;
}

static int on_conflict(char **at, void *arg)
{
    struct alarm_rules *r = arg;
    struct alarm al = {.kind = "stream_conflict"};

    snprintf(al.subject, sizeof(al.subject), "%.32s", text_of(at[0]));
    snprintf(al.detail, sizeof(al.detail),
             "the agents at %.64s and %.64s send the same report stream; the calls of "
             "the second are not counted: stop it, empty its [agent] dir, start it again",
             text_of(at[1]), text_of(at[2]));
    alarms_see(r->alarms, &al, ALARM_BAD);
    return 0;
}

/* The two are connected to two Report Services, and a batch of either makes the batch of
 * the other with the same number a repetition, which is not counted. */
static int on_shared(char **at, void *arg)
{
    struct alarm_rules *r = arg;
    struct alarm al = {.kind = "stream_conflict"};

    snprintf(al.subject, sizeof(al.subject), "%.32s", text_of(at[0]));
    snprintf(al.detail, sizeof(al.detail),
             "the agents %.64s and %.64s send the same report stream to two Report "
             "Services; calls of both are not counted: stop the second, empty its "
             "[agent] dir, start it again",
             text_of(at[1]), text_of(at[2]));
    alarms_see(r->alarms, &al, ALARM_BAD);
    return 0;
}

/* --- agents that use other nodes ---------------------------------------------------- */

struct group {                        /* agents that use the same nodes of a module */
    uint32_t modid, cmdid;
    uint64_t sum;
};

struct behind {
    struct alarm_rules *r;
    struct group group[BEHIND_MAX];
    size_t n;
    const struct group *now;          /* whose agents are read */
};

static int on_used(char **at, void *arg)
{
    struct behind *b = arg;
    struct group g = {(uint32_t)alarm_rules_u64(at[0]),
                      (uint32_t)alarm_rules_u64(at[1]), alarm_rules_u64(at[2])};

    if (b->n < BEHIND_MAX && g.sum != wanted_routes_sum(b->r->wanted, g.modid, g.cmdid))
        b->group[b->n++] = g;
    return 0;
}

static int on_user(char **at, void *arg)
{
    struct behind *b = arg;
    struct alarm al = {.kind = "agent_behind"};

    snprintf(al.subject, sizeof(al.subject), "%s", text_of(at[0]));
    snprintf(al.detail, sizeof(al.detail), "uses other nodes of %u/%u than the database",
             b->now->modid, b->now->cmdid);
    alarms_see(b->r->alarms, &al, ALARM_BAD);
    return 0;
}

/* An agent that is behind with several modules is judged several times in a round, which
 * would count as several rounds; its first module counts. */
static int judge_behind(struct alarm_rules *r)
{
    struct behind b = {.r = r};
    size_t i;
    int rc = wanted_routes_refresh(r->wanted);

    if (rc == 0)
        rc = alarm_db_each_used(r->db, on_used, &b);
    for (i = 0; i < b.n && rc == 0; i++) {
        b.now = &b.group[i];
        rc = alarm_db_each_user(r->db, b.now->modid, b.now->cmdid, b.now->sum, on_user,
                                &b);
    }
    return rc;
}

static int on_scale(char **at, void *arg)
{
    struct alarm_rules *r = arg;
    struct alarm al = {0};

    snprintf(al.kind, sizeof(al.kind), "%s", text_of(at[0]));
    snprintf(al.subject, sizeof(al.subject), "%s", text_of(at[1]));
    snprintf(al.detail, sizeof(al.detail), "%s", text_of(at[2]));
    alarms_see(r->alarms, &al, ALARM_BAD);
    return 0;
}

int alarm_services_judge(struct alarm_rules *r)
{
    int rc = alarm_db_each_silent(r->db, on_silent, r);

    if (rc == 0)
        rc = alarm_db_each_scale(r->db, on_scale, r);
    if (rc == 0)
        rc = alarm_db_each_hold(r->db, on_hold, r);
    if (rc == 0)
        rc = alarm_db_each_stale(r->db, on_stale, r);
    if (rc == 0)
        rc = alarm_db_each_conflict(r->db, on_conflict, r);
    if (rc == 0)
        rc = alarm_db_each_shared(r->db, on_shared, r);
    return rc < 0 ? rc : judge_behind(r);
}
