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

TESTDB_MAIN(CONFORMANCE_TEST(t_c_passes_the_scenarios),
            CONFORMANCE_TEST(t_cpp_passes_the_scenarios),
            CONFORMANCE_TEST(t_python_by_udp_passes_the_scenarios))
