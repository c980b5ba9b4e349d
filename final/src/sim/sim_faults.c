#include "sim/sim_faults.h"

void sim_faults_init(struct sim_faults *f, const struct sim_config *cfg)
{
    uint32_t i;

    *f = (struct sim_faults){.load = 1};
    for (i = 0; i < SIM_NODES; i++)
        f->err[i] = cfg->err;
}

void sim_faults_half(struct sim_faults *f, const struct sim_config *cfg)
{
    f->dead |= cfg->dead;
    f->silent |= cfg->silent;
}

static void change_bits(uint64_t *bits, const struct sim_change *c)
{
    *bits = c->value > 0 ? *bits | c->nodes : *bits & ~c->nodes;
}

void sim_faults_change(struct sim_faults *f, const struct sim_change *c)
{
    uint32_t i;

    if (c->what == SIM_DEAD)
        change_bits(&f->dead, c);
    else if (c->what == SIM_SILENT)
        change_bits(&f->silent, c);
    else if (c->what == SIM_LOAD)
        f->load = c->value;
    for (i = 0; i < SIM_NODES && c->what == SIM_ERR; i++)
        if (sim_faults_has(c->nodes, i))
            f->err[i] = c->value;
}
