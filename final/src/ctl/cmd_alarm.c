/* Alarms, what they mean (db/alarm_kinds.h), and the processes that have shown that they
 * work.  A process that was taken away stays in the table Service for a day, because a
 * process that is missing is the reason for an alarm; `service forget` ends that. */
#include "ctl/cmd_alarm.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "db/alarm_kinds.h"
#include "ops/alarm_change.h"

static int alarm_list(struct ctl *c, int argc, char **argv)
{
    static const char columns[] = "id# kind subject detail raised cleared";

    if (argc > 0 && strcmp(argv[0], "all") != 0)
        return ctl_say(CTL_USAGE, "the arguments are: larsctl alarm list [all]");
    return argc > 0 ? ctl_print(c, columns,
                                "SELECT id, kind, subject, detail, raised_at, cleared_at "
                                "FROM Alarm ORDER BY id DESC LIMIT 200")
                    : ctl_print(c, columns,
                                "SELECT id, kind, subject, detail, raised_at, '' FROM "
                                "Alarm WHERE cleared_at IS NULL ORDER BY id");
}

/* The language of the user's environment, as programs choose that of messages. */
static enum alarm_language language(void)
{
    const char *const names[] = {"LC_ALL", "LC_MESSAGES", "LANG"};
    size_t i;

    for (i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const char *value = getenv(names[i]);

        if (value && value[0])
            return strncmp(value, "zh", 2) == 0 ? ALARM_ZH : ALARM_EN;
    }
    return ALARM_EN;
}

static int print_kinds(struct ctl *c, const char *name)
{
    enum alarm_language lang = language();
    const struct alarm_kind *k;
    struct table *t;
    size_t i;
    int rc = table_create(&t, "kind meaning steps");

    for (i = 0; rc == 0 && (k = alarm_kinds_at(i)); i++) {
        char *cell[] = {(char *)(uintptr_t)k->name, (char *)(uintptr_t)k->means[lang],
                        (char *)(uintptr_t)k->steps[lang]};

        if (!name || strcmp(name, k->name) == 0)
            rc = table_add(t, cell);
    }
    return rc < 0 ? ctl_say(CTL_FAILED, "out of memory") : ctl_print_table(c, t);
}

/* One kind is printed as lines, because its sentences are wider than a terminal. */
static int alarm_show(struct ctl *c, int argc, char **argv)
{
    const struct alarm_kind *k = argc > 0 ? alarm_kinds_find(argv[0]) : NULL;
    enum alarm_language lang = language();

    if (argc > 0 && !k)
        return ctl_say(CTL_USAGE,
                       "there is no kind of alarm \"%s\"; `larsctl alarm show` lists "
                       "them",
                       argv[0]);
    if (!k || c->format != TABLE_TEXT)
        return print_kinds(c, k ? k->name : NULL);
    printf("%s\n%s\n%s\n", k->name, k->means[lang], k->steps[lang]);
    return CTL_OK;
}

static int service_list(struct ctl *c, int argc, char **argv)
{
    (void)argc;
    (void)argv;
    return ctl_print(c, "kind name zone version revision# state seconds_ago#",
                     "SELECT kind, name, zone, version, revision, state, "
                     "TIMESTAMPDIFF(SECOND, seen_at, NOW(3)) FROM Service ORDER BY kind, "
                     "name");
}

static int service_forget(struct ctl *c, int argc, char **argv)
{
    struct audit_actor who = ctl_actor(c);
    char why[CHANGE_WHY];
    bool known = strcmp(argv[0], "agent") == 0 || strcmp(argv[0], "dnsd") == 0 ||
                 strcmp(argv[0], "reportd") == 0;
    int rc = alarm_change_forget(c->db, &who, argv[0], argv[1], why);

    (void)argc;
    return rc == -EBUSY ? ctl_say(CTL_FAILED, "%s", why)
                        : ctl_changed(c, rc, known ? CTL_FAILED : CTL_USAGE, why);
}

static int alarm_ack(struct ctl *c, int argc, char **argv)
{
    struct audit_actor who = ctl_actor(c);
    char why[CHANGE_WHY];
    uint32_t id;
    int rc = ctl_range(argv[0], "ID", 1, UINT32_MAX, &id);

    if (rc != 0)
        return rc;
    if (argc > 1)
        who.reason = argv[1];
    return ctl_changed(c, alarm_change_ack(c->db, &who, id, why), CTL_FAILED, why);
}

static int alarm_silence(struct ctl *c, int argc, char **argv)
{
    struct audit_actor who = ctl_actor(c);
    char why[CHANGE_WHY];
    uint32_t minutes;
    uint64_t id;
    int rc = ctl_range(argv[1], "MINUTES", 1, ALARM_CHANGE_MINUTES_MAX, &minutes);

    if (rc != 0)
        return rc;
    who.reason = argv[2];
    rc = alarm_change_silence(c->db, &who, argv[0], argc > 3 ? argv[3] : "", minutes, &id,
                              why);
    return ctl_changed(c, rc, CTL_USAGE, why);
}

static int alarm_unsilence(struct ctl *c, int argc, char **argv)
{
    struct audit_actor who = ctl_actor(c);
    char why[CHANGE_WHY];
    uint32_t id;
    int rc = ctl_range(argv[0], "ID", 1, UINT32_MAX, &id);

    (void)argc;
    return rc != 0 ? rc
                   : ctl_changed(c, alarm_change_unsilence(c->db, &who, id, why),
                                 CTL_FAILED, why);
}

static int alarm_silences(struct ctl *c, int argc, char **argv)
{
    (void)argc;
    (void)argv;
    return ctl_print(
        c, "id# kind subject until by reason",
        "SELECT id, kind, subject, until_at, actor, reason FROM AlarmSilence "
        "WHERE until_at > NOW(3) ORDER BY id");
}

static int alarm_targets(struct ctl *c, int argc, char **argv)
{
    (void)argc;
    (void)argv;
    return ctl_print(c, "target told error test_asked asked_by",
                     "SELECT name, told_at, error, test_at, tested_by FROM AlarmTarget "
                     "ORDER BY name");
}

static int alarm_test(struct ctl *c, int argc, char **argv)
{
    struct audit_actor who = ctl_actor(c);
    char why[CHANGE_WHY];

    (void)argc;
    return ctl_changed(c, alarm_change_test(c->db, &who, argv[0], why), CTL_FAILED, why);
}

const struct ctl_cmd cmd_alarm[] = {
    {"alarm", "list", "[all]", 0, 1, "List the alarms that are raised now, or all.",
     alarm_list, NULL},
    {"alarm", "show", "[KIND]", 0, 1,
     "Explain a kind of alarm and what to do, or list all.", alarm_show,
     "The language is that of LANG: Chinese for zh, else English."},
    {"alarm", "ack", "ID [NOTE]", 1, 2,
     "Acknowledge an alarm: its message is repeated no more.", alarm_ack, NULL},
    {"alarm", "silence", "KIND MINUTES REASON [SUBJECT]", 3, 4,
     "Send no messages about a kind of alarm for a time.", alarm_silence,
     "Without SUBJECT all alarms of the kind are silenced. The alarms are listed as "
     "before. A silence lasts a day at most."},
    {"alarm", "unsilence", "ID", 1, 1, "End a silence before its time.", alarm_unsilence,
     NULL},
    {"alarm", "silences", "", 0, 0, "List the silences.", alarm_silences, NULL},
    {"alarm", "targets", "", 0, 0,
     "List where alarms are sent, and the last error of each target.", alarm_targets,
     "The targets stand in lars-reportd.ini."},
    {"alarm", "test", "TARGET", 1, 1, "Send a test message to a target of alarms.",
     alarm_test, NULL},
    {"service", "list", "", 0, 0, "List agents and services and when they last worked.",
     service_list, NULL},
    {"service", "forget", "agent|dnsd|reportd NAME", 2, 2,
     "Forget a process that was taken away, so that it is not missed.", service_forget,
     "A process that works appears again within seconds."},
    {NULL, NULL, NULL, 0, 0, NULL, NULL, NULL}};
