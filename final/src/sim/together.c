/* The policy is wrr, which calls every node in turn: a policy that prefers fast nodes
 * would hide one that is not recognised as down.
 *
 * Rejected: every set of nodes instead of every number.  With 8 nodes a zone these are
 * 65,536 runs in place of 80, and nodes differ in nothing but their number. */
#include "sim/together.h"

#include <errno.h>
#include <stdio.h>

#include "sim/sim.h"

#define SECONDS                                                                          \
    8 /* 4 of them with the fault; the last 2 count as
                                       * steady */
#define CALLS_PER_S 200.0 /* in each zone */

static struct sim_config config_of(const struct together_config *c, const uint32_t *down,
                                   uint32_t seed)
{
    struct sim_config s = sim_preset;
    uint64_t faulty = 0;
    uint32_t z, i;

    s.n_node = s.n_own = c->zones * c->per_zone;
    for (i = 0; i < s.n_node; i++)
        s.speed[i] = 1;
    for (z = 0; z < c->zones; z++)
        for (i = 0; i < down[z]; i++)
            faulty |= 1ull << (z * c->per_zone + i);
    *(c->silent ? &s.silent : &s.dead) = faulty;
    s.agent_dead = c->agent_dies ? 1 : 0;
    s.agent_gap_ms = c->agent_gap_ms;
    s.hiccups = false;
    s.policy = policies_at((uint32_t)policies_find("wrr"));
    s.n_zone = s.n_host = c->zones;
    s.service_ms = 1;
    s.load = CALLS_PER_S * c->zones * s.service_ms / 1000 / (s.n_node * s.n_worker);
    s.seed = seed;
    s.seconds = SECONDS;
    s.timeout_ms = 200;
    s.tick_ms = 20;
    return s;
}

/* Writes "3+2".  Returns its length. */
static int write_down(char *out, const uint32_t *down, uint32_t zones)
{
    uint32_t z;
    int n = 0;

    for (z = 0; z < zones; z++)
        n += snprintf(out + n, (size_t)(TOGETHER_TEXT - n), "%s%u", z > 0 ? "+" : "",
                      down[z]);
    return n;
}

static int run_one(const struct together_config *c, const uint32_t *down, uint32_t seed,
                   struct together_result *out)
{
    struct sim_config s = config_of(c, down, seed);
    struct sim_result r;
    int rc = sim_run(&s, &r), n;

    if (rc < 0)
        return rc;
    if (r.n_err_late > 0 && out->n_unsteady++ == 0) {
        n = write_down(out->unsteady, down, c->zones);
        snprintf(out->unsteady + n, (size_t)(TOGETHER_TEXT - n), " seed %u", seed);
    }
    out->n++;
    out->n_err += r.n_err_fault;
    if (r.n_err_fault >= out->most) {
        out->most = r.n_err_fault;
        (void)write_down(out->worst, down, c->zones);
    }
    return 0;
}

/* The next combination of nodes down; false: that was the last one. */
static bool next_down(uint32_t *down, const struct together_config *c)
{
    uint32_t z;

    for (z = 0; z < c->zones; z++) {
        if (down[z]++ < c->per_zone)
            return true;
        down[z] = 0;
    }
    return false;
}

static bool is_one_up(const uint32_t *down, const struct together_config *c)
{
    uint32_t z;

    for (z = 0; z < c->zones && down[z] == c->per_zone; z++)
        continue;
    return z < c->zones;
}

int together_run(const struct together_config *c, struct together_result *out)
{
    uint32_t down[TOGETHER_ZONES] = {0}, k;
    int rc = 0;

    *out = (struct together_result){0};
    if (c->zones > TOGETHER_ZONES || c->zones * c->per_zone > SIM_NODES)
        return -EINVAL;
    while (rc == 0 && next_down(down, c)) {
        if (!is_one_up(down, c))
            continue;
        for (k = 0; k < c->seeds && rc == 0; k++)
            rc = run_one(c, down, c->seed + k, out);
    }
    return rc;
}
