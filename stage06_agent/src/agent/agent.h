/* agent -- the complete agent: three shards, a client of DNSService and a client of the
 * Report Service.  Each of the five has a loop in its own thread, and they communicate by
 * tasks. */
#ifndef LARS_AGENT_AGENT_H
#define LARS_AGENT_AGENT_H

#include <stdint.h>

#include "base/net_addr.h"
#include "lb/classic.h"
#include "net/tcpcli.h"

struct agent;

struct agent_config {
    struct net_addr at;               /* first of the three ports; 0 = any three */
    struct net_addr dns[TCPCLI_MAX_ADDRS]; /* DNSServices, the preferred one first */
    struct net_addr report[TCPCLI_MAX_ADDRS]; /* Report Services, likewise */
    size_t n_dns, n_report;           /* 1 to TCPCLI_MAX_ADDRS */
    uint32_t caller;                  /* own IPv4 in reports; 0 = of the connection */
    const char *route_file;           /* copied */
    struct classic_config classic;
    uint32_t report_ms;               /* time between two reports of a module */
    uint32_t refresh_ms;              /* time between two questions for a route */
    uint32_t file_ms;                 /* least time between two writes of the file */
    uint32_t max_modules;             /* limit for each shard */
};

/* Start the agent.  Returns 0; -EADDRINUSE or another error of udp_open(); -ENOMEM;
 * -EAGAIN when a thread cannot be started.  Thread: init. */
int agent_start(struct agent **out, const struct agent_config *cfg);

/* Send the last totals, for at most 2 s, write the file, stop the threads and free
 * everything.  NULL is fine.  Thread: that of agent_start(). */
void agent_stop(struct agent *a);

uint16_t agent_port(const struct agent *a); /* the first of the three; any */

#endif
