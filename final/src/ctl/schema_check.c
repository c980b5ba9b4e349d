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
    {"Lease", "name holder++ until_at"},
    {"ModulePolicy", "modid+ cmdid+ rule probe timeout_ms+ slow_ms+ node_rps+ who "
                     "changed_at"},
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
};

static const struct {
    const char *table, *key;
} keys[] = {{"RouteData", "node"},         {"RouteVersion", "PRIMARY"},
            {"RouteChange", "by_version"}, {"ServerCallStatus", "PRIMARY"},
            {"ModIDConfig", "modid"},      {"CmdIDConfig", "cmdid"}};

static const char *const triggers[] = {
    "route_data_insert",    "route_data_delete",    "route_data_update",
    "route_change_insert",  "route_confirm_insert", "route_version_update",
    "route_version_delete",
};

/* They fire the triggers, and nothing of them stays. */
static const char *const trials[] = {
    "START TRANSACTION",
    "INSERT INTO RouteData (modid, cmdid, serverip, serverport) VALUES (0, 0, 0, 0)",
    "UPDATE RouteData SET weight = 1 WHERE modid = 0 AND cmdid = 0",
    "DELETE FROM RouteData WHERE modid = 0 AND cmdid = 0",
    "INSERT INTO RouteConfirm (modid, cmdid) VALUES (0, 0)",
    "DELETE FROM RouteChange WHERE modid = 0 AND cmdid = 0",
    "INSERT INTO Audit (actor, via, action, result) VALUES ('', '', '', '')",
    "ROLLBACK",
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
    char copy[200], *word, *save = NULL;
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

static void check_triggers(struct check *k)
{
    struct table *t = look(k, "name",
                           "SELECT trigger_name FROM information_schema.triggers WHERE "
                           "trigger_schema = DATABASE() AND trigger_name <> %s",
                           NULL);
    size_t i;

    for (i = 0; t && i < sizeof(triggers) / sizeof(triggers[0]); i++) {
        if (find_row(t, triggers[i], strlen(triggers[i])) >= 0)
            continue;
        ctl_say(0, "trigger %s is missing", triggers[i]);
        k->n_fault++;
    }
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

/* Returns 0 or the error of the first statement that fails; the connection is closed
 * then, which rolls back. */
static int try_changes(struct ctl *c)
{
    size_t i;
    int rc = 0;

    for (i = 0; i < sizeof(trials) / sizeof(trials[0]) && rc == 0; i++)
        rc = sqldb_run_text(c->db, trials[i]);
    return rc;
}

static bool says(const struct ctl *c, const char *code)
{
    return strstr(sqldb_error(c->db), code) != NULL;
}

int schema_check_definer(struct ctl *c, bool *out)
{
    int rc = try_changes(c);

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

int schema_check_failed(struct ctl *c, int rc, const char *where, const char *rights)
{
    char error[MYCONN_ERROR_MAX], user[200], database[200];

    if (rc == -ENOTCONN || rc == -ENOMEM)
        return ctl_db_failed(c, rc);
    if (!says(c, NO_RIGHT) && !says(c, NO_RIGHT_OF_COLUMN) &&
        !says(c, NO_RIGHT_OF_DATABASE))
        return ctl_say(CTL_FAILED, "%s%s", where, sqldb_error(c->db));
    snprintf(error, sizeof(error), "%s", sqldb_error(c->db));
    user_and_database(c, user, database, sizeof(user));
    return ctl_say(CTL_FAILED,
                   "%sa right is missing: %s; as an administrator of the database run: "
                   "GRANT %s ON %s TO %s",
                   where, error, rights, database, user);
}

static int say_trial_failed(struct ctl *c, int rc)
{
    if (rc == -ENOTCONN)
        return ctl_db_failed(c, rc);
    if (says(c, NO_DEFINER))
        return ctl_say(CTL_FAILED,
                       "a trigger cannot run, because its DEFINER is unknown here: %s; "
                       "run larsctl db migrate as an administrator of the database",
                       sqldb_error(c->db));
    return schema_check_failed(c, rc, "a change that was tried failed: ",
                               "SELECT, INSERT, UPDATE, DELETE, TRIGGER");
}

int schema_check_run(struct ctl *c)
{
    struct check k = {.c = c};
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
    rc = try_changes(c);
    return rc < 0 ? say_trial_failed(c, rc) : 0;
}
