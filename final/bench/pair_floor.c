/* pair_floor -- what a pair of get_host and report by shared memory costs at least, and
 * what a choice costs of which the agent learns nothing.
 *     build/pair_floor [-c NODES] [-n PAIRS]
 * Prints, in ns of processor time for a pair:
 *   vdso_ns   two readings of CLOCK_MONOTONIC, three locked operations, and each cache
 *             line that a call needs: those of the module, the costs and the calls in
 *             flight of its nodes, the counters and the log
 *   tsc_ns    the same with two readings of the processor's counter
 *   alone_ns  the next node of an array that belongs to the caller: no cost, no count,
 *             no report, no clock
 *   two_to_one  pairs a second of two processes that make the pairs of tsc_ns with the
 *             same nodes, each with a log of its own, against those of one process
 * It checks nothing, and nothing could be recovered after a crash of it; so it is a
 * bound and no other program. */
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MAX_NODES 1024

struct line {
    _Alignas(64) _Atomic uint64_t word;
};

struct table {                        /* shared, as the files of the agent are */
    _Alignas(64) uint64_t module[8];
    _Alignas(64) _Atomic uint32_t cost[MAX_NODES];
    _Alignas(64) _Atomic uint32_t inflight[MAX_NODES];
    struct { uint32_t ip; uint16_t port, zone; } addr[MAX_NODES];
    struct { struct line open, done; } log[2]; /* a call begins, a call ends */
    _Alignas(64) _Atomic int n_ready;
    double pairs_per_s[2];
};

static struct table *t;
static int self;                      /* the process: index of its log */
static uint32_t n_nodes = 8;
static volatile uint64_t sink;

static uint64_t vdso(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static uint64_t tsc(void)
{
#if defined(__x86_64__)
    return __builtin_ia32_rdtsc();
#else
    return vdso();
#endif
}

/* Reads each cache line that has a cost or a number of calls in flight.  A real choice
 * compares all of them; that can be vectorised, so its time is no part of a bound. */
static uint32_t look_at_all(void)
{
    uint32_t i, sum = 0;

    for (i = 0; i < n_nodes; i += 16) {
        sum += atomic_load_explicit(&t->cost[i], memory_order_relaxed);
        sum += atomic_load_explicit(&t->inflight[i], memory_order_relaxed);
    }
    return (uint32_t)((uint64_t)sum * n_nodes >> 32);
}

static inline void pair(uint64_t (*clock)(void))
{
    uint64_t began = clock();
    uint32_t i = look_at_all();

    sink = t->module[0] + t->addr[i].ip;
    atomic_fetch_add(&t->inflight[i], 1);
    atomic_exchange(&t->log[self].open.word, began);
    sink = clock() - began;
    atomic_fetch_sub(&t->inflight[i], 1);
    atomic_store_explicit(&t->log[self].done.word, i, memory_order_release);
}

static double cpu_ns(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
    return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

static double measure(int what, long n)
{
    double began = cpu_ns();
    long k;

    for (k = 0; k < n; k++) {
        if (what == 0)
            pair(vdso);
        else if (what == 1)
            pair(tsc);
        else
            sink = t->addr[(uint32_t)k % n_nodes].ip;
    }
    return (cpu_ns() - began) / (double)n;
}

static double wall_s(void)
{
    return (double)vdso() / 1e9;
}

static _Noreturn void run(int procs, long n)
{
    double began;

    t->n_ready++;
    while (t->n_ready < procs)
        continue;
    began = wall_s();
    measure(1, n);
    t->pairs_per_s[self] = (double)n / (wall_s() - began);
    _exit(0);
}

/* Of <procs> processes, 1 or 2, that run at the same time. */
static double pairs_per_s(int procs, long n)
{
    int status;

    t->n_ready = 0;
    t->pairs_per_s[0] = t->pairs_per_s[1] = 0;
    for (self = 0; self < procs; self++)
        if (fork() == 0)
            run(procs, n);
    self = 0;
    while (wait(&status) > 0)
        continue;
    return t->pairs_per_s[0] + t->pairs_per_s[1];
}

int main(int argc, char **argv)
{
    long n = 1000000;
    uint32_t i;
    int o;

    while ((o = getopt(argc, argv, "c:n:")) != -1) {
        if (o == 'c')
            n_nodes = (uint32_t)atoi(optarg);
        else if (o == 'n')
            n = atol(optarg);
        else
            return 2;
    }
    if (n_nodes < 1 || n_nodes > MAX_NODES || n < 1)
        return 2;
    t = mmap(NULL, sizeof(*t), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (t == MAP_FAILED)
        return EXIT_FAILURE;
    for (i = 0; i < n_nodes; i++) {
        t->addr[i].ip = 0x0a000001 + i;
        t->cost[i] = 1000 + i;
    }
    measure(0, n / 10 + 1);           /* every page is in memory */
    printf("nodes=%u vdso_ns=%.1f ", n_nodes, measure(0, n));
    printf("tsc_ns=%.1f ", measure(1, n));
    printf("alone_ns=%.1f ", measure(2, n));
    fflush(stdout);
    printf("two_to_one=%.2f\n", pairs_per_s(2, n) / pairs_per_s(1, n));
    return 0;
}
