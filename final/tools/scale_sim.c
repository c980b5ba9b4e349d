/* scale_sim -- our rule of scaling beside two others in virtual time of days.
 * `scale_sim --help` explains the options.
 *
 * Nothing waits: a day takes a few milliseconds, and the same seed gives the same lines,
 * which are rows of a table in Markdown. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/opts.h"
#include "scale/sim_day.h"

static struct settings {
    uint32_t days, seed, noise, mean, zones, start;
} set;

static const struct contestant {
    const struct sim_rule *rule;
    bool floor;
} contestants[] = {{&sim_rule_ours, true},     {&sim_rule_hpa, true},
                   {&sim_rule_hpa_slow, true}, {&sim_rule_knative, true},
                   {&sim_rule_hpa, false},     {&sim_rule_knative, false}};

static struct sim_day day_of(const struct contestant *c, uint32_t i)
{
    struct sim_day d = sim_day_usual;

    d.rule = c->rule;
    d.floor = c->floor;
    d.seed = set.seed + i;
    d.noise = set.noise / 100.0;
    d.mean = set.mean;
    d.zones = set.zones;
    d.start_s = set.start;
    return d;
}

static void run_day(const struct sim_day *d, struct sim_day_figures *f)
{
    int rc = sim_day_run(d, f);

    if (rc == 0)
        return;
    fprintf(stderr, "scale_sim: a day could not be simulated: %s\n", strerror(-rc));
    exit(EXIT_FAILURE);
}

static void print_name(const struct contestant *c)
{
    struct need_rule r = {0.70, c->floor ? 0.90 : 1e9, set.zones};

    printf("| %s%s, %.2f of a node", c->rule->name,
           set.zones < 2 ? ""
           : c->floor    ? ", survives the loss of a zone"
                         : ", without that",
           sim_rules_target(&r));
}

static void print_days(const struct contestant *c)
{
    struct sim_day_figures sum = {0}, f;
    uint32_t i, most = 0, n = set.days;

    for (i = 0; i < n; i++) {
        struct sim_day d = day_of(c, i);

        run_day(&d, &f);
        sum.up += f.up;
        sum.down += f.down;
        sum.short_s += f.short_s;
        sum.unsafe_s += f.unsafe_s;
        sum.nodes += f.nodes;
        sum.capacity += f.capacity;
        sum.capacity_exact += f.capacity_exact;
        most = f.actions > most ? f.actions : most;
    }
    print_name(c);
    printf(" | %.1f | %u | %.1f | %.1f | %.1f | %.0f | %.1f | %.3f | %.3f |\n",
           (double)(sum.up + sum.down) / n, most, (double)sum.up / n,
           (double)sum.down / n, (double)sum.short_s / n, (double)sum.unsafe_s / n,
           sum.nodes / n, sum.capacity / n, sum.capacity_exact / n);
}

static void days(void)
{
    size_t i, n = sizeof(contestants) / sizeof(contestants[0]);

    printf("| rule | changes a day | most in a day | up | down | short, s a day | "
           "a lost zone would be short, s a day | nodes | to the ideal | to the ideal "
           "before "
           "rounding |\n| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |\n");
    for (i = 0; i < n; i++)
        if (set.zones >= 2 || contestants[i].floor)
            print_days(&contestants[i]);
}

/* Half an hour of an even load before the step, ten minutes after it. */
static void print_step(const struct contestant *c, unsigned times)
{
    struct sim_day_figures f;
    unsigned most = 0, first_two = 0, i;
    double decided = 0, ordered = 0, enough = 0, short_s = 0, n = set.days;

    for (i = 0; i < set.days; i++) {
        struct sim_day d = day_of(c, i);

        d.wave = 0;
        d.before_s = 1200;
        d.seconds = 1200;
        d.step = times;
        run_day(&d, &f);
        first_two += f.decided_s <= 2;
        most = f.decided_s > most ? f.decided_s : most;
        decided += f.decided_s / n;
        ordered += f.ordered_s / n;
        enough += f.enough_s / n;
        short_s += f.short_s / n;
    }
    print_name(c);
    printf(" | x%u | %.1f | %u | %.0f %% | %.1f | %.1f | %.1f |\n", times, decided, most,
           100 * first_two / n, ordered, enough, short_s);
}

static void steps(void)
{
    size_t i, n = sizeof(contestants) / sizeof(contestants[0]);

    printf("| rule | step | first order, s | the latest, s | in the first two seconds | "
           "nine tenths ordered, s | enough nodes, s | short, s |\n"
           "| --- | --- | --- | --- | --- | --- | --- | --- |\n");
    for (i = 0; i < n; i++)
        if (set.zones >= 2 || contestants[i].floor) {
            print_step(&contestants[i], 3);
            print_step(&contestants[i], 8);
        }
}

#define AT(field) offsetof(struct settings, field)
static const struct conf_key keys[] = {
    {"", "days", CONF_U32, AT(days), 1, 10000, "30", "how many days, or steps"},
    {"", "seed", CONF_U32, AT(seed), 1, 4000000000u, "1",
     "the seed of the first; each next one adds 1"},
    {"", "noise", CONF_U32, AT(noise), 0, 100, "10",
     "standard deviation of the noise, per cent"},
    {"", "mean", CONF_U32, AT(mean), 1, 10000, "20", "mean load, in nodes"},
    {"", "zones", CONF_U32, AT(zones), 1, 16, "2", "how many zones"},
    {"", "start", CONF_U32, AT(start), 1, 600, "30", "seconds until a node serves"},
    {NULL, NULL, CONF_U32, 0, 0, 0, NULL, NULL}};

static const struct opts_flag flags[] = {
    {'d', "days", "N", "", "days", NULL, "Simulate N days, or N steps of each kind."},
    {'s', "seed", "SEED", "", "seed", NULL, "Begin with this seed."},
    {'n', "noise", "PERCENT", "", "noise", NULL, "Standard deviation of the noise."},
    {'m', "mean", "NODES", "", "mean", NULL, "Mean load of a day, in nodes."},
    {'z', "zones", "N", "", "zones", NULL, "Simulate N zones."},
    {'t', "start", "SECONDS", "", "start", NULL,
     "Time from the order of a node to service."},
    {0}};

static const struct opts_program program = {
    .name = "scale_sim",
    .summary = "compares our rule of scaling with two others in virtual time of days",
    .operands = "days|steps",
    .min = 1,
    .max = 1,
    .about =
        "days: a wave of +-50 % with noise that is correlated for 30 s. steps: an even "
        "load with noise that becomes three or eight times as high.\n"
        "Nothing waits, and the same seed gives the same lines.",
    .flags = flags,
    .keys = keys,
    .exits = OPTS_EXITS};

int main(int argc, char **argv)
{
    const char *what;
    int rc = opts_main(&program, argc, argv, &set);

    if (rc != OPTS_RUN)
        return rc;
    what = argv[optind];
    if (strcmp(what, "days") != 0 && strcmp(what, "steps") != 0) {
        fprintf(stderr,
                "scale_sim: %s: it simulates days or steps; see scale_sim --help\n",
                what);
        return 2;
    }
    printf(
        "%u %s from seed %u, noise %u %%, mean load %u nodes, %u zones, nodes start in "
        "%u s\n\n",
        set.days, what, set.seed, set.noise, set.mean, set.zones, set.start);
    if (what[0] == 'd')
        days();
    else
        steps();
    return EXIT_SUCCESS;
}
