/* The rules between hosts of fleet.ini: what the loss of one zone or one host would end
 * is a fault, with the line to be changed. */
#include "lib/rosterfix.h"

#include "roster/roster_check.h"
#include "roster/roster_ports.h"

static struct roster r;

#define EXPECT(c) rosterfix_expect(c, sizeof(c) / sizeof((c)[0]))

static void t_host_has_zone_address_and_roles(void **state)
{
    static const struct rosterfix_change c[] = {
        {"zone = c\n", "",
         "f:21: [host c1] has no zone; add zone = NAME, the room it stands in\n"},
        {"address = 10.0.3.11\n", "",
         "f:21: [host c1] has no address; add address = its IPv4 address\n"},
        {"roles = arbiter\n", "",
         "f:21: [host c1] has no roles; add roles = what runs on "
         "it, such as dnsd agent\n"},
        {"name = expo\n", "",
         "f:1: the fleet has no name; add name = NAME to [fleet]\n"}};

    (void)state;
    EXPECT(c);
}

static void t_address_is_of_one_host(void **state)
{
    static const struct rosterfix_change c[] = {
        {"10.0.2.11", "10.0.1.11",
         "f:14: address 10.0.1.11 is that of host a1 in line 6, "
         "too; write the one of host b1\n"}};

    (void)state;
    EXPECT(c);
}

static void t_caller_needs_an_agent(void **state)
{
    static const struct rosterfix_change c[] = {
        {"roles = gateway, agent, slots", "roles = gateway slots",
         "f:11: host a2 has gateway, slots or site and no agent, which they ask for "
         "nodes; add agent to roles\n"}};

    (void)state;
    EXPECT(c);
}

static void t_ports_of_a_host_differ(void **state)
{
    static const struct rosterfix_change c[] = {
        {"machine = 3", "port_dnsd = 7779",
         "f:12: host b1: port 7779 is that of dnsd (route service) and of reportd "
         "(report "
         "service); change port_dnsd in this section\n"},
        {"machine = 3", "port_console = 4444",
         "f:12: host b1: port 4444 is that of console (console) and of db (full state "
         "transfer); change port_console in this section\n"},
        {"machine = 3", "port_agent = 3306", ""}, /* UDP and TCP */
        {"roles = gateway, agent, slots",
         "roles = gateway agent slots\nport_slots = 8078",
         "f:8: host a2: port 8080 is that of gateway (gateway) and of slots (slots); "
         "change port_gateway in this section\n"},
        {"roles = gateway, agent, slots",
         "roles = gateway agent slots\nport_slots = 65534",
         "f:8: host a2: the ports of 4 slots from 65534 on end above 65535; lower "
         "port_slots or slots\n"}};

    (void)state;
    EXPECT(c);
}

#define TWO                                                                              \
    " zones; give it to a host in each of two zones, so that one is left when a "        \
    "zone is lost\n"

static void t_role_is_in_two_zones(void **state)
{
    static const struct rosterfix_change c[] = {
        {"roles = db dnsd reportd console autoscaler agent\n[host a2]",
         "roles = db agent\n[host a2]",
         "f:1: dnsd is on 1 hosts in 1" TWO "f:1: reportd is on 1 hosts in 1" TWO
         "f:1: console is on 1 hosts in 1" TWO "f:1: autoscaler is on 1 hosts in 1" TWO},
        {"roles = gateway agent site", "roles = agent",
         "f:1: gateway is on 1 hosts in 1" TWO
         "f:1: slots or site is on 1 hosts in 1" TWO},
        {"zone = b\naddress = 10.0.2.12", "zone = a\naddress = 10.0.2.12",
         "f:1: gateway is on 2 hosts in 1" TWO
         "f:1: slots or site is on 2 hosts in 1" TWO}};

    (void)state;
    EXPECT(c);
}

static void t_zone_has_one_database(void **state)
{
    static const struct rosterfix_change c[] = {
        {"roles = gateway, agent, slots", "roles = db gateway agent slots",
         "f:7: zone a has 2 of 4 votes, so the others stop when it is lost; take db from "
         "a "
         "host there, or give it to one elsewhere\n"
         "f:11: zone a has a database on host a1 already, and a zone has one; remove db "
         "from the roles of host a2\n"},
        {"machine = 3", "port_db = 3310",
         "f:12: port_db of host b1 is 3310 and that of host a1 is 3306; the databases of "
         "a fleet have one port: set it in [fleet]\n"}};

    (void)state;
    EXPECT(c);
}

static void t_arbiter_is_one_in_a_third_place(void **state)
{
    static const struct rosterfix_change c[] = {
        {"roles = arbiter", "roles = agent",
         "f:1: quorum is arbiter and no host has the role arbiter; give it to a host in "
         "a "
         "third place, or write quorum = weight and heavy_zone = the zone that works "
         "alone\n"},
        {"roles = gateway agent site", "roles = arbiter gateway agent site",
         "f:20: more than one host has the role arbiter; leave it to one, in a place "
         "without a database\n"},
        {"zone = c", "zone = b",
         "f:24: arbiter c1 is in zone b as the database of host b1, so both votes are "
         "lost together; move it to a third place\n"},
        {"roles = arbiter", "roles = arbiter db",
         "f:24: host c1 has db and arbiter, whose votes would be lost together; move "
         "arbiter to a host in a third place\n"},
        {"quorum = arbiter", "quorum = arbiter\nheavy_zone = a",
         "f:4: heavy_zone has no meaning with quorum = arbiter; remove it, or write "
         "quorum = weight\n"}};

    (void)state;
    EXPECT(c);
}

static void t_weight_needs_a_heavy_zone_and_no_arbiter(void **state)
{
    static const struct rosterfix_change c[] = {
        {"quorum = arbiter", "quorum = weight",
         "f:1: quorum is weight and heavy_zone is missing; add heavy_zone = the zone "
         "that "
         "works alone when the other one is lost\n"
         "f:24: host c1 is the arbiter and quorum is weight, which has none; write "
         "quorum "
         "= arbiter, or remove the role\n"},
        {"quorum = arbiter", "quorum = weight\nheavy_zone = c",
         "f:4: heavy_zone = c has no host with the role db; name a zone that has one\n"
         "f:25: host c1 is the arbiter and quorum is weight, which has none; write "
         "quorum "
         "= arbiter, or remove the role\n"}};

    (void)state;
    EXPECT(c);
}

/* 9 hosts in two zones have the role, which has room for 8 in the configurations. */
static void t_services_fit_into_the_configurations(void **state)
{
    static char text[30000];
    size_t n;
    int i;

    (void)state;
    n = (size_t)snprintf(text, sizeof(text), "%s", rosterfix_good);
    for (i = 0; i < 31; i++)
        n += (size_t)snprintf(text + n, sizeof(text) - n,
                              "[host x%d]\nzone = b\naddress = 10.0.9.%d\nroles = agent "
                              "gateway%s\n",
                              i, i + 1, i < 7 ? " dnsd reportd" : "");
    assert_string_equal(
        rosterfix_read(&r, text),
        "f:1: 9 hosts have the role dnsd; configurations hold 8 of them: take it from "
        "the "
        "others\n"
        "f:1: 9 hosts have the role reportd; configurations hold 8 of them: take it from "
        "the others\n"
        "f:1: 33 hosts have the role gateway; configurations hold 32 of them: take it "
        "from the others\n");
}

static const struct roster_ports_row *row_of(enum roster_role role, int port)
{
    const struct roster_ports_row *row;
    unsigned i = 0;

    while ((row = roster_ports_at(i++)) != NULL &&
           (row->role != role || row->port != port))
        continue;
    return row;
}

static void t_each_host_reaches_what_its_programs_call(void **state)
{
    const struct roster_host *a2, *c1;

    (void)state;
    assert_string_equal(rosterfix_read(&r, rosterfix_good), "");
    a2 = roster_find(&r, "a2");
    c1 = roster_find(&r, "c1");
    assert_true(roster_ports_reach(a2, row_of(ROSTER_DNSD, ROSTER_PORT_DNSD)));
    assert_true(roster_ports_reach(a2, row_of(ROSTER_DB, ROSTER_PORT_DB)));
    assert_false(roster_ports_reach(a2, row_of(ROSTER_DB, -1)));
    assert_true(roster_ports_reach(c1, row_of(ROSTER_DB, -1)));
    assert_false(roster_ports_reach(c1, row_of(ROSTER_DB, ROSTER_PORT_DB)));
    assert_false(roster_ports_reach(c1, row_of(ROSTER_DNSD, ROSTER_PORT_DNSD)));
    assert_true(roster_ports_reach(c1, row_of(ROSTER_GATEWAY, ROSTER_PORT_GATEWAY)));
    assert_false(roster_ports_reach(a2, row_of(ROSTER_AGENT, ROSTER_PORT_AGENT)));
}

T_MAIN(T(t_host_has_zone_address_and_roles), T(t_address_is_of_one_host),
       T(t_caller_needs_an_agent), T(t_ports_of_a_host_differ), T(t_role_is_in_two_zones),
       T(t_zone_has_one_database), T(t_arbiter_is_one_in_a_third_place),
       T(t_weight_needs_a_heavy_zone_and_no_arbiter),
       T(t_services_fit_into_the_configurations),
       T(t_each_host_reaches_what_its_programs_call))
