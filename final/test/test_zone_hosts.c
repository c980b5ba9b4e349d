/* Which hosts zones have, and when their silence counts.  In a network namespace of its
 * own; the database is reached by its socket. */
#include "ctl/zone_hosts.h"

#include <sched.h>
#include <unistd.h>

#include "mydb.h"

#define SILENT "10.99.0.2" /* its packets are sent, and nothing answers */
#define FAR "10.98.0.1" /* there is no way to it */

static struct sqldb *db;
static struct zone_hosts hosts;
static struct zone_db_view view;
static struct ctl ctl_;
static char why[CHANGE_WHY];
static bool has_net;

static int setup(void **state)
{
    const struct myconn_config c = {mydb_socket, "", 0, "lars", "lars", "lars_dns", 5};

    (void)t_fds_save(state);
    mydb_reset();
    mydb_sql("DELETE FROM Service; DELETE FROM ScaleHost; DELETE FROM FrontHost");
    memset(&hosts, 0, sizeof(hosts));
    memset(&view, 0, sizeof(view));
    ctl_ = (struct ctl){.zone_hosts = ""};
    why[0] = '\0';
    assert_int_equal(myconn_init(), 0);
    return sqldb_open(&db, &c);
}

static int teardown(void **state)
{
    sqldb_close(db);
    myconn_fini();
    return t_fds_check(state);
}

static int read_hosts(void)
{
    return zone_hosts_read(&ctl_, db, "a", &view, &hosts, why);
}

static const struct zone_host *find(bool own, const char *ip)
{
    const struct zone_host *list = own ? hosts.own : hosts.other;
    size_t i, n = own ? hosts.n_own : hosts.n_other;
    struct net_addr at;

    assert_int_equal(net_addr_set(&at, ip, 0), 0);
    for (i = 0; i < n; i++)
        if (net_addr_equal(&list[i].at, &at))
            return &list[i];
    return NULL;
}

/* --- which hosts -------------------------------------------------------------------- */

static void t_hosts_are_those_of_tables_members_and_configuration(void **state)
{
    (void)state;
    mydb_sql(
        "INSERT INTO Service (kind, name, zone, address) VALUES ('agent', "
        "'x/0.0.0.0:8888', 'b', '10.0.2.1'), ('dnsd', 'y/10.0.2.2:7778', 'b', "
        "'10.0.2.2:7778'), ('agent', 'z/10.0.1.1:8889', 'a', '10.0.1.1'), ('agent', "
        "'n/0.0.0.0:8888', '', '10.0.9.9'), ('agent', 'own/127.0.0.1:8888', 'b', "
        "'10.0.2.6'), ('agent', 'odd', 'b', '10.0.2.7'); INSERT INTO RouteData "
        "(modid, cmdid, serverip, serverport, zone) VALUES (1, 1, "
        "INET_ATON('10.0.2.3'), 80, 'b'), (1, 1, INET_ATON('10.0.2.1'), 80, 'b'); INSERT "
        "INTO ScaleHost (host, zone, address) VALUES ('h', 'b', '10.0.2.4'); INSERT INTO "
        "FrontHost (host, zone, admin, outside) VALUES ('f', 'c', '10.0.3.1:9890', "
        "'10.0.3.1:80')");
    snprintf(view.peers, sizeof(view.peers), "10.0.2.1:4600,10.0.5.1,,127.0.0.1:4567");
    ctl_.zone_hosts = " b=10.0.2.5,a=10.0.1.2 nonsense b=name b= ";
    assert_int_equal(read_hosts(), 0);
    assert_int_equal(hosts.n_other, 9);
    assert_int_equal(find(false, "10.0.2.1")->agent, 8888);
    assert_true(find(false, "10.0.2.1")->is_member);
    assert_int_equal(find(false, "10.0.2.1")->member, 4600);
    assert_int_equal(find(false, "10.0.2.2")->agent, 0);
    assert_int_equal(find(false, "10.0.2.6")->agent, 0); /* it listens for its host */
    assert_int_equal(find(false, "10.0.2.7")->agent, 0);
    assert_non_null(find(false, "10.0.2.3"));
    assert_non_null(find(false, "10.0.2.4"));
    assert_non_null(find(false, "10.0.2.5"));
    assert_non_null(find(false, "10.0.3.1"));
    assert_non_null(find(false, "10.0.5.1")); /* a member is of another place */
    assert_int_equal(hosts.n_own, 2);
    assert_int_equal(find(true, "10.0.1.1")->agent, 8889);
    assert_non_null(find(true, "10.0.1.2"));
}

static void t_addresses_of_this_machine_are_no_other_host(void **state)
{
    (void)state;
    mydb_sql(
        "INSERT INTO Service (kind, name, zone, address) VALUES ('agent', 'x/0.0.0.0:1', "
        "'b', '127.0.0.1'), ('agent', 'y/0.0.0.0:1', 'b', '0.0.0.0')");
    assert_int_equal(read_hosts(), -EINVAL);
    assert_non_null(strstr(why, "no host of another zone is known"));
    if (!has_net)
        return;
    ctl_.zone_hosts = "b=10.99.0.1";
    assert_int_equal(read_hosts(), -EINVAL);
}

static void t_more_hosts_than_can_be_asked_are_not_ignored(void **state)
{
    (void)state;
    mydb_sql("INSERT INTO RouteData (modid, cmdid, serverip, serverport, zone) SELECT 1, "
             "1, INET_ATON('10.0.2.1') + seq, 80, 'b' FROM seq_1_to_41");
    assert_int_equal(read_hosts(), -EINVAL);
    assert_non_null(strstr(why, "more than 40 hosts"));
}

static void t_tables_that_cannot_be_read_are_no_empty_tables(void **state)
{
    (void)state;
    ctl_.zone_hosts = "b=10.0.2.5";
    mydb_sql("RENAME TABLE ScaleHost TO Away");
    assert_true(read_hosts() < 0);
    mydb_sql("RENAME TABLE Away TO ScaleHost");
    assert_int_equal(read_hosts(), 0);
}

/* --- silence ------------------------------------------------------------------------ */

static void add(bool own, const char *ip)
{
    struct zone_host *h = own ? &hosts.own[hosts.n_own++] : &hosts.other[hosts.n_other++];

    assert_int_equal(net_addr_set(&h->at, ip, 0), 0);
}

static void t_host_that_answers_refuses(void **state)
{
    (void)state;
    add(false, "127.0.0.9");
    assert_int_equal(zone_hosts_ask(&hosts, why), -EBUSY);
    assert_non_null(strstr(why, "127.0.0.9 answers "));
}

static void t_silent_host_counts_only_beside_one_of_the_own_zone(void **state)
{
    (void)state;
    if (!has_net)
        return;
    add(false, SILENT);
    assert_int_equal(zone_hosts_ask(&hosts, why), 0); /* this zone has no other host */
    add(true, SILENT);
    assert_int_equal(zone_hosts_ask(&hosts, why), -EBUSY);
    assert_non_null(strstr(why, "it is this host that is cut off"));
    add(true, "127.0.0.5");
    assert_int_equal(zone_hosts_ask(&hosts, why), 0);
}

static void t_host_that_cannot_be_asked_refuses(void **state)
{
    (void)state;
    if (!has_net)
        return;
    add(false, FAR);
    assert_int_equal(zone_hosts_ask(&hosts, why), -EBUSY);
    assert_non_null(strstr(why, "10.98.0.1 cannot be asked from this host"));
}

static int before(void **state)
{
    int rc = mydb_setup(state);

    if (rc != 0)
        return rc;
    if (geteuid() != 0 || unshare(CLONE_NEWNET) < 0) {
        print_message("skipped: silent hosts, because a network namespace needs root\n");
        return 0;
    }
    has_net =
        system("ip link set lo up && ip link add la type veth peer name lb && ip link "
               "set la up && ip link set lb up && ip addr add 10.99.0.1/24 dev la && ip "
               "neigh add " SILENT " lladdr 02:00:00:00:00:02 dev la") == 0;
    return has_net ? 0 : -1;
}

#define H(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

MYDB_MAIN_WITH(before, mydb_teardown,
               H(t_hosts_are_those_of_tables_members_and_configuration),
               H(t_addresses_of_this_machine_are_no_other_host),
               H(t_more_hosts_than_can_be_asked_are_not_ignored),
               H(t_tables_that_cannot_be_read_are_no_empty_tables),
               H(t_host_that_answers_refuses),
               H(t_silent_host_counts_only_beside_one_of_the_own_zone),
               H(t_host_that_cannot_be_asked_refuses))
