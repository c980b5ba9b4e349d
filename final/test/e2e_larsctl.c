/* larsctl against the whole system: what it prints, its exit codes, and that what it
 * changes is in force. */
#include "system.h"

#define FARM "\xe5\x86\x9c\xe4\xb8\x9a" /* two characters, four columns */

static char out[65536];               /* stdout and stderr of the last command */
static char ini[100];

/* Run larsctl with <args>; returns its exit code. */
static int ctl(const char *args)
{
    const char *build = getenv("BUILD"), *wrap = getenv("LARS_WRAP");
    char cmd[1200];
    size_t n;
    FILE *f;
    int status;

    snprintf(cmd, sizeof(cmd), "%s %s/larsctl -c %s %s 2>&1", wrap ? wrap : "",
             build ? build : "build", ini, args);
    f = popen(cmd, "r");
    assert_non_null(f);
    n = fread(out, 1, sizeof(out) - 1, f);
    out[n] = '\0';
    status = pclose(f);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1000;
}

static void prints(const char *args, const char *text)
{
    int rc = ctl(args);

    if (rc != 0)
        fail_msg("larsctl %s returned %d and printed: %s", args, rc, out);
    assert_string_equal(out, text);
}

static void says(const char *text)
{
    if (!strstr(out, text))
        fail_msg("did not say \"%s\" but: %s", text, out);
}

static void write_ini(const char *user, const char *socket)
{
    FILE *f;

    snprintf(ini, sizeof(ini), "%s/larsctl.ini", mydb_dir);
    f = fopen(ini, "w");
    assert_non_null(f);
    fprintf(f,
            "[larsctl]\n"
            "sql = common/sql\n"
            "agents = 127.0.0.1:%s\n"
            "dnsd = 127.0.0.1:%s\n"
            "reportd = 127.0.0.1:%s\n"
            "sql = common/sql\n"
            "[db]\n"
            "socket = %s\n"
            "%s",
            agent_port, dns_port, rep_port, socket, user);
    fclose(f);
}

static int ctl_setup(void **state)
{
    int rc = setup(state);

    mydb_sql("DELETE FROM ModIDConfig; DELETE FROM CmdIDConfig; DELETE FROM CallSecond; "
             "DELETE FROM CallLatency");
    write_ini("", mydb_socket);
    return rc;
}

static void start_system(void)
{
    start_all();
    write_ini("", mydb_socket);
}

static void t_lists_in_three_formats(void **state)
{
    (void)state;
    mydb_sql("INSERT INTO ModIDConfig (modid, content) VALUES (1, '" FARM "')");
    prints("module list", "modid  cmdid  module  command  nodes  up  zones\n"
                          "    1      1  " FARM "                 3   3  \n");
    prints("-o csv module list",
           "modid,cmdid,module,command,nodes,up,zones\n1,1," FARM ",,3,3,\n");
    prints(
        "-o json node list",
        "[\n  {\n    \"ip\": \"127.0.1.1\",\n    \"zone\": \"\",\n    \"modules\": 1,\n"
        "    \"up\": 1,\n    \"states\": \"up\"\n  },\n  {\n    \"ip\": \"127.0.1.2\",\n"
        "    \"zone\": \"\",\n    \"modules\": 1,\n    \"up\": 1,\n    \"states\": "
        "\"up\"\n  },\n  {\n    \"ip\": \"200.1.2.3\",\n    \"zone\": \"\",\n    "
        "\"modules\": 1,\n    \"up\": 1,\n    \"states\": \"up\"\n  }\n]\n");
    prints("-o csv zone list", "zone,nodes,up,modules\n,3,3,1\n");
    prints("-o csv route list 2 2", "modid,cmdid,node,zone,weight,state\n");
    prints("alarm list", "id  kind  subject  detail  raised  cleared\n");
}

static void t_changes_are_in_force_when_it_returns(void **state)
{
    (void)state;
    start_system();
    assert_int_equal(ctl("route add 1 1 127.0.1.9:80 zone=b weight=50"), 0);
    says("1/1: in force on 1 of 1 agents");
    assert_int_equal(n_nodes(), 4);
    prints("-o csv route list 1 1",
           "modid,cmdid,node,zone,weight,state\n"
           "1,1,127.0.1.1:80,,100,up\n"
           "1,1,127.0.1.2:80,,100,up\n"
           "1,1,200.1.2.3:80,,100,up\n"
           "1,1,127.0.1.9:80,b,50,up\n");
    assert_int_equal(ctl("route drain 1 1 127.0.1.9:80"), 0);
    assert_int_equal(n_nodes(), 3);
    assert_int_equal(ctl("route undrain 1 1 127.0.1.9:80"), 0);
    assert_int_equal(n_nodes(), 4);
    assert_int_equal(ctl("node drain 127.0.1.9"), 0);
    assert_int_equal(n_nodes(), 3);
    assert_int_equal(ctl("zone undrain b"), 0);
    assert_int_equal(n_nodes(), 4);
    assert_int_equal(ctl("route remove 1 1 127.0.1.9:80"), 0);
    assert_int_equal(n_nodes(), 3);
    assert_int_equal(ctl("-y module remove 1 1"), 0);
    assert_int_equal(n_nodes(), -ENOENT);
}

static void t_what_takes_much_asks_for_yes(void **state)
{
    (void)state;
    assert_int_equal(ctl("module remove 1 1"), 4);
    says("takes 3 of the 3 nodes of 1/1");
    assert_int_equal(ctl("zone drain ''"), 4);
    mydb_sql("DELETE FROM RouteData WHERE serverip <> INET_ATON('127.0.1.1')");
    assert_int_equal(ctl("route remove 1 1 127.0.1.1:80"), 4);
    assert_int_equal(ctl("route drain 1 1 127.0.1.1:80"), 4);
    assert_int_equal(mydb_number("SELECT COUNT(*) FROM RouteData WHERE state = 'up'"), 1);
    mydb_sql("DELETE FROM RouteChange");
    assert_int_equal(ctl("-y route remove 1 1 127.0.1.1:80"), 0);
    assert_int_equal(mydb_number("SELECT MIN(confirmed) FROM RouteChange"), 1);
}

static void t_wrong_arguments_are_refused_with_words(void **state)
{
    static const struct {
        const char *args, *words;
        int code;
    } bad[] = {
        {"", "there is no such command", 2},
        {"fly", "fly: there is no such command", 2},
        {"route", "there is no such command", 2},
        {"help fly", "fly: there is no such command", 2},
        {"route add 1 1", "the arguments are: larsctl route add MODID CMDID IP:PORT", 2},
        {"route add 1 x 1.2.3.4:80", "CMDID: \"x\" is not a number", 2},
        {"route add -1 1 1.2.3.4:80", "MODID: \"-1\" is not a number", 2},
        {"route add 4294967296 1 1.2.3.4:80", "is not a number from 0 to 4294967295", 2},
        {"route add 0 0 1.2.3.4:80", "there is no module 0 0", 2},
        {"route add 1 1 1.2.3.4", "is not like 10.0.0.1:80", 2},
        {"route add 1 1 1.2.3.4:0", "is not like 10.0.0.1:80", 2},
        {"route add 1 1 1.2.3.4:70000", "is not like 10.0.0.1:80", 2},
        {"route add 1 1 1.2.3.4:80 colour=red", "\"colour=red\" is not zone=", 2},
        {"route add 1 1 1.2.3.4:80 weight=99999", "weight: \"99999\" is not a number", 2},
        {"route add 1 1 127.0.1.1:80", "already a node of 1/1", 1},
        {"route set 1 1 1.2.3.4:80 weight=1", "not a node of 1/1", 1},
        {"route remove 1 1 1.2.3.4:80", "not a node of 1/1", 1},
        {"module remove 9 9", "there is no module 9/9", 1},
        {"node drain 9.9.9.9", "no node is in 9.9.9.9", 1},
        {"history 1 1 10y", "\"10y\" is not a time", 2},
        {"-o xml module list", "-o must be table, json or csv", 2},
    };
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        assert_int_equal(ctl(bad[i].args), bad[i].code);
        says(bad[i].words);
    }
    assert_int_equal(mydb_number("SELECT COUNT(*) FROM RouteData"), 3);
}

static void t_text_cannot_leave_its_place_in_the_statement(void **state)
{
    (void)state;
    assert_int_equal(
        ctl("module set 1 1 \"x', (SELECT 1)); DROP TABLE RouteData; -- %s\""), 0);
    assert_int_equal(ctl("route set 1 1 127.0.1.1:80 \"zone=a'b\\\\\""), 0);
    assert_int_equal(mydb_number("SELECT COUNT(*) FROM RouteData"), 3);
    assert_int_equal(mydb_number("SELECT CHAR_LENGTH(content) FROM ModIDConfig"), 44);
    assert_int_equal(mydb_number("SELECT COUNT(*) FROM RouteData WHERE zone = "
                                 "CONCAT('a', CHAR(39), 'b', CHAR(92))"),
                     1);
}

static void t_export_is_what_import_takes(void **state)
{
    char path[100], args[200];

    (void)state;
    snprintf(path, sizeof(path), "%s/routes.csv", mydb_dir);
    snprintf(args, sizeof(args), "export >%s", path);
    assert_int_equal(ctl(args), 0);
    snprintf(args, sizeof(args), "import %s", path);
    assert_int_equal(ctl(args), 0);
    says("removed 0, added 0, changed 0");
    mydb_sql(
        "DELETE FROM RouteData WHERE serverip = INET_ATON('127.0.1.1'); "
        "UPDATE RouteData SET weight = 7 WHERE serverip = INET_ATON('127.0.1.2'); "
        "INSERT INTO RouteData (modid, cmdid, serverip, serverport) VALUES (2,2,5,5)");
    assert_int_equal(ctl(args), 4);
    says("would remove 1 of 3 nodes, add 1 and change 1");
    assert_int_equal(mydb_number("SELECT SUM(weight) FROM RouteData"), 207);
    snprintf(args, sizeof(args), "-y import %s", path);
    assert_int_equal(ctl(args), 0);
    says("removed 1, added 1, changed 1");
    snprintf(args, sizeof(args), "export | diff - %s", path);
    assert_int_equal(ctl(args), 0);
}

static void t_file_with_a_bad_line_changes_nothing(void **state)
{
    char path[100], args[200];
    FILE *f;

    (void)state;
    snprintf(path, sizeof(path), "%s/bad.csv", mydb_dir);
    f = fopen(path, "w");
    fprintf(f,
            "modid,cmdid,node,zone,weight,state\n5,5,1.2.3.4:80,,100,up\n5,5,x,,1,up\n");
    fclose(f);
    snprintf(args, sizeof(args), "-y import %s", path);
    assert_int_equal(ctl(args), 2);
    says("bad.csv:3: this line is wrong; nothing was changed");
    assert_int_equal(mydb_number("SELECT COUNT(*) FROM RouteData"), 3);
    assert_int_equal(ctl("import /nonexistent"), 2);
}

static void t_schema_is_checked_and_mended(void **state)
{
    char user[80];

    (void)state;
    prints("db check", "the schema is whole\n");
    mydb_sql("DROP TRIGGER route_confirm_insert");
    assert_int_equal(ctl("db check"), 1);
    says("triggers are missing: there are 6 of 7; run larsctl db migrate");
    mydb_sql("ALTER TABLE RouteChange DROP COLUMN confirmed; DROP VIEW CallHistory");
    assert_int_equal(ctl("db check"), 1);
    says("the schema is old");
    assert_int_equal(ctl("db migrate"), 1); /* not as the programs' user */
    says("schema.sql:");
    snprintf(user, sizeof(user), "user = root\npassword =\n");
    if (geteuid() != 0)
        snprintf(user, sizeof(user), "user = %s\npassword =\n", getenv("USER"));
    write_ini(user, mydb_socket);
    prints("db migrate", "the schema is up to date\n");
    write_ini("", mydb_socket);
    prints("db check", "the schema is whole\n");
    assert_int_equal(mydb_number("SELECT COUNT(*) FROM RouteData"), 3);
    assert_int_equal(ctl("history 1 1"), 0);
}

static void t_without_database_is_code_3(void **state)
{
    (void)state;
    write_ini("", "/nonexistent");
    assert_int_equal(ctl("module list"), 3);
    says("mend: start the server");
}

/* Calls that take two milliseconds. */
static void make_slow_calls(int n)
{
    struct lars_host h;

    while (n-- > 0) {
        assert_int_equal(lars_get_host(client, 1, 1, &h), 0);
        poll(NULL, 0, 2);
        assert_int_equal(lars_report(client, &h, 0), 0);
    }
}

static void t_calls_are_shown(void **state)
{
    (void)state;
    start_system();
    assert_int_equal(ctl("get-host 1 1"), 0);
    says("ip");
    assert_int_equal(ctl("get-host 9 9"), 1);
    says("there is no module 9/9");
    make_calls(85);
    make_slow_calls(5);
    assert_int_equal(ctl("report 1 1 127.0.1.1:80 1"), 0);
    T_WAIT(total("succ_cnt + err_cnt") == 91);
    assert_int_equal(ctl("-o csv status"), 0);
    says("\n1,1,1,90,1,");
    assert_int_equal(ctl("-o csv why 1 1"), 0);
    says("127.0.1.2:80,,up,0.00,0,1,chosen\n");
    assert_int_equal(ctl("-o csv agent list"), 0);
    says("127.0.0.1,1,90,1,0,");
    assert_int_equal(mydb_number("SELECT SUM(succ + err) FROM CallHistory"), 91);
    assert_int_equal(ctl("-o csv history 1 1 10m"), 0);
    says("time,ok,failed,failed_percent\n20");
    assert_in_range(mydb_number("SELECT SUM(n) FROM CallLatency WHERE bucket >= 29"), 5,
                    90);              /* 1,792 us and more: the five slow ones */
    assert_int_equal(ctl("-o csv latency 1 1"), 0);
    says("time,calls,p50_us,p90_us,p99_us,max_us\n20");
    assert_int_equal(ctl("-o csv top 1"), 0);
    says("modid,cmdid,up,ok/s,failed/s,failed_percent,overloads\n1,1,3,0,0,0.00,0\n");
}

static void t_policies_are_set_and_checked(void **state)
{
    (void)state;
    mydb_sql("DELETE FROM ModulePolicy; DELETE FROM ZoneLoad");
    assert_int_equal(ctl("policy set 1 1 rule=hash probe=/healthz timeout_ms=900"), 0);
    assert_int_equal(ctl("-o csv policy list 1 1"), 0);
    says("1,1,hash,/healthz,900,0,0,");
    assert_int_equal(ctl("-o csv policy rules"), 0);
    says("rule,chooses\nscan,");
    says("\nclassic,");
    assert_int_equal(ctl("policy set 1 1 rule=best node_rps=7"), 2);
    says("\"best\" is none of scan, p2c, wrr, hash, classic");
    assert_int_equal(ctl("policy set 1 1 node_rps=7 probe=nowhere"), 2);
    assert_int_equal(ctl("policy set 1 1 colour=red"), 2);
    assert_int_equal(mydb_number("SELECT node_rps FROM ModulePolicy"),
                     0);              /* all or none */
    mydb_sql("INSERT INTO ZoneLoad SELECT UNIX_TIMESTAMP() - 10 + seq, 1, 1, CRC32('x'), "
             "50, 0 FROM seq_0_to_20");
    assert_int_equal(ctl("why 1 1"), 0);
    says("policy: rule hash, probed by HTTP /healthz, time-out 900 ms\n");
    says(": 50 calls/s, 0 failed\n");
    assert_int_equal(ctl("policy delete 1 1"), 0);
    assert_int_equal(mydb_number("SELECT COUNT(*) FROM ModulePolicy"), 0);
    mydb_sql("DELETE FROM ZoneLoad");
}

static void t_doctor_says_what_is_away(void **state)
{
    (void)state;
    start_system();
    assert_int_equal(ctl("doctor"), 0);
    proc_kill(&dns);
    assert_int_equal(ctl("doctor"), 1);
    says("database: ok\n");
    says("Connection refused; start it");
    says("reportd 127.0.0.1:");
}

static void t_help_tables_and_completion_name_every_command(void **state)
{
    static const char *const noun[] = {"module", "route",   "node",     "zone",   "agent",
                                       "status", "history", "latency",  "alarm",  "why",
                                       "policy", "top",     "get-host", "report", "db",
                                       "import", "export",  "doctor",   "log"};
    static const char *const page[] = {"help", "--describe", "completion"};
    char args[60];
    size_t i, k;

    (void)state;
    for (k = 0; k < 3; k++) {
        assert_int_equal(ctl(page[k]), 0);
        for (i = 0; i < sizeof(noun) / sizeof(noun[0]); i++)
            says(noun[i]);
    }
    for (i = 0; i < sizeof(noun) / sizeof(noun[0]); i++) {
        snprintf(args, sizeof(args), "help %s", noun[i]);
        assert_int_equal(ctl(args), 0);
        snprintf(args, sizeof(args), "  %s", noun[i]);
        assert_int_equal(strncmp(out, args, strlen(args)), 0);
    }
    assert_int_equal(ctl("completion | bash -n"), 0);
}

#define L(fn) cmocka_unit_test_setup_teardown(fn, ctl_setup, teardown)

MYDB_MAIN(L(t_lists_in_three_formats), L(t_changes_are_in_force_when_it_returns),
          L(t_policies_are_set_and_checked), L(t_what_takes_much_asks_for_yes),
          L(t_wrong_arguments_are_refused_with_words),
          L(t_text_cannot_leave_its_place_in_the_statement),
          L(t_export_is_what_import_takes), L(t_file_with_a_bad_line_changes_nothing),
          L(t_schema_is_checked_and_mended), L(t_without_database_is_code_3),
          L(t_calls_are_shown), L(t_doctor_says_what_is_away),
          L(t_help_tables_and_completion_name_every_command))
