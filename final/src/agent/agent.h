/* agent -- the whole agent: three shards, a DNSService client, a Report Service client,
 * each a loop in a thread of its own, and the tasks that they send each other. */
#ifndef LARS_AGENT_AGENT_H
#define LARS_AGENT_AGENT_H

#include <stdint.h>

#include "base/net_addr.h"
#include "agent_data/dataplane.h"
#include "lb/classic.h"
#include "net/tcpcli.h"

struct agent;

struct agent_config {
    struct net_addr at;               /* the first of the ports; port 0: any three */
    struct net_addr dns[TCPCLI_MAX_ADDRS]; /* DNSServices, tried in turn: ours first */
    struct net_addr report[TCPCLI_MAX_ADDRS]; /* Report Services */
    size_t n_dns, n_report;           /* 1 and more */
    uint32_t caller;                  /* our IPv4 in reports; 0 = by the connection */
    const char *route_file;           /* copied */
    struct classic_config classic;
    /* dir empty: no shared memory; hooks are ours */
    struct dataplane_config plane;
    uint32_t report_ms;               /* between two reports of a module */
    uint32_t refresh_ms;              /* between two questions for a module */
    uint32_t file_ms;                 /* between two writes of the file */
    uint32_t max_modules;             /* of each shard */
};

/* Runs from here on.  Returns 0; -EADDRINUSE ...; -ENOMEM, -EAGAIN.  Thread: init. */
int agent_start(struct agent **out, const struct agent_config *cfg);

/* Sends the last totals (for at most 2 s), writes the file, ends the threads.  NULL is
 * fine. */
void agent_stop(struct agent *a);

struct agent_stat {
    uint64_t n_get_host, n_get_route, n_report;
    uint64_t n_bad;                   /* of these: malformed or unknown */
    uint64_t n_module;                /* known or asked for, now */
    uint64_t n_report_up;             /* connections to a Report Service so far */
    struct dataplane_stat plane;
};

void agent_stat(const struct agent *a, struct agent_stat *out); /* Thread: any */

uint16_t agent_port(const struct agent *a); /* the first of the three */

#endif
