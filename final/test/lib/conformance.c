/* A runner prints lines "do STEP" for what happens around its calls: the agent is killed,
 * a module is drained, a policy changes.  This side does the step and answers "ok" or
 * "no: REASON".  So the scenarios are in one file for all languages, and a runner needs
 * neither SQL nor signals. */
#include "conformance.h"

#include "agent_data/module_policy.h"
#include "lb/policies.h"
#include "proc_stop.h"
#include "route/routefile.h"
#include "shmem/module_table.h"
#include "shmem/node_table.h"
#include "shmem/route_reader.h"

struct proc conformance_runner;

int conformance_setup(void **state)
{
    memset(&conformance_runner, 0, sizeof(conformance_runner));
    return system_setup(state);
}

int conformance_teardown(void **state)
{
    proc_kill(&conformance_runner);
    return system_teardown(state);
}

static void restart_agent(bool with_shm)
{
    proc_kill(&sys.agentd);
    system_wipe();
    sys.agentd_conf[0] = '\0';
    system_agentd_conf("[shm]\ndir = %s\nmax_nodes = 4096\n", with_shm ? sys.shm : "");
    system_start_agentd();
}

/* Returns when every thread of the agent has stopped, so none of them answers. */
static void freeze_agent(void)
{
    proc_stop(&sys.agentd);
}

/* Is module 1/1 in shared memory, with this policy? */
static bool is_published(int rule)
{
    struct module_table_settings set = {.rule = UINT32_MAX};
    struct route_reader snap = {0};
    struct segment *s;
    int64_t mid;
    bool yes;

    if (segment_open(&s, sys.shm) < 0)
        return false;
    mid = module_table_find(s, 1, 1);
    yes = mid >= 0 && route_reader_read(s, (uint32_t)mid, &snap) == 0;
    if (yes)
        module_table_get(s, (uint32_t)mid, &set);
    yes = yes && (int)set.rule == rule;
    route_reader_free(&snap);
    segment_close(s);
    return yes;
}

void conformance_begin(void)
{
    testdb_sql("DELETE FROM ModulePolicy; DELETE FROM NodeOut; "
               "UPDATE RouteData SET state = 'up'");
    restart_agent(true);
    system_open_client();
    T_WAIT(lars_register(sys.client, 1, 1) == 0);
    lars_close(sys.client);
    sys.client = NULL;
    T_WAIT(is_published(policies_find("scan")));
    testdb_sql("DELETE FROM ServerCallStatus; DELETE FROM ReportSeen");
}

/* The change is confirmed, because it drains more nodes than DNSService would accept. */
static void set_state(const char *what, unsigned modid, unsigned cmdid)
{
    testdb_sqlf(
        "SET @lars_confirmed = 1; UPDATE RouteData SET state = '%s' WHERE modid = %u "
        "AND cmdid = %u",
        what, modid, cmdid);
}

bool conformance_total_is(unsigned long long ok, unsigned long long failed)
{
    return system_total("succ_cnt") == ok && system_total("err_cnt") == failed;
}

static const char *wait_total(unsigned ok, unsigned failed)
{
    uint64_t end = t_now_ms() + 10000;

    while (!conformance_total_is(ok, failed) && t_now_ms() < end)
        poll(NULL, 0, 20);
    if (conformance_total_is(ok, failed))
        return "ok\n";
    print_message("  the database counts %llu successes and %llu failures\n",
                  system_total("succ_cnt"), system_total("err_cnt"));
    return "no: the database has another total\n";
}

/* Calls of the module in the counters of its nodes that have begun and not ended. */
static int inflight_of(unsigned modid, unsigned cmdid)
{
    struct segment *s;
    uint32_t nid;
    int64_t mid;
    int n = 0;

    if (segment_open(&s, sys.shm) < 0)
        return -1;
    mid = module_table_find(s, modid, cmdid);
    for (nid = 0; nid < node_table_count(s); nid++)
        if (node_table_module(s, nid) == mid)
            n += node_table_counters(s)[nid].inflight;
    segment_close(s);
    return n;
}

static const char *wait_inflight(unsigned modid, unsigned cmdid, int n)
{
    uint64_t end = t_now_ms() + 10000;

    while (inflight_of(modid, cmdid) != n && t_now_ms() < end)
        poll(NULL, 0, 5);
    if (inflight_of(modid, cmdid) == n)
        return "ok\n";
    print_message("  %d calls are in flight\n", inflight_of(modid, cmdid));
    return "no: another number of calls is in flight\n";
}

/* Has the agent written the module into its file of routes? */
static bool is_saved(unsigned modid, unsigned cmdid)
{
    struct route_row *row = NULL;
    char path[120];
    bool found = false;
    size_t n = 0, i;

    snprintf(path, sizeof(path), "%s/routes", sys.dir);
    if (routefile_read(path, &row, &n, NULL) < 0)
        return false;
    for (i = 0; i < n; i++)
        found = found || (row[i].modid == modid && row[i].cmdid == cmdid);
    free(row);
    return found;
}

/* Does what the conformance_runner asks for.  Returns the answer to it. */
static const char *do_step(const char *what)
{
    unsigned m, c, ok, failed;
    char policy[16];

    if (strcmp(what, "begin") == 0) {
        conformance_begin();
    } else if (strcmp(what, "agent kill") == 0) {
        proc_kill(&sys.agentd);
    } else if (strcmp(what, "agent start") == 0) {
        system_start_agentd();
    } else if (strcmp(what, "agent freeze") == 0) {
        freeze_agent();
    } else if (strcmp(what, "agent thaw") == 0) {
        proc_continue(&sys.agentd);
    } else if (strcmp(what, "agent restart") == 0) {
        restart_agent(true);
    } else if (strcmp(what, "agent restart without shared memory") == 0) {
        restart_agent(false);
    } else if (sscanf(what, "agent saved %u %u", &m, &c) == 2) {
        T_WAIT(is_saved(m, c));
    } else if (sscanf(what, "drain %u %u", &m, &c) == 2) {
        set_state("drained", m, c);
    } else if (sscanf(what, "undrain %u %u", &m, &c) == 2) {
        set_state("up", m, c);
    } else if (sscanf(what, "policy %u %u %15s", &m, &c, policy) == 3) {
        testdb_sqlf("INSERT INTO ModulePolicy (modid, cmdid, rule) VALUES (%u, %u, '%s')",
                    m, c, policy);
        T_WAIT(is_published(policies_find(policy)));
    } else if (sscanf(what, "inflight %u %u %u", &m, &c, &ok) == 3) {
        return wait_inflight(m, c, (int)ok);
    } else if (sscanf(what, "total %u %u %u %u", &m, &c, &ok, &failed) == 4) {
        return wait_total(ok, failed);
    } else {
        return "no: this step is unknown\n";
    }
    return "ok\n";
}

void conformance_print_stderr(void)
{
    char line[512];

    while (proc_line(conformance_runner.err, line, sizeof(line)))
        print_message("  stderr: %s\n", line);
}

void conformance_talk(int least)
{
    static const char want[] = "conformance ";
    char line[512];
    int passed = 0, failed = -1;

    while (proc_line(conformance_runner.out, line, sizeof(line))) {
        const char *answer;

        line[strcspn(line, "\n")] = '\0';
        if (strncmp(line, "do ", 3) != 0) {
            print_message("%s\n", line);
            assert_null(strstr(line, "WARNING in native")); /* of java -Xcheck:jni */
            if (strncmp(line, want, sizeof(want) - 1) == 0)
                sscanf(strchr(line, ':'), ": %d passed, %d failed", &passed, &failed);
            continue;
        }
        answer = do_step(line + 3);
        assert_int_equal(write(conformance_runner.in, answer, strlen(answer)),
                         strlen(answer));
    }
    if (failed < 0) /* it ended before its last line */
        conformance_print_stderr();
    assert_int_equal(proc_wait(&conformance_runner), 0);
    assert_int_equal(failed, 0);
    assert_in_range(passed, least, 1000);
}

void conformance_start_system(void)
{
    char port[16];

    system_start_dnsd();
    system_start_reportd();
    restart_agent(true);
    snprintf(port, sizeof(port), "%d", sys.agentd.port);
    setenv("LARS_DIR", sys.dir, 1);
    setenv("LARS_PORT", port, 1);
}

void conformance_run(const char *name, const char *scenarios, int least)
{
    conformance_start_system();
    proc_start(&conformance_runner, name, scenarios, NULL);
    conformance_talk(least);
}
