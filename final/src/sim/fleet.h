/* fleet -- the messages of a fleet of agents with their DNSServices and Report Services
 * in virtual time: how many there are a second, how many bytes they have, and what one
 * service gets in its busiest second.  The sizes are those of fleet_sizes.h, the periods
 * are the caller's.  The same configuration gives the same result.  Thread: any. */
#ifndef LARS_SIM_FLEET_H
#define LARS_SIM_FLEET_H

#include <stdint.h>

#include "sim/fleet_sizes.h"

#define FLEET_SERVERS 64 /* services of a kind, at most */
#define FLEET_SECONDS 3600

struct fleet_config {
    uint64_t seed; /* 1 and more */
    struct fleet_shape shape; /* zone_rps is computed */
    uint32_t agents; /* 1 and more; agent a is in zone a % zones */
    uint32_t dnsds, reportds; /* 1 to FLEET_SERVERS; agent a uses those of a % dnsds and
                               * of a % reportds */
    uint32_t calls; /* a second, of each agent: evenly among its modules and the nodes of
                     * its zone in them */
    uint32_t durations; /* buckets of base/latency.h among which the calls of a module are
                         * spread evenly; 1 and more */
    uint32_t changes; /* of routes in 100 s: a node of a module is replaced */
    uint32_t seconds; /* 1 to FLEET_SECONDS */
    uint32_t lost_s; /* DNSService 0 ends in this second, and its agents go to DNSService
                      * 1; 0 = none ends.  Needs two */
    /* Periods of production: */
    uint32_t refresh_ms; /* between two questions for a route; whole seconds */
    uint32_t report_ms; /* between two batches; 1000 / report_ms is an integer or its
                         * inverse is */
    uint32_t beat_ms; /* of message 38 */
    uint32_t ask_ms; /* of a question to each service when there are several; 1000 */
    uint32_t meta_ms; /* between two looks for changed module meta; 1000 */
    uint32_t meta_window_s; /* over which its rates are averaged */
    uint32_t gap_ms; /* between two transactions with messages 38 */
    uint32_t gap_max; /* messages of one of them */
};

enum fleet_flow_id {
    FLEET_ASK, /* 1, to DNSService */
    FLEET_DNS_HELLO, /* 32 */
    FLEET_ROUTE, /* 36: a whole route, from DNSService */
    FLEET_DELTA, /* 36: what has changed */
    FLEET_META, /* 37 */
    FLEET_DNS_REPLY, /* 33 */
    FLEET_BATCH, /* 34, to the Report Service */
    FLEET_STATE, /* 38 */
    FLEET_REPORT_HELLO, /* 32 */
    FLEET_ACK, /* 35, from the Report Service */
    FLEET_STATE_ACK, /* 39 */
    FLEET_REPORT_REPLY, /* 33 */
    FLEET_FLOWS
};

struct fleet_flow {
    double per_s, bytes_per_s; /* means, of all services together */
    uint64_t most, most_bytes; /* of one service, in its busiest second */
};

struct fleet_result {
    struct fleet_flow flow[FLEET_FLOWS];
    struct fleet_flow dns_in, dns_out, report_in, report_out; /* sums of flows */
    double node_rows, duration_rows; /* a second, in batches of all agents */
    double meta_changes; /* modules a second whose meta has changed */
    double state_commits; /* transactions a second with messages 38 */
    double subscribers; /* of a module, mean */
};

/* Returns 0; -EINVAL for a configuration outside these bounds; -E2BIG as
 * fleet_sizes_compute(); -ENOMEM. */
int fleet_run(const struct fleet_config *cfg, struct fleet_result *out);

#endif
