/* The schema that the programs need is written down here a second time, as names and
 * kinds of columns, and compared with information_schema.  A change of each kind is then
 * tried in a transaction that is rolled back, because whether a trigger works (DEFINER
 * may be unknown) and whether a right is missing only shows when it is used.
 *
 * Invariant: a transaction that is tried leaves no row and no version behind.
 * Rejected: a version number in the database.  It says which script was loaded, and not
 * what another program or a restored dump has made of the tables since. */
#include "ctl/schema_check.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#define NO_DEFINER "(1449)" /* sqldb_error() shows the server's codes so */
#define NO_RIGHT "(1142)"
#define NO_RIGHT_OF_COLUMN "(1143)"
#define NO_RIGHT_OF_DATABASE "(1044)"

/* name+: INT UNSIGNED or wider; name++: BIGINT UNSIGNED; others: of any type */
static const struct {
    const char *table, *columns;
} tables[] = {
    {"RouteData", "id+ modid+ cmdid+ serverip+ serverport+ weight+ zone state"},
    {"RouteVersion", "id+ version++"},
    {"RouteChange", "id++ modid+ cmdid+ version++ confirmed changed_at goneip goneport"},
    {"RouteConfirm", "id++ modid+ cmdid+ who at"},
    {"ServerCallStatus",
     "modid+ cmdid+ ip+ port+ caller+ succ_cnt++ err_cnt++ ts++ overload"},
    {"ReportSeen", "stream seq++ updated_at"},
    {"CallSecond", "at++ modid+ cmdid+ ip+ port+ succ++ err++"},
    {"CallMinute", "at++ modid+ cmdid+ ip+ port+ succ++ err++"},
    {"CallHour", "at++ modid+ cmdid+ ip+ port+ succ++ err++"},
    {"CallLatency", "at++ modid+ cmdid+ bucket n++"},
    {"Alarm", "id++ kind subject detail raised_at cleared_at told_at"},
    {"Lease", "name holder++ until_at fence++"},
    {"ModulePolicy", "modid+ cmdid+ rule probe timeout_ms+ slow_ms+ node_rps+ "
                     "node_inflight+ target_ms+ who changed_at"},
    {"ZoneLoad", "at++ modid+ cmdid+ zone+ ok++ err++"},
    {"NodeOut", "modid+ cmdid+ ip+ port+ caller+ at++"},
    {"ModIDConfig", "id+ modid+ content"},
    {"CmdIDConfig", "id+ cmdid+ content"},
    {"Service", "kind name zone address version revision++ state stream seq++ "
                "report since seen_at"},
    {"AgentRoute", "agent modid+ cmdid+ version++ sum++ policy++ at"},
    {"AgentNode", "agent modid+ cmdid+ ip+ port+ state"},
    {"RouteHold", "dnsd modid+ cmdid+ had+ gone+ since seen_at"},
    {"StreamConflict", "reportd stream owner other seen_at"},
    {"Audit", "id++ at actor via peer action subject reason result revision++ of_id++ "
              "detail"},
    {"User", "name pwhash role must_change disabled"},
    {"Session", "id user peer kind seen_at until_at"},
    {"AlarmSilence", "id++ kind subject until_at reason actor ended_by"},
    {"AlarmTarget", "name told_at error test_at tested_by"},
    {"RouteLog", "id++ at audit_id++ db_user modid+ cmdid+ ip+ port+ old_weight+ "
                 "old_zone old_state new_weight+ new_zone new_state"},
    {"ScalePolicy", "modid+ cmdid+ actuator min_zone+ max_zone+ warm+ util_pct+ "
                    "floor_pct+ dry_run who changed_at"},
    {"ScalePlan", "id++ modid+ cmdid+ zone from_at until_at n_zone+ note who"},
    {"ScaleHost", "host zone address class slots+ in_use seen_at stream former seq++ "
                  "fence++"},
    {"ScaleWanted", "host slot+ modid+ cmdid+ fence++ decision++"},
    {"ScaleSlot", "host slot+ modid+ cmdid+ port+ pid+ state starts+ note since seen_at "
                  "build build_since"},
    {"ScaleDecision", "id++ at fence++ modid+ cmdid+ demand refused inflight load_nodes "
                      "zones+ up+ need+ plan+ was+ wanted+ rule note"},
    {"ScaleShortage", "modid+ cmdid+ zone wanted+ up+ most+ why since seen_at"},
    {"Capacity", "modid+ cmdid+ class rps inflight p99_us+ target_us+ build mix factor "
                 "low_since build_from at who"},
    {"ScaleMeasure", "modid+ cmdid+ token class state host slot+ note at until_at who"},
    {"Freeze", "name reason until_at who"},
    {"ZoneState", "zone state who reason at"},
    {"Drill", "id++ token name module script state who host folder started_at seen_at "
              "ended_at second+ seconds+ happened+ events+ due++ ok++ failed++ p50_us++ "
              "p99_us++ undo_open why live report abort_at abort_by abort_why"},
    {"FrontHost", "host zone admin outside state held done seen seen_at failed+ since "
                  "note who"},
    {"GatewaySeen", "address origin required answered_at asked_at why"},
};

static const struct {
    const char *table, *key;
} keys[] = {{"RouteData", "node"},         {"RouteVersion", "PRIMARY"},
            {"RouteChange", "by_version"}, {"ServerCallStatus", "PRIMARY"},
            {"ModIDConfig", "modid"},      {"CmdIDConfig", "cmdid"}};

static const struct {
    const char *name, *table;
} triggers[] = {
    {"route_data_insert", "RouteData"},       {"route_data_delete", "RouteData"},
    {"route_data_update", "RouteData"},       {"route_change_insert", "RouteChange"},
    {"route_confirm_insert", "RouteConfirm"}, {"route_version_update", "RouteVersion"},
    {"route_version_delete", "RouteVersion"},
};

/* Which users of the database something is tried for: those of users.sql have the rights
 * of their work only; any other user is that of the services, or an administrator. */
enum { OTHER = 1, WEB = 2, WEB_RO = 4, CTL = 8, SCALE = 16 };
#define USER_BIT                                                                         \
    "SELECT 1 << FIELD(SUBSTRING_INDEX(CURRENT_USER(), '@', 1), 'lars_web', "            \
    "'lars_web_ro', 'lars_ctl', 'lars_scale')"

/* They fire the triggers, and nothing of them stays. */
static const struct {
    unsigned who;
    const char *sql;
} trials[] = {
    {OTHER | WEB | CTL | SCALE,
     "INSERT INTO RouteData (modid, cmdid, serverip, serverport) VALUES (0, 0, 0, 0)"},
    {OTHER | WEB | CTL | SCALE,
     "UPDATE RouteData SET weight = 1 WHERE modid = 0 AND cmdid = 0"},
    {OTHER | WEB | CTL | SCALE, "DELETE FROM RouteData WHERE modid = 0 AND cmdid = 0"},
    {OTHER | WEB | CTL, "INSERT INTO RouteConfirm (modid, cmdid) VALUES (0, 0)"},
    {OTHER | CTL, "DELETE FROM RouteChange WHERE modid = 0 AND cmdid = 0"},
    {OTHER | WEB | CTL | SCALE,
     "INSERT INTO Audit (actor, via, action, result) VALUES ('', '', '', '')"},
};

/* The other rights of users.sql: I, U and D are tried on no row of the table. */
static const struct {
    unsigned who;
    const char *table, *column, *verbs;
} granted[] = {
    {WEB_RO, "Session", "seen_at", "U"},
    {WEB | CTL, "Session", "user", "IUD"},
    {WEB | CTL, "RouteVersion", "id", "U"},
    {WEB | CTL, "ModulePolicy", "rule", "IUD"},
    {WEB | CTL, "ModIDConfig", "id", "IUD"},
    {WEB | CTL, "CmdIDConfig", "id", "IUD"},
    {WEB | CTL, "AlarmSilence", "id", "IU"},
    {WEB | CTL, "AlarmTarget", "name", "U"},
    {WEB | CTL, "User", "name", "U"},
    {WEB | CTL, "Service", "name", "UD"},
    {WEB | CTL, "AgentRoute", "", "D"},
    {WEB | CTL, "AgentNode", "", "D"},
    {WEB | CTL, "RouteHold", "", "D"},
    {WEB | CTL, "StreamConflict", "", "D"},
    {CTL, "User", "name", "I"},
    {WEB | CTL, "ScalePolicy", "who", "IUD"},
    {WEB | CTL, "ScalePlan", "who", "IUD"},
    {WEB | CTL, "ScaleHost", "in_use", "UD"},
    {WEB | CTL, "ScaleWanted", "", "D"},
    {WEB | CTL, "ScaleSlot", "", "D"},
    {WEB | CTL, "Capacity", "who", "IUD"},
    {WEB | CTL, "Freeze", "who", "IUD"},
    {WEB | CTL, "ZoneState", "who", "IUD"},
    {WEB, "Drill", "abort_at", "U"},
    {WEB, "Drill", "abort_by", "U"},
    {WEB, "Drill", "abort_why", "U"},
    {CTL, "Drill", "state", "IU"},
    {WEB | CTL, "FrontHost", "who", "IUD"},
    {SCALE, "FrontHost", "note", "U"},
    {SCALE, "GatewaySeen", "why", "IUD"},
    {SCALE, "Lease", "holder", "IU"},
    {CTL, "Lease", "fence", "IU"},
    {SCALE, "Capacity", "factor", "U"},
    {SCALE, "Capacity", "low_since", "U"},
    {SCALE, "ScaleWanted", "fence", "IUD"},
    {CTL, "ScaleMeasure", "until_at", "IUD"},
    {SCALE, "ScaleMeasure", "note", "UD"},
    {SCALE, "ScaleDecision", "id", "I"},
    {SCALE, "ScaleShortage", "why", "IUD"},
};

struct check {
    struct ctl *c;
    unsigned n_fault;
    int rc; /* the first error of the database */
};

/* Run a SELECT into a new table of <columns>; NULL after an error. */
static struct table *look(struct check *k, const char *columns, const char *sql,
                          const char *value)
{
    struct table *t = NULL;

    if (k->rc == 0)
        k->rc = table_create(&t, columns);
    if (k->rc == 0)
        k->rc = value ? ctl_table(k->c, t, sql, value) : ctl_table(k->c, t, sql, "");
    if (k->rc == 0)
        return t;
    table_destroy(t);
    return NULL;
}

/* The row whose first cell is <name>, or -1. */
static long find_row(const struct table *t, const char *name, size_t len)
{
    size_t i;

    for (i = 0; i < table_n_rows(t); i++)
        if (strlen(table_cell(t, i, 0)) == len &&
            strncmp(table_cell(t, i, 0), name, len) == 0)
            return (long)i;
    return -1;
}

static void check_column(struct check *k, const struct table *t, const char *table,
                         const char *word)
{
    size_t len = strcspn(word, "+"), width = strlen(word + len);
    long row = find_row(t, word, len);
    const char *type = row < 0 ? NULL : table_cell(t, (size_t)row, 1);

    if (!type)
        ctl_say(0, "column %s.%.*s is missing", table, (int)len, word);
    else if ((width == 1 && strcmp(type, "int unsigned") != 0 &&
              strcmp(type, "bigint unsigned") != 0) ||
             (width == 2 && strcmp(type, "bigint unsigned") != 0))
        ctl_say(0, "column %s.%.*s is %s, and not %s unsigned", table, (int)len, word,
                type, width == 1 ? "int" : "bigint");
    else
        return;
    k->n_fault++;
}

static void check_columns(struct check *k, const char *table, const char *columns)
{
    char copy[400], *word, *save = NULL;
    struct table *t =
        look(k, "name type",
             "SELECT column_name, CONCAT(data_type, IF(column_type LIKE '%%unsigned%%', "
             "' unsigned', '')) FROM information_schema.columns WHERE table_schema = "
             "DATABASE() AND table_name = %s",
             table);

    if (t && table_n_rows(t) == 0) {
        ctl_say(0, "table %s is missing, or [db] user has no right to it", table);
        k->n_fault++;
    } else if (t) {
        snprintf(copy, sizeof(copy), "%s", columns);
        for (word = strtok_r(copy, " ", &save); word; word = strtok_r(NULL, " ", &save))
            check_column(k, t, table, word);
    }
    table_destroy(t);
}

static void check_keys(struct check *k)
{
    struct table *t;
    size_t i;

    for (i = 0; i < sizeof(keys) / sizeof(keys[0]); i++) {
        t = look(k, "name",
                 "SELECT DISTINCT index_name FROM information_schema.statistics WHERE "
                 "table_schema = DATABASE() AND table_name = %s",
                 keys[i].table);
        if (t && find_row(t, keys[i].key, strlen(keys[i].key)) < 0) {
            ctl_say(0, "key %s of table %s is missing", keys[i].key, keys[i].table);
            k->n_fault++;
        }
        table_destroy(t);
    }
}

/* The server shows the triggers of a table only to users who may change the table. */
static struct table *tables_with_visible_triggers(struct check *k)
{
    return look(k, "name",
                "SELECT DISTINCT table_name FROM information_schema.columns WHERE "
                "table_schema = DATABASE() AND (privileges LIKE '%%insert%%' OR "
                "privileges LIKE '%%update%%') UNION SELECT table_name FROM "
                "information_schema.table_privileges WHERE table_schema = DATABASE() AND "
                "privilege_type <> %s",
                "SELECT");
}

static void check_triggers(struct check *k)
{
    struct table *visible = tables_with_visible_triggers(k);
    struct table *t = look(k, "name",
                           "SELECT trigger_name FROM information_schema.triggers WHERE "
                           "trigger_schema = DATABASE() AND trigger_name <> %s",
                           NULL);
    size_t i;

    for (i = 0; t && i < sizeof(triggers) / sizeof(triggers[0]); i++) {
        const char *name = triggers[i].name, *of = triggers[i].table;

        if (find_row(t, name, strlen(name)) >= 0 || find_row(visible, of, strlen(of)) < 0)
            continue;
        ctl_say(0, "trigger %s is missing", name);
        k->n_fault++;
    }
    table_destroy(visible);
    table_destroy(t);
}

/* The name of a collation begins with that of its character set. */
static void check_collations(struct check *k)
{
    struct table *t = look(
        k, "what collation",
        "SELECT CONCAT('the database ', schema_name), default_collation_name FROM "
        "information_schema.schemata WHERE schema_name = DATABASE() AND "
        "default_collation_name <> '" SCHEMA_COLLATION "' UNION ALL "
        "SELECT CONCAT('table ', table_name), table_collation FROM "
        "information_schema.tables WHERE table_schema = DATABASE() AND table_type = "
        "'BASE TABLE' AND table_collation <> '" SCHEMA_COLLATION "' UNION ALL "
        "SELECT CONCAT('column ', c.table_name, '.', c.column_name), c.collation_name "
        "FROM information_schema.columns c JOIN information_schema.tables t USING "
        "(table_schema, table_name) WHERE c.table_schema = DATABASE() AND t.table_type "
        "= 'BASE TABLE' AND c.collation_name <> '" SCHEMA_COLLATION "' AND 'x' <> %s",
        NULL);
    size_t i;

    for (i = 0; t && i < table_n_rows(t); i++)
        ctl_say(0, "%s has the collation %s, and not " SCHEMA_COLLATION,
                table_cell(t, i, 0), table_cell(t, i, 1));
    if (t)
        k->n_fault += (unsigned)table_n_rows(t);
    table_destroy(t);
}

/* Try the verbs of a row of <granted>. */
static int try_right(struct ctl *c, const char *table, const char *column,
                     const char *verbs)
{
    char sql[120];
    int rc = 0;

    for (; *verbs && rc == 0; verbs++) {
        if (*verbs == 'I')
            snprintf(sql, sizeof(sql), "INSERT INTO %s SELECT * FROM %s WHERE 1 = 0",
                     table, table);
        else if (*verbs == 'U')
            snprintf(sql, sizeof(sql), "UPDATE %s SET %s = %s WHERE 1 = 0", table, column,
                     column);
        else
            snprintf(sql, sizeof(sql), "DELETE FROM %s WHERE 1 = 0", table);
        rc = sqldb_run_text(c->db, sql);
    }
    return rc;
}

/* Returns 0 or the error of the first statement that fails; the connection is closed
 * then, which rolls back.  *<who>: the user, as in <trials>. */
static int try_changes(struct ctl *c, uint64_t *who)
{
    int rc = sqldb_number(c->db, who, USER_BIT);
    size_t i;

    if (rc == 0)
        rc = sqldb_run_text(c->db, "START TRANSACTION");
    for (i = 0; i < sizeof(trials) / sizeof(trials[0]) && rc == 0; i++)
        if (trials[i].who & *who)
            rc = sqldb_run_text(c->db, trials[i].sql);
    for (i = 0; i < sizeof(granted) / sizeof(granted[0]) && rc == 0; i++)
        if (granted[i].who & *who)
            rc = try_right(c, granted[i].table, granted[i].column, granted[i].verbs);
    return rc < 0 ? rc : sqldb_run_text(c->db, "ROLLBACK");
}

static bool says(const struct ctl *c, const char *code)
{
    return strstr(sqldb_error(c->db), code) != NULL;
}

int schema_check_definer(struct ctl *c, bool *out)
{
    uint64_t who;
    int rc = try_changes(c, &who);

    *out = rc < 0 && says(c, NO_DEFINER);
    return rc == -ENOTCONN ? rc : 0;
}

/* The user of the connection and its database, as GRANT has them. */
static void user_and_database(struct ctl *c, char *user, char *database, size_t size)
{
    struct table *t;

    snprintf(user, size, "the user of [db]");
    snprintf(database, size, "the database");
    if (table_create(&t, "user database") < 0)
        return;
    if (ctl_table(c, t,
                  "SELECT CONCAT('''', SUBSTRING_INDEX(CURRENT_USER(), '@', 1), "
                  "'''@''', SUBSTRING_INDEX(CURRENT_USER(), '@', -1), ''''), "
                  "CONCAT('`', DATABASE(), '`.*')") == 0 &&
        table_n_rows(t) == 1) {
        snprintf(user, size, "%s", table_cell(t, 0, 0));
        snprintf(database, size, "%s", table_cell(t, 0, 1));
    }
    table_destroy(t);
}

static bool lacks_right(const struct ctl *c)
{
    return says(c, NO_RIGHT) || says(c, NO_RIGHT_OF_COLUMN) ||
           says(c, NO_RIGHT_OF_DATABASE);
}

int schema_check_failed(struct ctl *c, int rc, const char *where, const char *rights)
{
    char error[MYCONN_ERROR_MAX], user[200], database[200];

    if (rc == -ENOTCONN || rc == -ENOMEM)
        return ctl_db_failed(c, rc);
    if (!lacks_right(c))
        return ctl_say(CTL_FAILED, "%s%s", where, sqldb_error(c->db));
    snprintf(error, sizeof(error), "%s", sqldb_error(c->db));
    user_and_database(c, user, database, sizeof(user));
    return ctl_say(CTL_FAILED,
                   "%sa right is missing: %s; as an administrator of the database run: "
                   "GRANT %s ON %s TO %s",
                   where, error, rights, database, user);
}

static int say_trial_failed(struct ctl *c, int rc, uint64_t who)
{
    if (rc == -ENOTCONN)
        return ctl_db_failed(c, rc);
    if (says(c, NO_DEFINER))
        return ctl_say(CTL_FAILED,
                       "a trigger cannot run, because its DEFINER is unknown here: %s; "
                       "run larsctl db migrate as an administrator of the database",
                       sqldb_error(c->db));
    if (who > OTHER && lacks_right(c))
        return ctl_say(CTL_FAILED,
                       "a right is missing: %s; load users.sql again as an administrator "
                       "of the database, which changes the rights only",
                       sqldb_error(c->db));
    return schema_check_failed(c, rc, "a change that was tried failed: ",
                               "SELECT, INSERT, UPDATE, DELETE, TRIGGER");
}

int schema_check_run(struct ctl *c)
{
    struct check k = {.c = c};
    uint64_t who = OTHER;
    size_t i;
    int rc;

    for (i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
        check_columns(&k, tables[i].table, tables[i].columns);
    check_keys(&k);
    check_triggers(&k);
    check_collations(&k);
    if (k.rc < 0)
        return ctl_db_failed(c, k.rc);
    if (k.n_fault > 0)
        return ctl_say(CTL_FAILED,
                       "the schema has %u faults; run larsctl db migrate as an "
                       "administrator of the database",
                       k.n_fault);
    rc = try_changes(c, &who);
    return rc < 0 ? say_trial_failed(c, rc, who) : 0;
}
