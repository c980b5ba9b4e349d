/* lb_sim -- the classic algorithm in virtual time: what it does when nodes fail.
 * `lb_sim --help` explains the options.
 *
 * Nothing waits: a minute takes a moment, and the same seed gives the same lines. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/opts.h"
#include "base/rnd.h"
#include "lb/classic.h"

#define NODES_MAX 64
#define STEP_MS 100                   /* between two ticks */
#define RUN_S 100

static struct {
    struct classic *lb;
    struct rnd rnd;
    uint32_t nodes, rate,
        err[NODES_MAX];               /* err: per cent of each node's calls that fail */
    bool was_over[NODES_MAX];
    uint64_t now_ms, ok, failed, refused;
    bool quiet;
} sim;

static void call(void)
{
    struct route_node n;
    bool ok;

    if (classic_pick(sim.lb, &n) < 0) {
        sim.refused++;
        return;
    }
    ok = rnd_u32(&sim.rnd) % 100 >= sim.err[n.ip];
    sim.ok += ok;
    sim.failed += !ok;
    classic_report(sim.lb, &n, ok, 0, sim.now_ms);
}

static void note_node(const struct classic_node *n, void *arg)
{
    (void)arg;
    if (n->overload == sim.was_over[n->node.ip])
        return;
    sim.was_over[n->node.ip] = n->overload;
    if (!sim.quiet)
        printf("%7.1f s  node %u %s\n", (double)sim.now_ms / 1000, n->node.ip,
               n->overload ? "overloaded" : "back");
}

static void run_ms(uint32_t ms)
{
    uint64_t end = sim.now_ms + ms;

    for (; sim.now_ms < end; sim.now_ms += STEP_MS) {
        uint32_t i;

        for (i = 0; i < sim.rate * STEP_MS / 1000; i++) {
            call();
            classic_each(sim.lb, note_node, NULL);
        }
        classic_tick(sim.lb, sim.now_ms);
        classic_each(sim.lb, note_node, NULL);
    }
}

/* Fresh nodes, none of which fails. */
static int begin(void)
{
    struct route_node node[NODES_MAX];
    uint32_t i;
    int rc;

    classic_destroy(sim.lb);
    sim.lb = NULL;
    rc = classic_create(&sim.lb, &classic_defaults);
    for (i = 0; i < sim.nodes; i++)
        node[i] = (struct route_node){i, 1};
    memset(sim.err, 0, sizeof(sim.err));
    memset(sim.was_over, 0, sizeof(sim.was_over));
    sim.now_ms = 1000;
    return rc < 0 ? rc : classic_set_nodes(sim.lb, node, sim.nodes, sim.now_ms);
}

static void fail_nodes(uint32_t from, uint32_t to, uint32_t per_cent)
{
    for (; from < to; from++)
        sim.err[from] = per_cent;
}

/* What became of the calls since the last line. */
static void print_line(const char *what)
{
    uint64_t all = sim.ok + sim.failed + sim.refused;

    printf("%-34s ok %6.2f %%   failed %6.2f %%   refused %6.2f %%\n", what,
           100.0 * (double)sim.ok / (double)all, 100.0 * (double)sim.failed / (double)all,
           100.0 * (double)sim.refused / (double)all);
    sim.ok = sim.failed = sim.refused = 0;
}

static void zone(void)
{
    run_ms(10000);
    print_line("10 s, all well");
    fail_nodes(0, sim.nodes / 2, 100);
    run_ms(1000);
    print_line("the zone dies: the first second");
    run_ms(59000);
    print_line("the rest of its minute");
    fail_nodes(0, sim.nodes, 0);
    run_ms(30000);
    print_line("back: 30 s");
}

static void uniform(void)
{
    static const uint32_t per_cent[] = {5, 10, 12, 15, 20, 30};
    char what[60];
    size_t i;

    sim.quiet = true;
    for (i = 0; i < sizeof(per_cent) / sizeof(per_cent[0]); i++) {
        if (begin() < 0)
            return;
        fail_nodes(0, sim.nodes, per_cent[i]);
        run_ms(RUN_S * 1000);
        snprintf(what, sizeof(what), "%2u %% of all calls fail, %d s", per_cent[i],
                 RUN_S);
        print_line(what);
    }
}

static void one(void)
{
    fail_nodes(0, 1, 100);
    run_ms(20000);
    print_line("node 0 fails, 20 s");
    fail_nodes(0, 1, 0);
    run_ms(20000);
    print_line("it is well again, 20 s");
}

static struct settings {
    uint32_t nodes, rate, seed;
} set;

#define AT(field) offsetof(struct settings, field)
static const struct conf_key keys[] = {
    {"", "nodes", CONF_U32, AT(nodes), 1, NODES_MAX, "8", "how many nodes there are"},
    {"", "rate", CONF_U32, AT(rate), 10, 100000, "1000", "calls a second"},
    {"", "seed", CONF_U32, AT(seed), 1, 4000000000u, "1", "the seed"},
    {NULL, NULL, CONF_U32, 0, 0, 0, NULL, NULL}};

static const struct opts_flag flags[] = {
    {'n', "nodes", "N", "", "nodes", NULL, "Simulate N nodes, 1 to 64."},
    {'r', "rate", "CALLS", "", "rate", NULL,
     "Make this many calls a second, 10 to 100000."},
    {'s', "seed", "SEED", "", "seed", NULL, "Begin the random numbers with this seed."},
    {0}};

static const struct opts_program program = {
    .name = "lb_sim",
    .summary = "shows in virtual time what the classic algorithm does when nodes fail",
    .operands = "zone|uniform|one",
    .min = 1,
    .max = 1,
    .about =
        "zone: half of the nodes fail for a minute. uniform: every call fails with the "
        "same probability, whatever the node. one: one node fails, then recovers.\n"
        "Nothing waits: a minute takes a moment, and the same seed gives the same lines.",
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
    if (strcmp(what, "zone") != 0 && strcmp(what, "uniform") != 0 &&
        strcmp(what, "one") != 0) {
        fprintf(stderr, "lb_sim: %s: there is no such scenario; see lb_sim --help\n",
                what);
        return 2;
    }
    sim.nodes = set.nodes;
    sim.rate = set.rate;
    rnd_init(&sim.rnd, set.seed);
    printf("%u nodes, %u calls/s, seed %u, %s\n", sim.nodes, sim.rate, set.seed, what);
    if (begin() < 0)
        return EXIT_FAILURE;
    if (what[0] == 'z')
        zone();
    else if (what[0] == 'u')
        uniform();
    else
        one();
    classic_destroy(sim.lb);
    return EXIT_SUCCESS;
}
