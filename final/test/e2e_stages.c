/* Programs of the stages beside those of final/, as they meet when a system is replaced
 * part by part: which peer sent a hello decides what is sent to it.  The stages' programs
 * are built into build/stage*, so that the folders of the stages stay as they are. */
#include "lib/system.h"

static char build_dir[3][200];
enum { DNS, REPORT, AGENT };

static const struct {
    const char *folder, *program;
} stage[] = {{"../stage04_dns", "lars-dnsd"},
             {"../stage05_report", "lars-reportd"},
             {"../stage06_agent", "lars-agentd"}};

static bool stages_are_here(void)
{
    return access("../stage06_agent/Makefile", R_OK) == 0;
}

static int group_setup(void **state)
{
    const char *build = getenv("BUILD");
    char cmd[1300], here[120];
    int i;

    if (!getcwd(here, sizeof(here)))
        return -1;
    for (i = DNS; i <= AGENT && stages_are_here(); i++) {
        bool is_full = build && build[0] == '/';

        snprintf(build_dir[i], sizeof(build_dir[i]), "%s%s%s/stage%d",
                 is_full ? "" : here, is_full ? "" : "/", build ? build : "build", i + 4);
        snprintf(cmd, sizeof(cmd), "make -s -j2 -C %s BUILD=%s %s/%s >&2",
                 stage[i].folder, build_dir[i], build_dir[i], stage[i].program);
        if (system(cmd) != 0)
            return -1;
    }
    return testdb_group_setup(state);
}

/* proc_start() takes the programs of the folder that BUILD names. */
static void of_stage(int i, void (*start)(void))
{
    const char *ours = getenv("BUILD");
    char build[200];

    snprintf(build, sizeof(build), "%s", ours ? ours : "build");
    setenv("BUILD", build_dir[i], 1);
    start();
    setenv("BUILD", build, 1);
}

static bool succeeded(int n)
{
    return system_total("succ_cnt") == (unsigned)n && system_total("err_cnt") == 0;
}

/* Calls by UDP.  Their reports have the duration in field 16, which the agent of stage 06
 * does not know. */
static void expect_calls_and_changes(void)
{
    system_open_client();
    T_WAIT(lars_register(sys.client, 1, 1) == 0);
    system_make_calls(30);
    T_WAIT(succeeded(30));
    testdb_sql("INSERT INTO RouteData (modid, cmdid, serverip, serverport) VALUES "
               "(1, 1, INET_ATON('127.0.1.9'), 80)");
    T_WAIT(system_n_nodes() == 4);
    system_make_calls(30);
    T_WAIT(succeeded(60));
}

static void t_agent_of_stage_06_works_with_our_services(void **state)
{
    (void)state;
    if (!stages_are_here())
        skip();
    system_start_dnsd();
    system_start_reportd();
    of_stage(AGENT, system_start_agentd);
    expect_calls_and_changes();
}

static void t_our_agent_works_with_the_services_of_stages_04_and_05(void **state)
{
    (void)state;
    if (!stages_are_here())
        skip();
    of_stage(DNS, system_start_dnsd);
    of_stage(REPORT, system_start_reportd);
    system_start_agentd();
    expect_calls_and_changes();
}

/* Whether a service is a legacy peer is a property of its connection, and not of the
 * agent. */
static void t_our_agent_works_with_services_of_different_age(void **state)
{
    (void)state;
    if (!stages_are_here())
        skip();
    of_stage(DNS, system_start_dnsd);
    system_start_reportd();
    system_start_agentd();
    expect_calls_and_changes();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(t_agent_of_stage_06_works_with_our_services,
                                        system_setup, system_teardown),
        cmocka_unit_test_setup_teardown(
            t_our_agent_works_with_the_services_of_stages_04_and_05, system_setup,
            system_teardown),
        cmocka_unit_test_setup_teardown(t_our_agent_works_with_services_of_different_age,
                                        system_setup, system_teardown),
    };

    if (getenv("LARS_TEST_FILTER"))
        cmocka_set_test_filter(getenv("LARS_TEST_FILTER"));
    return cmocka_run_group_tests(tests, group_setup, testdb_group_teardown);
}
