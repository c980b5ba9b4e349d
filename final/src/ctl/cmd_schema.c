/* db check and db migrate.  Migration loads schema.sql and triggers.sql again: each of
 * their statements changes nothing where its work is done already.  Before that it mends
 * what the files cannot: the collations of what others created, and triggers that cannot
 * run.  After it the schema is checked, so "up to date" is true when it is printed.
 *
 * The database of the configuration is used, whatever it is called: the statements of the
 * files that choose a database are left out. */
#include "ctl/cmd_schema.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ctl/schema_check.h"
#include "ctl/sql_script.h"

#define RIGHTS "SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, DROP, INDEX, TRIGGER"

struct migration {
    struct ctl *c;
    const char *path;
    int rc; /* of the statement that failed; 0 = none */
    unsigned line; /* where it begins */
};

static int run_statement(const char *sql, unsigned line, void *arg)
{
    struct migration *m = arg;

    if (strncmp(sql, "USE ", 4) == 0 || strncmp(sql, "CREATE DATABASE", 15) == 0)
        return 0;
    m->rc = sqldb_run_text(m->c->db, sql);
    m->line = line;
    return m->rc;
}

/* A regular file; NULL with errno.  O_NONBLOCK: opening a FIFO without it waits for a
 * writer. */
static FILE *open_file(const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat st;
    FILE *f;

    if (fd == -1)
        return NULL;
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && (f = fdopen(fd, "r")))
        return f;
    close(fd);
    errno = EINVAL;
    return NULL;
}

/* Returns an exit code. */
static int load_file(struct ctl *c, const char *path)
{
    struct migration m = {.c = c, .path = path};
    FILE *f = open_file(path);
    char where[330];
    int rc;

    if (!f)
        return ctl_say(
            CTL_FAILED,
            "%s: %s; correct [larsctl] sql in the configuration, the folder of "
            "schema.sql and triggers.sql",
            path, strerror(errno));
    rc = sql_script_each(f, run_statement, &m);
    fclose(f);
    if (m.rc < 0) {
        snprintf(where, sizeof(where), "%s:%u: ", path, m.line);
        return schema_check_failed(c, m.rc, where, RIGHTS);
    }
    return rc < 0 ? ctl_say(CTL_FAILED, "%s: %s", path, strerror(-rc)) : CTL_OK;
}

/* Tables of another collation are converted, texts with them. */
static int convert_tables(struct ctl *c)
{
    char sql[300];
    struct table *t;
    size_t i;
    int rc = table_create(&t, "name");

    if (rc < 0)
        return rc;
    rc = ctl_table(
        c, t,
        "SELECT DISTINCT t.table_name FROM information_schema.tables t LEFT JOIN "
        "information_schema.columns c USING (table_schema, table_name) WHERE "
        "t.table_schema = DATABASE() AND t.table_type = 'BASE TABLE' AND %s IN "
        "(t.table_collation <> '" SCHEMA_COLLATION "', "
        "c.collation_name <> '" SCHEMA_COLLATION "')",
        "1");
    for (i = 0; rc == 0 && i < table_n_rows(t); i++) {
        snprintf(sql, sizeof(sql),
                 "ALTER TABLE `%s` CONVERT TO CHARACTER SET utf8mb4 "
                 "COLLATE " SCHEMA_COLLATION,
                 table_cell(t, i, 0));
        rc = sqldb_run_text(c->db, sql);
    }
    table_destroy(t);
    return rc;
}

/* Triggers whose DEFINER is unknown stop the statements of the files as well. */
static int drop_broken_triggers(struct ctl *c)
{
    bool broken;
    int rc = schema_check_definer(c, &broken);
    struct table *t;
    char sql[200];
    size_t i;

    if (rc < 0 || !broken)
        return rc;
    rc = table_create(&t, "name");
    if (rc == 0)
        rc = ctl_table(c, t,
                       "SELECT trigger_name FROM information_schema.triggers WHERE "
                       "trigger_schema = DATABASE() AND trigger_name LIKE %s",
                       "route\\_%");
    for (i = 0; rc == 0 && i < table_n_rows(t); i++) {
        snprintf(sql, sizeof(sql), "DROP TRIGGER `%s`", table_cell(t, i, 0));
        rc = sqldb_run_text(c->db, sql);
    }
    table_destroy(t);
    return rc;
}

static int mend_database(struct ctl *c)
{
    int rc = drop_broken_triggers(c);

    if (rc == 0)
        rc = sqldb_run_text(
            c->db, "ALTER DATABASE CHARACTER SET utf8mb4 COLLATE " SCHEMA_COLLATION);
    return rc == 0 ? convert_tables(c) : rc;
}

static int db_migrate(struct ctl *c, int argc, char **argv)
{
    static const char *const file[] = {"schema.sql", "triggers.sql"};
    char path[300];
    size_t i;
    int code = CTL_OK, rc = mend_database(c);

    (void)argc;
    (void)argv;
    if (rc < 0)
        return schema_check_failed(c, rc, "", RIGHTS);
    for (i = 0; i < 2 && code == CTL_OK; i++) {
        snprintf(path, sizeof(path), "%s/%s", c->sql_dir, file[i]);
        code = load_file(c, path);
    }
    if (code == CTL_OK)
        code = schema_check_run(c);
    if (code == CTL_OK)
        puts("the schema is up to date");
    return code;
}

int cmd_schema_check(struct ctl *c)
{
    return schema_check_run(c);
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
     "It also checks the rights of the user of [db]. Triggers are seen only on tables "
     "that this user may change."},
    {"db", "migrate", "", 0, 0, "Bring the schema up to date; routes are kept.",
     db_migrate,
     "The user of [db] needs the right to create tables and triggers. Running it again "
     "changes nothing."},
    {NULL, NULL, NULL, 0, 0, NULL, NULL, NULL}};
