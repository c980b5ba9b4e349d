/* conformance.h -- one file of scenarios, a runner for each language, a real agent and
 * database around them: api/conformance/scenarios says what a runner does, here is what
 * "do" means. */
#ifndef LARS_TEST_CONFORMANCE_H
#define LARS_TEST_CONFORMANCE_H

#include "system.h"

#include "agent_data/module_policy.h"
#include "lb/policies.h"
#include "shmem/module_table.h"
#include "shmem/node_table.h"
#include "shmem/route_reader.h"

#define SCENARIOS "api/conformance/scenarios"
#define LEAST 18                      /* of them */

static char shm[120], conf[300];
static struct proc runner;
static bool by_shm;

static inline int conf_setup(void **state)
{
    int rc = setup(state);

    memset(&runner, 0, sizeof(runner));
    snprintf(shm, sizeof(shm), "%s/shm-files", mydb_dir);
    return rc;
}

static inline void wipe(void)
{
    char cmd[300];

    snprintf(cmd, sizeof(cmd), "rm -rf %s %s", dir, shm);
    assert_int_equal(system(cmd), 0);
}

static inline int conf_teardown(void **state)
{
    proc_kill(&runner);
    proc_kill(&agent);
    wipe();
    mydb_sql("DELETE FROM ModulePolicy");
    return teardown(state);
}

static inline void restart_agent(bool with_shm)
{
    proc_kill(&agent);
    wipe();
    by_shm = with_shm;
    snprintf(conf, sizeof(conf), "[shm]\ndir = %s\nmax_nodes = 4096\n",
             by_shm ? shm : "");
    more_conf = conf;
    start_agent();
}

/* Is 1/1 in shared memory, with this rule? */
static inline bool is_published(int rule)
{
    struct module_table_settings set = {.rule = UINT32_MAX};
    struct route_reader snap = {0};
    struct segment *s;
    int64_t mid;
    bool yes;

    if (segment_open(&s, shm) < 0)
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

/* As if nothing had ever happened. */
static inline void begin(void)
{
    struct lars_options opt = {.dir = dir, .timeout_ms = 5000};

    mydb_sql("DELETE FROM ModulePolicy; DELETE FROM NodeOut; "
             "UPDATE RouteData SET state = 'up'");
    restart_agent(true);
    opt.port = (uint16_t)agent.port;
    assert_int_equal(lars_open(&client, &opt), 0);
    T_WAIT(lars_register(client, 1, 1) == 0);
    lars_close(client);
    client = NULL;
    T_WAIT(is_published(policies_find("scan")));
    mydb_sql("DELETE FROM ServerCallStatus; DELETE FROM ReportSeen");
}

/* A change takes much away: it is meant. */
static inline void set_state(const char *what, unsigned modid, unsigned cmdid)
{
    char sql[200];

    snprintf(
        sql, sizeof(sql),
        "SET @lars_confirmed = 1; UPDATE RouteData SET state = '%s' WHERE modid = %u "
        "AND cmdid = %u",
        what, modid, cmdid);
    mydb_sql(sql);
}

static inline bool is_total(unsigned long long ok, unsigned long long failed)
{
    return total("succ_cnt") == ok && total("err_cnt") == failed;
}

/* Returns what to answer. */
static inline const char *around(const char *what)
{
    unsigned m, c, ok, failed;
    char rule[16], sql[200];

    if (strcmp(what, "begin") == 0) {
        begin();
    } else if (strcmp(what, "agent kill") == 0) {
        proc_kill(&agent);
    } else if (strcmp(what, "agent start") == 0) {
        start_agent();
    } else if (strcmp(what, "agent freeze") == 0) {
        kill(agent.pid, SIGSTOP);
    } else if (strcmp(what, "agent thaw") == 0) {
        kill(agent.pid, SIGCONT);
    } else if (strcmp(what, "agent restart without shared memory") == 0) {
        restart_agent(false);
    } else if (sscanf(what, "drain %u %u", &m, &c) == 2) {
        set_state("drained", m, c);
    } else if (sscanf(what, "undrain %u %u", &m, &c) == 2) {
        set_state("up", m, c);
    } else if (sscanf(what, "policy %u %u %15s", &m, &c, rule) == 3) {
        snprintf(sql, sizeof(sql),
                 "INSERT INTO ModulePolicy (modid, cmdid, rule) VALUES (%u, %u, '%s')", m,
                 c, rule);
        mydb_sql(sql);
        T_WAIT(is_published(policies_find(rule)));
    } else if (sscanf(what, "total %u %u %u %u", &m, &c, &ok, &failed) == 4) {
        uint64_t end = t_now_ms() + 10000;

        while (!is_total(ok, failed) && t_now_ms() < end)
            poll(NULL, 0, 20);
        if (!is_total(ok, failed)) {
            print_message("  total is %llu ok, %llu failed\n", total("succ_cnt"),
                          total("err_cnt"));
            return "no: the database has another total\n";
        }
    } else {
        return "no: unknown\n";
    }
    return "ok\n";
}

static inline void talk(int least)
{
    static const char want[] = "conformance ";
    char line[512];
    int passed = 0, failed = -1;

    while (proc_line(runner.out, line, sizeof(line))) {
        const char *answer;

        line[strcspn(line, "\n")] = '\0';
        if (strncmp(line, "do ", 3) != 0) {
            print_message("%s\n", line);
            assert_null(strstr(line, "WARNING in native")); /* of java -Xcheck:jni */
            if (strncmp(line, want, sizeof(want) - 1) == 0)
                sscanf(strchr(line, ':'), ": %d passed, %d failed", &passed, &failed);
            continue;
        }
        answer = around(line + 3);
        assert_int_equal(write(runner.in, answer, strlen(answer)), strlen(answer));
    }
    assert_int_equal(proc_wait(&runner), 0);
    assert_int_equal(failed, 0);
    assert_in_range(passed, least, 1000);
}

static inline void start_system(void)
{
    char port[16];

    start_dns();
    start_rep();
    restart_agent(true);
    snprintf(port, sizeof(port), "%d", agent.port);
    setenv("LARS_DIR", dir, 1);
    setenv("LARS_PORT", port, 1);
}

static inline void run(const char *name, const char *scenarios, int least)
{
    start_system();
    proc_start(&runner, name, scenarios, NULL);
    talk(least);
}

#define S(f) cmocka_unit_test_setup_teardown(f, conf_setup, conf_teardown)

#endif
