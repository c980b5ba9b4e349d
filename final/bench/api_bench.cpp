// api_bench c|cpp PAIRS -- nanoseconds of processor time for a get_host + report pair, by
// lars.h or by lars.hpp.
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <iostream>

#include "lars.hpp"

static double cpu_ns()
{
    timespec t;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

static void by_c(lars_client *c, int n)
{
    lars_host h;

    while (n-- > 0) {
        lars_get_host(c, 1, 8, &h);
        lars_report(c, &h, 0);
    }
}

static void by_cpp(lars::client &c, int n)
{
    while (n-- > 0) {
        lars::call call(c, 1, 8);

        call.ok();
    }
}

int main(int argc, char **argv)
{
    int n = argc > 2 ? std::atoi(argv[2]) : 1000000;
    bool cpp = argc > 1 && std::strcmp(argv[1], "cpp") == 0;
    lars::client c;
    double start = 0;

    for (int round = 0; round < 2; round++) { // the first one warms up
        start = cpu_ns();
        if (cpp)
            by_cpp(c, n);
        else
            by_c(c.get(), n);
    }
    std::cout << (cpu_ns() - start) / n << "\n";
}
