/* gateway_private -- the gateway, as the files that make it up see it:
 *     gateway.c          its parts, their order, the threads
 *     gateway_metrics.c  the values at /metrics; gateway_module_metrics.c those by module
 *     gateway_status.c   the state at /gateway
 *     gateway_admin.c    the admin port, and its commands
 *     gateway_demand.c   what the autoscaler asks for; gateway_nodes.c as well
 *     gateway_tls.c      the certificate and its replacement
 * Thread: the daemon's loop, except where a field names another. */
#ifndef LARS_GATEWAY_GATEWAY_PRIVATE_H
#define LARS_GATEWAY_GATEWAY_PRIVATE_H

#include <stddef.h>

#include "gateway/gateway.h"
#include "gateway/listeners.h"
#include "gateway/loop_rule.h"
#include "gateway/registrar.h"
#include "gateway/shortage.h"

struct gateway {
    struct gateway_config cfg;
    struct lars_client *lars;
    struct access_log *log;
    struct admit *admit;
    struct modules *modules;
    struct shares *shares;
    struct gateway_demand *demand;
    struct fleet_keys *random_keys; /* NULL = they come from a file */
    struct cache *cache; /* NULL = none */
    struct shortage shortage;
    struct static_copy *statics;
    struct registrar *registrar;
    struct looppool *pool;
    struct gate_loop **loop;
    unsigned n_loops; /* that exist */
    struct listeners *listeners, *tls_listeners; /* the second: NULL = no TLS */
    struct tls_context *tls; /* NULL = no TLS */
    struct loop_rule rule;
    struct evtimer scale_timer;
    _Atomic uint32_t n_clients;
    uint64_t start_ms; /* monotonic */
    _Atomic bool draining; /* read by the loops: no connection is kept */
    bool ending; /* it drains because the process ends; set once */
    bool commanded; /* an operator has drained or undrained this process */
};

/* The mean load of the loops that accept visitors, 0 to 1000. */
uint32_t gateway_mean_permille(const struct gateway *g);

/* The sum over the loops of a counter of struct gate_counts, by its offset or name. */
uint64_t gateway_sum_at(const struct gateway *g, size_t offset);
#define GATEWAY_SUM(g, field) gateway_sum_at(g, offsetof(struct gate_counts, field))

/* Read the certificate and give it to the loops, which do not run yet; no TLS: nothing.
 * Returns as gateway_tls_reload(). */
int gateway_tls_start(struct gateway *g, char err[CONF_ERR_MAX]);
void gateway_tls_stop(struct gateway *g); /* the loops do not run any more */

/* The values at /metrics that each module has. */
void gateway_module_metrics_collect(struct gateway *g, struct metrics *m);

#endif
