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
    struct net_addr tls_listen;           /* family 0: no TLS */
    const char *cert, *key;               /* paths of the files in PEM */
    unsigned n_loops;                     /* threads */
    unsigned n_accepting;                 /* that accept at the start; 1 to n_loops */
    struct gate_limits limits;
    const char *rules;                    /* path of the file */
    const char *log;                      /* path of the access log; "" = none */
    uint32_t log_sample;                  /* one request of so many is logged */
    size_t cache_bytes;                   /* 0 = nothing is kept */
    struct lars_options lars;
    uint32_t await_routes_ms;             /* so long the start waits for the agent to have
                                           * the routes of all modules; 0: it does not */
    const char *key_file;                 /* keys of visitors' cookies; "" = random */
    const char *zone;                     /* of this host; "" = it has none */
    const char *state_dir;                /* for the copy of the site; "" = none */
    uint32_t unmeasured, reserve_percent; /* see admit.h */
};

/* Open everything and start the threads.  Copies <c>.  Returns 0, or -errno with a
 * sentence in <err>.  Thread: init. */
int gateway_create(struct gateway **out, const struct gateway_config *c,
                   char err[CONF_ERR_MAX]);
void gateway_destroy(struct gateway *g);  /* closes every connection; NULL is fine */

const struct net_addr *gateway_address(const struct gateway *g); /* with its port */

const struct net_addr *gateway_tls_address(const struct gateway *g); /* NULL: no TLS */

/* Read cert and key again; connections that are opened from now on have the new pair, the
 * others keep theirs, and sessions can be resumed.  No TLS: nothing to do.  Returns 0, or
 * an error of tls_context_create() with a sentence in <err>, and then the old pair stays.
 * Thread: the daemon's. */
int gateway_tls_reload(struct gateway *g, char err[CONF_ERR_MAX]);

/* A gateway that drains still answers every request, but closes each connection after its
 * response and reports itself as not ready, so that new visitors are sent elsewhere.
 *     by an operator, gateway_drain(): the listeners stay open, and gateway_undrain()
 *     makes it serve again.  It returns 0; -ESHUTDOWN: the gateway is ending.
 *     with its zone, gateway_follow_zone(), while the zone is out: so it is still out
 *     after a restart.  What an operator has said to this process counts more.
 *     at its end, gateway_begin_end(): there is no way back.  The steps until the last
 *     visitor has gone, gateway_stop_accepting() among them, are those of drain.h. */
void gateway_drain(struct gateway *g);
int gateway_undrain(struct gateway *g);
void gateway_follow_zone(struct gateway *g, bool zone_out);
void gateway_begin_end(struct gateway *g);
void gateway_stop_accepting(struct gateway *g);
unsigned gateway_n_listeners(const struct gateway *g);
uint32_t gateway_n_clients(const struct gateway *g);

/* A process that follows this one (gateway/successor.h).  gateway_offer() puts its
 * listeners in <out> and returns how many, or -EAGAIN when it has to be tried again soon;
 * none is opened or closed then until gateway_keep(): the process has failed.
 * gateway_share(): it accepts visitors. */
int gateway_offer(struct gateway *g, int *out, unsigned max);
void gateway_keep(struct gateway *g);
void gateway_share(struct gateway *g);

/* Read the rules and the keys of cookies, and the certificate with its key, again, and
 * open the access log again.  Returns before the rules are in force.  An error of the
 * rules or their keys, or of the certificate, is logged, and what was in force stays. */
void gateway_reload(struct gateway *g);

void gateway_metrics_collect(struct gateway *g, struct metrics *m);

/* NULL, or why requests cannot be forwarded: a static sentence. */
const char *gateway_health(const struct gateway *g);

/* NULL, or why no visitor should be sent here: as gateway_health(), and the listeners. */
const char *gateway_not_ready(const struct gateway *g);

/* How many modules nodes of the rules serve, because the agent has no routes of them. */
unsigned gateway_n_fallback(const struct gateway *g);

#endif
