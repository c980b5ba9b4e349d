/* score -- measures a policy between round robin and the default policy of Lars.
 *     score [-s SEED] [-n RUNS] [-o FOLDER] [-j FILE] POLICY-PROGRAM [SCENARIO...]
 *
 * Each scenario runs RUNS times (3), with seeds made from SEED, under round robin, under
 * the default and under POLICY-PROGRAM (tools/policy_host.c with a policy).  The loss of
 * a run is
 *     mean + p99 / 10      in ms, where a call that failed counts as 1,000 ms
 * and the points of a scenario are
 *     100 x ln(loss of round robin / loss) / ln(loss of round robin / loss of default)
 * with the logarithms summed over the runs, not less than 0 and not more than 200.  So
 * each halving of the loss is worth the same.  A policy that breaks its contract in a run
 * has 0 points of the scenario.
 *
 * -o writes the figures for plot.awk, -j the points as JSON in the form of Gradescope.
 *
 * Two policies that choose the same nodes have the same loss to the last bit. */
#include <errno.h>
#include <limits.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "box.h"
#include "scenarios.h"

#define FAILED_US 1000000u /* what a failed call counts as */
#define BIN_US 500
#define BINS (FAILED_US / BIN_US + 1)
#define SECONDS SCENARIO_SECONDS
#define RUNS_MAX 20
#define MOST 200.0 /* points of a scenario */

enum side { ROUND_ROBIN, DEFAULT, OWN, SIDES };

/* `make debug`: policy.c in this process, for printf, gdb and sanitizers. */
#ifdef DEBUG_POLICY
extern const struct lb_policy debug_policy;
#define OPEN_OWN(program) ((void)(program), &debug_policy)
#define OWN_FAULT() NULL
#else
#define OPEN_OWN(program) box_open(program)
#define OWN_FAULT() box_fault()
#endif

static const char *const side_name[SIDES] = {"rr", "default", "own"};

extern const struct lb_policy own_policy; /* the file as handed out: round robin */

struct second {
    uint32_t bin[BINS], n, n_err; /* bin: calls by duration */
};

struct record { /* of a run */
    struct second second[SECONDS];
    uint32_t bin[BINS]; /* of all but the first second, as the rest */
    uint64_t n, n_err, sum_us;
    uint64_t node[SIM_NODES]; /* calls that it got */
};

static struct record record[SIDES];
static const char *program, *folder, *json_path;
static FILE *json; /* NULL = not wanted */
static uint64_t seed = 1;
static uint32_t n_runs = 3;

/* --- a run -------------------------------------------------------------------------- */

static void see(const struct sim_call *c, void *arg)
{
    struct record *r = arg;
    uint64_t us = c->ok ? c->ended_us - c->begun_us : FAILED_US;
    uint64_t at = c->ended_us / 1000000, bin;

    us = us < FAILED_US ? us : FAILED_US;
    bin = us / BIN_US;
    if (at < SECONDS) {
        r->second[at].bin[bin]++;
        r->second[at].n++;
        r->second[at].n_err += !c->ok;
    }
    if (at == 0)
        return;
    r->bin[bin]++;
    r->n++;
    r->n_err += !c->ok;
    r->sum_us += us;
    if (c->node < SIM_NODES)
        r->node[c->node]++;
}

static double quantile_ms(const uint32_t *bin, uint64_t n, double q)
{
    uint64_t seen = 0;
    uint32_t i;

    for (i = 0; i < BINS && n > 0; i++) {
        seen += bin[i];
        if ((double)seen >= q * (double)n)
            return i * (BIN_US / 1000.0);
    }
    return 0;
}

static double mean_ms(const struct record *r)
{
    return r->n > 0 ? (double)r->sum_us / (double)r->n / 1000 : FAILED_US / 1000.0;
}

static double loss(const struct record *r)
{
    return mean_ms(r) + quantile_ms(r->bin, r->n, 0.99) / 10;
}

/* False: the policy broke its contract, and box_fault() says how. */
static bool run(struct scenario *s, enum side side)
{
    struct sim_result unused;
    bool ok = true;

    memset(&record[side], 0, sizeof(record[side]));
    s->cfg.ended = see;
    s->cfg.arg = &record[side];
    s->cfg.policy = side == ROUND_ROBIN ? &own_policy
                    : side == DEFAULT   ? policies_at(0)
                                        : OPEN_OWN(program);
    if (s->cfg.policy && sim_run(&s->cfg, &unused) < 0) {
        fprintf(stderr, "score: no memory\n");
        exit(EXIT_FAILURE);
    }
    if (side == OWN) {
        ok = OWN_FAULT() == NULL;
        box_close();
    }
    return ok;
}

/* --- figures for the plots ---------------------------------------------------------- */

static FILE *must_open(const char *path)
{
    FILE *f = fopen(path, "w");

    if (!f) {
        fprintf(stderr, "score: %s: %s\n", path, strerror(errno));
        exit(EXIT_FAILURE);
    }
    return f;
}

static void write_side(FILE *f, const struct scenario *s, enum side side)
{
    const struct record *r = &record[side];
    uint32_t i;

    for (i = 0; i < SECONDS; i++)
        fprintf(f, "time,%s,%u,%.1f,%.1f,%u,%u\n", side_name[side], i,
                quantile_ms(r->second[i].bin, r->second[i].n, 0.5),
                quantile_ms(r->second[i].bin, r->second[i].n, 0.99), r->second[i].n_err,
                r->second[i].n);
    for (i = 0; i < s->cfg.n_node; i++)
        fprintf(f, "node,%s,%u,%.4f\n", side_name[side], i,
                r->n > 0 ? (double)r->node[i] * s->cfg.n_node / (double)r->n : 0);
}

/* The first run of a scenario: one line for each second, and one for each node. */
static void write_figures(uint32_t i, const struct scenario *s)
{
    char path[PATH_MAX];
    int side;
    FILE *f;

    snprintf(path, sizeof(path), "%s/%s.csv", folder, scenarios_name(i));
    f = must_open(path);
    fprintf(f, "title,%s: %s\n", scenarios_name(i), scenarios_about(i));
    for (side = 0; side < SIDES; side++)
        write_side(f, s, (enum side)side);
    fclose(f);
}

/* --- the score ---------------------------------------------------------------------- */

static double points(double gain, double range)
{
    double p = range > 0 ? 100 * gain / range : 0;

    return p < 0 ? 0 : p > MOST ? MOST : p;
}

static void write_json(uint32_t n, uint32_t i, double p, const char *fault)
{
    if (json)
        fprintf(json,
                "%s{\"name\":\"%s\",\"score\":%.1f,\"max_score\":100,"
                "\"output\":\"%s%s\"}",
                n > 0 ? "," : "", scenarios_name(i), p, fault ? "The policy " : "",
                fault ? fault : scenarios_about(i));
}

static double play(uint32_t i, uint32_t n)
{
    static struct scenario s;
    double gain = 0, range = 0, at[SIDES] = {0}, err = 0, p99 = 0, p;
    const char *fault = NULL;
    uint32_t k;
    int side;

    for (k = 0; k < n_runs && !fault; k++) {
        scenarios_make(i, seed * RUNS_MAX + k, &s);
        for (side = 0; side < SIDES; side++)
            if (!run(&s, (enum side)side))
                fault = OWN_FAULT();
        if (folder && k == 0)
            write_figures(i, &s);
        for (side = 0; side < SIDES; side++)
            at[side] += loss(&record[side]) / n_runs;
        gain += log(loss(&record[ROUND_ROBIN]) / loss(&record[OWN]));
        range += log(loss(&record[ROUND_ROBIN]) / loss(&record[DEFAULT]));
        p99 += quantile_ms(record[OWN].bin, record[OWN].n, 0.99) / n_runs;
        err += 100.0 * (double)record[OWN].n_err / (double)(record[OWN].n + 1) / n_runs;
    }
    p = fault ? 0 : points(gain, range);
    if (fault)
        printf("| %-9s |                                              | %6.1f |\n",
               scenarios_name(i), p);
    else
        printf("| %-9s | %8.1f %8.1f %8.1f | %7.1f %8.2f | %6.1f |\n", scenarios_name(i),
               at[ROUND_ROBIN], at[DEFAULT], at[OWN], p99, err, p);
    if (fault)
        printf("  0 points of it, because the policy %s.\n", fault);
    fflush(stdout);
    write_json(n, i, p, fault);
    return p;
}

static _Noreturn void usage(void)
{
    uint32_t i;

    fprintf(stderr,
            "usage: score [-s SEED] [-n RUNS, 1 to %d] [-o FOLDER] [-j FILE] "
            "POLICY-PROGRAM [SCENARIO...]\n",
            RUNS_MAX);
    for (i = 0; i < SCENARIOS; i++)
        fprintf(stderr, "  %-9s %s\n", scenarios_name(i), scenarios_about(i));
    exit(2);
}

static void read_options(int argc, char **argv)
{
    int c;

    while ((c = getopt(argc, argv, "s:n:o:j:")) != -1) {
        if (c == 's')
            seed = strtoull(optarg, NULL, 10);
        else if (c == 'n')
            n_runs = (uint32_t)strtoul(optarg, NULL, 10);
        else if (c == 'o')
            folder = optarg;
        else if (c == 'j')
            json_path = optarg;
        else
            usage();
    }
    if (optind == argc || n_runs < 1 || n_runs > RUNS_MAX)
        usage();
    program = argv[optind++];
    for (c = optind; c < argc; c++)
        if (scenarios_find(argv[c]) < 0)
            usage();
}

int main(int argc, char **argv)
{
    double sum = 0;
    uint32_t i, n = 0;
    int k;

    read_options(argc, argv);
    json = json_path ? must_open(json_path) : NULL;
    if (json)
        fprintf(json, "{\"tests\":[");
    printf("|           | loss, ms: rr  default  policy | p99, ms   errors %% | points "
           "|\n"
           "|-----------|----------------------------|------------------|--------|\n");
    for (i = 0; i < SCENARIOS; i++) {
        for (k = optind; k < argc && strcmp(argv[k], scenarios_name(i)) != 0; k++)
            continue;
        if (k == argc && optind < argc)
            continue;
        sum += play(i, n);
        n++;
    }
    printf("Score: %.0f/100\n", floor(sum / n));
    if (json)
        fprintf(json, "],\"score\":%.0f}\n", floor(sum / n));
    if (json && fclose(json) != 0) {
        fprintf(stderr, "score: %s: %s\n", json_path, strerror(errno));
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}
