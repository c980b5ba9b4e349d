/* One table has each port, its key in fleet.ini and who connects to it.  The keys, the
 * rule about collisions, `larsctl fleet check` and the firewalls of the hosts are made
 * from it, so they cannot disagree. */
#include "roster/roster_ports.h"

#define R(role) (1u << ROSTER_##role)
/* Programs that use the database; a slot runs a node of the site. */
#define DB_USERS                                                                         \
    (R(DNSD) | R(REPORTD) | R(CONSOLE) | R(AUTOSCALER) | R(SITE) | R(SLOTS) |            \
     ROSTER_PORTS_FROM_OPERATORS)
/* Agents check nodes, gateways forward to them, and the report service tries those that
 * no agent watches. */
#define NODE_USERS (R(AGENT) | R(GATEWAY) | R(REPORTD) | ROSTER_PORTS_FROM_OPERATORS)
#define AGENTS (R(AGENT) | R(SLOTS) | ROSTER_PORTS_FROM_OPERATORS)

static const struct roster_ports_row rows[] = {
    {"port_agent", "agent", ROSTER_AGENT, ROSTER_PORT_AGENT, 8888, 3, 0, ROSTER_UDP},
    {"port_console", "console", ROSTER_CONSOLE, ROSTER_PORT_CONSOLE, 8090, 1,
     ROSTER_PORTS_FROM_ANY, ROSTER_TCP},
    {"port_db", "database", ROSTER_DB, ROSTER_PORT_DB, 3306, 1, DB_USERS | R(DB),
     ROSTER_TCP},
    {"port_dnsd", "route service", ROSTER_DNSD, ROSTER_PORT_DNSD, 7778, 1, AGENTS,
     ROSTER_TCP},
    {NULL, "replication", ROSTER_DB, -1, 4567, 1, R(DB) | R(ARBITER), ROSTER_TCP_UDP},
    {NULL, "arbiter", ROSTER_ARBITER, -1, 4567, 1, R(DB), ROSTER_TCP_UDP},
    {"port_gateway", "gateway", ROSTER_GATEWAY, ROSTER_PORT_GATEWAY, 8080, 1,
     ROSTER_PORTS_FROM_ANY, ROSTER_TCP},
    {"port_admin", "admin port of the gateway", ROSTER_GATEWAY, ROSTER_PORT_ADMIN, 9890,
     1, R(CONSOLE) | R(AUTOSCALER) | ROSTER_PORTS_FROM_OPERATORS, ROSTER_TCP},
    {"port_reportd", "report service", ROSTER_REPORTD, ROSTER_PORT_REPORTD, 7779, 1,
     AGENTS, ROSTER_TCP},
    {"port_site", "site", ROSTER_SITE, ROSTER_PORT_SITE, 8100, 1, NODE_USERS, ROSTER_TCP},
    {"port_slots", "slots", ROSTER_SLOTS, ROSTER_PORT_SLOTS, 8001, 0, NODE_USERS,
     ROSTER_TCP},
    {NULL, "incremental state transfer", ROSTER_DB, -1, 4568, 1, R(DB), ROSTER_TCP},
    {NULL, "full state transfer", ROSTER_DB, -1, 4444, 1, R(DB), ROSTER_TCP},
    {NULL, "metrics of lars-dnsd", ROSTER_DNSD, -1, 9880, 1, 0, ROSTER_TCP},
    {NULL, "metrics of lars-reportd", ROSTER_REPORTD, -1, 9881, 1, 0, ROSTER_TCP},
    {NULL, "metrics of lars-agentd", ROSTER_AGENT, -1, 9882, 1, 0, ROSTER_TCP},
    {NULL, "metrics of lars-console", ROSTER_CONSOLE, -1, 9883, 1, 0, ROSTER_TCP},
    {NULL, "metrics of lars-gateway", ROSTER_GATEWAY, -1, 9884, 1, 0, ROSTER_TCP},
    {NULL, "metrics of showcase-node", ROSTER_SITE, -1, 9885, 1, 0, ROSTER_TCP},
    {NULL, "metrics of lars-autoscaler", ROSTER_AUTOSCALER, -1, 9886, 1, 0, ROSTER_TCP},
    {NULL, "metrics of lars-slotd", ROSTER_SLOTS, -1, 9888, 1, 0, ROSTER_TCP}};
#define N_ROWS (sizeof(rows) / sizeof(rows[0]))

const struct roster_ports_row *roster_ports_at(unsigned i)
{
    return i < N_ROWS ? &rows[i] : NULL;
}

bool roster_ports_of(const struct roster_host *h, const struct roster_ports_row *row,
                     uint32_t *first, uint32_t *last)
{
    if (!roster_has(h, row->role))
        return false;
    *first = row->port >= 0 ? h->port[row->port] : row->fixed;
    *last = *first + (row->n ? row->n : h->slots) - 1;
    return true;
}

bool roster_ports_reach(const struct roster_host *from,
                        const struct roster_ports_row *row)
{
    return (row->from & (from->roles | ROSTER_PORTS_FROM_ANY)) != 0;
}
