/* One file of scenarios, a runner for each language, a real agent and database around
 * them: api/conformance/scenarios says what a runner does, here is what "do" means. */
#include "system.h"

#include "agent/advice.h"
#include "httppeer.h"
#include "lb/pick.h"
#include "shmtab/snapshot.h"

#define SCENARIOS "api/conformance/scenarios"
#define LEAST 18                      /* of them */

static char shm[120], conf[300];
static struct proc runner;
static bool by_shm;

static int conf_setup(void **state)
{
    int rc = setup(state);

    memset(&runner, 0, sizeof(runner));
    snprintf(shm, sizeof(shm), "%s/shm-files", mydb_dir);
    return rc;
}

static void wipe(void)
{
    char cmd[300];

    snprintf(cmd, sizeof(cmd), "rm -rf %s %s", dir, shm);
    assert_int_equal(system(cmd), 0);
}

static int conf_teardown(void **state)
{
    proc_kill(&runner);
    proc_kill(&agent);
    wipe();
    mydb_sql("DELETE FROM ModulePolicy");
    return teardown(state);
}

static void restart_agent(bool with_shm)
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
static bool is_published(int rule)
{
    struct segment *s;
    int64_t mid;
    bool yes;

    if (segment_open(&s, shm) < 0)
        return false;
    mid = snapshot_find(s, 1, 1);
    yes = mid >= 0 && s->module[mid].where != 0 && (int)s->module[mid].rule == rule;
    segment_close(s);
    return yes;
}

/* As if nothing had ever happened. */
static void begin(void)
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
    T_WAIT(is_published(PICK_SCAN));
    mydb_sql("DELETE FROM ServerCallStatus; DELETE FROM ReportSeen");
}

/* A change takes much away: it is meant. */
static void set_state(const char *what, unsigned modid, unsigned cmdid)
{
    char sql[200];

    snprintf(
        sql, sizeof(sql),
        "SET @lars_confirmed = 1; UPDATE RouteData SET state = '%s' WHERE modid = %u "
        "AND cmdid = %u",
        what, modid, cmdid);
    mydb_sql(sql);
}

static bool is_total(unsigned long long ok, unsigned long long failed)
{
    return total("succ_cnt") == ok && total("err_cnt") == failed;
}

/* Returns what to answer. */
static const char *around(const char *what)
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
        T_WAIT(is_published(advice_rule(rule)));
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

static void talk(int least)
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

static void start_system(void)
{
    char port[16];

    start_dns();
    start_rep();
    restart_agent(true);
    snprintf(port, sizeof(port), "%d", agent.port);
    setenv("LARS_DIR", dir, 1);
    setenv("LARS_PORT", port, 1);
}

static void run(const char *name, const char *scenarios, int least)
{
    start_system();
    proc_start(&runner, name, scenarios, NULL);
    talk(least);
}

static void t_c(void **state)
{
    (void)state;
    run("conform_c", SCENARIOS, LEAST);
}

static void t_cpp(void **state)
{
    (void)state;
    run("conform_cpp", SCENARIOS, LEAST);
}

/* Its natives, called from C: under valgrind there is no JVM in the way. */
static void t_the_natives_of_java(void **state)
{
    (void)state;
    run("conform_jni", SCENARIOS, LEAST);
}

/* The interpreter loses some memory of its own at its end.  Nothing that went through our
 * extension may be among it, and no wrong access. */
static void python_loses_nothing_of_ours(void)
{
    static const char grep[] =
        "cd %s && cat vg.* >all && test -s all && ! grep -B 20 -A 20 larsmodule all";
    char wrap[300], cmd[300], *was = getenv("LARS_WRAP");

    was = strdup(was);
    assert_non_null(was);
    snprintf(wrap, sizeof(wrap),
             "valgrind --fair-sched=try --trace-children=yes --leak-check=full "
             "--show-leak-kinds=definite,indirect --num-callers=40 --log-file=%s/vg.%%p",
             mydb_dir);
    start_system();
    setenv("PYTHONMALLOC", "malloc", 1);
    setenv("LARS_WRAP", wrap, 1);
    proc_start(&runner, "conform_python", SCENARIOS, NULL);
    setenv("LARS_WRAP", was, 1);
    unsetenv("PYTHONMALLOC");
    free(was);
    talk(LEAST);
    snprintf(cmd, sizeof(cmd), grep, mydb_dir);
    assert_int_equal(system(cmd), 0);
}

static void t_python(void **state)
{
    const char *mode = getenv("LARS_MODE");

    (void)state;
    if (!mode)
        run("conform_python", SCENARIOS, LEAST);
    else if (strcmp(mode, "memcheck") == 0)
        python_loses_nothing_of_ours();
    else
        skip();                       /* a sanitizer wants to be first in the program */
}

/* Without the library, as docs/ref/udp.md has it. */
static void t_plain_python_by_udp(void **state)
{
    (void)state;
    if (getenv("LARS_MODE"))
        skip();
    run("conform_udp", SCENARIOS "-udp", 6);
}

static void t_java(void **state)
{
    (void)state;
    if (getenv("LARS_MODE"))
        skip();                       /* a machine of its own */
    run("conform_java", SCENARIOS, LEAST);
}

/* --- in services -------------------------------------------------------------------- */

static void begin_service(const char *name)
{
    if (getenv("LARS_MODE"))
        skip();                       /* an interpreter, a machine of its own */
    start_system();
    begin();
    proc_start(&runner, name, NULL);
}

/* It says how many calls it made; a few may have been under way when it closed. */
static void expect_made(unsigned long long under_way)
{
    unsigned long long made = 0;
    char line[512];

    while (made == 0 && proc_line(runner.out, line, sizeof(line))) {
        print_message("%s\n", line);
        assert_null(strstr(line, "WARNING in native"));
        sscanf(line, "made %llu", &made);
    }
    assert_true(made > 0);
    assert_int_equal(proc_wait(&runner), 0);
    T_WAIT(total("succ_cnt") == made);
    assert_true(total("err_cnt") <= under_way);
}

static void t_a_pool_class_loaders_a_million_calls_in_java(void **state)
{
    (void)state;
    begin_service("embed_java");
    expect_made(0);
}

static void t_asyncio_forks_a_pool_in_python(void **state)
{
    (void)state;
    begin_service("embed_python");
    expect_made(8);
}

static void t_gunicorn(void **state)
{
    struct httpreply *r = malloc(sizeof(*r));
    char line[512], *at = NULL;
    int i, port = 0;

    (void)state;
    assert_non_null(r);
    begin_service("embed_gunicorn");
    while (port == 0 && proc_line(runner.err, line, sizeof(line))) {
        at = strstr(line, "Listening at: http://127.0.0.1:");
        port = at ? atoi(strrchr(at, ':') + 1) : 0;
    }
    assert_int_not_equal(port, 0);
    for (i = 0; i < 100; i++) {
        httppeer_get(port, "/", r);
        assert_int_equal(r->status, 200);
        assert_non_null(strstr(r->body, " of worker "));
    }
    free(r);
    T_WAIT(is_total(100, 0));
    assert_int_equal(proc_end(&runner, SIGTERM), 0);
}

/* --- the examples ------------------------------------------------------------------- */

/* One of two nodes is dead, and every request is answered. */
static void t_the_examples_do_the_same(void **state)
{
    static const char *const name[] = {"get_c", "get_cpp", "get_python", "get_java"};
    char sql[300], line[200];
    int http, i, k, n = getenv("LARS_MODE") ? 2 : 4;
    pid_t pid = httppeer_serve(&http, NULL);

    (void)state;
    snprintf(sql, sizeof(sql),
             "INSERT INTO RouteData (modid, cmdid, serverip, serverport) VALUES (5, 1, "
             "INET_ATON('127.0.0.1'), %d), (5, 1, INET_ATON('127.0.0.1'), 1)",
             http);
    mydb_sql(sql);
    start_system();
    client = NULL;
    assert_int_equal(lars_open(&client, NULL), 0);
    T_WAIT(lars_register(client, 5, 1) == 0);
    for (i = 0; i < n; i++)
        for (k = 0; k < 3; k++) {
            proc_start(&runner, name[i], "5", "1", "/", NULL);
            assert_true(proc_line(runner.out, line, sizeof(line)));
            assert_string_equal(line, "hello");
            assert_int_equal(proc_wait(&runner), 0);
        }
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

#define S(f) cmocka_unit_test_setup_teardown(f, conf_setup, conf_teardown)

MYDB_MAIN(S(t_c), S(t_cpp), S(t_the_natives_of_java), S(t_python), S(t_java),
          S(t_plain_python_by_udp), S(t_a_pool_class_loaders_a_million_calls_in_java),
          S(t_asyncio_forks_a_pool_in_python), S(t_gunicorn),
          S(t_the_examples_do_the_same))
