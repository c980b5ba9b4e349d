/* The conformance suite in Java and Python, which have a runtime of their own. */
#include "lib/conformance.h"

/* The interpreter does not free all of its own memory at its end.  No block that was
 * allocated through the extension may be among it, and no access may be wrong. */
static void expect_no_leak_in_python(void)
{
    static const char grep[] =
        "cd %s && cat vg.* >all && test -s all && ! grep -B 20 -A 20 '(py_[a-z]*.c:' all";
    char wrap[300], cmd[300], *was = getenv("LARS_WRAP");

    was = strdup(was);
    assert_non_null(was);
    snprintf(wrap, sizeof(wrap),
             "valgrind --fair-sched=try --trace-children=yes --leak-check=full "
             "--show-leak-kinds=definite,indirect --num-callers=40 --log-file=%s/vg.%%p",
             testdb_dir);
    conformance_start_system();
    setenv("PYTHONMALLOC", "malloc", 1);
    setenv("LARS_WRAP", wrap, 1);
    proc_start(&conformance_runner, "conform_python", CONFORMANCE_SCENARIOS, NULL);
    setenv("LARS_WRAP", was, 1);
    unsetenv("PYTHONMALLOC");
    free(was);
    conformance_talk(CONFORMANCE_LEAST);
    snprintf(cmd, sizeof(cmd), grep, testdb_dir);
    assert_int_equal(system(cmd), 0);
}

static void t_python_passes_the_scenarios(void **state)
{
    const char *mode = getenv("LARS_MODE");

    (void)state;
    if (!mode)
        conformance_run("conform_python", CONFORMANCE_SCENARIOS, CONFORMANCE_LEAST);
    else if (strcmp(mode, "memcheck") == 0)
        expect_no_leak_in_python();
    else
        skip(); /* a sanitizer must be loaded first */
}

static void t_java_passes_the_scenarios(void **state)
{
    (void)state;
    if (getenv("LARS_MODE"))
        skip(); /* the JVM does not run under a tool */
    conformance_run("conform_java", CONFORMANCE_SCENARIOS, CONFORMANCE_LEAST);
}

TESTDB_MAIN(CONFORMANCE_TEST(t_java_passes_the_scenarios),
            CONFORMANCE_TEST(t_python_passes_the_scenarios))
