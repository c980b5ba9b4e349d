/* agent -- the whole agent of a host, which chooses nodes for business code and reports
 * how their calls went.  It has a thread for each UDP port (shard.h), one for the data
 * plane in shared memory (dataplane.h), one for the connection to DNSService (dnscli.h)
 * and one for the connection to the Report Service (repcli.h). */
#ifndef LARS_AGENT_AGENT_H
#define LARS_AGENT_AGENT_H

#include <stdbool.h>
#include <stdint.h>

#include "agent_data/dataplane.h"
#include "base/net_addr.h"
#include "lb/classic.h"
#include "net/tcpcli.h"
#include "net/tls_link.h"

struct agent;

struct agent_config {
    struct net_addr at;               /* the first of three ports; port 0: any three */
    struct net_addr dns[TCPCLI_MAX_ADDRS];    /* DNSServices; the own zone's is first */
    struct net_addr report[TCPCLI_MAX_ADDRS]; /* Report Services; likewise */
    size_t n_dns, n_report;           /* 1 and more */
    struct tls_link *tls;             /* borrowed until agent_stop(); NULL = plain */
    uint32_t caller;                  /* our IPv4 in reports; 0 = the connection's */
    const char *name, *zone; /* of this agent, in tables and alarms; copied.
                                       * name NULL: HOST/ADDRESS:PORT; zone NULL: none */
    const char *route_file;           /* copied; the outboxes are beside it */
    struct classic_config classic;
    /* Only dir, max_nodes, max_modules, policy and health; the agent sets the rest.  dir
     * NULL or "": no shared memory. */
    struct dataplane_config dataplane;
    uint32_t report_ms;               /* between two reports of a module */
    uint32_t refresh_ms;              /* between two questions for a module's route */
    uint32_t file_ms;                 /* least time between two writes of route_file */
    uint32_t max_modules;             /* of each shard */
};

/* What agent_start() was creating when it failed. */
enum agent_part {
    AGENT_PART_THREADS,               /* event loops and threads */
    AGENT_PART_PORTS,                 /* the three UDP ports */
    AGENT_PART_OUTBOX,                /* the outboxes beside cfg->route_file */
    AGENT_PART_SHM,                   /* the shared memory in cfg->dataplane.dir */
    AGENT_PART_CLIENTS,               /* clients of the DNSService and Report Service */
};

/* Reads the route file, opens ports and files, and starts the threads.  Returns 0;
 * -EADDRINUSE when the ports are taken; -EBUSY when another agent uses the files; other
 * errors of bind(2), open(2) and mmap(2); -ENOSPC; -ENOMEM; -EAGAIN when the system gives
 * no more threads.  <part> then names the part that failed.  Thread: init. */
int agent_start(struct agent **out, const struct agent_config *cfg,
                enum agent_part *part);

/* How many bytes agent_start() will take on the disk for the outboxes beside <route_file>
 * that do not exist.  Thread: any. */
uint64_t agent_missing_bytes(const char *route_file);

/* Sends the last reports (for at most 2 s), writes the route file and ends the threads.
 * NULL is fine.  Thread: the one that called agent_start(). */
void agent_stop(struct agent *a);

/* The files of shared memory have lost their names: as dataplane_retire(), whose end is
 * in agent_stat().  Thread: any. */
void agent_retire_shm(struct agent *a);

struct agent_stat {
    uint64_t n_get_host, n_get_route, n_report; /* questions and reports by UDP, so far */
    uint64_t n_bad;                   /* of these, malformed or for an unknown node */
    uint64_t n_udp_in, n_udp_bad;     /* datagrams: with a frame; without, so dropped */
    uint64_t n_module;                /* modules that UDP clients have asked for, now */
    uint64_t n_report_up;             /* connections to a Report Service, so far */
    uint64_t dns_down_ms;             /* since a DNSService was connected; 0 = it is */
    uint64_t report_down_ms;          /* the same of a Report Service */
    bool is_dns_wrong, is_report_wrong; /* their server is of the other kind */
    uint64_t lost_ms;                 /* since a call found the outbox full, at least 1;
                                       * 0 = none did */
    bool has_route;                   /* a route with nodes has come so far */
    struct dataplane_stat dataplane;  /* zero without shared memory */
};

void agent_stat(const struct agent *a, struct agent_stat *out); /* Thread: any */

uint16_t agent_port(const struct agent *a); /* the first of the three.  Thread: any */

#endif
