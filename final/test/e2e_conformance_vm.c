/* The API inside a Java service, asyncio and gunicorn, where every call is counted; the
 * examples, which must answer every request with one node dead; the conformance suite by
 * the native functions of Java. */
#include "lib/conformance.h"

#include "lib/httppeer.h"

/* The native functions of the Java binding, called from C, so that they can run under
 * valgrind without a JVM. */
static void t_native_functions_of_java_pass_the_scenarios(void **state)
{
    (void)state;
    conformance_run("conform_jni", CONFORMANCE_SCENARIOS, CONFORMANCE_LEAST);
}

/* --- the API in services ----------------------------------------------------------- */

static void begin_service(const char *name)
{
    if (getenv("LARS_MODE"))
        skip(); /* interpreters and the JVM do not run under a tool */
    conformance_start_system();
    conformance_begin();
    proc_start(&conformance_runner, name, NULL);
}

/* The runner prints how many calls it made; at most <in_flight> of them had not ended. */
static void expect_made(unsigned long long in_flight)
{
    unsigned long long made = 0;
    char line[512];

    while (made == 0 && proc_line(conformance_runner.out, line, sizeof(line))) {
        print_message("%s\n", line);
        assert_null(strstr(line, "WARNING in native"));
        sscanf(line, "made %llu", &made);
    }
    if (made == 0)
        conformance_print_stderr();
    assert_true(made > 0);
    assert_int_equal(proc_wait(&conformance_runner), 0);
    T_WAIT(system_total("succ_cnt") == made);
    assert_true(system_total("err_cnt") <= in_flight);
}

static void t_java_service_counts_a_million_calls(void **state)
{
    (void)state;
    begin_service("embed_java");
    expect_made(0);
}

static void t_python_service_counts_calls_of_asyncio_and_forks(void **state)
{
    (void)state;
    begin_service("embed_python");
    expect_made(8);
}

static void t_python_module_keeps_its_promises(void **state)
{
    (void)state;
    begin_service("embed_promises");
    expect_made(0);
}

static void t_gunicorn_counts_the_calls_of_its_workers(void **state)
{
    struct httpreply *r;
    char line[512], *at = NULL;
    int i, port = 0;

    (void)state;
    begin_service("embed_gunicorn"); /* skips the test where it cannot run */
    r = malloc(sizeof(*r));
    assert_non_null(r);
    while (port == 0 && proc_line(conformance_runner.err, line, sizeof(line))) {
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
    T_WAIT(conformance_total_is(100, 0));
    assert_int_equal(proc_end(&conformance_runner, SIGTERM), 0);
}

/* --- the examples ------------------------------------------------------------------- */

/* One of the two nodes does not run; every request is answered by the other. */
static void t_examples_answer_with_one_node_down(void **state)
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
    testdb_sql(sql);
    conformance_start_system();
    assert_int_equal(lars_open(&sys.client, NULL), 0); /* LARS_DIR and LARS_PORT */
    T_WAIT(lars_register(sys.client, 5, 1) == 0);
    for (i = 0; i < n; i++)
        for (k = 0; k < 3; k++) {
            proc_start(&conformance_runner, name[i], "5", "1", "/", NULL);
            assert_true(proc_line(conformance_runner.out, line, sizeof(line)));
            assert_string_equal(line, "hello");
            assert_int_equal(proc_wait(&conformance_runner), 0);
        }
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

/* Each example refuses what is no number, and prints why a call has failed. */
static void t_examples_explain_each_failure(void **state)
{
    static const char *const name[] = {"get_c", "get_cpp", "get_python", "get_java"};
    static const struct {
        const char *modid, *cmdid, *words;
        int code;
    } bad[] = {{"x", "1", "MODID: \"x\" is not a number from 0 to 4294967295", 2},
               {"1", "4294967296", "CMDID: \"4294967296\" is not a number", 2},
               {"1", "-1", "CMDID: \"-1\" is not a number", 2},
               {"0", "0", "modid, cmdid: 0/0 is no module", 1},
               {"9", "9", "the module has no nodes, or is not known yet", 1}};
    int i, n = getenv("LARS_MODE") ? 2 : 4;
    char line[300];
    size_t k;

    (void)state;
    conformance_start_system();
    for (i = 0; i < n; i++)
        for (k = 0; k < sizeof(bad) / sizeof(bad[0]); k++) {
            proc_start(&conformance_runner, name[i], bad[k].modid, bad[k].cmdid, "/",
                       NULL);
            assert_true(proc_line(conformance_runner.err, line, sizeof(line)));
            if (!strstr(line, bad[k].words))
                fail_msg("%s %s %s printed: %s", name[i], bad[k].modid, bad[k].cmdid,
                         line);
            assert_int_equal(proc_wait(&conformance_runner), bad[k].code);
        }
}

struct example {
    const char *name, *arg, *words;
};

/* Each prints a line with the words. */
static void expect_words(const struct example *e, size_t n)
{
    char line[300];
    size_t i;

    if (getenv("LARS_MODE"))
        skip(); /* interpreters and the JVM do not run under a tool */
    conformance_start_system();
    conformance_begin();
    for (i = 0; i < n; i++) {
        proc_start(&conformance_runner, e[i].name, "1", "1", e[i].arg, NULL);
        assert_true(proc_line(conformance_runner.out, line, sizeof(line)));
        if (!strstr(line, e[i].words))
            fail_msg("%s printed: %s", e[i].name, line);
        assert_int_equal(proc_wait(&conformance_runner), 0);
    }
}

static void t_examples_for_java_do_what_they_say(void **state)
{
    static const struct example e[] = {
        {"Nowait_java", NULL, ":80"},
        {"Key_java", "a user", ":80"},
        {"Pool_java", NULL, "80 well, 20 cancelled, 0 errors; 100 picks by node: {/"}};

    (void)state;
    expect_words(e, sizeof(e) / sizeof(e[0]));
}

static void t_examples_for_python_do_what_they_say(void **state)
{
    static const struct example e[] = {{"key_python", "a user", ":80"},
                                       {"tasks_python", NULL,
                                        "80 well, 20 cancelled, 0 failed"},
                                       {"pool_python", NULL, "100 ended well"}};

    (void)state;
    expect_words(e, sizeof(e) / sizeof(e[0]));
}

/* One of the two nodes does not run.  Eight requests at once need at most eight further
 * attempts, and the budget has ten.  SIGTERM ends the server, which prints how its calls
 * went. */
static void t_server_example_answers_with_a_pool_of_threads(void **state)
{
    struct httpreply *r = malloc(sizeof(*r));
    int good, port, i, fd[8];
    char sql[300], line[200];
    unsigned long by_shm, by_udp, failed;
    pid_t pid = httppeer_serve(&good, NULL);

    (void)state;
    assert_non_null(r);
    snprintf(sql, sizeof(sql),
             "INSERT INTO RouteData (modid, cmdid, serverip, serverport) VALUES (5, 1, "
             "INET_ATON('127.0.0.1'), %d), (5, 1, INET_ATON('127.0.0.1'), 1)",
             good);
    testdb_sql(sql);
    conformance_start_system();
    assert_int_equal(lars_open(&sys.client, NULL), 0); /* LARS_DIR and LARS_PORT */
    T_WAIT(lars_register(sys.client, 5, 1) == 0);
    proc_start(&conformance_runner, "server_cpp", "5", "1", "0", "4", NULL);
    assert_true(proc_line(conformance_runner.out, line, sizeof(line)));
    assert_int_equal(sscanf(line, "server: 127.0.0.1:%d", &port), 1);
    for (i = 0; i < 8; i++)
        httppeer_ask(fd[i] = peer_connect(port), "GET", "/");
    for (i = 0; i < 8; i++) {
        httppeer_read(fd[i], r);
        close(fd[i]);
        if (r->status != 200 || strcmp(r->body, "hello\n") != 0)
            fail_msg("request %d: the server answered %s", i, r->text);
    }
    httppeer_ask(fd[0] = peer_connect(port), "POST", "/");
    httppeer_read(fd[0], r);
    close(fd[0]);
    assert_int_equal(r->status, 400);
    free(r);
    kill(conformance_runner.pid, SIGTERM);
    assert_true(proc_line(conformance_runner.out, line, sizeof(line)));
    assert_int_equal(sscanf(line, "server: %lu calls by shared memory, %lu by UDP, %lu",
                            &by_shm, &by_udp, &failed),
                     3);
    assert_true(by_shm + by_udp == 8 + failed);
    assert_int_equal(proc_wait(&conformance_runner), 0);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

TESTDB_MAIN(CONFORMANCE_TEST(t_native_functions_of_java_pass_the_scenarios),
            CONFORMANCE_TEST(t_java_service_counts_a_million_calls),
            CONFORMANCE_TEST(t_python_service_counts_calls_of_asyncio_and_forks),
            CONFORMANCE_TEST(t_python_module_keeps_its_promises),
            CONFORMANCE_TEST(t_gunicorn_counts_the_calls_of_its_workers),
            CONFORMANCE_TEST(t_examples_answer_with_one_node_down),
            CONFORMANCE_TEST(t_examples_explain_each_failure),
            CONFORMANCE_TEST(t_examples_for_java_do_what_they_say),
            CONFORMANCE_TEST(t_examples_for_python_do_what_they_say),
            CONFORMANCE_TEST(t_server_example_answers_with_a_pool_of_threads))
