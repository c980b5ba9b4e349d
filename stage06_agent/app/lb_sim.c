/* lb_sim -- simulates the classic algorithm in virtual time and shows how it reacts to
 * failures.
 *     build/lb_sim zone     half of the nodes fail for a minute
 *     build/lb_sim uniform  every call fails with the same probability at every node
 *     build/lb_sim one      one node fails, then recovers
 *     -n NODES (8)  -r CALLS_PER_SECOND (1000)  -s SEED (1)
 * The program does not wait: a simulated minute takes less than a second, and the same
 * seed prints the same lines. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/rnd.h"
#include "lb/classic.h"

#define NODES_MAX 64
#define STEP_MS 100                   /* simulated time between two ticks */
#define RUN_S 100                     /* length of a run of uniform() */

static struct {
    struct classic *lb;
    struct rnd rnd;
    uint32_t nodes, rate,
        err[NODES_MAX];               /* err: per cent of calls that fail */
    bool was_over[NODES_MAX];
    uint64_t now_ms, ok, failed, refused;
    bool quiet;
} sim = {.nodes = 8, .rate = 1000};

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
               n->overload ? "overloaded" : "idle again");
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

/* Start again with new nodes, none of which fails. */
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

/* Print the results of the calls since the last line. */
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
    print_line("10 s without failures");
    fail_nodes(0, sim.nodes / 2, 100);
    run_ms(1000);
    print_line("half fails: the first second");
    run_ms(59000);
    print_line("half fails: the next 59 s");
    fail_nodes(0, sim.nodes, 0);
    run_ms(30000);
    print_line("recovered: the next 30 s");
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
    print_line("node 0 has recovered, 20 s");
}

int main(int argc, char **argv)
{
    uint32_t seed = 1;
    const char *what;
    int opt;

    while ((opt = getopt(argc, argv, "n:r:s:")) != -1)
        *(opt == 'n'   ? &sim.nodes
          : opt == 'r' ? &sim.rate
                       : &seed) = opt == '?' ? 0 : (uint32_t)strtoul(optarg, NULL, 10);
    what = optind < argc ? argv[optind] : "";
    if (!*what || !strstr("zone uniform one", what) || sim.nodes < 1 ||
        sim.nodes > NODES_MAX || sim.rate < 10 || sim.rate > 100000 || seed == 0) {
        fprintf(stderr, "usage: lb_sim zone|uniform|one [-n NODES] [-r CALLS_PER_SECOND]"
                        " [-s SEED]\n");
        return 2;
    }
    rnd_init(&sim.rnd, seed);
    printf("%u nodes, %u calls/s, seed %u, %s\n", sim.nodes, sim.rate, seed, what);
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
