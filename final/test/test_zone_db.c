/* How the databases of the zones stand to each other, from the variables of a server. */
#include "db/zone_db.h"

#include "t.h"

#define PEERS3 "gcomm://10.77.1.1,10.77.2.1,10.77.3.1"
#define PEERS2 "gcomm://10.77.1.1:4567,10.77.2.1:4567?pc.wait_prim=no"

static struct zone_db_view v;

static int setup(void **state)
{
    (void)state;
    memset(&v, 0, sizeof(v));
    return 0;
}

static void take(const char *name, const char *value)
{
    zone_db_take(&v, name, value);
}

/* A member of the primary component. */
static void primary(const char *peers, const char *size, const char *incoming)
{
    take("WSREP_ON", "ON"); /* names of information_schema have both cases */
    take("wsrep_ready", "ON");
    take("wsrep_cluster_status", "Primary");
    take("WSREP_CLUSTER_ADDRESS", peers);
    take("wsrep_cluster_size", size);
    take("wsrep_incoming_addresses", incoming);
    zone_db_judge(&v);
}

static void expect(enum zone_db_case c)
{
    if (v.is != c)
        fail_msg("%s, not %s", zone_db_case_name(v.is), zone_db_case_name(c));
}

static void t_server_without_galera_is_one_database(void **state)
{
    (void)state;
    take("wsrep_on", "OFF");
    take("wsrep_cluster_status", "Disconnected");
    take("wsrep_ready", "OFF");
    zone_db_judge(&v);
    expect(ZONE_DB_ONE);
    memset(&v, 0, sizeof(v)); /* a server that has no such variables */
    zone_db_judge(&v);
    expect(ZONE_DB_ONE);
}

static void t_arbiter_is_a_member_without_a_client_port(void **state)
{
    (void)state;
    primary(PEERS3, "3", "10.77.1.1:3310,,10.77.2.1:3310");
    expect(ZONE_DB_ARBITER);
    assert_int_equal(v.members, 3);
    assert_int_equal(v.data, 2);
    assert_int_equal(v.configured, 3);
    primary(PEERS3, "3", ",10.77.1.1:3310,10.77.2.1:3310");
    expect(ZONE_DB_ARBITER);
    primary(PEERS3, "3", "10.77.1.1:3310,10.77.2.1:3310,");
    expect(ZONE_DB_ARBITER);
}

static void t_arbiter_that_is_configured_and_away_is_lost(void **state)
{
    (void)state;
    primary(PEERS3, "2", "10.77.1.1:3310,10.77.2.1:3310");
    expect(ZONE_DB_NO_ARBITER);
}

/* deploy/two-zones gives the nodes no address of the arbiter. */
static void t_arbiter_without_address_is_lost_when_no_node_outweighs(void **state)
{
    (void)state;
    take("wsrep_provider_options", "pc.recovery = true; pc.weight = 1; repl.x = 1");
    take("wsrep_cluster_weight", "3");
    primary(PEERS2, "3", "10.77.1.1:3310,,10.77.2.1:3310");
    expect(ZONE_DB_ARBITER);
    take("wsrep_cluster_weight", "2");
    primary(PEERS2, "2", "10.77.1.1:3310,10.77.2.1:3310");
    expect(ZONE_DB_NO_ARBITER);
    take("wsrep_provider_options", "pc.weight = 2");
    take("wsrep_cluster_weight", "4");
    primary(PEERS2, "2", "10.77.1.1:3310,10.77.2.1:3310");
    expect(ZONE_DB_NO_ARBITER);
}

static void says(const char *text)
{
    if (!strstr(zone_db_text(&v), text))
        fail_msg("\"%s\", without \"%s\"", zone_db_text(&v), text);
}

/* The node of weight 2 has two thirds of the votes and writes alone. */
static void t_lost_arbiter_with_unequal_weights_leaves_the_heavier_side(void **state)
{
    static const char *const options[] = {"pc.weight = 2", "pc.weight = 1"};
    size_t i;

    (void)state;
    for (i = 0; i < 2; i++) { /* seen from each of the two */
        take("wsrep_provider_options", options[i]);
        take("wsrep_cluster_weight", "3");
        primary(PEERS3, "2", "10.77.1.1:3310,10.77.2.1:3310");
        expect(ZONE_DB_NO_ARBITER);
        says("only the side that has more than half of the pc.weight still writes");
        says("start the arbiter");
    }
}

static void t_lost_arbiter_with_equal_or_unknown_weights_leaves_no_side(void **state)
{
    static const char *const weights[] = {"2", "0"};
    size_t i;

    (void)state;
    take("wsrep_provider_options", "pc.weight = 1");
    for (i = 0; i < 2; i++) {
        take("wsrep_cluster_weight", weights[i]);
        primary(PEERS3, "2", "10.77.1.1:3310,10.77.2.1:3310");
        expect(ZONE_DB_NO_ARBITER);
        says("none of them writes; start the arbiter");
    }
}

/* Old servers do not tell it, and three nodes are no two halves. */
static void t_weight_that_is_not_known_is_no_half(void **state)
{
    (void)state;
    take("wsrep_provider_options", "pc.weight = 0");
    primary(PEERS2, "2", "10.77.1.1:3310,10.77.2.1:3310");
    expect(ZONE_DB_WEIGHT);
    take("wsrep_provider_options", "pc.weight = 2");
    take("wsrep_cluster_weight", "4");
    primary(PEERS3, "3", "10.77.1.1:3310,10.77.2.1:3310,10.77.3.1:3310");
    expect(ZONE_DB_WEIGHT);
}

static void t_two_rooms_decide_by_weight(void **state)
{
    (void)state;
    take("wsrep_provider_options",
         "evs.suspect_timeout = PT2S; pc.recovery = true; pc.weight = 2; repl.x = 1");
    take("wsrep_cluster_weight", "3");
    primary(PEERS2, "2", "10.77.1.1:3310,10.77.2.1:3310");
    expect(ZONE_DB_WEIGHT);
    assert_int_equal(v.own_weight, 2);
    assert_int_equal(v.weight, 3);
    assert_int_equal(v.configured, 2);
    assert_string_equal(v.peers, "10.77.1.1:4567,10.77.2.1:4567");
    take("wsrep_provider_options", "pc.weight = 1"); /* the same, seen from the other */
    zone_db_judge(&v);
    expect(ZONE_DB_WEIGHT);
}

static void t_weight_that_is_not_named_is_1(void **state)
{
    (void)state;
    take("wsrep_provider_options", "base_dir = /x; gcs.fc_limit = 16");
    assert_int_equal(v.own_weight, 1);
}

static void t_one_database_of_two_is_alone(void **state)
{
    (void)state;
    primary(PEERS3, "2", "10.77.1.1:3310,");
    expect(ZONE_DB_ALONE);
    primary(PEERS2, "1", "10.77.1.1:3310");
    expect(ZONE_DB_ALONE);
}

/* What it knew of the others is old then. */
static void t_node_outside_of_the_primary_component_is_isolated(void **state)
{
    static const char *const status[] = {"non-Primary", "Disconnected", "", "primary?"};
    size_t i;

    (void)state;
    for (i = 0; i < sizeof(status) / sizeof(status[0]); i++) {
        primary(PEERS3, "3", "10.77.1.1:3310,,10.77.2.1:3310");
        take("wsrep_cluster_status", status[i]);
        zone_db_judge(&v);
        expect(ZONE_DB_ISOLATED);
    }
    primary(PEERS3, "3", "10.77.1.1:3310,,10.77.2.1:3310");
    take("wsrep_ready", "OFF"); /* it copies all data from another one */
    zone_db_judge(&v);
    expect(ZONE_DB_ISOLATED);
}

static void t_long_and_odd_values_are_cut(void **state)
{
    char text[2000];

    (void)state;
    memset(text, 'x', sizeof(text) - 1);
    text[sizeof(text) - 1] = '\0';
    take("wsrep_node_name", text);
    take("wsrep_cluster_address", text);
    take("wsrep_provider_options", "pc.weight");
    take("wsrep_cluster_size", "-3 or so");
    take("wsrep_incoming_addresses", text);
    take("nothing", text);
    assert_int_equal(strlen(v.node), ZONE_DB_TEXT - 1);
    assert_int_equal(strlen(v.peers), ZONE_DB_PEERS - 1);
    assert_int_equal(v.own_weight, 1);
    assert_int_equal(v.data, 1);
}

static void t_each_case_has_a_name_and_a_sentence(void **state)
{
    int c;

    (void)state;
    for (c = ZONE_DB_UNKNOWN; c <= ZONE_DB_ISOLATED; c++) {
        assert_true(zone_db_case_name((enum zone_db_case)c)[0] != '\0');
        v.is = (enum zone_db_case)c;
        assert_true(strlen(zone_db_text(&v)) > 20);
    }
}

#define Z(fn) cmocka_unit_test_setup(fn, setup)

T_MAIN(Z(t_server_without_galera_is_one_database),
       Z(t_arbiter_is_a_member_without_a_client_port),
       Z(t_arbiter_that_is_configured_and_away_is_lost),
       Z(t_arbiter_without_address_is_lost_when_no_node_outweighs),
       Z(t_lost_arbiter_with_unequal_weights_leaves_the_heavier_side),
       Z(t_lost_arbiter_with_equal_or_unknown_weights_leaves_no_side),
       Z(t_weight_that_is_not_known_is_no_half), Z(t_two_rooms_decide_by_weight),
       Z(t_weight_that_is_not_named_is_1), Z(t_one_database_of_two_is_alone),
       Z(t_node_outside_of_the_primary_component_is_isolated),
       Z(t_long_and_odd_values_are_cut), Z(t_each_case_has_a_name_and_a_sentence))
