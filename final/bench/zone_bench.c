/* zone_bench -- calls at a fixed rate to nodes of two zones, one of which is lost during
 * the run.
 *     build/zone_bench -d DIR -p PORT -k PID [-S] [-r CALLS_PER_SECOND] [-s SECONDS]
 * At a third of the time PID, which serves 127.0.1.x, is killed (refused connections) or,
 * with -S, stopped, so that calls end by their time-out of 200 ms.  Prints how long after
 * the first failure 99 % of the calls went to the other zone, and which share failed. */
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "api/lars.h"
#include "base/mono.h"
#include "base/sig.h"
#include "net/frame.h"
#include "net/sock.h"

#define THREADS 100
#define CALL_MS 200
#define WINDOW 500

struct call {
    uint64_t begun_us, ended_us;
    bool lost_zone, failed;
};

static struct lars_options opt = {.dir = "build/run"};
static int victim, signo = SIGKILL;
static unsigned rate = 2000, seconds = 30;
static struct call *call;
static atomic_uint n_call;
static uint64_t start_us;

static bool ask(const struct lars_host *h)
{
    char out[FRAME_HEAD + 4] = "", in[64];
    struct net_addr to = {.family = h->addr.family, .port = h->addr.port};
    int fd;
    bool ok;

    memcpy(to.ip, h->addr.ip, sizeof(to.ip));
    fd = sock_connect(&to, CALL_MS);
    if (fd < 0)
        return false;
    sock_set_timeout(fd, CALL_MS);
    frame_put_head((uint8_t *)out, 100, 4);
    ok = sock_write_all(fd, out, sizeof(out)) == 0 && sock_read(fd, in, sizeof(in)) > 0;
    close(fd);
    return ok;
}

static void *run(void *arg)
{
    struct lars_client *c = arg;
    unsigned i, all = rate * seconds;
    struct lars_host h;

    while ((i = atomic_fetch_add(&n_call, 1)) < all) {
        uint64_t at = start_us + (uint64_t)i * 1000000 / rate, now = mono_us();

        if (at > now)
            usleep((useconds_t)(at - now));
        call[i].begun_us = mono_us();
        if (lars_get_host(c, 1, 1, &h) < 0) {
            call[i].failed = true;
            continue;
        }
        call[i].lost_zone = h.addr.ip[2] == 1;
        call[i].failed = !ask(&h);
        call[i].ended_us = mono_us();
        lars_report(c, &h, call[i].failed);
    }
    return NULL;
}

static int by_begin(const void *a, const void *b)
{
    const struct call *x = a, *y = b;

    return (x->begun_us > y->begun_us) - (x->begun_us < y->begun_us);
}

/* The moment from which 99 % go to the other zone: the last call to the lost zone with
 * which more than 1 % of WINDOW calls in a row had gone there. */
static void sum_up(void)
{
    unsigned i, all = rate * seconds, failed = 0, before = 0, lost = 0;
    uint64_t first = UINT64_MAX, last = 0;

    qsort(call, all, sizeof(*call), by_begin);
    for (i = 0; i < all; i++) {
        failed += call[i].failed;
        if (call[i].failed && call[i].ended_us < first)
            first = call[i].ended_us;
    }
    for (i = 0; i < all; i++) {
        before += call[i].failed && call[i].begun_us <= first;
        lost += call[i].lost_zone;
        if (i >= WINDOW)
            lost -= call[i - WINDOW].lost_zone;
        if (i >= WINDOW && lost * 100 > WINDOW && call[i].lost_zone)
            last = call[i].begun_us;
    }
    printf(
        "calls=%u failed=%u failed_pct=%.3f begun_before_first=%u elsewhere_ms=%llu \n",
        all, failed, 100.0 * failed / all, before,
        (unsigned long long)(last > first ? (last - first) / 1000 : 0));
}

int main(int argc, char **argv)
{
    pthread_t thread[THREADS];
    struct lars_client *c;
    int o, i;

    while ((o = getopt(argc, argv, "d:p:k:Sr:s:")) != -1) {
        if (o == 'd')
            opt.dir = optarg;
        else if (o == 'p')
            opt.port = (uint16_t)atoi(optarg);
        else if (o == 'k')
            victim = atoi(optarg);
        else if (o == 'S')
            signo = SIGSTOP;
        else if (o == 'r')
            rate = (unsigned)atoi(optarg);
        else if (o == 's')
            seconds = (unsigned)atoi(optarg);
        else
            return 2;
    }
    if (victim < 2 || rate < 1 || seconds < 3 || seconds > 600)
        return 2;
    sig_ignore_pipe_and_hup();
    call = calloc((size_t)rate * seconds, sizeof(*call));
    if (!call || lars_open(&c, &opt) < 0 || lars_register(c, 1, 1) < 0)
        return 1;
    start_us = mono_us() + 500000;
    for (i = 0; i < THREADS; i++)
        pthread_create(&thread[i], NULL, run, c);
    usleep(500000 + seconds * 1000000 / 3);
    kill(victim, signo);
    for (i = 0; i < THREADS; i++)
        pthread_join(thread[i], NULL);
    sum_up();
    lars_close(c);
    return 0;
}
