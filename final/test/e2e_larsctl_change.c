/* Changes by larsctl: what could not be read is not taken for an empty table, an import
 * of an export changes nothing, and a change that takes most nodes of a module needs -y,
 * in whatever way it takes them.  What it prints is safe for terminals and pipes. */
#include "ctlrun.h"
#include "lib/proc_stop.h"
#include "route/routedelta.h"

static int import_text(const char *options, const char *text, const char *word)
{
    char args[300];

    snprintf(args, sizeof(args), "%s import %s %s", options,
             system_write_file("some.csv", "%s", text), word);
    return ctl(args);
}

#define NAMES "modid,cmdid,node,zone,weight,state\n"

static void t_import_without_routes_is_refused_also_with_yes(void **state)
{
    static const char *const text[] = {"", "\n\n", NAMES, "\xef\xbb\xbf" NAMES,
                                       "modid,cmdid,node,zone,weight,state\r"
                                       "1,1,1.2.3.4:80,,100,up\r"};
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(text) / sizeof(text[0]); i++) {
        assert_int_equal(import_text("-y", text[i], ""), 2);
        expect_text("nothing was changed");
    }
    assert_int_equal(ctl("-y import ."), 2);
    expect_text("cannot read it: Is a directory");
    assert_int_equal(ctl("-y import - </dev/null"), 2);
    expect_text("-: it is empty");
    assert_int_equal(testdb_number("SELECT COUNT(*) FROM RouteData"), 3);
}

static void t_import_that_leaves_no_node_needs_its_own_word(void **state)
{
    (void)state;
    assert_int_equal(import_text("-y", NAMES "2,2,1.2.3.4:80,,100,drained\n", ""), 4);
    expect_text("remove-all");
    assert_int_equal(import_text("", NAMES, "remove-all"), 4);
    assert_int_equal(testdb_number("SELECT COUNT(*) FROM RouteData"), 3);
    assert_int_equal(import_text("-y", NAMES, "everything"), 2);
    assert_int_equal(import_text("-y", NAMES, "remove-all"), 0);
    expect_text("removed 3, added 0, changed 0");
}

static void t_import_that_drains_needs_yes(void **state)
{
    (void)state;
    assert_int_equal(import_text("",
                                 NAMES "1,1,127.0.1.1:80,,0,up\n"
                                       "1,1,127.0.1.2:80,,100,drained\n"
                                       "1,1,224.1.2.3:80,,100,up\n",
                                 ""),
                     4);
    expect_text("of which 2 get no new calls");
}

static void t_import_with_two_lines_of_one_node_is_refused(void **state)
{
    (void)state;
    assert_int_equal(import_text("-y",
                                 NAMES "1,1,127.0.1.1:80,,5,up\n"
                                       "1,1,127.0.1.1:80,,6,up\n",
                                 ""),
                     2);
    expect_text("lines 2 and 3 are about the same node");
}

static void t_export_with_odd_rows_is_imported_without_a_change(void **state)
{
    char args[200], path[100];

    (void)state;
    testdb_sql("INSERT INTO RouteData (modid, cmdid, serverip, serverport, weight, zone, "
               "state) VALUES (2,2,0,0,70000,'a,\"b\\r\\nc','maintenance'), "
               "(2,2,9,70000,0,REPEAT('\xe5\x86\x9c',32),'up')");
    snprintf(path, sizeof(path), "%s/odd.csv", testdb_dir);
    snprintf(args, sizeof(args), "export >%s", path);
    assert_int_equal(ctl(args), 0);
    snprintf(args, sizeof(args), "import %s", path);
    assert_int_equal(ctl(args), 0);
    expect_text("removed 0, added 0, changed 0");
    assert_int_equal(import_text("-y", NAMES "1,1,127.0.1.1:80,,70000,up\n", ""), 2);
    expect_text("line 2: the weight is not a number from 0 to 10000");
}

static void t_import_reads_what_other_programs_write(void **state)
{
    (void)state;
    assert_int_equal(import_text("-y",
                                 "\xef\xbb\xbf\"modid\",cmdid,node,zone,weight,state\r\n"
                                 "1,1,\"127.0.1.1:80\",\"a\"\"b\",100,up\r\n"
                                 "\r\n",
                                 ""),
                     0);
    expect_text("removed 2, added 0, changed 1");
    assert_int_equal(testdb_number("SELECT COUNT(*) FROM RouteData WHERE zone = 'a\"b'"),
                     1);
}

static void t_large_import_is_written_completely(void **state)
{
    char path[100], args[200];
    FILE *f;
    int i;

    (void)state;
    snprintf(path, sizeof(path), "%s/large.csv", testdb_dir);
    f = fopen(path, "w");
    assert_non_null(f);
    fputs(NAMES, f);
    for (i = 0; i < 1500; i++)
        fprintf(f, "%d,1,10.0.%d.%d:80,b,100,up\n", 1 + i / 10, i / 250, i % 250 + 1);
    fclose(f);
    snprintf(args, sizeof(args), "-y import %s", path);
    assert_int_equal(ctl(args), 0);
    expect_text("removed 3, added 1500, changed 0");
    snprintf(args, sizeof(args), "sed -i s/,b,/,c,/ %s", path);
    assert_int_equal(system(args), 0);
    snprintf(args, sizeof(args), "import %s", path);
    assert_int_equal(ctl(args), 0);
    expect_text("removed 0, added 0, changed 1500");
    assert_int_equal(testdb_number("SELECT COUNT(*) FROM RouteData WHERE zone = 'c'"),
                     1500);
}

static void t_last_nodes_need_yes_however_they_are_taken(void **state)
{
    char cmd[600];

    (void)state;
    testdb_sql("DELETE FROM RouteData WHERE serverip = INET_ATON('224.1.2.3')");
    assert_int_equal(ctl("route set 1 1 127.0.1.1:80 state=drained"), 0);
    assert_int_equal(ctl("route set 1 1 127.0.1.2:80 state=drained"), 4);
    assert_int_equal(ctl("route set 1 1 127.0.1.2:80 weight=0"), 4);
    assert_int_equal(ctl("route undrain 1 1 127.0.1.1:80"), 0);
    snprintf(cmd, sizeof(cmd),
             "route drain 1 1 127.0.1.1:80 & %s/larsctl -c %s route drain 1 1 "
             "127.0.1.2:80; wait",
             getenv("BUILD") ? getenv("BUILD") : "build", ini);
    ctl(cmd);
    assert_int_equal(testdb_number("SELECT COUNT(*) FROM RouteData WHERE state = 'up'"),
                     1);
}

static void t_control_characters_of_names_are_not_printed(void **state)
{
    (void)state;
    testdb_sql("INSERT INTO ModIDConfig (modid, content) VALUES (1, 'a\033[2Jb')");
    assert_int_equal(ctl("module list"), 0);
    expect_text("a?[2Jb");
    assert_int_equal(ctl("route set 1 1 127.0.1.1:80 $'\\033[2J=1'"), 2);
    assert_null(strchr(out, '\033'));
}

static void t_audit_has_the_reason_and_the_old_and_new_values_of_a_change(void **state)
{
    char show[60];

    (void)state;
    assert_int_equal(ctl("-r maintenance route set 1 1 127.0.1.1:80 weight=50"), 0);
    assert_int_equal(ctl("audit list 1/1"), 0);
    expect_text("maintenance");
    snprintf(show, sizeof(show), "-o csv audit show %llu",
             testdb_number("SELECT MAX(id) FROM Audit WHERE action = 'route set'"));
    assert_int_equal(ctl(show), 0);
    expect_text("weight=100");
    expect_text("weight=50");
}

static void t_holds_are_shown_by_the_list_and_by_doctor(void **state)
{
    (void)state;
    testdb_sql("DELETE FROM RouteHold; INSERT INTO RouteHold (dnsd, modid, cmdid, had, "
               "gone) VALUES ('h/1.2.3.4:5', 1, 1, 3, 2)");
    assert_int_equal(ctl("-o csv route holds"), 0);
    expect_text("modid,cmdid,nodes,gone,since,dnsd\n1,1,3,2,");
    assert_int_equal(ctl("doctor"), 1);
    expect_text("module 1/1: the removal of 2 of 3 nodes is held; larsctl route confirm");
    testdb_sql("DELETE FROM RouteHold");
}

static void t_change_is_in_force_when_the_agent_has_the_weight(void **state)
{
    struct route_node node[3] = {{0x7f000101, 80, 5000, 0},
                                 {0x7f000102, 80, 0, 0},
                                 {0xe0010203, 80, 0, 0}};

    (void)state;
    start_system();
    assert_int_equal(ctl("route set 1 1 127.0.1.1:80 weight=5000"), 0);
    expect_text("1/1: in force on 1 of 1 agents");
    assert_true(testdb_number("SELECT sum FROM AgentRoute WHERE modid = 1") ==
                routedelta_sum(node, 3));
}

static void t_change_without_dnsd_is_not_in_force(void **state)
{
    (void)state;
    start_system();
    assert_int_equal(ctl("route set 1 1 127.0.1.1:80 weight=400"), 0);
    expect_text("in force on 1 of 1 agents");
    proc_kill(&sys.dnsd);
    assert_int_equal(ctl("route set 1 1 127.0.1.1:80 weight=500"), 0);
    expect_text("1/1: in the database; 0 of 1 agents have it");
    expect_text("uses other nodes, weights or zones, those of version ");
    assert_null(strstr(out, "in force"));
}

static void t_agents_that_are_silent_are_named(void **state)
{
    (void)state;
    start_system();
    testdb_sql("INSERT INTO Service (kind, name, seen_at) VALUES ('agent', "
               "'h/10.0.0.7:8888', NOW(3) - INTERVAL 12 SECOND); INSERT INTO AgentRoute "
               "(agent, modid, cmdid, sum) VALUES ('h/10.0.0.7:8888', 1, 1, 1)");
    assert_int_equal(ctl("route set 1 1 127.0.1.1:80 weight=50"), 0);
    expect_text("1/1: in force on 1 of 2 agents");
    expect_text("; h/10.0.0.7:8888 has been silent for 1");
}

#define LAST "ORDER BY id DESC LIMIT 1"
#define LAST_RESULT(r) "SELECT action = 'in force' AND result = '" r "' FROM Audit " LAST

static void t_stopped_agent_is_silent_and_delays_no_change(void **state)
{
    (void)state;
    start_system();
    proc_stop(&sys.agentd);
    T_WAIT(
        testdb_number("SELECT COUNT(*) FROM Service WHERE kind = 'agent' AND seen_at < "
                      "NOW(3) - INTERVAL 6 SECOND") == 1);
    assert_int_equal(ctl("route set 1 1 127.0.1.1:80 weight=50"), 0);
    proc_continue(&sys.agentd);
    expect_text("1/1: in the database; 0 of 1 agents have it after ");
    expect_text(" has been silent for ");
    assert_null(strstr(out, "behind"));
    assert_int_equal(testdb_number(LAST_RESULT("silent")), 1);
}

#define NAMED_BEHIND                                                                     \
    "SELECT s.action = 'in force' AND s.result = 'behind' AND s.subject = '1/1' AND "    \
    "s.revision = c.revision AND c.action = 'route set' AND JSON_VALUE(s.detail, "       \
    "'$.ms') >= 5000 AND JSON_VALUE(s.detail, '$.modules[0].agents') = 1 AND "           \
    "JSON_VALUE(s.detail, '$.missing[0].state') = 'behind' AND JSON_VALUE(s.detail, "    \
    "'$.missing[0].agent') = (SELECT name FROM Service WHERE kind = 'agent') FROM "      \
    "Audit s JOIN Audit c ON c.id = s.of_id ORDER BY s.id DESC LIMIT 1"

static void t_agent_whose_dnsd_is_cut_is_behind_also_in_the_audit(void **state)
{
    (void)state;
    start_system();
    proc_stop(&sys.dnsd);
    assert_int_equal(ctl("route set 1 1 127.0.1.1:80 weight=50"), 0);
    proc_continue(&sys.dnsd);
    expect_text("1/1: in the database; 0 of 1 agents have it after ");
    expect_text(" is behind: it uses other nodes, weights or zones");
    assert_int_equal(testdb_number(NAMED_BEHIND), 1);
}

#define IN_FORCE_IS_RECORDED                                                             \
    "SELECT s.action = 'in force' AND s.result = 'done' AND c.action = 'route set' AND " \
    "JSON_VALUE(s.detail, '$.modules[0].module') = '1/1' AND JSON_VALUE(s.detail, "      \
    "'$.modules[0].in_force') = 1 AND JSON_LENGTH(s.detail, '$.missing') = 0 FROM "      \
    "Audit s JOIN Audit c ON c.id = s.of_id ORDER BY s.id DESC LIMIT 1"

static void t_where_a_change_is_in_force_is_in_the_audit(void **state)
{
    (void)state;
    start_system();
    assert_int_equal(ctl("route set 1 1 127.0.1.1:80 weight=50"), 0);
    assert_int_equal(testdb_number(IN_FORCE_IS_RECORDED), 1);
}

static void t_module_that_no_agent_uses_is_printed_as_such(void **state)
{
    (void)state;
    start_system();
    assert_int_equal(ctl("route add 7 7 127.0.1.1:80"), 0);
    expect_text("7/7: in the database; no agent uses the module yet");
    assert_int_equal(testdb_number(LAST_RESULT("no_agents")), 1);
}

static void t_agents_are_found_without_a_configured_list(void **state)
{
    (void)state;
    start_system();
    snprintf(sys.agentd_port, sizeof(sys.agentd_port), "1"); /* no agent has this port */
    write_ini("", testdb_socket);
    assert_int_equal(ctl("route set 1 1 127.0.1.1:80 weight=50"), 0);
    expect_text("1/1: in force on 1 of 1 agents");
}

static void t_change_of_many_modules_prints_each_module_once(void **state)
{
    (void)state;
    start_system();
    testdb_sql("INSERT INTO RouteData (modid, cmdid, serverip, serverport, zone) SELECT "
               "seq, 1, INET_ATON('127.0.9.1'), 80, 'z' FROM seq_1_to_70");
    assert_int_equal(ctl("-y zone drain z confirm=z"), 0);
    expect_text("1/1: in force on 1 of 1 agents");
    expect_text("\n64/1: in the database; no agent uses the module yet\n");
    expect_text("6 further modules are in the database");
    assert_int_equal(
        testdb_number("SELECT JSON_VALUE(detail, '$.more') FROM Audit " LAST), 6);
}

static void t_caller_that_reports_nothing_is_not_known(void **state)
{
    (void)state;
    start_system();
    testdb_sql("INSERT INTO ServerCallStatus (modid, cmdid, ip, port, caller, ts, "
               "overload) VALUES (1, 1, 9, 9, INET_ATON('10.9.8.7'), UNIX_TIMESTAMP(), "
               "0)");
    assert_int_equal(ctl("route set 1 1 127.0.1.1:80 weight=50"), 0);
    expect_text("1/1: in force on 1 of 1 agents");
    expect_text("; 10.9.8.7 makes calls and does not report what it uses: not known");
}

static void t_change_that_no_agent_reports_is_in_the_database(void **state)
{
    (void)state;
    assert_int_equal(ctl("route set 1 1 127.0.1.1:80 weight=5000"), 0);
    expect_text("1/1: in the database; no agent reports what it has");
    assert_null(strstr(out, "in force"));
}

static void t_reader_that_ends_early_is_no_error(void **state)
{
    (void)state;
    ctl("module list | true");
    assert_string_equal(out, "");
    ctl("module list 2>&1 >/dev/full | cat");
    expect_text("cannot write the result");
}

static void t_completion_works_after_options(void **state)
{
    (void)state;
    assert_int_equal(ctl("completion >/dev/null; bash -c 'eval \"$(build/larsctl "
                         "completion)\"; COMP_WORDS=(larsctl -y -o csv route dr); "
                         "COMP_CWORD=5; _larsctl; echo \"got ${COMPREPLY[*]}\"'"),
                     0);
    expect_text("got drain\n");
}

#define L(fn) cmocka_unit_test_setup_teardown(fn, ctl_setup, system_teardown)
TESTDB_MAIN(L(t_import_without_routes_is_refused_also_with_yes),
            L(t_import_that_leaves_no_node_needs_its_own_word),
            L(t_import_that_drains_needs_yes),
            L(t_import_with_two_lines_of_one_node_is_refused),
            L(t_export_with_odd_rows_is_imported_without_a_change),
            L(t_import_reads_what_other_programs_write),
            L(t_large_import_is_written_completely),
            L(t_last_nodes_need_yes_however_they_are_taken),
            L(t_control_characters_of_names_are_not_printed),
            L(t_audit_has_the_reason_and_the_old_and_new_values_of_a_change),
            L(t_holds_are_shown_by_the_list_and_by_doctor),
            L(t_change_is_in_force_when_the_agent_has_the_weight),
            L(t_change_without_dnsd_is_not_in_force),
            L(t_agents_that_are_silent_are_named),
            L(t_stopped_agent_is_silent_and_delays_no_change),
            L(t_agent_whose_dnsd_is_cut_is_behind_also_in_the_audit),
            L(t_where_a_change_is_in_force_is_in_the_audit),
            L(t_module_that_no_agent_uses_is_printed_as_such),
            L(t_agents_are_found_without_a_configured_list),
            L(t_change_of_many_modules_prints_each_module_once),
            L(t_caller_that_reports_nothing_is_not_known),
            L(t_change_that_no_agent_reports_is_in_the_database),
            L(t_reader_that_ends_early_is_no_error), L(t_completion_works_after_options))
