/* One row for each module, so the primary key refuses a second measurement of it.  A row
 * that has ended and that no leader has removed yet does so as well: its slot may not be
 * empty yet. */
#include "ops/measure_change.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/rnd.h"
#include "db/repeat.h"

struct other {                        /* a measurement of the module */
    char who[65], token[MEASURE_CHANGE_TOKEN];
};

static int take_other(char **at, void *arg)
{
    struct other *o = arg;

    snprintf(o->who, sizeof(o->who), "%s", at[0] ? at[0] : "");
    snprintf(o->token, sizeof(o->token), "%s", at[1] ? at[1] : "");
    return 0;
}

static int refuse_without_leader(struct sqldb *db, char why[CHANGE_WHY])
{
    uint64_t n = 0;
    int rc = sqldb_number(
        db, &n, "SELECT COUNT(*) FROM Lease WHERE name = 'scale' AND until_at > NOW(3)");

    if (rc < 0 || n > 0)
        return rc;
    snprintf(why, CHANGE_WHY,
             "no lars-autoscaler decides, so none gives a slot: start it, or measure a "
             "node that you name with node=");
    return -EBUSY;
}

static int insert(struct sqldb *db, uint32_t modid, uint32_t cmdid, const char *class,
                  const char *token, const char *who)
{
    if (class)
        return sqldb_run(db,
                         "INSERT IGNORE INTO ScaleMeasure (modid, cmdid, token, class, "
                         "until_at, who) VALUES (%u, %u, %s, %s, NOW(3) + INTERVAL %u "
                         "SECOND, LEFT(%s, 64))",
                         modid, cmdid, token, class, (uint32_t)MEASURE_CHANGE_KEEP_S,
                         who);
    return sqldb_run(db,
                     "INSERT IGNORE INTO ScaleMeasure (modid, cmdid, token, until_at, "
                     "who) VALUES (%u, %u, %s, NOW(3) + INTERVAL %u SECOND, LEFT(%s, "
                     "64))",
                     modid, cmdid, token, (uint32_t)MEASURE_CHANGE_KEEP_S, who);
}

static int refuse_second(struct sqldb *db, uint32_t modid, uint32_t cmdid,
                         const char *token, char why[CHANGE_WHY])
{
    struct other o = {"", ""};
    int rc = sqldb_each(db, take_other, &o,
                        "SELECT who, token FROM ScaleMeasure WHERE modid = %u AND cmdid "
                        "= %u",
                        modid, cmdid);

    if (rc < 0 || strcmp(o.token, token) == 0)
        return rc;
    snprintf(why, CHANGE_WHY,
             "%u/%u is being measured by %.64s: wait until that has ended; its slot is "
             "empty %u s after it was killed",
             modid, cmdid, o.who, MEASURE_CHANGE_KEEP_S);
    return -EBUSY;
}

static int ask_once(struct sqldb *db, const struct audit_actor *who, uint32_t modid,
                    uint32_t cmdid, const char *class, char token[MEASURE_CHANGE_TOKEN],
                    char why[CHANGE_WHY])
{
    struct audit_entry e = {.action = "capacity slot", .result = "done"};
    char subject[32];
    struct rnd r;
    int rc;

    rnd_init_any(&r);
    snprintf(token, MEASURE_CHANGE_TOKEN, "%08x%08x%08x%08x", rnd_u32(&r), rnd_u32(&r),
             rnd_u32(&r), rnd_u32(&r));
    snprintf(subject, sizeof(subject), "%u/%u", modid, cmdid);
    e.subject = subject;
    rc = audit_begin(db);
    if (rc == 0)
        rc = refuse_without_leader(db, why);
    if (rc == 0)
        rc = insert(db, modid, cmdid, class, token, who->name);
    if (rc == 0)
        rc = refuse_second(db, modid, cmdid, token, why);
    return audit_end(db, rc, who, &e);
}

int measure_change_ask(struct sqldb *db, const struct audit_actor *who, uint32_t modid,
                       uint32_t cmdid, const char *class,
                       char token[MEASURE_CHANGE_TOKEN], char why[CHANGE_WHY])
{
    REPEAT_RETURN(ask_once(db, who, modid, cmdid, class, token, why));
}

/* --- what has become of it ---------------------------------------------------------- */

static uint32_t u32(const char *text)
{
    return text ? (uint32_t)strtoul(text, NULL, 10) : 0;
}

static void read_slot(struct measure_change_state *s, const char *state, const char *note)
{
    if (!state) /* the order has not been seen */
        return;
    if (strcmp(state, "ready") == 0 || strcmp(state, "sick") == 0) {
        s->state = MEASURE_READY;
    } else if (strcmp(state, "starting") != 0) {
        s->state = MEASURE_LOST;
        snprintf(s->why, CHANGE_WHY, "the node in slot %u of %s is %.16s%s%.128s",
                 s->slot, s->host, state, note && note[0] ? ": " : "", note ? note : "");
    }
}

static int take_state(char **at, void *arg)
{
    struct measure_change_state *s = arg;
    const char *state = at[0] ? at[0] : "";

    if (strcmp(state, "asked") == 0) {
        s->state = MEASURE_ASKED;
        return 0;
    }
    if (strcmp(state, "given") != 0) {
        snprintf(s->why, CHANGE_WHY, "%s", at[1] ? at[1] : "");
        return 0;
    }
    s->state = MEASURE_STARTING;
    snprintf(s->host, sizeof(s->host), "%s", at[2] ? at[2] : "");
    snprintf(s->class, sizeof(s->class), "%s", at[3] ? at[3] : "");
    s->ip = u32(at[4]);
    s->slot = u32(at[5]);
    s->port = u32(at[6]);
    read_slot(s, at[7], at[8]);
    return 0;
}

/* What runs in the slot counts only when it is of this module and was not stopping before
 * the order was obeyed: another node ends there first. */
int measure_change_renew(struct sqldb *db, const char *token,
                         struct measure_change_state *out)
{
    int rc = sqldb_run(db,
                       "UPDATE ScaleMeasure SET until_at = NOW(3) + INTERVAL %u SECOND "
                       "WHERE token = %s AND state <> 'refused'",
                       (uint32_t)MEASURE_CHANGE_KEEP_S, token);

    *out = (struct measure_change_state){.state = MEASURE_LOST};
    snprintf(out->why, CHANGE_WHY, "the row of this measurement has gone");
    if (rc == 0)
        rc = sqldb_each(db, take_state, out,
                        "SELECT m.state, m.note, m.host, h.class, "
                        "INET_ATON(h.address), m.slot, s.port, s.state, s.note FROM "
                        "ScaleMeasure m LEFT JOIN ScaleHost h ON h.host = m.host LEFT "
                        "JOIN ScaleSlot s ON s.host = m.host AND s.slot = m.slot AND "
                        "s.modid = m.modid AND s.cmdid = m.cmdid WHERE m.token = %s",
                        token);
    return rc;
}

int measure_change_end(struct sqldb *db, const char *token)
{
    return sqldb_run(db, "UPDATE ScaleMeasure SET until_at = NOW(3) WHERE token = %s",
                     token);
}
