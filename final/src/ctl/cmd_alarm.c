/* Alarms, what they mean (db/alarm_kinds.h), and the processes that have shown that they
 * work.  A process that was taken away stays in the table Service for a day, because a
 * process that is missing is the reason for an alarm; `service forget` ends that. */
#include "ctl/cmd_alarm.h"

#include <stdlib.h>
#include <string.h>

#include "db/alarm_kinds.h"

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
    uint64_t n = 0;
    int rc;

    (void)argc;
    if (strcmp(argv[0], "agent") != 0 && strcmp(argv[0], "dnsd") != 0 &&
        strcmp(argv[0], "reportd") != 0)
        return ctl_say(CTL_USAGE, "\"%s\" is not agent, dnsd or reportd", argv[0]);
    rc = ctldb_number(c->db, &n,
                      "SELECT COUNT(*) FROM Service WHERE kind = %s AND name = %s",
                      argv[0], argv[1]);
    if (rc == 0 && n == 0)
        return ctl_say(CTL_FAILED,
                       "there is no %s \"%s\"; `larsctl service list` lists them",
                       argv[0], argv[1]);
    if (rc == 0)
        rc = ctldb_run(c->db, "DELETE FROM AgentRoute WHERE agent = %s", argv[1]);
    if (rc == 0)
        rc = ctldb_run(c->db, "DELETE FROM AgentNode WHERE agent = %s", argv[1]);
    if (rc == 0)
        rc = ctldb_run(c->db, "DELETE FROM RouteHold WHERE dnsd = %s", argv[1]);
    if (rc == 0)
        rc = ctldb_run(c->db, "DELETE FROM StreamConflict WHERE reportd = %s", argv[1]);
    if (rc == 0)
        rc = ctldb_run(c->db, "DELETE FROM Service WHERE kind = %s AND name = %s",
                       argv[0], argv[1]);
    return rc < 0 ? ctl_db_failed(c, rc) : CTL_OK;
}

const struct ctl_cmd cmd_alarm[] = {
    {"alarm", "list", "[all]", 0, 1, "List the alarms that are raised now, or all.",
     alarm_list, NULL},
    {"alarm", "show", "[KIND]", 0, 1,
     "Explain a kind of alarm and what to do, or list all.", alarm_show,
     "The language is that of LANG: Chinese for zh, else English."},
    {"service", "list", "", 0, 0, "List agents and services and when they last worked.",
     service_list, NULL},
    {"service", "forget", "agent|dnsd|reportd NAME", 2, 2,
     "Forget a process that was taken away, so that it is not missed.", service_forget,
     "A process that works appears again within seconds."},
    {NULL, NULL, NULL, 0, 0, NULL, NULL, NULL}};
