/* An acknowledgement is a row of Audit and nothing else: who knows of an alarm, since
 * when, and what they noted belongs into the record of what operators did.
 *
 * Rejected: silences without an end or a reason.  Each is forgotten, and then hides the
 * next fault. */
#include "ops/alarm_change.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "db/alarm_kinds.h"
#include "db/repeat.h"

#define SUBJECT 128

static int end(struct sqldb *db, int rc, const struct audit_actor *who,
               const char *action, const char *subject)
{
    struct audit_entry e = {.action = action, .subject = subject, .result = "done"};

    return audit_end(db, rc, who, &e);
}

static int wrong(char why[CHANGE_WHY], const char *what)
{
    snprintf(why, CHANGE_WHY, "%s", what);
    return -EINVAL;
}

static int ack_once(struct sqldb *db, const struct audit_actor *who, uint64_t id,
                    char why[CHANGE_WHY])
{
    char subject[SUBJECT];
    uint64_t n = 0;
    int rc = audit_begin(db);

    snprintf(subject, sizeof(subject), "alarm:%llu", (unsigned long long)id);
    if (rc == 0)
        rc = sqldb_number(db, &n, "SELECT COUNT(*) FROM Alarm WHERE id = %llu",
                          (unsigned long long)id);
    if (rc == 0 && n == 0)
        rc = wrong(why, "there is no alarm with this number");
    return end(db, rc, who, "alarm ack", subject);
}

int alarm_change_ack(struct sqldb *db, const struct audit_actor *who, uint64_t id,
                     char why[CHANGE_WHY])
{
    REPEAT_RETURN(ack_once(db, who, id, why));
}

static int silence_once(struct sqldb *db, const struct audit_actor *who, const char *kind,
                        const char *subject, uint32_t minutes, uint64_t *id,
                        char why[CHANGE_WHY])
{
    char text[SUBJECT];
    int rc;

    if (!alarm_kinds_find(kind)) {
        snprintf(why, CHANGE_WHY, "there is no kind of alarm \"%.60s\"", kind);
        return -EINVAL;
    }
    if (minutes == 0 || minutes > ALARM_CHANGE_MINUTES_MAX)
        return wrong(why, "a silence lasts from 1 to 1440 minutes");
    if (who->reason[strspn(who->reason, " ")] == '\0')
        return wrong(why, "a silence needs a reason");
    if (strlen(subject) > 64)
        return wrong(why, "the subject has more than 64 bytes");
    snprintf(text, sizeof(text), "%s%s%s", kind, subject[0] ? " " : "", subject);
    rc = audit_begin(db);
    if (rc == 0)
        rc =
            sqldb_run(db,
                      "INSERT INTO AlarmSilence (kind, subject, until_at, reason, actor) "
                      "VALUES (%s, %s, NOW(3) + INTERVAL %u MINUTE, LEFT(%s, 255), "
                      "LEFT(%s, 64))",
                      kind, subject, minutes, who->reason, who->name);
    if (rc == 0)
        rc = sqldb_number(db, id, "SELECT LAST_INSERT_ID()");
    return end(db, rc, who, "alarm silence", text);
}

int alarm_change_silence(struct sqldb *db, const struct audit_actor *who,
                         const char *kind, const char *subject, uint32_t minutes,
                         uint64_t *id, char why[CHANGE_WHY])
{
    REPEAT_RETURN(silence_once(db, who, kind, subject, minutes, id, why));
}

static int unsilence_once(struct sqldb *db, const struct audit_actor *who, uint64_t id,
                          char why[CHANGE_WHY])
{
    char subject[SUBJECT];
    uint64_t n = 0;
    int rc = audit_begin(db);

    snprintf(subject, sizeof(subject), "silence:%llu", (unsigned long long)id);
    if (rc == 0)
        rc = sqldb_number(db, &n,
                          "SELECT COUNT(*) FROM AlarmSilence WHERE id = %llu AND "
                          "until_at > NOW(3) FOR UPDATE",
                          (unsigned long long)id);
    if (rc == 0 && n == 0)
        rc = wrong(why, "there is no silence with this number, or it is over");
    if (rc == 0)
        rc = sqldb_run(db,
                       "UPDATE AlarmSilence SET until_at = NOW(3), ended_by = LEFT(%s, "
                       "64) WHERE id = %llu",
                       who->name, (unsigned long long)id);
    return end(db, rc, who, "alarm unsilence", subject);
}

int alarm_change_unsilence(struct sqldb *db, const struct audit_actor *who, uint64_t id,
                           char why[CHANGE_WHY])
{
    REPEAT_RETURN(unsilence_once(db, who, id, why));
}

static int test_once(struct sqldb *db, const struct audit_actor *who, const char *target,
                     char why[CHANGE_WHY])
{
    char subject[SUBJECT];
    uint64_t n = 0;
    int rc = audit_begin(db);

    snprintf(subject, sizeof(subject), "target:%s", target);
    if (rc == 0)
        rc = sqldb_number(db, &n,
                          "SELECT COUNT(*) FROM AlarmTarget WHERE name = %s FOR UPDATE",
                          target);
    if (rc == 0 && n == 0) {
        snprintf(why, CHANGE_WHY, "no Report Service has a target \"%.60s\"", target);
        rc = -EINVAL;
    }
    if (rc == 0)
        rc =
            sqldb_run(db,
                      "UPDATE AlarmTarget SET test_at = NOW(3), tested_by = LEFT(%s, 64) "
                      "WHERE name = %s",
                      who->name, target);
    return end(db, rc, who, "alarm test", subject);
}

int alarm_change_test(struct sqldb *db, const struct audit_actor *who, const char *target,
                      char why[CHANGE_WHY])
{
    REPEAT_RETURN(test_once(db, who, target, why));
}

static int forget_once(struct sqldb *db, const struct audit_actor *who, const char *kind,
                       const char *name, char why[CHANGE_WHY])
{
    static const char *const of_name[] = {
        "DELETE FROM AgentRoute WHERE agent = %s",
        "DELETE FROM AgentNode WHERE agent = %s", "DELETE FROM RouteHold WHERE dnsd = %s",
        "DELETE FROM StreamConflict WHERE reportd = %s"};
    char subject[SUBJECT];
    uint64_t n = 0;
    size_t i;
    int rc;

    if (strcmp(kind, "agent") != 0 && strcmp(kind, "dnsd") != 0 &&
        strcmp(kind, "reportd") != 0) {
        snprintf(why, CHANGE_WHY, "\"%.60s\" is not agent, dnsd or reportd", kind);
        return -EINVAL;
    }
    snprintf(subject, sizeof(subject), "%s:%.100s", kind, name);
    rc = audit_begin(db);
    if (rc == 0)
        rc =
            sqldb_number(db, &n,
                         "SELECT COUNT(*) FROM Service WHERE kind = %s AND name = %s FOR "
                         "UPDATE",
                         kind, name);
    if (rc == 0 && n == 0) {
        snprintf(why, CHANGE_WHY, "there is no %s \"%.100s\"", kind, name);
        rc = -EINVAL;
    }
    if (rc == 0)
        rc = sqldb_number(db, &n,
                          "SELECT COUNT(*) FROM Service WHERE kind = %s AND name = %s "
                          "AND seen_at > NOW(3) - INTERVAL %u SECOND",
                          kind, name, ALARM_CHANGE_SILENT_S);
    if (rc == 0 && n > 0) {
        snprintf(why, CHANGE_WHY, "the %s \"%.100s\" still reports: stop it first", kind,
                 name);
        rc = -EBUSY;
    }
    for (i = 0; rc == 0 && i < sizeof(of_name) / sizeof(of_name[0]); i++)
        rc = sqldb_run(db, of_name[i], name);
    if (rc == 0)
        rc = sqldb_run(db, "DELETE FROM Service WHERE kind = %s AND name = %s", kind,
                       name);
    return end(db, rc, who, "service forget", subject);
}

int alarm_change_forget(struct sqldb *db, const struct audit_actor *who, const char *kind,
                        const char *name, char why[CHANGE_WHY])
{
    REPEAT_RETURN(forget_once(db, who, kind, name, why));
}
