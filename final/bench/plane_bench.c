/* plane_bench -- pairs of get_host and report through lars.h, as fast as possible, in
 * PROCS processes.
 *     build/plane_bench -d DIR -p PORT [-c CMDID] [-n PAIRS] [-P PROCS] [-u]
 *     build/plane_bench -d DIR -p PORT -r N          register modules 2/1 to 2/N
 * -u: by UDP only, because the folder of shared memory does not exist.  Prints the wall
 * time and the processor time of a pair in ns, and the pairs a second of all processes
 * together. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "api/lars.h"
#include "base/quick_clock.h"

#define WARM_UP_S (2.5 * QUICK_CLOCK_ANCHOR_MS / 1000)

static struct lars_options opt = {.dir = "build/run"};
static uint32_t cmdid = 8;
static long n_pairs = 2000000;
static int procs = 1, n_register;

struct shared {
    _Atomic int ready, go;
    double wall_ns[64], cpu_ns[64];
};

static double seconds(clockid_t clock)
{
    struct timespec ts;

    clock_gettime(clock, &ts);
    return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static int pair(struct lars_client *c)
{
    struct lars_host h;
    int rc = lars_get_host(c, 1, cmdid, &h);

    return rc < 0 ? rc : lars_report(c, &h, 0);
}

/* For as long as the library needs until it is as fast as it gets: the module and every
 * page are in memory, and its clock has compared the processor's counter with the time
 * of the kernel for two periods of QUICK_CLOCK_ANCHOR_MS. */
static void warm_up(struct lars_client *c)
{
    double end = seconds(CLOCK_MONOTONIC) + WARM_UP_S;
    long k;

    for (k = 0; k < 1000 || seconds(CLOCK_MONOTONIC) < end; k++)
        if (pair(c) < 0)
            usleep(1000);
}

static void run(struct shared *s, int i)
{
    struct lars_client *c;
    double wall, cpu;
    long k;

    if (lars_open(&c, &opt) < 0)
        exit(1);
    warm_up(c);
    s->ready++;
    while (!s->go)
        continue;
    wall = seconds(CLOCK_MONOTONIC);
    cpu = seconds(CLOCK_PROCESS_CPUTIME_ID);
    for (k = 0; k < n_pairs; k++)
        if (pair(c) < 0) {
            fprintf(stderr, "plane_bench: a call failed\n");
            exit(1);
        }
    s->wall_ns[i] = (seconds(CLOCK_MONOTONIC) - wall) * 1e9 / (double)n_pairs;
    s->cpu_ns[i] = (seconds(CLOCK_PROCESS_CPUTIME_ID) - cpu) * 1e9 / (double)n_pairs;
    lars_close(c);
    exit(0);
}

static int learn(void)
{
    struct lars_client *c;
    int i, n = 0;

    if (lars_open(&c, &opt) < 0)
        return 1;
    for (i = 1; i <= n_register; i++)
        n += lars_register(c, 2, (uint32_t)i) == 0;
    lars_close(c);
    printf("known=%d\n", n);
    return n == n_register ? 0 : 1;
}

int main(int argc, char **argv)
{
    struct shared *s =
        mmap(NULL, sizeof(*s), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    double wall = 0, cpu = 0, rate = 0;
    int o, i, status, bad = 0;

    while ((o = getopt(argc, argv, "d:p:c:n:P:r:u")) != -1) {
        if (o == 'd')
            opt.dir = optarg;
        else if (o == 'p')
            opt.port = (uint16_t)atoi(optarg);
        else if (o == 'c')
            cmdid = (uint32_t)atoi(optarg);
        else if (o == 'n')
            n_pairs = atol(optarg);
        else if (o == 'P')
            procs = atoi(optarg);
        else if (o == 'r')
            n_register = atoi(optarg);
        else if (o == 'u')
            opt.dir = "/nowhere";
        else
            return 2;
    }
    if (n_register > 0)
        return learn();
    if (s == MAP_FAILED || procs < 1 || procs > 64 || n_pairs < 1)
        return 2;
    for (i = 0; i < procs; i++)
        if (fork() == 0)
            run(s, i);
    while (s->ready < procs && waitpid(-1, &status, WNOHANG) == 0)
        usleep(1000);
    s->go = 1;
    while (wait(&status) > 0)
        bad |= status;
    for (i = 0; i < procs; i++) {
        wall += s->wall_ns[i] / procs;
        cpu += s->cpu_ns[i] / procs;
        rate += 1e9 / s->wall_ns[i];
    }
    printf("procs=%d wall_ns=%.1f cpu_ns=%.1f pairs_per_s=%.0f \n", procs, wall, cpu,
           rate);
    return bad || s->ready < procs ? 1 : 0;
}
