/* demand_question -- the body of POST /demand: the shares of the capacity that a gateway
 * gets.  Pure.  Thread: any. */
#ifndef LARS_SCALE_DEMAND_QUESTION_H
#define LARS_SCALE_DEMAND_QUESTION_H

#include <stddef.h>
#include <stdint.h>

#include "fleet/signed_command.h"

#define DEMAND_QUESTION_SIZE (SIGNED_COMMAND_BODY_MAX + 1)

/* What is decided about the zone of the gateway. */
enum demand_order {
    DEMAND_ORDER_UNKNOWN, /* the gateway stays as it is */
    DEMAND_ORDER_SERVE,
    DEMAND_ORDER_DRAIN,
};

struct demand_share {
    uint32_t modid, cmdid;
    double share;
};

/* The share of a gateway with the demand <own> of <all>: at least half of an equal part,
 * an equal part while there is no demand. */
double demand_question_share(double own, double all, unsigned n_gateways);

/* Write the question <id>, which no other question has, with the order and the shares
 * from number <first> on, as many as fit; after the last one comes the first.  Returns
 * the number of the next share. */
unsigned demand_question_write(char out[DEMAND_QUESTION_SIZE], const char *id,
                               unsigned n_gateways, enum demand_order order,
                               const struct demand_share *share, unsigned n,
                               unsigned first);

#endif
