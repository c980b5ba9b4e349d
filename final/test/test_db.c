/* The two databases: in memory, and MySQL or MariaDB with its triggers. */
#include "t.h"

#include "db/db_mem.h"
#include "db/db_mysql.h"
#include "mydb.h"

static struct db_rows rows, changed;
static uint64_t v;

static int fini(void **state)
{
    db_rows_free(&rows);
    db_rows_free(&changed);
    return t_fds_check(state);
}

static struct db *mysql_as(const char *password, const char *socket)
{
    struct myconn_config c = {socket, "127.0.0.1", 1, "lars", password, "lars_dns", 3};
    struct db *db = NULL;

    assert_int_equal(db_mysql_create(&db, &c), 0);
    return db;
}

static struct db *mysql(void)
{
    mydb_reset();
    return mysql_as("lars", mydb_socket);
}

static void t_mem_every_change_has_a_version(void **state)
{
    struct db *db;

    (void)state;
    assert_int_equal(db_mem_create(&db), 0);
    assert_int_equal(db_mem_add(db, 1, 1, 10, 80), 0);
    assert_int_equal(db_mem_add(db, 2, 1, 11, 80), 0);
    assert_int_equal(db_mem_remove(db, 1, 1, 10, 80), 0);
    assert_int_equal(db_mem_remove(db, 1, 1, 10, 80), -ENOENT);
    assert_int_equal(db_version(db, &v), 0);
    assert_int_equal(v, 3);
    assert_int_equal(db_load_all(db, &rows, &v), 0);
    assert_int_equal(rows.n, 1);
    assert_int_equal(rows.at[0].modid, 2);
    assert_int_equal(db_load_changes(db, 2, &changed, &rows, &v), 0);
    assert_int_equal(changed.n, 1);
    assert_int_equal(changed.at[0].modid, 1);
    assert_int_equal(rows.n, 0);
    assert_int_equal(db_load_changes(db, 4, &changed, &rows, &v), -EAGAIN);
    db_mem_set_down(db, true);
    assert_int_equal(db_version(db, &v), -ENOTCONN);
    assert_true(strlen(db_error(db)) > 0);
    db_close(db);
    db_close(NULL);
}

static void t_rows_absurd_values_are_left_out_and_counted(void **state)
{
    (void)state;
    assert_int_equal(db_rows_add(&rows, 1, 1, 1, 0), 0);
    assert_int_equal(db_rows_add(&rows, 1, 1, 1, 70000), 0);
    assert_int_equal(db_rows_add(&rows, 0, 0, 1, 80), 0);
    assert_int_equal(db_rows_add(&rows, 0, 1, 0, 65535), 0);
    assert_int_equal(rows.n, 1);
    assert_int_equal(rows.n_bad, 3);
}

static void t_mysql_two_edits_in_one_transaction_are_two_versions(void **state)
{
    struct db *db = mysql();
    uint64_t before;

    (void)state;
    assert_int_equal(db_version(db, &before), 0);
    mydb_sql(
        "START TRANSACTION; INSERT INTO RouteData (modid, cmdid, serverip, serverport) "
        "VALUES (1,1,1,80); INSERT INTO RouteData (modid, cmdid, serverip, serverport) "
        "VALUES (2,1,3232235777,80); COMMIT;");
    assert_int_equal(db_version(db, &v), 0);
    assert_int_equal(v, before + 2);
    assert_int_equal(db_load_changes(db, before, &changed, &rows, &v), 0);
    assert_int_equal(v, before + 2);
    assert_int_equal(changed.n, 2);
    assert_int_equal(rows.n, 2);
    assert_int_equal(db_load_changes(db, before + 1, &changed, &rows, &v), 0);
    assert_int_equal(rows.n, 1);
    assert_int_equal(rows.at[0].node.ip, 3232235777u);
    assert_int_equal(db_load_all(db, &rows, &v), 0);
    assert_int_equal(rows.n, 2);
    db_close(db);
}

/* The script of the public tutorial, run twice within one second.  It writes versions of
 * its own, which the triggers replace. */
static void t_mysql_script_of_the_tutorial_makes_no_gap_and_loses_nothing(void **state)
{
    struct db *db = mysql();
    uint64_t before;
    int i;

    (void)state;
    assert_int_equal(db_version(db, &before), 0);
    for (i = 0; i < 2; i++)
        mydb_sql("UPDATE RouteVersion SET version = UNIX_TIMESTAMP(NOW()) WHERE id = 1; "
                 "INSERT INTO RouteChange (modid, cmdid, version) VALUES (5, 5, "
                 "UNIX_TIMESTAMP(NOW()));");
    assert_int_equal(db_version(db, &v), 0);
    assert_int_equal(v, before + 2);
    assert_int_equal(db_load_changes(db, before, &changed, &rows, &v), 0);
    assert_int_equal(changed.n, 1);
    assert_int_equal(changed.at[0].modid, 5);
    db_close(db);
}

static void t_mysql_replace_and_move_record_every_changed_module(void **state)
{
    struct db *db = mysql();
    uint64_t before;

    (void)state;
    mydb_sql(
        "INSERT INTO RouteData (modid, cmdid, serverip, serverport) VALUES (1,1,1,80)");
    assert_int_equal(db_version(db, &before), 0);
    mydb_sql(
        "REPLACE INTO RouteData (modid, cmdid, serverip, serverport) VALUES (1,1,1,80)");
    assert_int_equal(db_load_changes(db, before, &changed, &rows, &v), 0);
    assert_int_equal(changed.n, 1);
    assert_int_equal(rows.n, 1);
    mydb_sql("UPDATE RouteData SET modid = 9 WHERE modid = 1");
    assert_int_equal(db_load_changes(db, v, &changed, &rows, &v), 0);
    assert_int_equal(changed.n, 2);   /* the old module and the new one */
    assert_int_equal(rows.n, 1);
    assert_int_equal(rows.at[0].modid, 9);
    db_close(db);
}

static void t_mysql_changes_cleaned_up_or_version_back_is_eagain(void **state)
{
    struct db *db = mysql();
    uint64_t before;

    (void)state;
    assert_int_equal(db_version(db, &before), 0);
    mydb_sql(
        "INSERT INTO RouteData (modid, cmdid, serverip, serverport) VALUES (1,1,1,80); "
        "DELETE FROM RouteChange;");
    assert_int_equal(db_load_changes(db, before, &changed, &rows, &v), -EAGAIN);
    assert_int_equal(db_load_changes(db, before + 100, &changed, &rows, &v), -EAGAIN);
    assert_int_equal(db_load_all(db, &rows, &v), 0);
    assert_int_equal(rows.n, 1);
    db_close(db);
}

/* Few changes are loaded with one statement, which knows a number of modules at most. */
static void t_mysql_a_version_of_many_modules_loads_them_all(void **state)
{
    struct db *db = mysql();
    char sql[100];
    uint64_t before;

    (void)state;
    mydb_sql("INSERT INTO RouteData (modid, cmdid, serverip, serverport) SELECT seq, 1, "
             "seq, 80 FROM seq_1_to_9");
    assert_int_equal(db_version(db, &before), 0);
    mydb_sql("INSERT INTO RouteData (modid, cmdid, serverip, serverport) VALUES "
             "(10,1,1,80)");
    snprintf(sql, sizeof(sql),
             "UPDATE RouteChange SET version = %llu WHERE version > %llu - 9",
             (unsigned long long)before + 1, (unsigned long long)before);
    mydb_sql(sql);
    assert_int_equal(db_load_changes(db, before, &changed, &rows, &v), 0);
    assert_int_equal(v, before + 1);
    assert_int_equal(changed.n, 10);
    assert_int_equal(rows.n, 10);
    db_close(db);
}

/* A random edit: it adds, removes or changes a node, or moves one to another module. */
static void edit(unsigned *seed)
{
    static const char *const begin[] = {
        "REPLACE INTO RouteData SET cmdid = 1, serverport = 80, ",
        "DELETE FROM RouteData WHERE ",
        "UPDATE RouteData SET weight = 100 - weight WHERE ",
        "UPDATE IGNORE RouteData SET modid = 1 + modid MOD 4 WHERE "};
    int kind = rand_r(seed) % 4;
    char sql[200];

    snprintf(sql, sizeof(sql), "%smodid = %d %s serverip = %d", begin[kind],
             1 + rand_r(seed) % 4, kind == 0 ? "," : "AND", 1 + rand_r(seed) % 6);
    mydb_sql(sql);
}

static struct route_table *table_of(struct db_rows *r)
{
    struct route_table *t;

    assert_int_equal(route_table_create(&t, r->at, r->n, v), 0);
    return t;
}

/* Any number of changes leads from the old table to the new one, and no row comes
 * twice. */
static void t_mysql_changes_lead_to_the_table_of_a_full_load(void **state)
{
    struct db *db = mysql();
    unsigned seed = (unsigned)getpid();
    struct route_table *was, *now, *all;
    uint64_t before;
    int round, i;

    (void)state;
    print_message("the seed is %u\n", seed);
    for (round = 0; round < 60; round++) {
        assert_int_equal(db_load_all(db, &rows, &before), 0);
        was = table_of(&rows);
        for (i = rand_r(&seed) % 7; i >= 0; i--)
            edit(&seed);
        assert_int_equal(db_load_changes(db, before, &changed, &rows, &v), 0);
        assert_int_equal(
            route_table_update(&now, was, changed.at, changed.n, rows.at, rows.n, v), 0);
        for (i = 1; i < (int)rows.n; i++) /* route_table_update() has sorted them */
            assert_int_not_equal(memcmp(&rows.at[i - 1], &rows.at[i], sizeof(*rows.at)),
                                 0);
        assert_int_equal(db_load_all(db, &rows, &before), 0);
        assert_int_equal(v, before);
        all = table_of(&rows);
        assert_true(route_table_equal(now, all));
        route_table_unref(was);
        route_table_unref(now);
        route_table_unref(all);
    }
    db_close(db);
}

static void t_mysql_the_version_row_cannot_be_deleted(void **state)
{
    struct db *db = mysql();
    char cmd[200];

    (void)state;
    snprintf(cmd, sizeof(cmd),
             "sh common/mariadb sql %s 'DELETE FROM RouteVersion' 2>&1 | "
             "grep -q 'keeps its one row'",
             mydb_dir);
    assert_int_equal(system(cmd), 0);
    assert_int_equal(db_version(db, &v), 0);
    db_close(db);
}

static void t_mysql_absurd_rows_are_left_out(void **state)
{
    struct db *db = mysql();

    (void)state;
    mydb_sql(
        "INSERT INTO RouteData (modid, cmdid, serverip, serverport) VALUES (1,1,1,0), "
        "(1,1,1,70000), (1,1,0,80), (0,0,1,80), (4294967295,1,4294967295,65535);");
    assert_int_equal(db_load_all(db, &rows, &v), 0);
    assert_int_equal(rows.n, 1);
    assert_int_equal(rows.n_bad, 4);
    assert_int_equal(rows.at[0].modid, 4294967295u);
    assert_int_equal(rows.at[0].node.ip, 4294967295u);
    db_close(db);
}

static void t_mysql_weight_and_zone_come_with_the_row(void **state)
{
    struct db *db = mysql();

    (void)state;
    mydb_sql("INSERT INTO RouteData (modid, cmdid, serverip, serverport, weight, zone) "
             "VALUES (1,1,1,80,100,''), (1,1,2,80,300,'123456789'), (1,1,3,80,99999,''), "
             "(1,1,4,80,0,'')");
    assert_int_equal(db_load_all(db, &rows, &v), 0);
    assert_int_equal(rows.n, 3); /* weight 0 gives no calls */
    assert_int_equal(rows.at[0].node.weight, 0); /* 100 = normal */
    assert_int_equal(rows.at[0].node.zone, 0);
    assert_int_equal(rows.at[1].node.weight, 300);
    assert_int_equal(rows.at[1].node.zone, 0xcbf43926u); /* standard check value */
    assert_int_equal(rows.at[2].node.weight, 10000); /* the maximum */
    db_close(db);
}

static void t_mysql_wrong_password_or_no_server_is_enotconn_with_reason(void **state)
{
    struct db *db = mysql_as("wrong", mydb_socket);

    (void)state;
    assert_int_equal(db_version(db, &v), -ENOTCONN);
    assert_non_null(strstr(db_error(db), "Access denied"));
    db_close(db);
    db = mysql_as("lars", "/nowhere/sock");
    assert_int_equal(db_load_all(db, &rows, &v), -ENOTCONN);
    assert_non_null(strstr(db_error(db), "/nowhere/sock"));
    assert_int_equal(db_load_changes(db, 1, &changed, &rows, &v), -ENOTCONN);
    db_close(db);
}

static void t_mysql_schema_absent_is_enoent_with_the_mend(void **state)
{
    struct db *db = mysql();

    (void)state;
    assert_int_equal(db_version(db, &v), 0);
    mydb_sql("DROP DATABASE lars_dns;");
    assert_int_equal(db_version(db, &v), -ENOENT);
    assert_non_null(strstr(db_error(db), "mend: load common/sql/schema.sql"));
    assert_int_equal(db_load_all(db, &rows, &v), -ENOENT);
    assert_int_equal(mydb_run("stop"), 0);
    assert_int_equal(mydb_run("start"), 0);
    assert_int_equal(db_load_all(db, &rows, &v), 0); /* it has connected again */
    db_close(db);
}

#define D(fn) cmocka_unit_test_setup_teardown(fn, t_fds_save, fini)

static int before_all(void **state)
{
    return myconn_init() < 0 ? -1 : mydb_setup(state);
}

static int after_all(void **state)
{
    myconn_fini();
    return mydb_teardown(state);
}

MYDB_MAIN_WITH(before_all, after_all, D(t_mem_every_change_has_a_version),
               D(t_rows_absurd_values_are_left_out_and_counted),
               D(t_mysql_two_edits_in_one_transaction_are_two_versions),
               D(t_mysql_script_of_the_tutorial_makes_no_gap_and_loses_nothing),
               D(t_mysql_replace_and_move_record_every_changed_module),
               D(t_mysql_changes_cleaned_up_or_version_back_is_eagain),
               D(t_mysql_a_version_of_many_modules_loads_them_all),
               D(t_mysql_changes_lead_to_the_table_of_a_full_load),
               D(t_mysql_the_version_row_cannot_be_deleted),
               D(t_mysql_absurd_rows_are_left_out),
               D(t_mysql_weight_and_zone_come_with_the_row),
               D(t_mysql_wrong_password_or_no_server_is_enotconn_with_reason),
               D(t_mysql_schema_absent_is_enoent_with_the_mend))
