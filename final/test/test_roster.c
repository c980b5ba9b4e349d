/* fleet.ini: each value that is wrong is named with its line and how to mend it, all of
 * them at once; any file is read to its end. */
#include "lib/rosterfix.h"

#include "base/rnd.h"
#include "roster/roster_ports.h"

static struct roster r;

static void t_good_file_is_read(void **state)
{
    const struct roster_host *h;

    (void)state;
    assert_string_equal(rosterfix_read(&r, rosterfix_good), "");
    assert_string_equal(r.name, "expo");
    assert_int_equal(r.quorum, ROSTER_QUORUM_ARBITER);
    assert_int_equal(r.n, 5);
    assert_int_equal(r.n_zones, 3);
    assert_int_equal(roster_zone_number(&r, "b"), 2);
    assert_int_equal(roster_zone_number(&r, "x"), 0);
    assert_int_equal(r.site.modid, 20);
    assert_int_equal(r.n_operators, 0);
    h = roster_find(&r, "b1");
    assert_non_null(h);
    assert_string_equal(h->ip, "10.0.2.11");
    assert_string_equal(h->zone, "b");
    assert_int_equal(h->machine, 3);
    assert_int_equal(h->port[ROSTER_PORT_DNSD], 7778);
    assert_true(roster_has(h, ROSTER_DB) && !roster_has(h, ROSTER_GATEWAY));
    assert_null(roster_find(&r, "b9"));
}

static void t_keys_of_the_fleet_are_for_all_hosts(void **state)
{
    (void)state;
    assert_string_equal(rosterfix_read(&r, rosterfix_changed("quorum = arbiter",
                                                             "port_dnsd = 7000\n"
                                                             "site_module = 7/2\n"
                                                             "operators = 10.9.0.1 "
                                                             "10.9.0.2")),
                        "");
    assert_int_equal(r.host[0].port[ROSTER_PORT_DNSD], 7000);
    assert_int_equal(r.site.modid, 7);
    assert_int_equal(r.site.cmdid, 2);
    assert_int_equal(r.n_operators, 2);
    assert_string_equal(r.operator[1], "10.9.0.2");
    assert_string_equal(
        rosterfix_read(&r, rosterfix_changed("machine = 3", "port_dnsd = 7001")), "");
    assert_int_equal(r.host[0].port[ROSTER_PORT_DNSD], 7778);
    assert_int_equal(r.host[2].port[ROSTER_PORT_DNSD], 7001);
}

#define NAMES "write 1 to 32 of a-z, 0-9 and -, with no - at either end\n"
#define LONG33 "aaaaaaaaaabbbbbbbbbbccccccccccddd"

static void t_wrong_values_are_named(void **state)
{
    static const struct rosterfix_change c[] = {
        {"name = expo", "name = Expo", "f:2: name = \"Expo\" is no name; " NAMES},
        {"name = expo", "name = -x", "f:2: name = \"-x\" is no name; " NAMES},
        {"name = expo", "name = " LONG33,
         "f:2: name = \"" LONG33 "\" is no name; " NAMES},
        {"quorum = arbiter", "quorum = luck",
         "f:3: quorum = \"luck\" is neither arbiter nor weight; write arbiter when a "
         "third place has a host for it, else weight and heavy_zone\n"},
        {"quorum = arbiter", "quorum = weight\nheavy_zone = A",
         "f:4: heavy_zone = \"A\" is no zone; write 1 to 32 of a-z and 0-9\n"
         "f:25: host c1 is the arbiter and quorum is weight, which has none; write "
         "quorum "
         "= arbiter, or remove the role\n"},
        {"quorum = arbiter", "site_module = 20",
         "f:3: site_module = \"20\" is no module; write MODID/CMDID, such as 20/1\n"},
        {"quorum = arbiter", "site_module = 20/1/1",
         "f:3: site_module = \"20/1/1\" is no module; write MODID/CMDID, such as 20/1\n"},
        {"quorum = arbiter", "operators = here",
         "f:3: operators = \"here\" is no IPv4 address; write one such as 10.0.1.11\n"},
        {"quorum = arbiter",
         "operators = 10.0.0.1 10.0.0.2 10.0.0.3 10.0.0.4 10.0.0.5 10.0.0.6 10.0.0.7 "
         "10.0.0.8 10.0.0.9",
         "f:3: operators has more than 8 addresses; remove the others\n"},
        {"zone = a", "zone = a-1",
         "f:5: zone = \"a-1\" is no zone; write 1 to 32 of a-z and 0-9\n"},
        {"10.0.1.11", "10.0.1",
         "f:6: address = \"10.0.1\" is no IPv4 address; write one "
         "such as 10.0.1.11\n"},
        {"10.0.1.11", "fd00::1",
         "f:6: address = \"fd00::1\" is no IPv4 address; write "
         "one such as 10.0.1.11\n"},
        {"10.0.1.11", "127.0.0.1",
         "f:6: address = \"127.0.0.1\" is a loopback address, which other hosts do not "
         "reach; write one such as 10.0.1.11\n"},
        {"10.0.1.11", "0.0.0.0",
         "f:6: address = \"0.0.0.0\" is no address of one host; "
         "write one such as 10.0.1.11\n"},
        {"10.0.1.11", "224.0.0.1",
         "f:6: address = \"224.0.0.1\" is no address of one "
         "host; write one such as 10.0.1.11\n"},
        {"roles = gateway, agent, slots", "roles = gateway, agnt, slots",
         "f:11: \"agnt\" is no role; there are agent, arbiter, autoscaler, console, db, "
         "dnsd, gateway, reportd, site and slots\n"},
        {"roles = gateway, agent, slots", "roles = gateway agent slots agent",
         "f:11: the role agent is there twice; remove one of them\n"},
        {"roles = gateway, agent, slots", "roles = ,",
         "f:11: roles is empty; write what runs on this host, such as dnsd agent, or "
         "remove the host\n"}};

    (void)state;
    rosterfix_expect(c, sizeof(c) / sizeof(c[0]));
}

static void t_wrong_numbers_are_named(void **state)
{
    static const struct rosterfix_change c[] = {
        {"machine = 3", "machine = 0",
         "f:16: machine = \"0\" is not a number from 1 to 1000000; write one\n"},
        {"machine = 3", "slots = 257",
         "f:16: slots = \"257\" is not a number from 1 to 256; write one\n"},
        {"machine = 3", "slots = 4x",
         "f:16: slots = \"4x\" is not a number from 1 to 256; write one\n"},
        {"machine = 3",
         "slots = ", "f:16: slots = \"\" is not a number from 1 to 256; write one\n"},
        {"machine = 3", "port_dnsd = 65536",
         "f:16: port_dnsd = \"65536\" is not a number from 1 to 65535; write one\n"},
        {"machine = 3", "port_agent = 65534",
         "f:16: port_agent = \"65534\" is not a number from 1 to 65533; write one\n"}};

    (void)state;
    rosterfix_expect(c, sizeof(c) / sizeof(c[0]));
}

static void t_wrong_lines_are_named(void **state)
{
    static const struct rosterfix_change c[] = {
        {"zone = a", "zone: a\nfoo", "f:6: neither [section] nor key = value\n"},
        {"[fleet]", "[fleet",
         "f:1: the ] after the name of the section is missing\n"
         "f:1: the fleet has no name; add name = NAME to [fleet]\n"
         "f:2: name is before the first section; write [fleet] or [host NAME] above it\n"
         "f:3: quorum is before the first section; write [fleet] or [host NAME] above "
         "it\n"},
        {"machine = 3", "machina = 3",
         "f:16: [host b1] has no key machina; there are zone, address, roles, machine "
         "and slots, and the ports: port_dnsd and so on\n"},
        {"name = expo", "name = expo\nzone = a",
         "f:3: [fleet] has no key zone; there are name, quorum, heavy_zone, site_module "
         "and operators, and the ports: port_dnsd and so on\n"},
        {"machine = 3", "machine = 3\nmachine = 4",
         "f:17: machine is there twice in [host b1]; remove one of them\n"},
        {"machine = 3", "port_dnsd = 1\nport_dnsd = 2",
         "f:17: port_dnsd is there twice in [host b1]; remove one of them\n"},
        {"[host c1]", "[fleet]\n[host c1]",
         "f:21: [fleet] is in line 1 already; write its keys there\n"},
        {"[host c1]", "[hots x]\nzone = z\n[host c1]",
         "f:21: [hots x] is no section of a fleet; write [fleet], or [host NAME] such as "
         "[host a1]\n"},
        {"[host c1]", "[host c_1]\nzone = z\n[host c1]",
         "f:21: host \"c_1\" is no name; " NAMES},
        {"[host c1]", "[host a2]\nzone = z\n[host c1]",
         "f:21: host a2 is in line 8 already; write its keys there, or give this one "
         "another name\n"}};

    (void)state;
    rosterfix_expect(c, sizeof(c) / sizeof(c[0]));
}

static void t_all_faults_are_there_at_once_by_line(void **state)
{
    (void)state;
    assert_string_equal(rosterfix_read(&r, "[fleet]\nname = !\n[host a]\nmachine = x\n"),
                        "f:2: name = \"!\" is no name; " NAMES
                        "f:3: [host a] has no zone; add zone = NAME, the room it stands "
                        "in\n"
                        "f:3: [host a] has no address; add address = its IPv4 address\n"
                        "f:3: [host a] has no roles; add roles = what runs on it, such "
                        "as dnsd agent\n"
                        "f:4: machine = \"x\" is not a number from 1 to 1000000; write "
                        "one\n");
    assert_string_equal(rosterfix_read(&r, "\n"),
                        "f:1: the fleet has no name; add name = NAME to [fleet]\n"
                        "f:1: there is no host; add [host NAME] with zone, address and "
                        "roles for each\n");
}

static void t_bytes_for_the_terminal_are_not_printed(void **state)
{
    const char *out = rosterfix_read(&r, "[fleet]\nname = a\x1b[2J\n");

    (void)state;
    assert_null(strchr(out, '\x1b'));
    assert_non_null(strstr(out, "name = \"a?[2J\" is no name"));
}

static void t_hosts_above_the_bound_are_refused(void **state)
{
    char text[20000];
    size_t n = (size_t)snprintf(text, sizeof(text), "[fleet]\nname = x\n");
    int i;

    (void)state;
    for (i = 0; i < 66; i++)
        n += (size_t)snprintf(text + n, sizeof(text) - n,
                              "[host h%d]\nzone = z%d\naddress = 10.0.0.%d\n"
                              "roles = agent\n",
                              i, i, i + 1);
    assert_non_null(strstr(rosterfix_read(&r, text),
                           "f:259: host h64 is number 65; a fleet has at most 64\n"));
    assert_int_equal(r.n, 64);
    assert_int_equal(r.n_zones, 64);
}

static void t_many_faults_are_bounded_and_counted(void **state)
{
    static char text[100000];
    size_t n = (size_t)snprintf(text, sizeof(text), "[fleet]\n");
    const char *out;
    int i;

    (void)state;
    for (i = 0; i < 3000; i++)
        n += (size_t)snprintf(text + n, sizeof(text) - n, "x%d = 1\n", i);
    out = rosterfix_read(&r, text);
    assert_non_null(strstr(out, "f:2: [fleet] has no key x0;"));
    assert_non_null(strstr(out, "more faults; mend these first\n"));
}

/* Random lines out of words that mean something, and random bytes among them. */
static void t_random_files_end_with_a_result(void **state)
{
    static const char *const words[] = {
        "[fleet]",    "[host a]", "[host b]", "name",  "zone",    "address", "roles",
        "quorum",     "arbiter",  "weight",   " = ",   "10.0.0.", "1",       "db agent",
        "dnsd site",  "slots",    "machine",  "port_", "gateway", "\n",      "\n",
        "heavy_zone", "]",        "; ",       "65535", "a",       "b",       "="};
    const char *given = getenv("LARS_SEED");
    uint64_t seed = given ? strtoull(given, NULL, 10) : (uint64_t)time(NULL);
    struct rnd rnd;
    char text[3000];
    int round;

    (void)state;
    print_message("LARS_SEED=%llu\n", (unsigned long long)seed);
    rnd_init(&rnd, seed + 1);
    for (round = 0; round < 3000; round++) {
        size_t n = 0, end = 1 + rnd_u32(&rnd) % (sizeof(text) - 40);

        while (n < end) {
            if (rnd_u32(&rnd) % 20 == 0)
                text[n++] = (char)(1 + rnd_u32(&rnd) % 255);
            else
                n += (size_t)snprintf(
                    text + n, sizeof(text) - n, "%s",
                    words[rnd_u32(&rnd) % (sizeof(words) / sizeof(words[0]))]);
        }
        text[n] = '\0';
        rosterfix_read(&r, text); /* asserts that faults and result agree */
    }
}

static void t_each_port_of_the_table_is_usable(void **state)
{
    const struct roster_ports_row *row;
    unsigned i, n_keys = 0;

    (void)state;
    for (i = 0; (row = roster_ports_at(i)) != NULL; i++) {
        assert_true(row->port < ROSTER_N_PORTS && row->role < ROSTER_N_ROLES);
        assert_int_equal(row->key != NULL, row->port >= 0);
        assert_true(row->fixed > 0 && row->fixed < 65536);
        n_keys += row->key != NULL;
    }
    assert_int_equal(n_keys, ROSTER_N_PORTS);
}

T_MAIN(T(t_good_file_is_read), T(t_keys_of_the_fleet_are_for_all_hosts),
       T(t_wrong_values_are_named), T(t_wrong_numbers_are_named),
       T(t_wrong_lines_are_named), T(t_all_faults_are_there_at_once_by_line),
       T(t_bytes_for_the_terminal_are_not_printed),
       T(t_hosts_above_the_bound_are_refused), T(t_many_faults_are_bounded_and_counted),
       T(t_random_files_end_with_a_result), T(t_each_port_of_the_table_is_usable))
