/* Each rule reads one view of the database and judges the subjects that it finds there; a
 * subject that no rule mentions is good.
 *
 * Rejected: rules in a table of the database.  A wrong rule would be found when it is
 * needed; these have tests. */
#include "report/alarm_rules.h"

#include <stdio.h>

#include "base/ipv4.h"

#define WINDOW_S 10
#define MIN_CALLS 20
#define MIN_NODE_CALLS 5

struct alarm_rules {
    struct alarms *alarms;
    uint32_t error_percent;
    struct alarm_db_node sum; /* of the module that is being added up */
};

static void judge_module(struct alarm_rules *k)
{
    uint64_t n = k->sum.ok + k->sum.failed, limit = k->error_percent;
    enum alarm_level level = ALARM_BETWEEN;
    struct alarm al = {.kind = "error_rate"};

    if (n < MIN_CALLS || k->sum.failed * 200 < n * limit)
        level = ALARM_GOOD;
    else if (k->sum.failed * 100 > n * limit)
        level = ALARM_BAD;
    snprintf(al.subject, sizeof(al.subject), "%u/%u", k->sum.modid, k->sum.cmdid);
    snprintf(al.detail, sizeof(al.detail), "%.1f %% of %llu calls in %d s failed",
             n ? 100.0 * (double)k->sum.failed / (double)n : 0.0, (unsigned long long)n,
             WINDOW_S);
    alarms_see(k->alarms, &al, level);
}

static void judge_node(struct alarm_rules *k, const struct alarm_db_node *c)
{
    struct alarm al = {.kind = "node_dead"};
    enum alarm_level level = ALARM_BETWEEN;
    struct net_addr a = ipv4_addr(c->ip, (uint16_t)c->port);
    char text[NET_ADDR_STRLEN];

    snprintf(al.subject, sizeof(al.subject), "%u/%u %s", c->modid, c->cmdid,
             net_addr_str(&a, text));
    snprintf(al.detail, sizeof(al.detail), "none of %llu calls in %d s succeeded",
             (unsigned long long)c->failed, WINDOW_S);
    if (c->ok > 0)
        level = ALARM_GOOD;
    else if (c->failed >= MIN_NODE_CALLS)
        level = ALARM_BAD;
    alarms_see(k->alarms, &al, level); /* a few failed probes are no alarm */
}

/* The nodes of a module come one after the other. */
static int on_node_calls(const struct alarm_db_node *c, void *arg)
{
    struct alarm_rules *k = arg;

    if (k->sum.modid != c->modid || k->sum.cmdid != c->cmdid) {
        if (k->sum.ok + k->sum.failed > 0)
            judge_module(k);
        k->sum = (struct alarm_db_node){.modid = c->modid, .cmdid = c->cmdid};
    }
    k->sum.ok += c->ok;
    k->sum.failed += c->failed;
    judge_node(k, c);
    return 0;
}

static int on_drained_module(uint32_t modid, uint32_t cmdid, void *arg)
{
    struct alarm_rules *k = arg;
    struct alarm al = {.kind = "no_nodes", .detail = "all of its nodes are drained"};

    snprintf(al.subject, sizeof(al.subject), "%u/%u", modid, cmdid);
    alarms_see(k->alarms, &al, ALARM_BAD);
    return 0;
}

int alarm_rules_check(struct alarm_db *db, struct alarms *alarms, uint32_t error_percent)
{
    struct alarm_rules k = {.alarms = alarms, .error_percent = error_percent};
    int rc = alarm_db_each_node(db, WINDOW_S, on_node_calls, &k);

    if (rc == 0 && k.sum.ok + k.sum.failed > 0)
        judge_module(&k);
    if (rc == 0)
        rc = alarm_db_each_drained(db, on_drained_module, &k);
    if (rc == 0)
        alarms_end_round(alarms);
    return rc;
}
