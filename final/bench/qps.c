/* qps -- measures the API: THREADS closed loops, each with a client of its own, call
 * lars_get_host() and lars_report().
 *     build/qps THREADS [-s SECONDS] [-g]      -g: lars_get_host() only
 * LARS_PORT and LARS_DIR name the agent; module 1/1 must exist. */
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "api/lars.h"
#include "base/mono.h"

#define BUCKETS 1000                  /* one for each us; the last for all longer calls */

struct loop {
    pthread_t thread;
    uint64_t n, failed, us[BUCKETS];
};

static atomic_bool stop;
static bool get_only;

static void *run(void *arg)
{
    struct loop *l = arg;
    struct lars_client *c;

    if (lars_open(&c, NULL) < 0)
        return NULL;
    while (!stop) {
        struct lars_host h;
        uint64_t t0 = mono_us(), us;
        int rc = lars_get_host(c, 1, 1, &h);

        us = mono_us() - t0;
        l->us[us < BUCKETS ? us : BUCKETS - 1]++;
        l->n++;
        if (rc != 0)
            l->failed++;
        else if (!get_only)
            lars_report(c, &h, 0);
    }
    lars_close(c);
    return NULL;
}

/* The time in us within which <share> per cent of the calls ended. */
static int percentile(const uint64_t *us, uint64_t n, unsigned share)
{
    uint64_t seen = 0;
    int i;

    for (i = 0; i < BUCKETS - 1; i++) {
        seen += us[i];
        if (seen * 100 >= n * share)
            break;
    }
    return i;
}

int main(int argc, char **argv)
{
    static struct loop loop[64], sum;
    int o, i, k, threads, seconds = 2;
    uint64_t t0;

    while ((o = getopt(argc, argv, "s:g")) != -1) {
        if (o == 's')
            seconds = atoi(optarg);
        get_only = get_only || o == 'g';
    }
    threads = optind < argc ? atoi(argv[optind]) : 0;
    if (threads < 1 || threads > 64 || seconds < 1 || seconds > 60) {
        fprintf(stderr, "usage: qps THREADS [-s SECONDS] [-g]\n");
        return 2;
    }
    t0 = mono_us();
    for (i = 0; i < threads; i++)
        pthread_create(&loop[i].thread, NULL, run, &loop[i]);
    sleep((unsigned)seconds);
    stop = true;
    for (i = 0; i < threads; i++) {
        pthread_join(loop[i].thread, NULL);
        sum.n += loop[i].n;
        sum.failed += loop[i].failed;
        for (k = 0; k < BUCKETS; k++)
            sum.us[k] += loop[i].us[k];
    }
    t0 = mono_us() - t0;
    printf("threads=%d calls=%llu failed=%llu per_second=%.0f p50_us=%d p99_us=%d\n",
           threads, (unsigned long long)sum.n, (unsigned long long)sum.failed,
           (double)sum.n * 1e6 / (double)t0, percentile(sum.us, sum.n, 50),
           percentile(sum.us, sum.n, 99));
    return sum.n > sum.failed ? 0 : 1;
}
