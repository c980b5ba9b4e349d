/* The scenarios in C, in C++, and in plain Python without the library. */
#include "conformance.h"

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

/* Without the library, as docs/ref/udp.md has it. */
static void t_plain_python_by_udp(void **state)
{
    (void)state;
    if (getenv("LARS_MODE"))
        skip();
    run("conform_udp", SCENARIOS "-udp", 6);
}

MYDB_MAIN(S(t_c), S(t_cpp), S(t_plain_python_by_udp))
