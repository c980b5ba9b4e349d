#include "scenarios.h"

#include <errno.h>
#include <string.h>

#include "base/rnd.h"

/* A number from a to b. */
static double between(struct rnd *r, double a, double b)
{
    return a + (b - a) * (rnd_u32(r) / 4294967296.0);
}

static uint32_t below(struct rnd *r, uint32_t n)
{
    return (uint32_t)((uint64_t)rnd_u32(r) * n >> 32);
}

static void add(struct scenario *s, double at_s, enum sim_what what, uint64_t nodes,
                double value)
{
    if (s->cfg.n_change < SCENARIO_CHANGES)
        s->change[s->cfg.n_change++] = (struct sim_change){at_s, what, nodes, value};
}

/* Bits of <n> different nodes of the first <of>. */
static uint64_t some(struct rnd *r, uint32_t n, uint32_t of)
{
    uint64_t bits = 0;
    uint32_t i;

    while (n > 0) {
        i = below(r, of);
        n -= (bits >> i & 1) == 0;
        bits |= 1ull << i;
    }
    return bits;
}

static void uniform(struct scenario *s, struct rnd *r)
{
    s->cfg.load = between(r, 0.7, 0.8);
}

/* It works on, at a part of its speed: no check and no error shows it. */
static void slow(struct scenario *s, struct rnd *r)
{
    uint64_t node = some(r, 1, s->cfg.n_node);

    add(s, between(r, 3, 5), SIM_SPEED, node, between(r, 0.15, 0.35));
    add(s, between(r, 15, 17), SIM_SPEED, node, 1);
}

/* It answers some calls, and an error to the others. */
static void failing(struct scenario *s, struct rnd *r)
{
    uint64_t node = some(r, 1, s->cfg.n_node);

    s->cfg.load = between(r, 0.7, 0.78);
    add(s, between(r, 3, 5), SIM_ERR, node, between(r, 0.3, 0.6));
    add(s, between(r, 15, 17), SIM_ERR, node, 0);
}

/* Its process ends and is started again, and again. */
static void flapping(struct scenario *s, struct rnd *r)
{
    uint64_t node = some(r, 1, s->cfg.n_node), slower = some(r, 2, s->cfg.n_node);
    double at = between(r, 2, 3);

    add(s, 0, SIM_SPEED, slower, 0.5);
    while (at < SCENARIO_SECONDS - 2) {
        add(s, at, SIM_DEAD, node, 1);
        at += between(r, 0.2, 0.8);
        add(s, at, SIM_DEAD, node, 0);
        at += between(r, 0.8, 2.5);
    }
}

/* A deployment: one node after the other ends, starts, and is slow until its caches are
 * full. */
static void cold(struct scenario *s, struct rnd *r)
{
    double at = between(r, 2, 3), gap = between(r, 1.4, 1.8), t;
    uint64_t node;

    for (node = 1; at < SCENARIO_SECONDS - 4 && node >> s->cfg.n_node == 0; node <<= 1) {
        add(s, at, SIM_DEAD, node, 1);
        t = at + between(r, 0.2, 0.4);
        add(s, t, SIM_SPEED, node, 0.1);
        add(s, t, SIM_DEAD, node, 0);
        add(s, t + 1, SIM_SPEED, node, 0.25);
        add(s, t + 2, SIM_SPEED, node, 0.5);
        add(s, t + 3, SIM_SPEED, node, 1);
        at += gap;
    }
}

/* Callers are in the first zone.  It loses nodes, and another one gets slow; the second
 * zone has room. */
static void zones(struct scenario *s, struct rnd *r)
{
    uint32_t own = 7 + below(r, 2);
    uint64_t lost = some(r, 2, own), slower = some(r, 2, own) & ~lost;
    double at = between(r, 4, 6);

    s->cfg.n_node = 2 * own;
    s->cfg.n_own = own;
    s->cfg.load = between(r, 0.24, 0.28); /* of both zones */
    add(s, at, SIM_DEAD, lost, 1);
    add(s, at + 1, SIM_SPEED, slower, between(r, 0.5, 0.6));
    add(s, at + between(r, 7, 9), SIM_DEAD, lost, 0);
}

/* More calls than all nodes together can serve, for a short while.  The nodes are of
 * different speed. */
static void overload(struct scenario *s, struct rnd *r)
{
    uint64_t fast = some(r, s->cfg.n_node / 4, s->cfg.n_node);
    uint64_t half = some(r, s->cfg.n_node / 4, s->cfg.n_node) & ~fast;
    double at = between(r, 5, 7);
    uint32_t i;

    for (i = 0; i < s->cfg.n_node; i++)
        s->cfg.speed[i] = fast >> i & 1 ? 2 : half >> i & 1 ? 0.5 : 1;
    s->cfg.load = between(r, 0.55, 0.6);
    add(s, at, SIM_LOAD, 0, between(r, 1.9, 2.1));
    add(s, at + between(r, 1.5, 2.5), SIM_LOAD, 0, 1);
}

static const struct {
    const char *name, *about;
    void (*make)(struct scenario *s, struct rnd *r);
} all[SCENARIOS] = {{"uniform", "nodes alike, load 0.7 to 0.8", uniform},
                    {"slow", "one node at a sixth to a third of its speed", slow},
                    {"failing", "one node fails 30 to 60 %, at load 0.7", failing},
                    {"flapping", "one node ends and starts again all the time", flapping},
                    {"cold", "nodes restart one by one and start slow", cold},
                    {"zones", "the own zone loses nodes, the other one has room", zones},
                    {"overload", "for about 2 s more calls than the nodes can serve",
                     overload}};

const char *scenarios_name(uint32_t i)
{
    return all[i].name;
}

const char *scenarios_about(uint32_t i)
{
    return all[i].about;
}

int scenarios_find(const char *name)
{
    uint32_t i;

    for (i = 0; i < SCENARIOS; i++)
        if (strcmp(all[i].name, name) == 0)
            return (int)i;
    return -EINVAL;
}

void scenarios_make(uint32_t i, uint64_t seed, struct scenario *out)
{
    struct rnd r;
    uint32_t k;

    rnd_init(&r, (seed * SCENARIOS + i + 1) * 0x9e3779b97f4a7c15u);
    for (k = 0; k < 8; k++) /* of seeds that are alike, the first are alike */
        (void)rnd_u32(&r);
    *out = (struct scenario){.cfg = sim_preset};
    out->cfg.seed = (uint64_t)rnd_u32(&r) + 1;
    out->cfg.n_host = 4;
    out->cfg.n_node = out->cfg.n_own = 10 + below(&r, 5);
    for (k = 0; k < SIM_NODES; k++)
        out->cfg.speed[k] = 1;
    out->cfg.n_worker = 2;
    out->cfg.service_ms = 20;
    out->cfg.load = between(&r, 0.55, 0.65);
    out->cfg.hiccups = false;
    out->cfg.seconds = SCENARIO_SECONDS;
    out->cfg.change = out->change;
    all[i].make(out, &r);
}
