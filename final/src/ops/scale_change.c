/* A key is one row of one table, with its column and its bounds, so that what is read,
 * checked and written cannot differ.
 *
 * Rejected: a freeze without an end.  It would be forgotten, and the system would stay as
 * large as on its busiest day. */
#include "ops/scale_change.h"

#include <errno.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "db/repeat.h"

#define VALUE 24                      /* bytes of a value */
#define TIMESTAMP_END 2147483647      /* of the database's type; seconds since 1970 */

static const struct key {
    const char *name, *column;
    uint32_t min, max;                /* both 0: a word */
} keys[] = {
    {"actuator", "actuator", 0, 0},
    {"min", "min_zone", 1, SCALE_CHANGE_NODES_MAX},
    {"max", "max_zone", 0, SCALE_CHANGE_NODES_MAX},
    {"warm", "warm", 0, SCALE_CHANGE_NODES_MAX},
    {"util", "util_pct", 10, 95},
    {"floor", "floor_pct", 10, 100},
    {"dry_run", "dry_run", 0, 1},
};
#define N_KEYS (sizeof(keys) / sizeof(keys[0]))

struct policy {
    bool there;
    char value[N_KEYS][VALUE];
};

static int refuse(char why[CHANGE_WHY], const char *text)
{
    snprintf(why, CHANGE_WHY, "%s", text);
    return -EINVAL;
}

/* End the transaction with a row of Audit; <detail> is freed, NULL = none. */
static int end_with(struct sqldb *db, int rc, const struct audit_actor *who,
                    const char *action, const char *subject, json_t *detail)
{
    char *text = detail ? json_dumps(detail, JSON_COMPACT) : NULL;
    struct audit_entry e = {
        .action = action, .subject = subject, .result = "done", .detail = text};

    if (detail && !text && rc == 0)
        rc = -ENOMEM;
    rc = audit_end(db, rc, who, &e);
    free(text);
    json_decref(detail);
    return rc;
}

static void name_module(char subject[32], uint32_t modid, uint32_t cmdid)
{
    snprintf(subject, 32, "%u/%u", modid, cmdid);
}

static json_t *setting(const char *module, const char *key, const char *old,
                       const char *fresh)
{
    return json_pack("{s:s, s:s, s:s?, s:s?}", "module", module, "key", key, "old", old,
                     "new", fresh);
}

/* --- the bounds of a module --------------------------------------------------------- */

static const struct key *find_key(const char *name, size_t len)
{
    size_t i;

    for (i = 0; i < N_KEYS; i++)
        if (strlen(keys[i].name) == len && memcmp(keys[i].name, name, len) == 0)
            return &keys[i];
    return NULL;
}

static int check_value(const struct key *k, const char *value, char why[CHANGE_WHY])
{
    unsigned long n;
    char *rest;

    if (k->max == 0) {
        if (strcmp(value, "slots") == 0 || strcmp(value, "exec") == 0)
            return 0;
        return refuse(why, "actuator is slots (lars-slotd) or exec (a program)");
    }
    n = strtoul(value, &rest, 10);
    if (value[0] < '0' || value[0] > '9' || *rest || n < k->min || n > k->max) {
        snprintf(why, CHANGE_WHY, "%s is a number from %u to %u", k->name, k->min,
                 k->max);
        return -EINVAL;
    }
    return 0;
}

/* Read "KEY=VALUE" into <p>. */
static int take_pair(struct policy *p, const char *pair, char why[CHANGE_WHY])
{
    size_t len = strcspn(pair, "=");
    const struct key *k = pair[len] ? find_key(pair, len) : NULL;
    const char *value = pair + len + 1;
    int rc;

    if (!k) {
        snprintf(why, CHANGE_WHY,
                 "\"%.60s\" is none of actuator=, min=, max=, warm=, util=, floor=, "
                 "dry_run=",
                 pair);
        return -EINVAL;
    }
    rc = check_value(k, value, why);
    if (rc == 0 && snprintf(p->value[k - keys], VALUE, "%s", value) >= VALUE)
        rc = refuse(why, "the number has too many digits");
    return rc;
}

static int take_policy(char **at, void *arg)
{
    struct policy *p = arg;
    size_t i;

    p->there = true;
    for (i = 0; i < N_KEYS; i++)
        snprintf(p->value[i], VALUE, "%s", at[i] ? at[i] : "");
    return 0;
}

static int lock_policy(struct sqldb *db, uint32_t modid, uint32_t cmdid, struct policy *p)
{
    return sqldb_each(db, take_policy, p,
                      "SELECT actuator, min_zone, max_zone, warm, util_pct, floor_pct, "
                      "dry_run FROM ScalePolicy WHERE modid = %u AND cmdid = %u FOR "
                      "UPDATE",
                      modid, cmdid);
}

static uint32_t number(const struct policy *p, size_t key)
{
    return (uint32_t)strtoul(p->value[key], NULL, 10);
}

static int check_policy(const struct policy *p, char why[CHANGE_WHY])
{
    if (number(p, 2) > 0 && number(p, 2) < number(p, 1))
        return refuse(why, "max is less than min; max=0 stands for no bound");
    return 0;
}

static int write_policy(struct sqldb *db, const struct audit_actor *who, uint32_t modid,
                        uint32_t cmdid, const struct policy *p)
{
    return sqldb_run(db,
                     "REPLACE INTO ScalePolicy (modid, cmdid, actuator, min_zone, "
                     "max_zone, warm, util_pct, floor_pct, dry_run, who) VALUES (%u, %u, "
                     "%s, %u, %u, %u, %u, %u, %u, LEFT(%s, 64))",
                     modid, cmdid, p->value[0], number(p, 1), number(p, 2), number(p, 3),
                     number(p, 4), number(p, 5), number(p, 6), who->name);
}

static json_t *differences(const char *module, const struct policy *old,
                           const struct policy *fresh)
{
    json_t *list = json_array();
    size_t i;

    for (i = 0; i < N_KEYS; i++)
        if (!old->there || strcmp(old->value[i], fresh->value[i]) != 0)
            json_array_append_new(list, setting(module, keys[i].name,
                                                old->there ? old->value[i] : NULL,
                                                fresh->value[i]));
    return json_pack("{s:o}", "settings", list);
}

static int set_once(struct sqldb *db, const struct audit_actor *who, uint32_t modid,
                    uint32_t cmdid, char *const *pair, unsigned n, char why[CHANGE_WHY])
{
    struct policy old = {false, {"slots", "1", "0", "1", "70", "90", "0"}}, fresh;
    char module[32];
    unsigned i;
    int rc = audit_begin(db);

    name_module(module, modid, cmdid);
    if (rc == 0)
        rc = lock_policy(db, modid, cmdid, &old);
    fresh = old;
    for (i = 0; i < n && rc == 0; i++)
        rc = take_pair(&fresh, pair[i], why);
    if (rc == 0)
        rc = check_policy(&fresh, why);
    if (rc == 0)
        rc = write_policy(db, who, modid, cmdid, &fresh);
    return end_with(db, rc, who, "scale set", module, differences(module, &old, &fresh));
}

int scale_change_set(struct sqldb *db, const struct audit_actor *who, uint32_t modid,
                     uint32_t cmdid, char *const *pair, unsigned n, char why[CHANGE_WHY])
{
    REPEAT_RETURN(set_once(db, who, modid, cmdid, pair, n, why));
}

static int off_once(struct sqldb *db, const struct audit_actor *who, uint32_t modid,
                    uint32_t cmdid, char why[CHANGE_WHY])
{
    struct policy old = {.there = false};
    char module[32];
    int rc = audit_begin(db);

    name_module(module, modid, cmdid);
    if (rc == 0)
        rc = lock_policy(db, modid, cmdid, &old);
    if (rc == 0 && !old.there)
        rc = refuse(why, "this module is not scaled; see larsctl scale list");
    if (rc == 0)
        rc = sqldb_run(db, "DELETE FROM ScalePlan WHERE modid = %u AND cmdid = %u", modid,
                       cmdid);
    if (rc == 0)
        rc = sqldb_run(db, "DELETE FROM ScalePolicy WHERE modid = %u AND cmdid = %u",
                       modid, cmdid);
    return end_with(db, rc, who, "scale off", module, NULL);
}

int scale_change_off(struct sqldb *db, const struct audit_actor *who, uint32_t modid,
                     uint32_t cmdid, char why[CHANGE_WHY])
{
    REPEAT_RETURN(off_once(db, who, modid, cmdid, why));
}

/* --- plans -------------------------------------------------------------------------- */

static int check_plan(struct sqldb *db, const struct scale_plan *p, char why[CHANGE_WHY])
{
    uint64_t n = 0, now_s = 0;
    int rc;

    if (p->until_s <= p->from_s)
        return refuse(why, "the plan ends before it begins");
    if (p->until_s > TIMESTAMP_END)
        return refuse(why, "a plan ends before 2038-01-19");
    if (p->n_zone == 0 || p->n_zone > SCALE_CHANGE_NODES_MAX)
        return refuse(why, "a plan wants from 1 to 10000 nodes in each zone");
    rc = sqldb_number(db, &now_s, "SELECT UNIX_TIMESTAMP()");
    if (rc == 0 && p->until_s <= now_s)
        return refuse(why, "the plan has ended already");
    if (rc == 0)
        rc = sqldb_number(
            db, &n, "SELECT COUNT(*) FROM ScalePolicy WHERE modid = %u AND cmdid = %u",
            p->modid, p->cmdid);
    if (rc == 0 && n == 0)
        rc = refuse(why, "this module is not scaled; begin with larsctl scale set");
    return rc;
}

static int plan_once(struct sqldb *db, const struct audit_actor *who,
                     const struct scale_plan *p, uint64_t *id, char why[CHANGE_WHY])
{
    char module[32], value[96];
    int rc = audit_begin(db);

    name_module(module, p->modid, p->cmdid);
    snprintf(value, sizeof(value), "%u from %llu until %llu", p->n_zone,
             (unsigned long long)p->from_s, (unsigned long long)p->until_s);
    if (rc == 0)
        rc = check_plan(db, p, why);
    if (rc == 0)
        rc = sqldb_run(db,
                       "INSERT INTO ScalePlan (modid, cmdid, zone, from_at, until_at, "
                       "n_zone, note, who) VALUES (%u, %u, LEFT(%s, 32), "
                       "FROM_UNIXTIME(%llu), FROM_UNIXTIME(%llu), %u, LEFT(%s, 255), "
                       "LEFT(%s, 64))",
                       p->modid, p->cmdid, p->zone, (unsigned long long)p->from_s,
                       (unsigned long long)p->until_s, p->n_zone, p->note, who->name);
    if (rc == 0)
        rc = sqldb_number(db, id, "SELECT LAST_INSERT_ID()");
    return end_with(db, rc, who, "plan add", module,
                    json_pack("{s:[o]}", "settings",
                              setting(module, "plan", NULL, value)));
}

int scale_change_plan(struct sqldb *db, const struct audit_actor *who,
                      const struct scale_plan *p, uint64_t *id, char why[CHANGE_WHY])
{
    REPEAT_RETURN(plan_once(db, who, p, id, why));
}

static int unplan_once(struct sqldb *db, const struct audit_actor *who, uint64_t id,
                       char why[CHANGE_WHY])
{
    char subject[32];
    uint64_t n = 0;
    int rc = audit_begin(db);

    snprintf(subject, sizeof(subject), "plan:%llu", (unsigned long long)id);
    if (rc == 0)
        rc = sqldb_number(db, &n,
                          "SELECT COUNT(*) FROM ScalePlan WHERE id = %llu FOR "
                          "UPDATE",
                          (unsigned long long)id);
    if (rc == 0 && n == 0)
        rc = refuse(why, "there is no plan with this number; see larsctl plan list");
    if (rc == 0)
        rc = sqldb_run(db, "DELETE FROM ScalePlan WHERE id = %llu",
                       (unsigned long long)id);
    return end_with(db, rc, who, "plan remove", subject, NULL);
}

int scale_change_unplan(struct sqldb *db, const struct audit_actor *who, uint64_t id,
                        char why[CHANGE_WHY])
{
    REPEAT_RETURN(unplan_once(db, who, id, why));
}

/* --- a freeze, hosts ---------------------------------------------------------------- */

static int freeze_once(struct sqldb *db, const struct audit_actor *who, uint32_t minutes,
                       char why[CHANGE_WHY])
{
    int rc;

    if (minutes > SCALE_CHANGE_MINUTES_MAX)
        return refuse(why, "a freeze lasts from 1 to 10080 minutes");
    if (minutes > 0 && who->reason[strspn(who->reason, " ")] == '\0')
        return refuse(why, "a freeze needs a reason");
    rc = audit_begin(db);
    if (rc == 0)
        rc = sqldb_run(db,
                       "REPLACE INTO Freeze (name, reason, until_at, who) VALUES "
                       "('scale', LEFT(%s, 255), NOW() + INTERVAL %u MINUTE, LEFT(%s, "
                       "64))",
                       who->reason, minutes, who->name);
    return end_with(db, rc, who, minutes > 0 ? "scale freeze" : "scale unfreeze", "scale",
                    NULL);
}

int scale_change_freeze(struct sqldb *db, const struct audit_actor *who, uint32_t minutes,
                        char why[CHANGE_WHY])
{
    REPEAT_RETURN(freeze_once(db, who, minutes, why));
}

/* The row of the host, whose lars-slotd was last seen *<age_s> ago, is locked. */
static int lock_host(struct sqldb *db, const char *host, uint64_t *age_s,
                     char why[CHANGE_WHY])
{
    uint64_t n = 0;
    int rc =
        sqldb_number(db, &n, "SELECT COUNT(*) FROM ScaleHost WHERE host = %s FOR UPDATE",
                     host);

    if (rc == 0 && n == 0)
        rc = refuse(why, "there is no such host; see larsctl host list");
    if (rc == 0)
        rc = sqldb_number(db, age_s,
                          "SELECT GREATEST(TIMESTAMPDIFF(SECOND, seen_at, NOW(3)), 0) "
                          "FROM ScaleHost WHERE host = %s",
                          host);
    return rc;
}

static int host_once(struct sqldb *db, const struct audit_actor *who, const char *host,
                     bool in_use, char why[CHANGE_WHY])
{
    char subject[64];
    uint64_t age_s;
    int rc = audit_begin(db);

    snprintf(subject, sizeof(subject), "host:%s", host);
    if (rc == 0)
        rc = lock_host(db, host, &age_s, why);
    if (rc == 0)
        rc = sqldb_run(db, "UPDATE ScaleHost SET in_use = %u WHERE host = %s",
                       (uint32_t)in_use, host);
    return end_with(db, rc, who, in_use ? "host undrain" : "host drain", subject, NULL);
}

int scale_change_host(struct sqldb *db, const struct audit_actor *who, const char *host,
                      bool in_use, char why[CHANGE_WHY])
{
    REPEAT_RETURN(host_once(db, who, host, in_use, why));
}

static int forget_once(struct sqldb *db, const struct audit_actor *who, const char *host,
                       char why[CHANGE_WHY])
{
    static const char *const tables[] = {"ScaleWanted", "ScaleSlot", "ScaleHost"};
    char subject[64], sql[80];
    uint64_t age_s;
    size_t i;
    int rc = audit_begin(db);

    snprintf(subject, sizeof(subject), "host:%s", host);
    if (rc == 0)
        rc = lock_host(db, host, &age_s, why);
    if (rc == 0 && age_s < 60)
        rc = refuse(why, "its lars-slotd has shown itself within the last minute; stop "
                         "it first");
    for (i = 0; i < sizeof(tables) / sizeof(tables[0]) && rc == 0; i++) {
        snprintf(sql, sizeof(sql), "DELETE FROM %s WHERE host = %%s", tables[i]);
        rc = sqldb_run(db, sql, host);
    }
    return end_with(db, rc, who, "host forget", subject, NULL);
}

int scale_change_forget(struct sqldb *db, const struct audit_actor *who, const char *host,
                        char why[CHANGE_WHY])
{
    REPEAT_RETURN(forget_once(db, who, host, why));
}

/* --- hosts of another database ------------------------------------------------------ */

/* Leaders of the other database that still take over from each other do not get there. */
#define ADOPT_STEP (UINT64_C(1) << 20)
#define FENCE_END (UINT64_C(1) << 62) /* a higher one is an error of its sender */

#define AHEAD                                                                            \
    " FROM ScaleHost h WHERE h.fence > (SELECT MAX(fence) FROM Lease WHERE name = "      \
    "'scale') "

struct ahead { /* hosts that have obeyed a higher fence than the leader's */
    uint64_t n, fence, n_silent, n_end;
};

static int find_ahead(struct sqldb *db, struct ahead *a)
{
    int rc = sqldb_number(db, &a->n, "SELECT COUNT(*)" AHEAD);

    if (rc == 0)
        rc = sqldb_number(db, &a->fence, "SELECT COALESCE(MAX(h.fence), 0)" AHEAD);
    if (rc == 0)
        rc = sqldb_number(db, &a->n_silent,
                          "SELECT COUNT(*)" AHEAD "AND h.seen_at < NOW(3) - INTERVAL 5 "
                          "SECOND");
    if (rc == 0)
        rc = sqldb_number(
            db, &a->n_end,
            "SELECT COUNT(*) FROM ScaleSlot s WHERE s.pid > 0 AND s.host IN (SELECT "
            "h.host" AHEAD ") AND NOT EXISTS (SELECT 1 FROM ScaleWanted w WHERE w.host = "
            "s.host AND w.slot = s.slot AND w.modid = s.modid AND w.cmdid = s.cmdid)");
    return rc;
}

static int check_ahead(const struct ahead *a, uint64_t n_end, char why[CHANGE_WHY])
{
    if (a->n == 0)
        return refuse(why, "no host has obeyed a higher fence than this database gives, "
                           "so there is nothing to adopt; see larsctl host list");
    if (a->fence >= FENCE_END)
        return refuse(why, "a host tells a fence that no leader can have had; see column "
                           "fence of larsctl host list");
    if (a->n_silent > 0)
        return refuse(why, "a host that is ahead has been silent for 5 s, so what runs "
                           "there is not known; start its lars-slotd, or forget it with "
                           "larsctl host forget");
    if (a->n_end == n_end)
        return 0;
    snprintf(why, CHANGE_WHY,
             "%llu nodes run that this database does not order, and they end when it is "
             "obeyed; if this is right: larsctl host adopt %llu",
             (unsigned long long)a->n_end, (unsigned long long)a->n_end);
    return -EINVAL;
}

static int adopt_once(struct sqldb *db, const struct audit_actor *who, uint64_t n_end,
                      char why[CHANGE_WHY])
{
    struct ahead a = {0, 0, 0, 0};
    int rc = audit_begin(db);

    if (rc == 0)
        rc = find_ahead(db, &a);
    if (rc == 0)
        rc = check_ahead(&a, n_end, why);
    if (rc == 0)
        rc = sqldb_run(db,
                       "UPDATE Lease SET fence = GREATEST(fence, %llu) WHERE name = "
                       "'scale'",
                       (unsigned long long)(a.fence + ADOPT_STEP));
    return end_with(db, rc, who, "host adopt", "scale",
                    json_pack("{s:I, s:I}", "hosts", (json_int_t)a.n, "nodes_ended",
                              (json_int_t)a.n_end));
}

int scale_change_adopt(struct sqldb *db, const struct audit_actor *who, uint64_t n_end,
                       char why[CHANGE_WHY])
{
    REPEAT_RETURN(adopt_once(db, who, n_end, why));
}
