/* fleet_caller -- calls the modules 1000/1 to 1000/N in turn at a steady rate, for the
 * measurement beside the model of a fleet (bench/fleet-model).
 *     build/fleet_caller -d DIR -p PORT -m MODULES -r RATE -s SECONDS
 * A call is get_host and a report of success at once; nothing is sent to the node.  With
 * a rate of 0 the modules are only registered.  Prints how many calls were made. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "api/lars.h"

#define MODID 1000

static struct lars_options opt;
static uint32_t modules = 1;
static long rate, seconds = 1;

static void die(const char *what, int rc)
{
    fprintf(stderr, "fleet_caller: %s: %s\n", what, lars_strerror(rc));
    exit(1);
}

static void wait_until(const struct timespec *start, double s)
{
    struct timespec at = *start;
    long whole = (long)s;

    at.tv_sec += whole;
    at.tv_nsec += (long)((s - (double)whole) * 1e9);
    if (at.tv_nsec >= 1000000000) {
        at.tv_sec++;
        at.tv_nsec -= 1000000000;
    }
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, NULL) == EINTR)
        continue;
}

static void call(struct lars_client *c, uint32_t cmdid)
{
    struct lars_host h;
    int rc = lars_get_host(c, MODID, cmdid, &h);

    if (rc >= 0)
        rc = lars_report(c, &h, 0);
    if (rc < 0)
        die("a call", rc);
}

int main(int argc, char **argv)
{
    struct lars_client *c;
    struct timespec start;
    long k;
    uint32_t i;
    int o, rc;

    while ((o = getopt(argc, argv, "d:p:m:r:s:")) != -1) {
        if (o == 'd')
            opt.dir = optarg;
        else if (o == 'p')
            opt.port = (uint16_t)atoi(optarg);
        else if (o == 'm')
            modules = (uint32_t)atoi(optarg);
        else if (o == 'r')
            rate = atol(optarg);
        else if (o == 's')
            seconds = atol(optarg);
        else
            return 2;
    }
    if (!opt.dir || modules < 1 || rate < 0 || rate > 100000 || seconds < 1)
        return 2;
    rc = lars_open(&c, &opt);
    if (rc < 0)
        die("no client", rc);
    for (i = 1; i <= modules; i++)
        if ((rc = lars_register(c, MODID, i)) < 0)
            die("a module", rc);
    clock_gettime(CLOCK_MONOTONIC, &start);
    for (k = 0; k < rate * seconds; k++) {
        wait_until(&start, (double)k / (double)rate);
        call(c, 1 + (uint32_t)(k % modules));
    }
    printf("calls=%ld\n", k);
    lars_close(c);
    return 0;
}
