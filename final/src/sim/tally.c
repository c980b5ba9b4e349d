#include "sim/tally.h"

#include <errno.h>
#include <stdlib.h>

#define BIN_US 20                     /* width of a bin */
#define BINS 100000                   /* up to 2 s; the last one has the rest */

int tally_init(struct tally *t, uint64_t end_us)
{
    t->bin = calloc(BINS, sizeof(*t->bin));
    t->end_us = end_us;
    return t->bin ? 0 : -ENOMEM;
}

void tally_fini(struct tally *t)
{
    free(t->bin);
    t->bin = NULL;
}

void tally_add(struct tally *t, const struct sim_call *c)
{
    uint64_t now = c->ended_us, bin = (now - c->begun_us) / BIN_US;

    if (now < TALLY_WARM_US)
        return;
    t->res.n++;
    t->res.n_err += !c->ok;
    t->res.n_err_fault += !c->ok && now >= t->end_us / 2;
    t->res.n_late += now > t->end_us / 4 * 3;
    t->res.n_err_late += !c->ok && now > t->end_us / 4 * 3;
    if (c->node != UINT32_MAX)
        t->bin[bin < BINS ? bin : BINS - 1]++;
}

/* The duration in ms that the part <q> of the calls does not exceed. */
static double quantile(const struct tally *t, double q)
{
    uint64_t n = 0, seen = 0;
    uint32_t i;

    for (i = 0; i < BINS; i++)
        n += t->bin[i];
    for (i = 0; i < BINS; i++) {
        seen += t->bin[i];
        if ((double)seen >= q * (double)n)
            break;
    }
    return (i + 1) * BIN_US / 1000.0;
}

void tally_result(const struct tally *t, struct sim_result *out)
{
    *out = t->res;
    out->p50_ms = quantile(t, 0.5);
    out->p99_ms = quantile(t, 0.99);
    out->p999_ms = quantile(t, 0.999);
}
