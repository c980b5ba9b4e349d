/* Each table is one query, whose rows are appended to their list in the order of the key.
 * Slots and orders name their host, which is looked up in the hosts that were read
 * before; a row of a host that is not there is left out, because it has no zone.
 *
 * Whether a route is in force is compared by checksum, as operators' changes are: an
 * agent that did not need an update keeps the version that it had. */
#include "scale/snapshot_rows.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/crc32.h"
#include "route/routedelta.h"
#include "scale/front_rows.h"
#include "scale/measure_rows.h"

#define SLOTS_MAX 1000 /* of a host; a larger number counts as this one */
#define WEIGHT_MAX 10000 /* DNSService gives out no larger weight */

struct reader {
    struct myconn *con;
    struct snapshot *s;
    /* the nodes in service of the module whose route is read */
    struct route_node *node;
    size_t n_node, max_node;
    bool in_force;
    struct module_id id;
};

static uint32_t u32(const char *text)
{
    return text ? (uint32_t)strtoul(text, NULL, 10) : 0;
}

static uint64_t u64(const char *text)
{
    return text ? strtoull(text, NULL, 10) : 0;
}

static double real(const char *text)
{
    return text ? strtod(text, NULL) : 0;
}

static struct module_id module_of(char **at)
{
    return (struct module_id){u32(at[0]), u32(at[1])};
}

#define COPY(to, text) snprintf((to), sizeof(to), "%s", (text) ? (text) : "")

static int take_policy(char **at, void *arg)
{
    struct reader *r = arg;
    struct snapshot_policy p = {.id = module_of(at),
                                .min_zone = u32(at[3]),
                                .max_zone = u32(at[4]),
                                .warm = u32(at[5]),
                                .util_pct = u32(at[6]),
                                .floor_pct = u32(at[7]),
                                .dry_run = u32(at[8]) > 0,
                                .was_decided = at[9] != NULL,
                                .last_wanted = u32(at[9]),
                                .alarm = u32(at[10]) > 0,
                                .node_rps = real(at[11]),
                                .node_inflight = real(at[12])};

    COPY(p.actuator, at[2]);
    return snapshot_add(r->s, policy, &p);
}

static int take_plan(char **at, void *arg)
{
    struct reader *r = arg;
    struct snapshot_plan p = {.id = module_of(at), .n_zone = u32(at[3])};

    COPY(p.zone, at[2]);
    return snapshot_add(r->s, plan, &p);
}

static int take_freeze(char **at, void *arg)
{
    struct reader *r = arg;

    r->s->frozen = u32(at[0]) > 0;
    return 0;
}

static int take_host(char **at, void *arg)
{
    struct reader *r = arg;
    struct snapshot_host h = {.ip = u32(at[3]),
                              .slots = u32(at[4]),
                              .in_use = u32(at[5]) > 0,
                              .age_ms = u64(at[6])};

    COPY(h.name, at[0]);
    COPY(h.zone, at[1]);
    COPY(h.class, at[2]);
    h.slots = h.slots > SLOTS_MAX ? SLOTS_MAX : h.slots;
    return snapshot_add(r->s, host, &h);
}

static int take_order(char **at, void *arg)
{
    struct reader *r = arg;
    size_t host = snapshot_find_host(r->s, at[3]);
    struct snapshot_order o = {(uint32_t)host, u32(at[2]), module_of(at)};

    return host < r->s->n_host ? snapshot_add(r->s, order, &o) : 0;
}

static enum snapshot_slot_state state_of(const char *name)
{
    static const char *const names[] = {"starting", "ready", "sick", "failed"};
    int i = SNAPSHOT_STARTING;

    while (i < SNAPSHOT_STOPPING && strcmp(names[i], name) != 0)
        i++;
    return (enum snapshot_slot_state)i;
}

static int take_slot(char **at, void *arg)
{
    struct reader *r = arg;
    size_t host = snapshot_find_host(r->s, at[3]);
    struct snapshot_slot t = {.host = (uint32_t)host,
                              .slot = u32(at[2]),
                              .id = module_of(at),
                              .port = u32(at[4]),
                              .state = state_of(at[5]),
                              .since_ms = u64(at[6])};

    return host < r->s->n_host ? snapshot_add(r->s, slot, &t) : 0;
}

static int take_capacity(char **at, void *arg)
{
    struct reader *r = arg;
    struct snapshot_capacity c = {.id = module_of(at),
                                  .rps = real(at[3]),
                                  .inflight = real(at[4]),
                                  .measured_rps = real(at[5]),
                                  .factor = real(at[6]),
                                  .target_us = u64(at[7])};

    COPY(c.class, at[2]);
    return snapshot_add(r->s, capacity, &c);
}

static int take_load(char **at, void *arg)
{
    struct reader *r = arg;
    struct snapshot_load l = {module_of(at), u32(at[2]), real(at[3])};

    return snapshot_add(r->s, load, &l);
}

/* --- the route of a module, and whether it is in force ------------------------------ */

static int take_route(char **at, void *arg)
{
    struct reader *r = arg;
    uint32_t weight = u32(at[2]), zone = crc32_of(at[3] ? at[3] : "");
    struct snapshot_route x = {r->id, u32(at[0]), u32(at[1]), u32(at[4]) > 0};
    struct route_node n = {x.ip, (uint16_t)x.port, 0, zone};
    int rc = snapshot_add(r->s, route, &x);

    weight = weight > WEIGHT_MAX ? WEIGHT_MAX : weight;
    n.weight = weight == 100 ? 0 : (uint16_t)weight;
    if (rc < 0 || !x.up || x.ip == 0 || x.port == 0 || x.port > UINT16_MAX)
        return rc;
    return snapshot_add_row((void **)&r->node, &r->n_node, &r->max_node, sizeof(n), &n);
}

static int take_zone_out(char **at, void *arg)
{
    struct reader *r = arg;
    struct snapshot_zone z = {.leaves = at[1] && at[1][0] == '1'};

    COPY(z.name, at[0]);
    return snapshot_add(r->s, zone_out, &z);
}

static int take_in_force(char **at, void *arg)
{
    struct reader *r = arg;

    r->in_force = u32(at[0]) == 0;
    return 0;
}

/* Agents that have been silent for a minute have no callers that follow them. */
static int read_route(struct reader *r, struct snapshot_policy *p)
{
    char sql[400];
    int rc;

    r->id = p->id;
    r->n_node = 0;
    snprintf(
        sql, sizeof(sql),
        "SELECT serverip, serverport, weight, zone, state = 'up' AND weight > 0 FROM "
        "RouteData WHERE modid = %u AND cmdid = %u ORDER BY serverip, serverport",
        p->id.modid, p->id.cmdid);
    rc = myconn_select(r->con, sql, take_route, r);
    if (rc < 0)
        return rc;
    p->route_sum = routedelta_sum(r->node, r->n_node);
    snprintf(sql, sizeof(sql),
             "SELECT COUNT(*) FROM AgentRoute r JOIN Service s ON s.kind = 'agent' AND "
             "s.name = r.agent WHERE r.modid = %u AND r.cmdid = %u AND r.sum <> %llu AND "
             "s.seen_at > NOW(3) - INTERVAL 60 SECOND",
             p->id.modid, p->id.cmdid, (unsigned long long)p->route_sum);
    rc = myconn_select(r->con, sql, take_in_force, r);
    p->in_force = r->in_force;
    return rc;
}

#define AGE_MS(column)                                                                   \
    "GREATEST(0, TIMESTAMPDIFF(MICROSECOND, " column ", NOW(3)) DIV 1000)"

static const struct {
    const char *sql;
    int (*take)(char **at, void *arg);
} queries[] = {
    {"SELECT p.modid, p.cmdid, p.actuator, p.min_zone, p.max_zone, p.warm, p.util_pct, "
     "p.floor_pct, p.dry_run, (SELECT d.wanted FROM ScaleDecision d WHERE d.modid = "
     "p.modid AND d.cmdid = p.cmdid ORDER BY d.at DESC, d.id DESC LIMIT 1), (SELECT "
     "COUNT(*) FROM Alarm a WHERE a.cleared_at IS NULL AND a.kind NOT LIKE 'capacity%' "
     "AND "
     "a.subject = CONCAT(p.modid, "
     "'/', p.cmdid)), m.node_rps, m.node_inflight FROM ScalePolicy p LEFT JOIN "
     "ModulePolicy m ON m.modid = p.modid AND m.cmdid = p.cmdid ORDER BY p.modid, "
     "p.cmdid",
     take_policy},
    {"SELECT modid, cmdid, zone, n_zone FROM ScalePlan WHERE from_at <= NOW() AND "
     "until_at > NOW() ORDER BY id",
     take_plan},
    {"SELECT (SELECT COUNT(*) FROM Freeze WHERE name = 'scale' AND until_at > NOW()) + "
     "(SELECT COUNT(*) FROM Drill WHERE state = 'running' AND seen_at > NOW(3) - "
     "INTERVAL "
     "60 SECOND)",
     take_freeze},
    {"SELECT host, zone, class, COALESCE(INET_ATON(address), 0), slots, in_use, " AGE_MS(
         "seen_at") " FROM ScaleHost ORDER BY host",
     take_host},
    {"SELECT zone, state = 'leaving' FROM ZoneState ORDER BY zone", take_zone_out},
    {"SELECT modid, cmdid, slot, host FROM ScaleWanted ORDER BY host, slot", take_order},
    {"SELECT modid, cmdid, slot, host, port, state, " AGE_MS(
         "since") " FROM ScaleSlot "
                  "ORDER BY host, slot",
     take_slot},
    {"SELECT modid, cmdid, class, rps * factor, inflight * factor, rps, factor, "
     "target_us FROM Capacity ORDER BY modid, cmdid, class",
     take_capacity},
    /* the last three seconds that are over, because agents report once a second */
    {"SELECT l.modid, l.cmdid, l.zone, SUM(l.ok + l.err) / 3 FROM ZoneLoad l JOIN "
     "ScalePolicy p ON p.modid = l.modid AND p.cmdid = l.cmdid WHERE l.at >= "
     "UNIX_TIMESTAMP() - 4 AND l.at < UNIX_TIMESTAMP() - 1 GROUP BY l.modid, l.cmdid, "
     "l.zone ORDER BY l.modid, l.cmdid, l.zone",
     take_load},
};

int snapshot_rows_read(struct myconn *con, struct snapshot *out)
{
    struct reader r = {.con = con, .s = out};
    size_t i;
    int rc = 0;

    for (i = 0; rc == 0 && i < sizeof(queries) / sizeof(queries[0]); i++)
        rc = myconn_select(con, queries[i].sql, queries[i].take, &r);
    for (i = 0; rc == 0 && i < out->n_policy; i++)
        rc = read_route(&r, &out->policy[i]);
    free(r.node);
    if (rc == 0)
        rc = measure_rows_read(con, out);
    return rc < 0 ? rc : front_rows_read(con, out);
}
