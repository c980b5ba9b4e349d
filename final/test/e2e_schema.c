/* db check and db migrate: databases that others created are named fault by fault, and
 * mended with their rows kept. */
#include <sys/stat.h>

#include "ctlrun.h"

static void t_schema_is_checked_and_repaired(void **state)
{
    (void)state;
    expect_output("db check", "the schema is whole\n");
    testdb_sql("DROP TRIGGER route_confirm_insert");
    assert_int_equal(ctl("db check"), 1);
    expect_text("trigger route_confirm_insert is missing");
    expect_text("run larsctl db migrate");
    testdb_sql("ALTER TABLE RouteChange DROP COLUMN confirmed; DROP VIEW CallHistory");
    assert_int_equal(ctl("db check"), 1);
    expect_text("column RouteChange.confirmed is missing");
    testdb_sql("DROP TABLE AgentNode");
    assert_int_equal(ctl("db check"), 1);
    expect_text("table AgentNode is missing");
    assert_int_equal(ctl("db migrate"), 1); /* that user may not */
    expect_text("denied");
    use_administrator();
    expect_output("db migrate", "the schema is up to date\n");
    write_ini("", testdb_socket);
    expect_output("db check", "the schema is whole\n");
    assert_int_equal(testdb_number("SELECT COUNT(*) FROM RouteData"), 3);
    assert_int_equal(ctl("history 1 1"), 0);
}

/* Opening a FIFO waits for a process at its other end. */
static void t_fifo_in_place_of_the_schema_is_refused(void **state)
{
    char path[200];

    (void)state;
    snprintf(path, sizeof(path), "%s/schema.sql", testdb_dir);
    assert_int_equal(mkfifo(path, 0644), 0);
    snprintf(ini, sizeof(ini), "%s",
             system_write_file("fifo.ini",
                               "[larsctl]\nsql = %s\n[db]\nsocket = %s\nuser = %s\n"
                               "password =\n",
                               testdb_dir, testdb_socket,
                               geteuid() == 0 ? "root" : getenv("USER")));
    alarm(T_DEADLINE_MS / 1000);      /* ends a hang */
    assert_int_equal(ctl("db migrate"), 1);
    alarm(0);
    expect_text("/schema.sql: ");
    unlink(path);
}

/* db check must fail with <text>, and db migrate mend it. */
static void expect_mended(const char *text)
{
    assert_int_equal(ctl("db check"), 1);
    expect_text(text);
    use_administrator();
    expect_output("db migrate", "the schema is up to date\n");
    write_ini("", testdb_socket);
    expect_output("db check", "the schema is whole\n");
}

static void t_databases_of_other_collations_are_named_and_mended(void **state)
{
    (void)state;
    testdb_sql("ALTER DATABASE COLLATE utf8mb4_unicode_ci");
    expect_mended("the database lars_dns has the collation utf8mb4_unicode_ci");
    testdb_sql("ALTER TABLE RouteData CONVERT TO CHARACTER SET utf8mb4 "
               "COLLATE utf8mb4_unicode_ci");
    expect_mended("table RouteData has the collation utf8mb4_unicode_ci");
    testdb_sql("ALTER TABLE ModIDConfig CONVERT TO CHARACTER SET latin1");
    expect_mended("column ModIDConfig.content has the collation latin1_swedish_ci");
    testdb_sql("UPDATE RouteData SET zone = '" FARM "'; ALTER TABLE RouteData MODIFY "
               "zone VARCHAR(32) CHARACTER SET gbk NOT NULL DEFAULT ''");
    expect_mended("column RouteData.zone has the collation gbk_chinese_ci");
    assert_int_equal(
        testdb_number("SELECT COUNT(*) FROM RouteData WHERE zone = '" FARM "'"), 3);
    testdb_sql("INSERT INTO ModIDConfig (modid, content) VALUES (7, '" FARM "')");
    testdb_sql("INSERT INTO RouteData (modid, cmdid, serverip, serverport, zone) VALUES "
               "(1, 1, INET_ATON('127.0.1.9'), 80, 'b')");
    assert_int_equal(ctl("zone drain " FARM " -y"), 2);
    assert_int_equal(ctl("-y zone drain " FARM), 0);
}

static void t_a_trigger_of_an_unknown_definer_is_named_and_mended(void **state)
{
    (void)state;
    testdb_sql("CREATE OR REPLACE DEFINER = ghost@localhost TRIGGER route_data_insert "
               "AFTER INSERT ON RouteData FOR EACH ROW INSERT INTO RouteChange (modid, "
               "cmdid, version) VALUES (NEW.modid, NEW.cmdid, 0)");
    expect_mended("ghost");
    assert_int_equal(ctl("route add 5 5 127.0.1.9:80"), 0);
}

static void t_a_missing_right_is_named_with_the_grant(void **state)
{
    (void)state;
    testdb_sql("CREATE USER half@localhost; GRANT SELECT, INSERT, TRIGGER ON lars_dns.* "
               "TO half@localhost");
    write_ini("user = half\npassword =\n", testdb_socket);
    assert_int_equal(ctl("db check"), 1);
    expect_text("a right is missing");
    expect_text("UPDATE command denied");
    expect_text("GRANT SELECT, INSERT, UPDATE, DELETE");
    testdb_sql("DROP USER half@localhost");
}

static void expect_migrate_names(const char *rights, const char *denied)
{
    char sql[300];

    snprintf(sql, sizeof(sql),
             "CREATE USER half@localhost; GRANT %s ON lars_dns.* TO "
             "half@localhost",
             rights);
    testdb_sql(sql);
    write_ini("user = half\npassword =\n", testdb_socket);
    assert_int_equal(ctl("db migrate"), 1);
    expect_text(denied);
    expect_text("GRANT SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, DROP, INDEX, "
                "TRIGGER ON `lars_dns`.* TO 'half'@'localhost'");
    testdb_sql("DROP USER half@localhost");
}

static void t_migrate_without_alter_is_named_with_the_grant(void **state)
{
    (void)state;
    expect_migrate_names("SELECT, INSERT, UPDATE, DELETE, TRIGGER",
                         "Access denied for user 'half'@'localhost'");
}

static void t_migrate_without_create_is_named_with_the_grant(void **state)
{
    (void)state;
    expect_migrate_names("SELECT, INSERT, UPDATE, DELETE, ALTER, TRIGGER",
                         "denied to user 'half'@'localhost'");
}

static void t_db_check_leaves_no_change_behind(void **state)
{
    unsigned long long version;

    (void)state;
    version = testdb_number("SELECT version FROM RouteVersion");
    expect_output("db check", "the schema is whole\n");
    assert_int_equal(testdb_number("SELECT version FROM RouteVersion"), version);
    assert_int_equal(testdb_number("SELECT COUNT(*) FROM RouteData WHERE modid = 0"), 0);
}

/* The tables as the public Lars creates them. */
static const char public_schema[] =
    "DROP TABLE RouteData, RouteVersion, RouteChange, ServerCallStatus, ModIDConfig, "
    "CmdIDConfig;"
    "CREATE TABLE RouteData (id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, modid "
    "INT UNSIGNED NOT NULL, cmdid INT UNSIGNED NOT NULL, serverip INT UNSIGNED NOT NULL, "
    "serverport INT UNSIGNED NOT NULL) DEFAULT CHARSET = utf8;"
    "CREATE TABLE RouteVersion (id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, "
    "version INT UNSIGNED NOT NULL) DEFAULT CHARSET = utf8;"
    "CREATE TABLE RouteChange (id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, "
    "modid "
    "INT UNSIGNED NOT NULL, cmdid INT UNSIGNED NOT NULL, version BIGINT UNSIGNED NOT "
    "NULL) DEFAULT CHARSET = utf8;"
    "CREATE TABLE ServerCallStatus (modid INT NOT NULL, cmdid INT NOT NULL, ip INT NOT "
    "NULL, port INT NOT NULL, caller INT NOT NULL, succ_cnt INT NOT NULL, err_cnt INT "
    "NOT "
    "NULL, ts BIGINT NOT NULL, overload CHAR(1) NOT NULL) DEFAULT CHARSET = utf8;"
    "CREATE TABLE ModIDConfig (id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, "
    "modid "
    "INT UNSIGNED NOT NULL, content VARCHAR(255)) DEFAULT CHARSET = utf8;"
    "CREATE TABLE CmdIDConfig (id INT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY, "
    "cmdid "
    "INT UNSIGNED NOT NULL, content VARCHAR(255)) DEFAULT CHARSET = utf8;"
    "INSERT INTO RouteVersion (version) VALUES (1573034612);"
    "INSERT INTO RouteData (modid, cmdid, serverip, serverport) VALUES (1, 1, 1, 80), "
    "(1, 1, 1, 80), (1, 2, 1, 80), (1, 1, 3232235521, 80);"
    "INSERT INTO ServerCallStatus VALUES (1, 1, -1062731775, 80, 7, 5, 0, 10, '0'), "
    "(1, 1, -1062731775, 80, 7, 9, 1, 11, '1'), (1, 1, 2, 80, 7, 3, 0, 11, '');"
    "INSERT INTO ModIDConfig (modid, content) VALUES (1, '" FARM "'), (1, 'b'), (2, "
    "NULL); INSERT INTO CmdIDConfig (cmdid, content) VALUES (1, 'a'), (1, 'b')";

static void t_the_schema_of_the_public_lars_is_migrated_with_its_rows(void **state)
{
    (void)state;
    testdb_sql(public_schema);
    assert_int_equal(ctl("db check"), 1);
    expect_text("column RouteData.weight is missing");
    expect_text("column RouteData.zone is missing");
    expect_text("column RouteData.state is missing");
    expect_text("column ServerCallStatus.succ_cnt is int, and not bigint unsigned");
    expect_text("key node of table RouteData is missing");
    expect_mended("key PRIMARY of table ServerCallStatus is missing");
    assert_int_equal(testdb_number("SELECT COUNT(*) FROM RouteData"), 3);
    assert_int_equal(testdb_number("SELECT COUNT(*) FROM RouteData WHERE weight = 100 "
                                   "AND zone = '' AND state = 'up'"),
                     3);
    assert_int_equal(testdb_number("SELECT COUNT(*) FROM ServerCallStatus"), 2);
    assert_int_equal(testdb_number("SELECT succ_cnt FROM ServerCallStatus WHERE ip = "
                                   "INET_ATON('192.168.0.1') AND overload = 1"),
                     9);
    assert_int_equal(testdb_number("SELECT COUNT(*) FROM ModIDConfig WHERE content IN "
                                   "('" FARM "', '')"),
                     2);
    assert_int_equal(testdb_number("SELECT version >= 1573034612 FROM RouteVersion"), 1);
    use_administrator();
    expect_output("db migrate", "the schema is up to date\n"); /* again: no change */
    assert_int_equal(testdb_number("SELECT COUNT(*) FROM RouteData"), 3);
}

/* As the version before had it. */
static void t_capacity_is_added_to_policies_and_their_rows_stay(void **state)
{
    (void)state;
    testdb_sql("ALTER TABLE ModulePolicy DROP COLUMN node_inflight, DROP COLUMN "
               "target_ms; DELETE FROM ModulePolicy; INSERT INTO ModulePolicy (modid, "
               "cmdid, node_rps) VALUES (1, 1, 7)");
    expect_mended("column ModulePolicy.node_inflight is missing");
    assert_int_equal(testdb_number("SELECT node_rps = 7 AND node_inflight = 0 AND "
                                   "target_ms = 0 FROM ModulePolicy"),
                     1);
    testdb_sql("DELETE FROM ModulePolicy");
}

/* The columns of the public tables in their order, and what follows them. */
static void expect_public_columns_first(void)
{
    static const char *const of_public[][2] = {
        {"RouteData", "id,modid,cmdid,serverip,serverport"},
        {"RouteVersion", "id,version"},
        {"RouteChange", "id,modid,cmdid,version"},
        {"ServerCallStatus", "modid,cmdid,ip,port,caller,succ_cnt,err_cnt,ts,overload"},
        {"ModIDConfig", "id,modid,content"},
        {"CmdIDConfig", "id,cmdid,content"},
    };
    char sql[500];
    size_t i;

    for (i = 0; i < sizeof(of_public) / sizeof(of_public[0]); i++) {
        const char *table = of_public[i][0], *columns = of_public[i][1];

        snprintf(sql, sizeof(sql),
                 "SELECT CONCAT(GROUP_CONCAT(column_name ORDER BY ordinal_position), "
                 "',') LIKE '%s,%%' FROM information_schema.columns WHERE table_schema "
                 "= 'lars_dns' AND table_name = '%s'",
                 columns, table);
        if (testdb_number(sql) != 1)
            fail_msg("table %s does not begin with %s", table, columns);
        snprintf(sql, sizeof(sql),
                 "SELECT COUNT(*) FROM information_schema.columns WHERE table_schema = "
                 "'lars_dns' AND table_name = '%s' AND NOT FIND_IN_SET(column_name, "
                 "'%s') AND is_nullable = 'NO' AND column_default IS NULL",
                 table, columns);
        if (testdb_number(sql) != 0)
            fail_msg("table %s has a column of ours without a default", table);
    }
}

static void t_the_public_columns_come_first_and_ours_have_defaults(void **state)
{
    (void)state;
    expect_public_columns_first();
    testdb_sql(public_schema);
    expect_mended("column RouteData.weight is missing");
    expect_public_columns_first();
}

#define OF_SCHEMA "table_schema = 'lars_dns' AND table_name NOT IN ('CallHistory')"

/* The schema is whole, so each column that db check knows is one that schema.sql created;
 * and of tables without their columns it names as many as were created. */
static void t_db_check_knows_each_column_that_the_schema_creates(void **state)
{
    unsigned long long n, found = 0;
    const char *at;

    (void)state;
    expect_output("db check", "the schema is whole\n");
    n = testdb_number("SELECT COUNT(*) FROM information_schema.columns WHERE " OF_SCHEMA);
    testdb_sql("BEGIN NOT ATOMIC FOR r IN (SELECT table_name AS t FROM "
               "information_schema.tables WHERE " OF_SCHEMA ") DO EXECUTE IMMEDIATE "
               "CONCAT('DROP TABLE ', r.t); EXECUTE IMMEDIATE CONCAT('CREATE TABLE ', "
               "r.t, ' (nothing INT)'); END FOR; END");
    ctl("db check");
    for (at = out; (at = strstr(at, "column ")) != NULL; at++)
        found += strncmp(at + strcspn(at, "\n") - 10, "is missing", 10) == 0;
    assert_int_equal(found, n);
    testdb_sql("BEGIN NOT ATOMIC FOR r IN (SELECT table_name AS t FROM "
               "information_schema.tables WHERE " OF_SCHEMA ") DO EXECUTE IMMEDIATE "
               "CONCAT('DROP TABLE ', r.t); END FOR; END");
}

/* Read the log of <p> for <ms>; <text> must not be in it. */
static void expect_quiet(struct proc *p, unsigned ms, const char *text)
{
    static char log[1 << 16];
    uint64_t end = t_now_ms() + ms;
    size_t n = 0;

    while (t_now_ms() < end && n + 1 < sizeof(log)) {
        struct pollfd pf = {.fd = p->err, .events = POLLIN};

        if (poll(&pf, 1, 100) == 1) {
            ssize_t got = read(p->err, log + n, sizeof(log) - 1 - n);

            n += got > 0 ? (size_t)got : 0;
        }
    }
    log[n] = '\0';
    if (strstr(log, text))
        fail_msg("\"%s\" is repeated in the log: %s", text, log);
}

/* Each part of a program has logged that it cannot work, with what to do, and does not
 * repeat it at every attempt. */
static void expect_told_once(struct proc *p, unsigned n_parts)
{
    unsigned i;

    for (i = 0; i < n_parts; i++)
        proc_expect_line(p->err, "larsctl db migrate");
    expect_quiet(p, 4000, "db.down");
}

static void t_programs_tell_once_that_the_schema_is_old(void **state)
{
    (void)state;
    testdb_sql(public_schema);
    testdb_sql("DROP TABLE Service, AgentRoute, AgentNode, RouteHold, ModulePolicy, "
               "StreamConflict, Lease, Alarm");
    proc_start(&sys.dnsd, "lars-dnsd", "-p", "0", "-s", testdb_socket, NULL);
    expect_told_once(&sys.dnsd, 3); /* routes, module_meta, presence */
    proc_start(&sys.reportd, "lars-reportd", "-p", "0", "-s", testdb_socket, NULL);
    expect_told_once(&sys.reportd, 3); /* leader_tasks, alarm_watch, agent_states */
    snprintf(sys.dnsd_port, sizeof(sys.dnsd_port), "1"); /* where nothing listens */
    snprintf(sys.reportd_port, sizeof(sys.reportd_port), "1");
    system_start_agentd(); /* needs no database */
}

/* The beat of the Report Service succeeds, and what agents send fails. */
static void t_what_works_does_not_make_what_fails_repeat_its_error(void **state)
{
    (void)state;
    testdb_sql("DROP TABLE AgentRoute");
    system_start_dnsd();
    system_start_reportd();
    system_start_agentd();
    system_open_client();
    proc_expect_line(sys.reportd.err, "of=agent_states.rows");
    expect_quiet(&sys.reportd, 8000, "of=agent_states");
}

#define L(fn) cmocka_unit_test_setup_teardown(fn, ctl_setup, system_teardown)

TESTDB_MAIN(L(t_schema_is_checked_and_repaired),
            L(t_fifo_in_place_of_the_schema_is_refused),
            L(t_databases_of_other_collations_are_named_and_mended),
            L(t_a_trigger_of_an_unknown_definer_is_named_and_mended),
            L(t_a_missing_right_is_named_with_the_grant),
            L(t_migrate_without_alter_is_named_with_the_grant),
            L(t_migrate_without_create_is_named_with_the_grant),
            L(t_db_check_leaves_no_change_behind),
            L(t_the_schema_of_the_public_lars_is_migrated_with_its_rows),
            L(t_capacity_is_added_to_policies_and_their_rows_stay),
            L(t_the_public_columns_come_first_and_ours_have_defaults),
            L(t_db_check_knows_each_column_that_the_schema_creates),
            L(t_programs_tell_once_that_the_schema_is_old),
            L(t_what_works_does_not_make_what_fails_repeat_its_error))
