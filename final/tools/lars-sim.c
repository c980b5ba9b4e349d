/* lars-sim -- measures the policies in virtual time, with the code that production runs.
 * `lars-sim --help` explains the options.
 *
 * Each scenario prints a table with a row for each policy.  With several seeds a row is
 * the run with the median p99.  The same arguments give the same bytes, so that a change
 * of a policy shows as a difference of this output. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/opts.h"
#include "sim/sim.h"
#include "sim/together.h"

#define SEEDS_MAX 10

static struct settings {
    uint32_t seed, seeds, seconds;
} set;

#define AT(field) offsetof(struct settings, field)
static const struct conf_key keys[] = {
    {"", "seed", CONF_U32, AT(seed), 0, 4000000000u, "1", "the first seed"},
    {"", "seeds", CONF_U32, AT(seeds), 1, SEEDS_MAX, "1", "how many seeds"},
    {"", "seconds", CONF_U32, AT(seconds), 4, 3600, "60", "virtual seconds of a run"},
    {NULL, NULL, CONF_U32, 0, 0, 0, NULL, NULL}};

static const struct opts_flag flags[] = {
    {'s', "seed", "SEED", "", "seed", NULL, "Begin with this seed."},
    {'S', "seeds", "N", "", "seeds", NULL,
     "Run N seeds in a row, 1 to 10, and print the run with the median p99."},
    {'t', "seconds", "SECONDS", "", "seconds", NULL,
     "Let each run last this many virtual seconds, 4 to 3600."},
    {0}};

static const struct opts_program program = {
    .name = "lars-sim",
    .summary =
        "measures the policies in virtual time, with the code that production runs",
    .operands = "[SCENARIO...]",
    .max = -1,
    .about =
        "SCENARIO is speeds, age, errors, dead, silent, zone, even, together (several "
        "nodes down in each of two zones) or together3 (of three); without one, all run. "
        "Each prints a table. The same arguments give the same bytes. together and "
        "together3 "
        "end with status 1 when calls still fail 2 s after the fault.",
    .flags = flags,
    .keys = keys,
    .exits = OPTS_EXITS};

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
            fprintf(stderr, "lars-sim: no memory\n");
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

/* Every policy on the same scenario. */
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
    head("## speeds: 32 nodes of speed 0.5, 1 and 2, load 0.7, each slow now and then");
    all_policies(sim_preset);
}

static void age(void)
{
    static const uint32_t ms[] = {1, 10, 50, 200, 1000};
    struct sim_config c = sim_preset;
    char name[60];
    size_t i;

    head("## age: costs are this old (in-flight counts are live)");
    for (i = 0; i < sizeof(ms) / sizeof(ms[0]); i++) {
        c.tick_ms = ms[i];
        snprintf(name, sizeof(name), "scan, a tick each %u ms", ms[i]);
        row(name, &c);
    }
}

static struct sim_config alike(uint32_t n, double load)
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
    struct sim_config c = alike(4, 0.5);
    char title[80];
    size_t i;

    for (i = 0; i < sizeof(p) / sizeof(p[0]); i++) {
        snprintf(title, sizeof(title),
                 "## errors: %.0f %% of the calls fail, at each of 4 nodes", 100 * p[i]);
        head(title);
        c.err = p[i];
        all_policies(c);
    }
}

static void dead(void)
{
    struct sim_config c = alike(8, 0.3);

    head("## dead: 4 of 8 nodes refuse from the half on");
    c.dead = 0xf;
    all_policies(c);
}

static void silent(void)
{
    struct sim_config c = alike(8, 0.3);

    head("## silent: 2 of 8 nodes answer no more from the half on; time-out 200 ms");
    c.silent = 0x3;
    c.timeout_ms = 200;
    all_policies(c);
}

static void zone(void)
{
    struct sim_config c = alike(12, 0.3);

    c.n_own = 6;
    head("## zone: all 6 nodes of our zone refuse from the half on, 6 in the other one");
    c.dead = 0x3f;
    all_policies(c);
    head("## zone: the same, and they answer no more; time-out 200 ms");
    c.dead = 0;
    c.silent = 0x3f;
    c.timeout_ms = 200;
    all_policies(c);
}

static void even(void)
{
    head("## even: 8 nodes alike, load 0.05: does each get its share?");
    all_policies(alike(8, 0.05));
}

/* --- together: several nodes down in every zone ------------------------------------- */

#define PER_ZONE_MAX 8

static uint32_t n_unsteady; /* runs of together that fail calls in the end */

static void together_row(uint32_t zones, uint32_t per_zone, bool silent)
{
    const struct together_config c = {.zones = zones,
                                       .per_zone = per_zone,
                                       .silent = silent,
                                       .seed = set.seed,
                                       .seeds = set.seeds};
    struct together_result r;

    if (together_run(&c, &r) < 0) {
        fprintf(stderr, "lars-sim: no memory\n");
        exit(EXIT_FAILURE);
    }
    n_unsteady += r.n_unsteady;
    printf("| %5u | %8u | %-6s | %6u | %8u | %6.1f | %6llu | %-8s |\n", zones, per_zone,
           silent ? "silent" : "dead", r.n, r.n_unsteady, (double)r.n_err / r.n,
           (unsigned long long)r.most, r.worst);
    fflush(stdout);
    if (r.n_unsteady > 0)
        fprintf(stderr, "lars-sim: calls still fail 2 s after the fault: %s\n",
                r.unsteady);
}

static void together_of(uint32_t zones)
{
    uint32_t per_zone;

    for (per_zone = 2; per_zone <= PER_ZONE_MAX; per_zone++) {
        together_row(zones, per_zone, false);
        together_row(zones, per_zone, true);
    }
}

static void together_head(void)
{
    printf("\n## together: every number of nodes down in every zone, at least one up\n\n"
           "unsteady: runs with a failed call in the last 2 s of the 4 s after the "
           "fault\n\n"
           "| zones | per zone | nodes  |   runs | unsteady | failed |   most | in zones "
           "|\n"
           "|-------|----------|--------|--------|----------|--------|--------|----------"
           "|\n");
}

static void together(void)
{
    together_head();
    together_of(2);
}

static void together3(void)
{
    together_head();
    together_of(3);
}

static const struct {
    const char *name;
    void (*run)(void);
} scenarios[] = {{"speeds", speeds}, {"age", age},           {"errors", errors},
                 {"dead", dead},     {"silent", silent},     {"zone", zone},
                 {"even", even},     {"together", together}, {"together3", together3}};

#define N_SCENARIOS (sizeof(scenarios) / sizeof(scenarios[0]))

int main(int argc, char **argv)
{
    size_t i;
    int rc = opts_main(&program, argc, argv, &set), k;

    if (rc != OPTS_RUN)
        return rc;
    for (k = optind; k < argc; k++) { /* all are checked before the first one runs */
        for (i = 0; i < N_SCENARIOS && strcmp(scenarios[i].name, argv[k]) != 0; i++)
            continue;
        if (i < N_SCENARIOS)
            continue;
        fprintf(stderr, "lars-sim: %s: there is no such scenario; see lars-sim --help\n",
                argv[k]);
        return 2;
    }
    for (i = 0; i < N_SCENARIOS && optind == argc; i++)
        scenarios[i].run();
    for (k = optind; k < argc; k++)
        for (i = 0; i < N_SCENARIOS; i++)
            if (strcmp(scenarios[i].name, argv[k]) == 0)
                scenarios[i].run();
    return n_unsteady > 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
