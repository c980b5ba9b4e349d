/* simulator -- plays business code: asks the agent for nodes, lets a share of the calls
 * fail, reports, and prints who is picked and when nodes go overload and come back.
 * `simulator --help` explains the options.
 *
 * "Overloaded" and "back" are what the classic algorithm, fed with the same calls,
 * decides here; the agent decides the same when no other caller reports on this module.
 */
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
#include "base/opts.h"
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

/* The node's entry; a new one when the route has changed.  NULL: too many. */
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

/* In the mirror a node is its index. */
static void note(const struct classic_node *n, void *arg)
{
    const uint32_t *call = arg;
    struct node *at = &node[n->node.ip];

    if (at->away != n->overload)
        printf("call %u: %s is %s\n", *call, name(at),
               n->overload ? "overloaded" : "back");
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

static struct settings {
    uint32_t calls, gap_ms, bad_nodes;
} set;

#define AT(field) offsetof(struct settings, field)
static const struct conf_key keys[] = {
    {"", "calls", CONF_U32, AT(calls), 0, 1000000000, "1000", "how many calls to make"},
    {"", "gap_ms", CONF_U32, AT(gap_ms), 0, 3600000, "0", "ms between two calls"},
    {"", "bad_nodes", CONF_U32, AT(bad_nodes), 0, NODES_MAX, "64", "how many nodes fail"},
    {NULL, NULL, CONF_U32, 0, 0, 0, NULL, NULL}};

static const struct opts_flag flags[] = {
    {'n', "calls", "N", "", "calls", NULL, "Make N calls."},
    {'i', "gap-ms", "MS", "", "gap_ms", NULL,
     "Wait this many milliseconds between two calls."},
    {'b', "bad-nodes", "N", "", "bad_nodes", NULL,
     "Only calls of the first N nodes may fail."},
    {0}};

static const struct opts_program program = {
    .name = "simulator",
    .summary = "plays business code: asks the agent for nodes, lets a share of the calls "
               "fail, and shows which nodes are picked",
    .operands = "MODID CMDID [ERROR_PERCENT]",
    .min = 2,
    .max = 3,
    .about =
        "It finds the agent as every caller does: LARS_ADDRESS, LARS_PORT and LARS_DIR "
        "override the defaults. \"Overloaded\" and \"back\" are what the classic "
        "algorithm, fed with the same calls, decides here: it agrees with the agent when "
        "no other caller reports on this module.",
    .flags = flags,
    .keys = keys,
    .exits = OPTS_EXITS};

int main(int argc, char **argv)
{
    struct lars_client *c;
    uint32_t modid, cmdid;
    int rc = opts_main(&program, argc, argv, &set);

    if (rc != OPTS_RUN)
        return rc;
    n_calls = set.calls;
    gap_ms = set.gap_ms;
    bad = set.bad_nodes;
    rc = opts_operand_u32(&program, "MODID", argv[optind], UINT32_MAX, &modid);
    if (rc == 0)
        rc = opts_operand_u32(&program, "CMDID", argv[optind + 1], UINT32_MAX, &cmdid);
    if (rc == 0 && argc - optind == 3)
        rc = opts_operand_u32(&program, "ERROR_PERCENT", argv[optind + 2], 100, &err_pct);
    if (rc != 0)
        return rc;
    rc = lars_open(&c, NULL);
    if (rc < 0) {
        fprintf(stderr, "simulator: cannot open a client: %s\n", lars_strerror(rc));
        return EXIT_FAILURE;
    }
    rc = run(c, modid, cmdid);
    classic_destroy(mirror);
    lars_close(c);
    if (rc < 0)
        fprintf(stderr, "simulator: %u/%u: %s\n", modid, cmdid, lars_strerror(rc));
    summary();
    return rc < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
