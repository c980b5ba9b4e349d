#include "scale/demand_question.h"

#include <stdio.h>
#include <string.h>

#define ONE_MAX 80 /* bytes of one share as text */

double demand_question_share(double own, double all, unsigned n_gateways)
{
    double least = 0.5 / n_gateways, share = all > 0 ? own / all : 1.0 / n_gateways;

    return share < least ? least : share > 1 ? 1 : share;
}

unsigned demand_question_write(char out[DEMAND_QUESTION_SIZE], const char *id,
                               unsigned n_gateways, enum demand_order order,
                               const struct demand_share *share, unsigned n,
                               unsigned first)
{
    static const char *const orders[] = {"", "\"zone_out\":false,", "\"zone_out\":true,"};
    size_t len = (size_t)snprintf(out, DEMAND_QUESTION_SIZE,
                                  "{\"id\":\"%.60s\",\"gateways\":%u,%s\"modules\":[", id,
                                  n_gateways, orders[order]);
    unsigned i;

    for (i = 0; i < n && len + ONE_MAX + 2 < DEMAND_QUESTION_SIZE; i++) {
        const struct demand_share *s = &share[(first + i) % n];

        len += (size_t)snprintf(out + len, ONE_MAX,
                                "%s{\"modid\":%u,\"cmdid\":%u,\"share\":%.4f}",
                                i ? "," : "", s->modid, s->cmdid, s->share);
    }
    memcpy(out + len, "]}", 3);
    return n ? (first + i) % n : 0;
}
