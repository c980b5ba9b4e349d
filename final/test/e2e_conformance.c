/* The conformance suite: every language binding passes the same scenarios against a real
 * agent and database.  Here C, C++, and Python code that uses UDP without the
 * library. */
#include "lib/conformance.h"

static void t_c_passes_the_scenarios(void **state)
{
    (void)state;
    conformance_run("conform_c", CONFORMANCE_SCENARIOS, CONFORMANCE_LEAST);
}

static void t_cpp_passes_the_scenarios(void **state)
{
    (void)state;
    conformance_run("conform_cpp", CONFORMANCE_SCENARIOS, CONFORMANCE_LEAST);
}

/* Written from docs/ref/udp.md alone. */
static void t_python_by_udp_passes_the_scenarios(void **state)
{
    (void)state;
    if (getenv("LARS_MODE"))
        skip();
    conformance_run("conform_udp", CONFORMANCE_SCENARIOS "-udp", 6);
}

/* Is <name> the first cell of a row? */
static bool page_has(const char *name)
{
    char line[1000], cell[300];
    FILE *f = fopen("../docs/ref/conformance.md", "r");
    bool found = false;

    assert_non_null(f);
    snprintf(cell, sizeof(cell), "| %s |", name);
    while (!found && fgets(line, sizeof(line), f))
        found = strncmp(line, cell, strlen(cell)) == 0;
    fclose(f);
    return found;
}

static void t_page_lists_every_scenario(void **state)
{
    char line[300];
    FILE *f = fopen(CONFORMANCE_SCENARIOS, "r");
    int n = 0;

    (void)state;
    assert_non_null(f);
    while (fgets(line, sizeof(line), f)) {
        line[strcspn(line, "\n")] = '\0';
        if (strncmp(line, "scenario ", 9) != 0)
            continue;
        n++;
        if (!page_has(line + 9))
            fail_msg("docs/ref/conformance.md does not list: %s", line + 9);
    }
    fclose(f);
    assert_int_equal(n, CONFORMANCE_LEAST);
}

TESTDB_MAIN(cmocka_unit_test(t_page_lists_every_scenario),
            CONFORMANCE_TEST(t_c_passes_the_scenarios),
            CONFORMANCE_TEST(t_cpp_passes_the_scenarios),
            CONFORMANCE_TEST(t_python_by_udp_passes_the_scenarios))
