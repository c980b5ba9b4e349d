/* simulator -- plays business code: gets nodes from the agent, lets a part of the calls
 * fail and reports them.  Prints when nodes become overloaded or idle again, and how
 * often each was picked.
 *     build/simulator MODID CMDID [ERRPCT] [-n CALLS] [-i MS] [-b BAD_NODES]
 * ERRPCT per cent of the calls fail, at all nodes, or with -b at the first BAD_NODES.
 * The simulator feeds a classic algorithm of its own with the same calls and prints
 * the states of that; the agent has the same states as long as it gets no other
 * reports on this module. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "api/lars.h"
#include "base/mono.h"
#include "base/rnd.h"
#include "lb/classic.h"

#define NODES_MAX 64

static struct node {
    struct lars_addr addr;
    uint32_t picked, failed;
    bool away;                        /* overloaded */
} node[NODES_MAX];

static uint32_t n_nodes, n_calls = 1000, gap_ms, err_pct, bad = NODES_MAX;
static struct classic *mirror;
static uint32_t n_ok, n_failed, n_overload;

static const char *name(const struct node *n)
{
    static char text[INET6_ADDRSTRLEN + 8];
    char ip[INET6_ADDRSTRLEN];

    inet_ntop(n->addr.family, n->addr.ip, ip, sizeof(ip));
    snprintf(text, sizeof(text), "%s:%u", ip, n->addr.port);
    return text;
}

/* Find or add the entry of a node.  Returns NULL when there are too many. */
static struct node *find(const struct lars_addr *a)
{
    uint32_t i;

    for (i = 0; i < n_nodes; i++)
        if (memcmp(&node[i].addr, a, sizeof(*a)) == 0)
            return &node[i];
    if (n_nodes == NODES_MAX)
        return NULL;
    node[n_nodes].addr = *a;
    return &node[n_nodes++];
}

/* In the algorithm of the simulator, the ip of a node is its index. */
static void note(const struct classic_node *n, void *arg)
{
    const uint32_t *call = arg;
    struct node *at = &node[n->node.ip];

    if (at->away != n->overload)
        printf("call %u: %s is %s\n", *call, name(at),
               n->overload ? "overloaded" : "idle again");
    at->away = n->overload;
}

static void reflect(uint32_t i, const struct node *n, bool ok, uint32_t cost_ms)
{
    struct route_node at = {(uint32_t)(n - node), 1};

    classic_report(mirror, &at, ok, cost_ms, mono_ms());
    classic_tick(mirror, mono_ms());
    classic_each(mirror, note, &i);
}

static int one_call(struct lars_client *c, uint32_t i, uint32_t modid, uint32_t cmdid,
                    struct rnd *rnd)
{
    struct lars_host h;
    struct node *n;
    bool fails;
    int rc = lars_get_host(c, modid, cmdid, &h);

    if (rc == -EAGAIN) {
        n_overload++;
        return 0;
    }
    if (rc < 0)
        return rc;
    n = find(&h.addr);
    if (!n)
        return -ENOBUFS;
    fails = (uint32_t)(n - node) < bad && rnd_u32(rnd) % 100 < err_pct;
    n->picked++;
    n->failed += fails;
    n_ok += !fails;
    n_failed += fails;
    reflect(i, n, !fails, (uint32_t)((mono_us() - h.start_us) / 1000));
    return lars_report(c, &h, fails);
}

static int run(struct lars_client *c, uint32_t modid, uint32_t cmdid)
{
    struct timespec gap = {gap_ms / 1000, (long)(gap_ms % 1000) * 1000000};
    struct lars_addr addr[NODES_MAX];
    struct route_node at[NODES_MAX];
    struct rnd rnd;
    uint32_t i;
    int rc = lars_register(c, modid, cmdid), n;

    n = rc < 0 ? rc : lars_get_route(c, modid, cmdid, addr, NODES_MAX);
    if (n < 0)
        return n;
    for (i = 0; i < (uint32_t)n; i++) {
        find(&addr[i]);
        at[i] = (struct route_node){i, 1};
    }
    rc = classic_create(&mirror, &classic_defaults);
    if (rc == 0)
        rc = classic_set_nodes(mirror, at, n_nodes, mono_ms());
    rnd_init(&rnd, 1);
    for (i = 1; i <= n_calls && rc == 0; i++) {
        rc = one_call(c, i, modid, cmdid, &rnd);
        if (gap_ms > 0)
            clock_nanosleep(CLOCK_MONOTONIC, 0, &gap, NULL);
    }
    return rc;
}

static void summary(void)
{
    uint32_t i;

    for (i = 0; i < n_nodes; i++)
        printf("%-21s picked %u failed %u\n", name(&node[i]), node[i].picked,
               node[i].failed);
    printf("calls %u ok %u failed %u overload %u\n", n_ok + n_failed + n_overload, n_ok,
           n_failed, n_overload);
}

int main(int argc, char **argv)
{
    struct lars_client *c;
    uint32_t modid, cmdid;
    int opt, rc;

    while ((opt = getopt(argc, argv, "n:i:b:")) != -1)
        if (opt != '?')
            *(opt == 'n'   ? &n_calls
              : opt == 'i' ? &gap_ms
                           : &bad) = (uint32_t)strtoul(optarg, NULL, 10);
    if (argc - optind < 2 || argc - optind > 3) {
        fprintf(stderr, "usage: simulator MODID CMDID [ERRPCT] [-n CALLS] [-i MS]"
                        " [-b BAD_NODES]\n");
        return 2;
    }
    modid = (uint32_t)strtol(argv[optind], NULL, 10);
    cmdid = (uint32_t)strtol(argv[optind + 1], NULL, 10);
    if (argc - optind == 3)
        err_pct = (uint32_t)strtoul(argv[optind + 2], NULL, 10);
    rc = lars_open(&c, NULL);
    if (rc < 0)
        return EXIT_FAILURE;
    rc = run(c, modid, cmdid);
    classic_destroy(mirror);
    lars_close(c);
    if (rc < 0)
        fprintf(stderr, "simulator: %u/%u: %s\n", modid, cmdid, strerror(-rc));
    summary();
    return rc < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
