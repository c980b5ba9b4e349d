// api_bench c|cpp PAIRS [THREADS] -- prints the processor time of a pair of get_host and
// report in ns, with lars.h or with lars.hpp; with THREADS, pairs a second.
// api_bench over PAIRS -- prints how much longer lars.hpp takes, from short blocks of both
// that alternate.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <iostream>
#include <thread>

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

static void pairs(lars::client &c, bool cpp, int n)
{
    if (cpp)
        by_cpp(c, n);
    else
        by_c(c.get(), n);
}

// Calls until the thread is as fast as it gets: liblars compares the processor's counter
// with the kernel's time for 200 ms before it uses it.
static void warm_up(lars::client &c, bool cpp)
{
    auto end = std::chrono::steady_clock::now() + std::chrono::milliseconds(250);

    do
        pairs(c, cpp, 1000);
    while (std::chrono::steady_clock::now() < end);
}

static double a_second(lars::client &c, bool cpp, int n, int n_threads)
{
    std::atomic<int> ready{0};
    std::atomic<bool> go{false};
    std::vector<std::thread> all;

    for (int i = 0; i < n_threads; i++)
        all.emplace_back([&] {
            warm_up(c, cpp);
            ready++;
            while (!go)
                std::this_thread::yield();
            pairs(c, cpp, n);
        });
    while (ready < n_threads)
        std::this_thread::yield();
    auto start = std::chrono::steady_clock::now();
    go = true;
    for (std::thread &t : all)
        t.join();
    return n_threads * (double)n /
           std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

static double cost(lars::client &c, bool cpp, int n)
{
    double start = cpu_ns();

    pairs(c, cpp, n);
    return (cpu_ns() - start) / n;
}

// The median over many short blocks, because a disturbance by other programs then affects
// neighbouring blocks of both alike.
static double over(lars::client &c, int n)
{
    const int blocks = 401;
    std::vector<double> more;

    warm_up(c, true);
    for (int i = 0; i < blocks; i++) {
        double cpp_first = i % 2 ? cost(c, true, n / blocks) : 0;
        double by_c = cost(c, false, n / blocks);

        more.push_back((i % 2 ? cpp_first : cost(c, true, n / blocks)) - by_c);
    }
    std::nth_element(more.begin(), more.begin() + blocks / 2, more.end());
    return more[blocks / 2];
}

int main(int argc, char **argv)
{
    int n = argc > 2 ? std::atoi(argv[2]) : 1000000;
    bool cpp = argc > 1 && std::strcmp(argv[1], "cpp") == 0;
    lars::client c;
    double start = 0;

    if (argc > 1 && std::strcmp(argv[1], "over") == 0) {
        std::cout << over(c, n) << "\n";
        return 0;
    }
    if (argc > 3) {
        std::cout << a_second(c, cpp, n, std::atoi(argv[3])) << "\n";
        return 0;
    }
    warm_up(c, cpp);
    start = cpu_ns();
    pairs(c, cpp, n);
    std::cout << (cpu_ns() - start) / n << "\n";
}
