/* A fault has the line of the key to be changed.  What lacks in the whole file has the
 * line of [fleet].
 *
 * Galera keeps working where more than half of the votes of the last group are.  Two
 * zones with a vote each both stop when they lose each other, so either a third place has
 * a vote, or one zone weighs more: then the loss of that zone stops the other one until
 * an operator has decided, and the file has to state it. */
#include "roster/roster_check.h"

#include <string.h>

#include "roster/roster_ports.h"

/* The roles of which a host has to be left when a zone is lost. */
static const enum roster_role of_two_zones[] = {ROSTER_DB,      ROSTER_DNSD,
                                                ROSTER_REPORTD, ROSTER_GATEWAY,
                                                ROSTER_CONSOLE, ROSTER_AUTOSCALER};
#define N_OF_TWO_ZONES (sizeof(of_two_zones) / sizeof(of_two_zones[0]))

#define NODES (1u << ROSTER_SLOTS | 1u << ROSTER_SITE)
#define CALLERS (NODES | 1u << ROSTER_GATEWAY)

/* --- a host ------------------------------------------------------------------------- */

static void check_keys(const struct roster_host *h, struct roster_faults *f)
{
    if (!h->zone_line)
        roster_faults_add(f, h->line,
                          "[host %s] has no zone; add zone = NAME, the room it stands in",
                          h->name);
    if (!h->address_line)
        roster_faults_add(f, h->line,
                          "[host %s] has no address; add address = its IPv4 address",
                          h->name);
    if (!h->roles_line)
        roster_faults_add(f, h->line,
                          "[host %s] has no roles; add roles = what runs on it, such as "
                          "dnsd agent",
                          h->name);
}

static void check_roles(const struct roster_host *h, struct roster_faults *f)
{
    if ((h->roles & CALLERS) && !roster_has(h, ROSTER_AGENT))
        roster_faults_add(f, h->roles_line,
                          "host %s has gateway, slots or site and no agent, which they "
                          "ask for nodes; add agent to roles",
                          h->name);
    if (roster_has(h, ROSTER_ARBITER) && roster_has(h, ROSTER_DB))
        roster_faults_add(f, h->roles_line,
                          "host %s has db and arbiter, whose votes would be lost "
                          "together; move arbiter to a host in a third place",
                          h->name);
}

static void check_pair(const struct roster_host *h, const struct roster_ports_row *a,
                       const struct roster_ports_row *b, struct roster_faults *f)
{
    uint32_t first_a, last_a, first_b, last_b, at;

    if ((a->protocol == ROSTER_UDP) != (b->protocol == ROSTER_UDP) ||
        (a->port >= 0 && a->port == b->port) ||
        !roster_ports_of(h, a, &first_a, &last_a) ||
        !roster_ports_of(h, b, &first_b, &last_b) || last_a < first_b || last_b < first_a)
        return;
    at = first_a > first_b ? first_a : first_b;
    if (a->key || b->key)
        roster_faults_add(f, h->line,
                          "host %s: port %u is that of %s (%s) and of %s (%s); change %s "
                          "in this section",
                          h->name, at, roster_role_name(a->role), a->what,
                          roster_role_name(b->role), b->what, a->key ? a->key : b->key);
}

static void check_ports(const struct roster_host *h, struct roster_faults *f)
{
    const struct roster_ports_row *a;
    uint32_t first, last;
    unsigned i, k;

    for (i = 0; (a = roster_ports_at(i)) != NULL; i++) {
        for (k = 0; k < i; k++)
            check_pair(h, roster_ports_at(k), a, f);
        if (roster_ports_of(h, a, &first, &last) && last > 65535)
            roster_faults_add(
                f, h->line,
                "host %s: the ports of %u slots from %u on end above 65535; "
                "lower port_slots or slots",
                h->name, h->slots, first);
    }
}

static void check_address(const struct roster *r, unsigned i, struct roster_faults *f)
{
    unsigned k;

    for (k = 0; k < i && r->host[i].ip[0]; k++) {
        if (strcmp(r->host[k].ip, r->host[i].ip) != 0)
            continue;
        roster_faults_add(f, r->host[i].address_line,
                          "address %s is that of host %s in line %d, too; write the one "
                          "of host %s",
                          r->host[i].ip, r->host[k].name, r->host[k].address_line,
                          r->host[i].name);
        return;
    }
}

/* --- the fleet ---------------------------------------------------------------------- */

/* The hosts with one of <roles>, and in *zones how many zones they are in. */
static unsigned count(const struct roster *r, uint32_t roles, unsigned *zones)
{
    uint64_t in = 0;
    unsigned i, n = 0;

    for (i = 0; i < r->n; i++) {
        if (!(r->host[i].roles & roles))
            continue;
        n++;
        in |= 1ull << (roster_zone_number(r, r->host[i].zone) - 1);
    }
    *zones = (unsigned)__builtin_popcountll(in);
    return n;
}

static const struct roster_host *first_with(const struct roster *r, enum roster_role role,
                                            const char *zone)
{
    unsigned i;

    for (i = 0; i < r->n; i++)
        if (roster_has(&r->host[i], role) &&
            (!zone || strcmp(r->host[i].zone, zone) == 0))
            return &r->host[i];
    return NULL;
}

/* deploy/two-zones has one database for each zone, and one port for all. */
static void check_databases(const struct roster *r, struct roster_faults *f)
{
    const struct roster_host *h;
    unsigned i;

    for (i = 0; i < r->n; i++) {
        if (!roster_has(&r->host[i], ROSTER_DB))
            continue;
        h = first_with(r, ROSTER_DB, r->host[i].zone);
        if (h != &r->host[i])
            roster_faults_add(f, r->host[i].roles_line,
                              "zone %s has a database on host %s already, and a zone has "
                              "one; remove db from the roles of host %s",
                              h->zone, h->name, r->host[i].name);
        h = first_with(r, ROSTER_DB, NULL);
        if (h->port[ROSTER_PORT_DB] != r->host[i].port[ROSTER_PORT_DB])
            roster_faults_add(f, r->host[i].line,
                              "port_db of host %s is %u and that of host %s is %u; the "
                              "databases of a fleet have one port: set it in [fleet]",
                              r->host[i].name, r->host[i].port[ROSTER_PORT_DB], h->name,
                              h->port[ROSTER_PORT_DB]);
    }
}

static void check_two_zones(const struct roster *r, uint32_t roles, const char *what,
                            struct roster_faults *f)
{
    unsigned zones, n = count(r, roles, &zones);

    if (zones >= 2)
        return;
    roster_faults_add(f, r->line,
                      "%s is on %u hosts in %u zones; give it to a host in each of two "
                      "zones, so that one is left when a zone is lost",
                      what, n, zones);
}

static void check_most(const struct roster *r, enum roster_role role, unsigned most,
                       struct roster_faults *f)
{
    unsigned zones, n = count(r, 1u << role, &zones);

    if (n > most)
        roster_faults_add(f, r->line,
                          "%u hosts have the role %s; configurations hold %u of them: "
                          "take it from the others",
                          n, roster_role_name(role), most);
}

/* The votes of <zone>; of all zones when it is NULL. */
static unsigned votes(const struct roster *r, const char *zone)
{
    unsigned i, n = 0;

    for (i = 0; i < r->n; i++)
        if (!zone || strcmp(r->host[i].zone, zone) == 0)
            n += roster_has(&r->host[i], ROSTER_DB) ||
                 roster_has(&r->host[i], ROSTER_ARBITER);
    return n;
}

static void check_arbiter(const struct roster *r, struct roster_faults *f)
{
    const struct roster_host *h = first_with(r, ROSTER_ARBITER, NULL), *db;
    unsigned zones, z;

    if (!h) {
        roster_faults_add(
            f, r->line,
            "quorum is arbiter and no host has the role arbiter; give it to "
            "a host in a third place, or write quorum = weight and "
            "heavy_zone = the zone that works alone");
        return;
    }
    if (count(r, 1u << ROSTER_ARBITER, &zones) > 1) {
        roster_faults_add(
            f, h->roles_line,
            "more than one host has the role arbiter; leave it to one, in a "
            "place without a database");
        return;
    }
    db = first_with(r, ROSTER_DB, h->zone);
    if (db && db != h) {
        roster_faults_add(f, h->roles_line,
                          "arbiter %s is in zone %s as the database of host %s, so both "
                          "votes are lost together; move it to a third place",
                          h->name, h->zone, db->name);
        return;
    }
    for (z = 0; z < r->n_zones; z++)
        if (votes(r, r->zone[z]) * 2 >= votes(r, NULL) &&
            (db = first_with(r, ROSTER_DB, r->zone[z])) != NULL)
            roster_faults_add(f, db->roles_line,
                              "zone %s has %u of %u votes, so the others stop when it is "
                              "lost; take db from a host there, or give it to one "
                              "elsewhere",
                              r->zone[z], votes(r, r->zone[z]), votes(r, NULL));
}

static void check_weight(const struct roster *r, struct roster_faults *f)
{
    const struct roster_host *h = first_with(r, ROSTER_ARBITER, NULL);

    if (h)
        roster_faults_add(f, h->roles_line,
                          "host %s is the arbiter and quorum is weight, which has none; "
                          "write quorum = arbiter, or remove the role",
                          h->name);
    if (!r->heavy_line)
        roster_faults_add(f, r->line,
                          "quorum is weight and heavy_zone is missing; add heavy_zone = "
                          "the zone that works alone when the other one is lost");
    else if (r->heavy_zone[0] && !first_with(r, ROSTER_DB, r->heavy_zone))
        roster_faults_add(
            f, r->heavy_line,
            "heavy_zone = %s has no host with the role db; name a zone that "
            "has one",
            r->heavy_zone);
}

static void check_quorum(const struct roster *r, struct roster_faults *f)
{
    if (r->quorum == ROSTER_QUORUM_WEIGHT)
        check_weight(r, f);
    else
        check_arbiter(r, f);
    if (r->quorum == ROSTER_QUORUM_ARBITER && r->heavy_line)
        roster_faults_add(
            f, r->heavy_line,
            "heavy_zone has no meaning with quorum = arbiter; remove it, or "
            "write quorum = weight");
}

static void check_fleet(const struct roster *r, struct roster_faults *f)
{
    size_t i;

    for (i = 0; i < N_OF_TWO_ZONES; i++)
        check_two_zones(r, 1u << of_two_zones[i], roster_role_name(of_two_zones[i]), f);
    check_two_zones(r, NODES, "slots or site", f);
    check_databases(r, f);
    check_most(r, ROSTER_DNSD, ROSTER_SERVERS_MAX, f);
    check_most(r, ROSTER_REPORTD, ROSTER_SERVERS_MAX, f);
    check_most(r, ROSTER_GATEWAY, ROSTER_GATEWAYS_MAX, f);
    check_quorum(r, f);
}

void roster_check_all(const struct roster *r, struct roster_faults *faults)
{
    bool whole = r->n > 0;
    unsigned i;

    if (!r->name_line)
        roster_faults_add(faults, r->line,
                          "the fleet has no name; add name = NAME to [fleet]");
    if (r->n == 0)
        roster_faults_add(faults, r->line,
                          "there is no host; add [host NAME] with zone, address and "
                          "roles for each");
    for (i = 0; i < r->n; i++) {
        const struct roster_host *h = &r->host[i];

        check_keys(h, faults);
        check_address(r, i, faults);
        if (!h->unclear && h->zone[0] && h->roles_line) {
            check_roles(h, faults);
            check_ports(h, faults);
        } else {
            whole = false;
        }
    }
    if (whole)
        check_fleet(r, faults);
}
