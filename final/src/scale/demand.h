/* demand -- what visitors ask of each module, from the counters of all gateways.  A
 * thread for each gateway asks it (POST /demand) once in pull_ms, so a gateway that does
 * not answer delays no other one.  With the question each gateway gets its share of
 * the capacity of each module: its part of the demand, but at least half of an equal
 * share, so that a gateway which gets visitors suddenly does not refuse them.
 *
 * Rates are those of the last second.  A gateway that is silent for 1.5 s counts with its
 * last rates for 10 s, and then not at all.  After the restart of a gateway its counters
 * begin again: its last rates count until it has answered twice.  All times are
 * monotonic; those of a gateway and of this process are never compared.
 * Thread: any, except where a function names another. */
#ifndef LARS_SCALE_DEMAND_H
#define LARS_SCALE_DEMAND_H

#include <stdbool.h>
#include <stdint.h>

#include "fleet/gateway_client.h"
#include "fleet/gateway_list.h"
#include "scale/demand_rates.h"
#include "scale/node_minutes.h"

#define DEMAND_GATEWAYS_MAX GATEWAY_LIST_MAX

struct demand_config {
    const char *gateways;                 /* admin ports: "127.0.0.1:9890, [::1]:9890";
                                           * "" = none */
    const struct fleet_keys *keys;        /* they sign the questions; borrowed */
    uint32_t pull_ms;                     /* between two questions: 100 to 1000 */
    uint32_t nodes_ms;                    /* between two questions for the response times
                                           * of nodes (POST /nodes); 0 = none */
};

struct demand;

/* Start a thread for each gateway.  Returns 0; -EINVAL: gateway_list_parse() refuses
 * <gateways>; -ENOMEM, -EAGAIN.  <err> has a sentence then.  Thread: init. */
int demand_start(struct demand **out, const struct demand_config *c,
                 char err[CONF_ERR_MAX]);
void demand_stop(struct demand *d);       /* waits for at most 1 s; NULL is fine.  init */

struct demand_zone {                      /* the gateways of one zone */
    char zone[DEMAND_ZONE_MAX];           /* [gateway] zone; "" = it has none */
    struct demand_rates rates;
};

struct demand_view {
    struct demand_rates all;              /* the sum of the zones */
    struct demand_zone zone[DEMAND_GATEWAYS_MAX]; /* those with a gateway that counts,
                                           * in the order of their names */
    unsigned n_zones;
    unsigned n_gateways;                  /* of the configuration */
    unsigned n_fresh;                     /* of these, have rates of the last 1.5 s */
    unsigned n_known;                     /* of these, have rates of the last 10 s */
    bool known;                           /* the rules of one of them name the module */
    bool fresh;                           /* n_fresh > 0: there is a demand of now */
    bool all_gateways_60s;                /* each gateway of the configuration has
                                           * answered for 60 s without a pause of 1.5 s or
                                           * a restart; true when there is none */
};

/* The demand of a module at <now_ms> of mono_ms().  A module that no gateway knows has
 * rates of 0. */
void demand_look(struct demand *d, uint32_t modid, uint32_t cmdid, uint64_t now_ms,
                 struct demand_view *out);

/* What the nodes have answered to all gateways between the last two answers of each.
 * Returns how many gateways have told it lately; unless these are all, <out> lacks
 * some. */
unsigned demand_look_nodes(struct demand *d, uint64_t now_ms, struct node_minutes *out);

/* How busy the gateways are that answered within the last 1.5 s, all their loops
 * together: the mean of their processor time, in parts of 1, of all loops that they may
 * have (loops_max), because their loops grow by themselves.  -1: none is fresh. */
double demand_gateways_busy(struct demand *d, uint64_t now_ms);

struct demand_gateway_view {              /* of one gateway */
    const char *at;                       /* as configured; valid until demand_stop() */
    char zone[DEMAND_ZONE_MAX];
    bool answers;                         /* within the last 1.5 s */
    uint64_t age_ms;                      /* of the last answer; UINT64_MAX: none yet */
    uint64_t whole_ms;                    /* it answers without a pause for so long */
    uint32_t loops, loops_max, loop_busy_permille;
    uint64_t n_failed;                    /* questions without an answer, so far */
    char why[GATEWAY_CLIENT_WHY];         /* the last failure as a sentence; "" = none */
};

unsigned demand_n_gateways(const struct demand *d);

/* <i>: below demand_n_gateways(), in the order of the configuration. */
void demand_look_gateway(struct demand *d, unsigned i, uint64_t now_ms,
                         struct demand_gateway_view *out);

#endif
