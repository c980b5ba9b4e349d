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
#include "scale/snapshot.h"

#define DEMAND_GATEWAYS_MAX GATEWAY_LIST_MAX

struct demand_config {
    const char *gateways; /* admin ports: "127.0.0.1:9890, [::1]:9890";
                                           * "" = none */
    const struct fleet_keys *keys; /* they sign the questions; borrowed */
    uint32_t pull_ms; /* between two questions: 100 to 1000 */
    uint32_t nodes_ms; /* between two questions for the response times
                                           * of nodes (POST /nodes); 0 = none */
};

struct demand;

/* Start a thread for each gateway.  Returns 0; -EINVAL: gateway_list_parse() refuses
 * <gateways>; -ENOMEM, -EAGAIN.  <err> has a sentence then.  Thread: init. */
int demand_start(struct demand **out, const struct demand_config *c,
                 char err[CONF_ERR_MAX]);
void demand_stop(struct demand *d); /* waits for at most 1 s; NULL is fine.  init */

struct demand_zone { /* the gateways of one zone */
    char zone[DEMAND_ZONE_MAX]; /* [gateway] zone; "" = it has none */
    struct demand_rates rates;
};

struct demand_view {
    struct demand_rates all; /* the sum of the zones */
    struct demand_zone zone[DEMAND_GATEWAYS_MAX]; /* those with a gateway that counts,
                                           * in the order of their names */
    unsigned n_zones;
    unsigned n_gateways; /* that are asked */
    unsigned n_fresh; /* of these, have rates of the last 1.5 s */
    unsigned n_known; /* of these, have rates of the last 10 s */
    bool known; /* the rules of one of them name the module */
    bool fresh; /* n_fresh > 0: there is a demand of now */
    bool all_gateways_60s; /* each gateway that has to answer has
                                           * answered for 60 s without a pause of 1.5 s or
                                           * a restart; true when there is none */
};

struct demand_follow { /* a gateway that came at run time */
    char at[NET_ADDR_STRLEN]; /* its admin port */
    bool required; /* while it is silent, nothing goes down */
    bool counts; /* in demand_gateways_busy() */
};

/* Ask these <n> as well, and no others that came at run time.  Gateways of the
 * configuration are passed over: they are required and count.  At most
 * DEMAND_GATEWAYS_MAX are asked in all; a place that has just become free can be used
 * after a pull, so say it again in each round.  Thread: one at a time. */
void demand_follow_set(struct demand *d, const struct demand_follow *list, unsigned n);

/* What <s> says about zones, read at <now_ms> of mono_ms(): for 3 s the questions to each
 * gateway say whether its zone is out.  They do not say that it is out while no gateway
 * of another zone answers, because visitors need one.  NULL: nothing is known, and each
 * stays as it is.  Thread: one at a time. */
void demand_orders_set(struct demand *d, const struct snapshot *s, uint64_t now_ms);

/* The demand of a module at <now_ms> of mono_ms().  A module that no gateway knows has
 * rates of 0. */
void demand_look(struct demand *d, uint32_t modid, uint32_t cmdid, uint64_t now_ms,
                 struct demand_view *out);

/* What the nodes have answered to all gateways between the last two answers of each,
 * once: true when each gateway has told it anew since the last time.  False: one has not,
 * and <out> is not to be used. */
bool demand_nodes_take(struct demand *d, struct node_minutes *out);

unsigned demand_nodes_timed(struct demand *d,
                            uint64_t now_ms); /* gateways that tell it */

/* How busy the gateways that count are, of those that answered within the last 1.5 s: the
 * mean of the processor time of all loops that they may have (loops_max), because their
 * loops grow by themselves, in parts of 1.  -1: none is fresh. */
double demand_gateways_busy(struct demand *d, uint64_t now_ms);

struct demand_gateway_view { /* of one gateway */
    char at[NET_ADDR_STRLEN]; /* as configured or followed */
    bool configured; /* else it came at run time */
    bool required;
    char epoch[33]; /* of its process; "" = it has not answered */
    char zone[DEMAND_ZONE_MAX];
    bool answers; /* within the last 1.5 s */
    uint64_t age_ms; /* of the last answer; UINT64_MAX: none yet */
    uint64_t whole_ms; /* it answers without a pause for so long */
    uint32_t loops, loops_max, loop_busy_permille;
    uint64_t n_failed; /* questions without an answer, so far */
    char why[GATEWAY_CLIENT_WHY]; /* the last failure as a sentence; "" = none */
};

/* Places, of which some may be without a gateway. */
unsigned demand_n_gateways(const struct demand *d);

/* <i>: below demand_n_gateways(); those of the configuration come first, in its order.
 * False: the place is not in use, and nothing else of <out> means something. */
bool demand_look_gateway(struct demand *d, unsigned i, uint64_t now_ms,
                         struct demand_gateway_view *out);

#endif
