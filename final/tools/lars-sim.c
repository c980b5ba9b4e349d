/* lars-sim -- compares the policies in virtual time, with the code of production.
 *     build/lars-sim [-s SEED] [-S SEEDS] [-t SECONDS] [SCENARIO ...]
 * Prints a table for each scenario (default: all), with a row for each policy of
 * lb/policies.c.  SEEDS: so many runs with different seeds; a row shows the one with the
 * median p99.  The same arguments give the same bytes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/version.h"
#include "sim/sim.h"

#define SEEDS_MAX 9

static struct {
    uint32_t seed, seeds;
    double seconds;
} set = {.seed = 1, .seeds = 1, .seconds = 60};

static int by_p99(const void *a, const void *b)
{
    const struct sim_result *x = a, *y = b;

    return x->p99_ms < y->p99_ms ? -1 : x->p99_ms > y->p99_ms;
}

static void row(const char *name, const struct sim_config *cfg)
{
    struct sim_result r[SEEDS_MAX], *m = &r[set.seeds / 2];
    struct sim_config c = *cfg;
    uint32_t i;

    c.seconds = set.seconds;
    for (i = 0; i < set.seeds; i++) {
        c.seed = set.seed + i;
        if (sim_run(&c, &r[i]) < 0) {
            fprintf(stderr, "lars-sim: out of memory\n");
            exit(EXIT_FAILURE);
        }
    }
    qsort(r, set.seeds, sizeof(r[0]), by_p99);
    printf("| %-40s | %7.1f %7.1f %7.1f | %8.4f | %8.4f | %5.2f %5.2f |\n", name,
           m->p50_ms, m->p99_ms, m->p999_ms, 100.0 * (double)m->n_err / (double)m->n,
           m->n_late ? 100.0 * (double)m->n_err_late / (double)m->n_late : 0,
           m->min_share, m->max_share);
    fflush(stdout);
}

static void head(const char *what)
{
    printf(
        "\n%s\n\n"
        "| policy                                   |  p50 ms     p99   p99.9 | errors "
        "%% "
        "| at end %% | least  most |\n"
        "|------------------------------------------|-------------------------|----------"
        "|----------|-------------|\n",
        what);
}

/* A row for every policy, and for what they are compared with. */
static void all_policies(struct sim_config c)
{
    struct sim_config alone = c;
    char name[60];
    uint32_t id;

    c.balancer = SIM_ORACLE;
    row("oracle: one queue, true speeds", &c);
    c.balancer = SIM_POLICY;
    for (id = 0; id < policies_n; id++) {
        c.policy = policies_at(id);
        snprintf(name, sizeof(name), "%s: %s", c.policy->name, c.policy->summary);
        row(name, &c);
    }
    c.balancer = SIM_CLASSIC;
    row("classic of stage 06, both halves", &c);
    alone.n_host = 160;
    for (id = 0; id < 2; id++) {
        alone.policy = policies_at((uint32_t)policies_find(id == 0 ? "scan" : "p2c"));
        snprintf(name, sizeof(name), "%s, each process alone", alone.policy->name);
        row(name, &alone);
    }
}

static void speeds(void)
{
    head("## speeds: 32 nodes of speed 0.5, 1 and 2, load 0.7, with hiccups");
    all_policies(sim_preset);
}

static void age(void)
{
    static const uint32_t ms[] = {1, 10, 50, 200, 1000};
    struct sim_config c = sim_preset;
    char name[60];
    size_t i;

    head("## age: costs are up to so old (in-flight counts are current)");
    for (i = 0; i < sizeof(ms) / sizeof(ms[0]); i++) {
        c.tick_ms = ms[i];
        snprintf(name, sizeof(name), "scan, a tick every %u ms", ms[i]);
        row(name, &c);
    }
}

static struct sim_config equal_nodes(uint32_t n, double load)
{
    struct sim_config c = sim_preset;
    uint32_t i;

    c.n_node = c.n_own = n;
    for (i = 0; i < n; i++)
        c.speed[i] = 1;
    c.load = load;
    c.hiccups = false;
    return c;
}

static void errors(void)
{
    static const double p[] = {.02, .12, .2, .3, .5};
    struct sim_config c = equal_nodes(4, 0.5);
    char title[80];
    size_t i;

    for (i = 0; i < sizeof(p) / sizeof(p[0]); i++) {
        snprintf(title, sizeof(title),
                 "## errors: %.0f %% of the calls fail, at each of "
                 "4 nodes",
                 100 * p[i]);
        head(title);
        c.err = p[i];
        all_policies(c);
    }
}

static void dead(void)
{
    struct sim_config c = equal_nodes(8, 0.3);

    head("## dead: 4 of 8 nodes refuse calls in the second half");
    c.n_dead = 4;
    all_policies(c);
}

static void silent(void)
{
    struct sim_config c = equal_nodes(8, 0.3);

    head("## silent: 2 of 8 nodes do not answer in the second half; time-out 200 ms");
    c.n_silent = 2;
    c.timeout_ms = 200;
    all_policies(c);
}

static void zone(void)
{
    struct sim_config c = equal_nodes(12, 0.3);

    c.n_own = 6;
    head("## zone: all 6 nodes of our zone refuse calls in the second half, 6 do not");
    c.n_dead = 6;
    all_policies(c);
    head("## zone: the same, but they do not answer; time-out 200 ms");
    c.n_dead = 0;
    c.n_silent = 6;
    c.timeout_ms = 200;
    all_policies(c);
}

static void even(void)
{
    head("## even: 8 equal nodes, load 0.05: does each get its share?");
    all_policies(equal_nodes(8, 0.05));
}

static const struct {
    const char *name;
    void (*run)(void);
} scenarios[] = {{"speeds", speeds}, {"age", age},   {"errors", errors}, {"dead", dead},
                 {"silent", silent}, {"zone", zone}, {"even", even}};

#define N_SCENARIOS (sizeof(scenarios) / sizeof(scenarios[0]))

static void print_usage(FILE *to)
{
    size_t i;

    fprintf(to, "usage: lars-sim [-s SEED] [-S SEEDS 1..%d] [-t SECONDS 4..3600] [",
            SEEDS_MAX);
    for (i = 0; i < N_SCENARIOS; i++)
        fprintf(to, "%s%s", i > 0 ? "|" : "", scenarios[i].name);
    fprintf(to, " ...]\n");
}

static int usage(void)
{
    print_usage(stderr);
    return 2;
}

int main(int argc, char **argv)
{
    size_t i;
    int opt;

    if (argc == 2 && strcmp(argv[1], "--help") == 0) {
        print_usage(stdout);
        return EXIT_SUCCESS;
    }
    if (argc == 2 && strcmp(argv[1], "--version") == 0) {
        puts("lars-sim " LARS_VERSION);
        return EXIT_SUCCESS;
    }
    while ((opt = getopt(argc, argv, "s:S:t:")) != -1) {
        if (opt == 's')
            set.seed = (uint32_t)strtoul(optarg, NULL, 10);
        else if (opt == 'S')
            set.seeds = (uint32_t)strtoul(optarg, NULL, 10);
        else if (opt == 't')
            set.seconds = strtod(optarg, NULL);
        else
            return usage();
    }
    if (set.seeds < 1 || set.seeds > SEEDS_MAX || set.seconds < 4 || set.seconds > 3600)
        return usage();
    for (i = 0; i < N_SCENARIOS && optind == argc; i++)
        scenarios[i].run();
    for (; optind < argc; optind++) {
        for (i = 0; i < N_SCENARIOS && strcmp(scenarios[i].name, argv[optind]) != 0; i++)
            continue;
        if (i == N_SCENARIOS)
            return usage();
        scenarios[i].run();
    }
    return EXIT_SUCCESS;
}
