/* db check and db migrate.  The schema is whole when the columns and triggers are there
 * that the programs of this version use; only what later versions added is looked for,
 * because the rest came with the first.  Migration loads schema.sql and triggers.sql
 * again: each of their statements changes nothing where its work is done already.
 *
 * The database of the configuration is used, whatever it is called: the statements of the
 * files that choose a database are left out. */
#include "ctl/cmd_schema.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "ctl/sql_script.h"

#define TRIGGERS 7
#define COLUMNS 14

struct migration {
    struct ctl *c;
    const char *path;
    int rc;                           /* of the statement that failed; 0 = none */
    unsigned line;                    /* where it begins */
};

static int run_statement(const char *sql, unsigned line, void *arg)
{
    struct migration *m = arg;

    if (strncmp(sql, "USE ", 4) == 0 || strncmp(sql, "CREATE DATABASE", 15) == 0)
        return 0;
    m->rc = ctldb_run_text(m->c->db, sql);
    m->line = line;
    return m->rc;
}

/* Returns an exit code. */
static int load_file(struct ctl *c, const char *path)
{
    struct migration m = {.c = c, .path = path};
    FILE *f = fopen(path, "re");
    int rc;

    if (!f)
        return ctl_say(
            CTL_FAILED,
            "%s: %s; correct [larsctl] sql in the configuration, the folder of "
            "schema.sql and triggers.sql",
            path, strerror(errno));
    rc = sql_script_each(f, run_statement, &m);
    fclose(f);
    if (m.rc == -ENOTCONN)
        return ctl_db_failed(c, m.rc);
    if (m.rc < 0)
        return ctl_say(CTL_FAILED, "%s:%u: %s", path, m.line, ctldb_error(c->db));
    return rc < 0 ? ctl_say(CTL_FAILED, "%s: %s", path, strerror(-rc)) : CTL_OK;
}

static int db_migrate(struct ctl *c, int argc, char **argv)
{
    static const char *const file[] = {"schema.sql", "triggers.sql"};
    char path[300];
    size_t i;
    int code = CTL_OK;

    (void)argc;
    (void)argv;
    for (i = 0; i < 2 && code == CTL_OK; i++) {
        snprintf(path, sizeof(path), "%s/%s", c->sql_dir, file[i]);
        code = load_file(c, path);
    }
    if (code == CTL_OK)
        puts("the schema is up to date");
    return code;
}

int cmd_schema_check(struct ctl *c)
{
    uint64_t columns, triggers;
    int rc = ctldb_number(
        c->db, &columns,
        "SELECT COUNT(*) FROM information_schema.columns WHERE table_schema = DATABASE() "
        "AND CONCAT(table_name, '.', column_name) IN ('RouteData.state', "
        "'RouteChange.confirmed', 'RouteChange.changed_at', 'RouteConfirm.who', "
        "'ServerCallStatus.overload', 'ReportSeen.seq', 'CallSecond.succ', "
        "'CallHour.succ', 'CallLatency.n', 'Alarm.cleared_at', 'Lease.until_at', "
        "'ModulePolicy.rule', 'ZoneLoad.zone', 'NodeOut.caller')");

    if (rc == 0)
        rc = ctldb_number(c->db, &triggers,
                          "SELECT COUNT(*) FROM information_schema.triggers WHERE "
                          "trigger_schema = DATABASE()");
    if (rc < 0)
        return ctl_db_failed(c, rc);
    if (columns < COLUMNS)
        return ctl_say(CTL_FAILED,
                       "the schema is old: it has %llu of the %d columns looked for; run "
                       "larsctl db migrate as an administrator of the database",
                       (unsigned long long)columns, COLUMNS);
    if (triggers < TRIGGERS)
        return ctl_say(CTL_FAILED,
                       "triggers are missing: there are %llu of %d; run larsctl db "
                       "migrate as an administrator of the database",
                       (unsigned long long)triggers, TRIGGERS);
    return 0;
}

static int db_check(struct ctl *c, int argc, char **argv)
{
    int code = cmd_schema_check(c);

    (void)argc;
    (void)argv;
    if (code == 0)
        puts("the schema is whole");
    return code;
}

const struct ctl_cmd cmd_schema[] = {
    {"db", "check", "", 0, 0, "Check that the schema is that of this version.", db_check,
     NULL},
    {"db", "migrate", "", 0, 0, "Bring the schema up to date; routes are kept.",
     db_migrate,
     "The user of [db] needs the right to create tables and triggers. Running it again "
     "changes nothing."},
    {NULL, NULL, NULL, 0, 0, NULL, NULL, NULL}};
