/* The scenarios in Python and Java; the API inside services; the examples. */
#include "conformance.h"

#include "lib/httppeer.h"

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

/* The runner prints how many calls it made; a few may have been in flight at its end. */
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

MYDB_MAIN(S(t_the_natives_of_java), S(t_java), S(t_python),
          S(t_a_pool_class_loaders_a_million_calls_in_java),
          S(t_asyncio_forks_a_pool_in_python), S(t_gunicorn),
          S(t_the_examples_do_the_same))
