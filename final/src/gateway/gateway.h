/* gateway -- the HTTP gateway: the loops that serve visitors, the thread that registers
 * modules, and what operators see of them. */
#ifndef LARS_GATEWAY_GATEWAY_H
#define LARS_GATEWAY_GATEWAY_H

#include "base/net_addr.h"
#include "gateway/gate_loop.h"
#include "obs/metrics.h"

struct gateway;

struct gateway_config {
    struct evloop *loop;                  /* the daemon's; borrowed */
    struct net_addr listen;               /* port 0: the kernel chooses */
    unsigned n_loops;                     /* threads */
    unsigned n_accepting;                 /* that accept at the start; 1 to n_loops */
    struct gate_limits limits;
    const char *rules;                    /* path of the file */
    const char *log;                      /* path of the access log; "" = none */
    uint32_t log_sample;                  /* one request of so many is logged */
    size_t cache_bytes;                   /* 0 = nothing is kept */
    struct lars_options lars;
    const char *key_file;                 /* keys of visitors' cookies; "" = random */
    uint32_t unmeasured, reserve_percent; /* see admit.h */
};

/* Open everything and start the threads.  Copies <c>.  Returns 0, or -errno with a
 * sentence in <err>.  Thread: init. */
int gateway_create(struct gateway **out, const struct gateway_config *c,
                   char err[CONF_ERR_MAX]);
void gateway_destroy(struct gateway *g);  /* closes every connection; NULL is fine */

const struct net_addr *gateway_address(const struct gateway *g); /* with its port */

/* The steps of an end without lost requests (gateway/drain.h): keep no connection alive
 * after its response, and report it at /healthz; later accept none. */
void gateway_drain(struct gateway *g);
void gateway_stop_accepting(struct gateway *g);
unsigned gateway_n_listeners(const struct gateway *g);
uint32_t gateway_n_clients(const struct gateway *g);

/* Read the rules and the keys again, and open the access log again.  Returns before that
 * is done; an error is logged, and nothing changes then. */
void gateway_reload(struct gateway *g);

void gateway_metrics_collect(struct gateway *g, struct metrics *m);

/* NULL, or why requests cannot be forwarded: a static sentence. */
const char *gateway_health(const struct gateway *g);

#endif
