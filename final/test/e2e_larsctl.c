/* larsctl against the whole system: what it prints in each format, its exit codes, that a
 * change is in force when it returns, that a mass removal asks for -y, and that wrong
 * arguments change nothing. */
#include "ctlrun.h"

#define C16 "0123456789abcdef"
#define C64 C16 C16 C16 C16
#define C256 C64 C64 C64 C64

static void t_lists_in_three_formats(void **state)
{
    (void)state;
    testdb_sql("INSERT INTO ModIDConfig (modid, content) VALUES (1, '" FARM "')");
    expect_output("module list", "modid  cmdid  module  command  nodes  up  zones\n"
                                 "    1      1  " FARM "                 3   3  \n");
    expect_output("-o csv module list",
                  "modid,cmdid,module,command,nodes,up,zones\n1,1," FARM ",,3,3,\n");
    expect_output(
        "-o json node list",
        "[\n  {\n    \"ip\": \"127.0.1.1\",\n    \"zone\": \"\",\n    \"modules\": 1,\n"
        "    \"up\": 1,\n    \"states\": \"up\"\n  },\n  {\n    \"ip\": \"127.0.1.2\",\n"
        "    \"zone\": \"\",\n    \"modules\": 1,\n    \"up\": 1,\n    \"states\": "
        "\"up\"\n  },\n  {\n    \"ip\": \"224.1.2.3\",\n    \"zone\": \"\",\n    "
        "\"modules\": 1,\n    \"up\": 1,\n    \"states\": \"up\"\n  }\n]\n");
    expect_output("-o csv zone list", "zone,nodes,up,modules\n,3,3,1\n");
    expect_output("-o csv policy list", "modid,cmdid,rule,probe,timeout_ms,slow_ms,"
                                        "node_rps,node_inflight,target_ms,who,"
                                        "changed\n");
    expect_output("alarm list", "id  kind  subject  detail  raised  cleared\n");
}

static void t_alarms_are_explained_in_two_languages(void **state)
{
    (void)state;
    assert_int_equal(ctl("alarm show node_down"), 0);
    expect_text("node_down\nA node gets no calls");
    expect_text("Look whether its process runs");
    setenv("LC_ALL", "zh_CN.UTF-8", 1);
    assert_int_equal(ctl("alarm show node_down"), 0);
    unsetenv("LC_ALL");
    expect_text("\xe8\x8a\x82\xe7\x82\xb9"); /* node */
    assert_int_equal(ctl("-o csv alarm show"), 0);
    expect_text("kind,meaning,steps\nnode_down,");
    assert_int_equal(ctl("alarm show nothing"), 2);
    expect_text("there is no kind of alarm \"nothing\"");
}

static void t_forgotten_service_is_not_missed(void **state)
{
    (void)state;
    testdb_sql("DELETE FROM Service; INSERT INTO Service (kind, name) VALUES ('agent', "
               "'h/1.2.3.4:5'); INSERT INTO AgentRoute (agent, modid, cmdid, sum) VALUES "
               "('h/1.2.3.4:5', 1, 1, 1)");
    assert_int_equal(ctl("service list"), 0);
    expect_text("h/1.2.3.4:5");
    assert_int_equal(ctl("service forget dnsd h/1.2.3.4:5"), 1);
    expect_text("there is no dnsd \"h/1.2.3.4:5\"");
    assert_int_equal(ctl("service forget agent h/1.2.3.4:5"), 1);
    expect_text("the agent \"h/1.2.3.4:5\" still reports: stop it first");
    testdb_sql("UPDATE Service SET seen_at = NOW(3) - INTERVAL 7 SECOND");
    assert_int_equal(ctl("service forget agent h/1.2.3.4:5"), 0);
    assert_int_equal(testdb_number("SELECT COUNT(*) FROM Service"), 0);
    assert_int_equal(testdb_number("SELECT COUNT(*) FROM AgentRoute"), 0);
}

static void t_changes_are_in_force_when_it_returns(void **state)
{
    (void)state;
    start_system();
    assert_int_equal(ctl("route add 1 1 127.0.1.9:80 zone=b weight=50"), 0);
    expect_text("1/1: in force on 1 of 1 agents");
    assert_int_equal(system_n_nodes(), 4);
    expect_output("-o csv route list 1 1", "modid,cmdid,node,zone,weight,state\n"
                                           "1,1,127.0.1.1:80,,100,up\n"
                                           "1,1,127.0.1.2:80,,100,up\n"
                                           "1,1,224.1.2.3:80,,100,up\n"
                                           "1,1,127.0.1.9:80,b,50,up\n");
    assert_int_equal(ctl("route drain 1 1 127.0.1.9:80"), 0);
    assert_int_equal(system_n_nodes(), 3);
    assert_int_equal(ctl("route undrain 1 1 127.0.1.9:80"), 0);
    assert_int_equal(system_n_nodes(), 4);
    assert_int_equal(ctl("node drain 127.0.1.9"), 0);
    assert_int_equal(system_n_nodes(), 3);
    assert_int_equal(ctl("node undrain 127.0.1.9"), 0);
    assert_int_equal(system_n_nodes(), 4);
    assert_int_equal(ctl("route remove 1 1 127.0.1.9:80"), 0);
    assert_int_equal(system_n_nodes(), 3);
    assert_int_equal(ctl("-y module remove 1 1"), 0);
    assert_int_equal(system_n_nodes(), -ENOENT);
}

static void t_mass_removal_needs_yes(void **state)
{
    (void)state;
    assert_int_equal(ctl("module remove 1 1"), 4);
    expect_text("takes 3 of the 3 nodes of 1/1");
    assert_int_equal(ctl("-y zone drain ''"), 2);
    expect_text("the name of the zone is empty");
    assert_int_equal(ctl("-y zone drain ' '"), 2);
    testdb_sql("DELETE FROM RouteData WHERE serverip <> INET_ATON('127.0.1.1')");
    assert_int_equal(ctl("route remove 1 1 127.0.1.1:80"), 4);
    assert_int_equal(ctl("route drain 1 1 127.0.1.1:80"), 4);
    assert_int_equal(testdb_number("SELECT COUNT(*) FROM RouteData WHERE state = 'up'"),
                     1);
    testdb_sql("DELETE FROM RouteChange");
    assert_int_equal(ctl("-y route remove 1 1 127.0.1.1:80"), 0);
    assert_int_equal(testdb_number("SELECT MIN(confirmed) FROM RouteChange"), 1);
}

static void t_wrong_arguments_are_refused_with_the_reason(void **state)
{
    static const struct {
        const char *args, *words;
        int code;
    } bad[] = {
        {"", "there is no such command", 2},
        {"fly", "fly: there is no such command", 2},
        {"route", "there is no such command; see larsctl help route", 2},
        {"help fly", "fly: there is no such command", 2},
        {"route add 1 1", "the arguments are: larsctl route add MODID CMDID IP:PORT", 2},
        {"route add 1 x 1.2.3.4:80", "CMDID: \"x\" is not a number", 2},
        {"route add -1 1 1.2.3.4:80", "MODID: \"-1\" is not a number", 2},
        {"route add 4294967296 1 1.2.3.4:80", "is not a number from 0 to 4294967295", 2},
        {"route add 0 0 1.2.3.4:80", "there is no module 0 0", 2},
        {"route add 1 1 1.2.3.4", "is not like 10.0.0.1:80", 2},
        {"route add 1 1 1.2.3.4:0", "is not like 10.0.0.1:80", 2},
        {"route add 1 1 0.0.0.0:80", "is not like 10.0.0.1:80", 2},
        {"route add 1 1 1.2.3.4:70000", "is not like 10.0.0.1:80", 2},
        {"route add 1 1 1.2.3.4:80 colour=red", "\"colour\" is not zone, weight or state",
         2},
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
        expect_text(bad[i].words);
    }
    assert_int_equal(testdb_number("SELECT COUNT(*) FROM RouteData"), 3);
}

/* Each command with a module, a node, a number or a name that is wrong: it prints what is
 * wrong, returns the documented code and changes nothing. */
static const struct {
    const char *args, *words;
    int code;
} absent[] = {
    {"module show 9 9", "there is no module 9/9", 1},
    {"module set 9 9 name", "there is no module 9/9", 1},
    {"module remove 9 9", "there is no module 9/9", 1},
    {"module show 0 0", "there is no module 0 0", 2},
    {"module set 1 1 " C256, "NAME: it has more than 255 characters", 2},
    {"module set 1 1 name " C256, "COMMAND: it has more than 255 characters", 2},
    {"route list 9 9", "there is no module 9/9", 1},
    {"-o json route list 9 9", "there is no module 9/9", 1},
    {"route list 1", "give MODID and CMDID", 2},
    {"route set 9 9 1.2.3.4:80 weight=1", "1.2.3.4:80 is not a node of 9/9", 1},
    {"route remove 9 9 1.2.3.4:80", "1.2.3.4:80 is not a node of 9/9", 1},
    {"route drain 9 9 1.2.3.4:80", "1.2.3.4:80 is not a node of 9/9", 1},
    {"route undrain 1 1 1.2.3.4:80", "1.2.3.4:80 is not a node of 1/1", 1},
    {"route set 1 1 127.0.1.1:80 weight=10001", "not a number from 0 to 10000", 2},
    {"route set 1 1 127.0.1.1:80 weight=", "\"\" is not a number from 0", 2},
    {"route set 1 1 127.0.1.1:80 state=gone", "state: \"gone\" is not up or drained", 2},
    {"route set 1 1 127.0.1.1:80 zone=123456789012345678901234567890123",
     "zone: it has more than 32 characters", 2},
    {"route confirm 9 9", "there is no module 9/9", 1},
    {"node drain 9.9.9.9", "no node is in 9.9.9.9", 1},
    {"node undrain 9.9.9.9", "no node is in 9.9.9.9", 1},
    {"node drain 127.257", "IP: \"127.257\" is not like 10.0.0.1", 2},
    {"node drain router", "IP: \"router\" is not like 10.0.0.1", 2},
    {"zone drain nowhere", "no node is in nowhere", 1},
    {"zone return nowhere", "no node is in nowhere", 1},
    {"policy list 9 9", "there is no module 9/9", 1},
    {"policy list 1", "give MODID and CMDID", 2},
    {"policy set 9 9 rule=hash", "there is no module 9/9", 1},
    {"policy set 1 1 slow_ms=86400001", "not a number from 0 to 86400000", 2},
    {"policy set 1 1 node_rps=-1", "node_rps: \"-1\" is not a number", 2},
    {"policy delete 9 9", "there is no module 9/9", 1},
    {"why 9 9", "there is no module 9/9", 1},
    {"-o json why 9 9", "there is no module 9/9", 1},
    {"status 9 9", "there is no module 9/9", 1},
    {"status 1", "give MODID and CMDID", 2},
    {"history 9 9", "there is no module 9/9", 1},
    {"history 1 1 0s", "\"0s\" is not a time", 2},
    {"history 1 1 +5m", "\"+5m\" is not a time", 2},
    {"history 1 1 ''", "\"\" is not a time", 2},
    {"history 1 1 99999d", "\"99999d\" is not a time", 2},
    {"latency 9 9", "there is no module 9/9", 1},
    {"latency 1 1 10y", "\"10y\" is not a time", 2},
    {"top 0", "ROUNDS: \"0\" is not a number from 1 to", 2},
    {"top x", "ROUNDS: \"x\" is not a number from 1 to", 2},
    {"get-host 9 9", "there is no module 9/9", 1},
    {"report 9 9 1.2.3.4:80 0", "there is no module 9/9", 1},
    {"report 1 1 1.2.3.4:80 0", "1.2.3.4:80 is not a node of 1/1", 1},
    {"report 1 1 127.0.1.1:80 2147483648", "not a number from 0 to 2147483647", 2},
    {"report 1 1 127.0.1.1:80 -1", "RETCODE: \"-1\" is not a number", 2},
    {"plane 9 9 /nonexistent", "/nonexistent/shm: No such file", 1},
    {"alarm list some", "larsctl alarm list [all]", 2},
    {"service forget agent nothing", "there is no agent \"nothing\"", 1},
    {"service forget router x", "\"router\" is not agent, dnsd or reportd", 2},
    {"log loud", "\"loud\" is not error, warn, info or debug", 2},
    {"import /nonexistent", "/nonexistent", 2},
    {"watch module show 9 9", "there is no module 9/9", 1},
    {"watch", "nothing given: there is no such command", 2},
};

static void t_each_command_refuses_what_is_not_there(void **state)
{
    size_t i;

    (void)state;
    start_system();
    testdb_sql("DELETE FROM ModulePolicy; DELETE FROM ServerCallStatus");
    for (i = 0; i < sizeof(absent) / sizeof(absent[0]); i++) {
        int code = ctl(absent[i].args);

        if (code != absent[i].code)
            fail_msg("larsctl %s returned %d and printed: %s", absent[i].args, code, out);
        expect_text(absent[i].words);
    }
    assert_int_equal(testdb_number("SELECT SUM(weight) FROM RouteData WHERE state = 'up' "
                                   "AND zone = ''"),
                     300);
    assert_int_equal(testdb_number("SELECT (SELECT COUNT(*) FROM ModulePolicy) + (SELECT "
                                   "COUNT(*) FROM ModIDConfig) + (SELECT COUNT(*) FROM "
                                   "CmdIDConfig) + (SELECT COUNT(*) FROM RouteConfirm)"),
                     0);
}

static void t_module_without_nodes_keeps_its_calls(void **state)
{
    (void)state;
    testdb_sql("DELETE FROM ServerCallStatus; DELETE FROM CallSecond; INSERT INTO "
               "ServerCallStatus VALUES (7, 7, 1, 80, 1, 5, 0, 0, 0); INSERT INTO "
               "CallSecond VALUES (UNIX_TIMESTAMP() - 2, 8, 8, 1, 80, 5, 0)");
    assert_int_equal(ctl("-o csv status 7 7"), 0);
    expect_text("0.0.0.1:80,1,5,0,");
    assert_int_equal(ctl("-o csv history 8 8"), 0);
    expect_text(",5,0,0.00\n");
    assert_int_equal(ctl("route list 7 7"), 1);
    testdb_sql("DELETE FROM ServerCallStatus; DELETE FROM CallSecond");
    assert_int_equal(ctl("-o json status 1 1"), 0); /* it exists, and has no calls yet */
    assert_string_equal(out, "[]\n");
}

static void t_text_arguments_are_quoted_in_sql(void **state)
{
    (void)state;
    assert_int_equal(
        ctl("module set 1 1 \"x', (SELECT 1)); DROP TABLE RouteData; -- %s\""), 0);
    assert_int_equal(ctl("route set 1 1 127.0.1.1:80 \"zone=a'b\\\\\""), 0);
    assert_int_equal(testdb_number("SELECT COUNT(*) FROM RouteData"), 3);
    assert_int_equal(testdb_number("SELECT CHAR_LENGTH(content) FROM ModIDConfig"), 44);
    assert_int_equal(testdb_number("SELECT COUNT(*) FROM RouteData WHERE zone = "
                                   "CONCAT('a', CHAR(39), 'b', CHAR(92))"),
                     1);
}

static void t_import_of_an_export_restores_the_table(void **state)
{
    char path[100], args[200];

    (void)state;
    snprintf(path, sizeof(path), "%s/routes.csv", testdb_dir);
    snprintf(args, sizeof(args), "export >%s", path);
    assert_int_equal(ctl(args), 0);
    snprintf(args, sizeof(args), "import %s", path);
    assert_int_equal(ctl(args), 0);
    expect_text("removed 0, added 0, changed 0");
    testdb_sql(
        "DELETE FROM RouteData WHERE serverip = INET_ATON('127.0.1.1'); "
        "UPDATE RouteData SET weight = 7 WHERE serverip = INET_ATON('127.0.1.2'); "
        "INSERT INTO RouteData (modid, cmdid, serverip, serverport) VALUES (2,2,5,5)");
    assert_int_equal(ctl(args), 4);
    expect_text("would remove 1 of 3 nodes, add 1 and change 1");
    assert_int_equal(testdb_number("SELECT SUM(weight) FROM RouteData"), 207);
    snprintf(args, sizeof(args), "-y import %s", path);
    assert_int_equal(ctl(args), 0);
    expect_text("removed 1, added 1, changed 1");
    snprintf(args, sizeof(args), "export | diff - %s", path);
    assert_int_equal(ctl(args), 0);
}

static void t_file_with_a_bad_line_changes_nothing(void **state)
{
    char args[200];

    (void)state;
    snprintf(args, sizeof(args), "-y import %s",
             system_write_file("bad.csv", "modid,cmdid,node,zone,weight,state\n"
                                          "5,5,1.2.3.4:80,,100,up\n5,5,x,,1,up\n"));
    assert_int_equal(ctl(args), 2);
    expect_text("bad.csv:3: this line is wrong; nothing was changed");
    assert_int_equal(testdb_number("SELECT COUNT(*) FROM RouteData"), 3);
    assert_int_equal(ctl("import /nonexistent"), 2);
}

static void t_without_a_database_the_exit_code_is_3(void **state)
{
    (void)state;
    write_ini("", "/nonexistent");
    assert_int_equal(ctl("module list"), 3);
    expect_text("mend: start the server");
}

/* <n> calls that take two milliseconds each. */
static void make_slow_calls(int n)
{
    struct lars_host h;

    while (n-- > 0) {
        assert_int_equal(lars_get_host(sys.client, 1, 1, &h), 0);
        poll(NULL, 0, 2);
        assert_int_equal(lars_report(sys.client, &h, 0), 0);
    }
}

static void t_calls_appear_in_status_history_and_latency(void **state)
{
    (void)state;
    start_system();
    assert_int_equal(ctl("get-host 1 1"), 0);
    expect_text("ip");
    assert_int_equal(ctl("get-host 9 9"), 1);
    expect_text("there is no module 9/9");
    system_make_calls(85);
    make_slow_calls(5);
    assert_int_equal(ctl("report 1 1 127.0.1.1:80 1"), 0);
    T_WAIT(system_total("succ_cnt + err_cnt") == 91);
    assert_int_equal(ctl("-o csv status"), 0);
    expect_text("\n1,1,1,90,1,");
    assert_int_equal(ctl("-o csv why 1 1"), 0);
    expect_text("127.0.1.2:80,,up,0.00,0,1,chosen\n");
    assert_int_equal(ctl("-o csv agent list"), 0);
    expect_text("127.0.0.1,1,90,1,0,");
    assert_int_equal(testdb_number("SELECT SUM(succ + err) FROM CallHistory"), 91);
    assert_int_equal(ctl("-o csv history 1 1 10m"), 0);
    expect_text("time,ok,failed,failed_percent\n20");
    assert_in_range(testdb_number("SELECT SUM(n) FROM CallLatency WHERE bucket >= 29"), 5,
                    90); /* 1,792 us and more: the five slow ones */
    assert_int_equal(ctl("-o csv latency 1 1"), 0);
    expect_text("time,calls,p50_us,p90_us,p99_us,max_us\n20");
    assert_int_equal(ctl("-o csv top 1"), 0);
    expect_text(
        "modid,cmdid,up,ok/s,failed/s,failed_percent,overloads\n1,1,3,0,0,0.00,0\n");
}

static void t_policies_are_set_and_checked(void **state)
{
    (void)state;
    testdb_sql("DELETE FROM ModulePolicy; DELETE FROM ZoneLoad");
    assert_int_equal(ctl("policy set 1 1 rule=hash probe=/healthz timeout_ms=900"), 0);
    assert_int_equal(ctl("-o csv policy list 1 1"), 0);
    expect_text("1,1,hash,/healthz,900,0,0,0,0,");
    assert_int_equal(ctl("-o csv policy rules"), 0);
    expect_text("rule,chooses\nscan,");
    expect_text("\nclassic,");
    assert_int_equal(ctl("policy set 1 1 rule=best node_rps=7"), 2);
    expect_text("\"best\" is none of scan, p2c, wrr, hash, classic");
    assert_int_equal(ctl("policy set 1 1 node_rps=7 probe=nowhere"), 2);
    assert_int_equal(ctl("policy set 1 1 colour=red"), 2);
    assert_int_equal(testdb_number("SELECT node_rps FROM ModulePolicy"),
                     0); /* no setting was changed */
    testdb_sql(
        "INSERT INTO ZoneLoad SELECT UNIX_TIMESTAMP() - 10 + seq, 1, 1, CRC32('x'), "
        "50, 0 FROM seq_0_to_20");
    assert_int_equal(ctl("why 1 1"), 0);
    expect_text("policy: rule hash, checked by HTTP /healthz, time-out 900 ms\n");
    expect_text(": 50 calls/s, 0 failed\n");
    assert_int_equal(ctl("policy set 1 1 rule=hash probe=/healthz timeout_ms=900 "
                         "slow_ms=8 node_rps=7 node_inflight=20 target_ms=300"),
                     0); /* all keys at once */
    assert_int_equal(ctl("-o csv policy list 1 1"), 0);
    expect_text("1,1,hash,/healthz,900,8,7,20,300,");
    assert_int_equal(ctl("why 1 1"), 0);
    expect_text("a node takes 7 calls/s, up to 20 calls in progress at a node, "
                "responses begin within 300 ms\n");
    assert_int_equal(ctl("policy set 1 1 target_ms="), 2);
    assert_int_equal(ctl("policy set 1 1 node_inflight=0"), 0);
    assert_int_equal(ctl("-o csv policy list 1 1"), 0);
    expect_text("1,1,hash,/healthz,900,8,7,0,300,");
    assert_int_equal(ctl("policy delete 1 1"), 0);
    assert_int_equal(testdb_number("SELECT COUNT(*) FROM ModulePolicy"), 0);
    testdb_sql("DELETE FROM ZoneLoad");
}

static void t_agents_with_wrong_clocks_are_listed(void **state)
{
    (void)state;
    testdb_sql("DELETE FROM ServerCallStatus; INSERT INTO ServerCallStatus VALUES "
               "(1, 1, 1, 80, 1, 5, 0, UNIX_TIMESTAMP() + 7200, 0), "
               "(1, 1, 1, 80, 2, 6, 0, 0, 0)");
    assert_int_equal(ctl("-o csv agent list"), 0);
    expect_text("\n0.0.0.1,1,5,0,0,");
    expect_text(",0\n0.0.0.2,1,6,0,0,");
}

static void t_history_is_shown_in_every_step(void **state)
{
    static const char *const span[] = {"5m", "2h", "7d"};
    char args[60];
    size_t i;

    (void)state;
    testdb_sql("DELETE FROM CallSecond; INSERT INTO CallSecond SELECT "
               "UNIX_TIMESTAMP() - seq, 1, 1, 1, 80, 1, 1 FROM seq_1_to_200");
    for (i = 0; i < 3; i++) {
        snprintf(args, sizeof(args), "-o csv history 1 1 %s", span[i]);
        assert_int_equal(ctl(args), 0);
        expect_text(",50.00\n");
    }
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
            expect_text(noun[i]);
    }
    for (i = 0; i < sizeof(noun) / sizeof(noun[0]); i++) {
        snprintf(args, sizeof(args), "help %s", noun[i]);
        assert_int_equal(ctl(args), 0);
        snprintf(args, sizeof(args), "  %s", noun[i]);
        assert_int_equal(strncmp(out, args, strlen(args)), 0);
    }
    assert_int_equal(ctl("completion | bash -n"), 0);
}

#define L(fn) cmocka_unit_test_setup_teardown(fn, ctl_setup, system_teardown)

TESTDB_MAIN(L(t_lists_in_three_formats), L(t_alarms_are_explained_in_two_languages),
            L(t_forgotten_service_is_not_missed),
            L(t_changes_are_in_force_when_it_returns), L(t_policies_are_set_and_checked),
            L(t_mass_removal_needs_yes), L(t_wrong_arguments_are_refused_with_the_reason),
            L(t_each_command_refuses_what_is_not_there),
            L(t_module_without_nodes_keeps_its_calls),
            L(t_text_arguments_are_quoted_in_sql),
            L(t_import_of_an_export_restores_the_table),
            L(t_file_with_a_bad_line_changes_nothing),
            L(t_without_a_database_the_exit_code_is_3),
            L(t_calls_appear_in_status_history_and_latency),
            L(t_agents_with_wrong_clocks_are_listed), L(t_history_is_shown_in_every_step),
            L(t_help_tables_and_completion_name_every_command))
