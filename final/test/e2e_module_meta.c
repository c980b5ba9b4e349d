/* What the database has on a module besides its nodes, with real programs: policies,
 * calls by zone, nodes that other hosts have taken out, probes by HTTP. */
#include "system.h"

#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "lib/httppeer.h"
#include "lb/policies.h"
#include "shmem/module_table.h"
#include "shmem/node_table.h"
#include "shmem/route_reader.h"

static char shm[120], conf[400];
static struct segment *seg;

static int info_setup(void **state)
{
    int rc = setup(state);

    snprintf(shm, sizeof(shm), "%s/shm-files", mydb_dir);
    snprintf(conf, sizeof(conf),
             "[shm]\ndir = %s\nmax_nodes = 4096\n[choice]\nzone = A\nrules = 7/7=wrr\n",
             shm);
    more_conf = conf;
    mydb_sql(
        "DELETE FROM ReportSeen; DELETE FROM CallSecond; DELETE FROM ModulePolicy; "
        "DELETE FROM ZoneLoad; DELETE FROM NodeOut; "
        "UPDATE RouteData SET zone = 'A' WHERE modid = 1 AND serverip = "
        "INET_ATON('127.0.1.1'); UPDATE RouteData SET zone = 'B' WHERE modid = 1 AND "
        "serverip <> INET_ATON('127.0.1.1')");
    return rc;
}

static int info_teardown(void **state)
{
    char cmd[300];

    segment_close(seg);
    seg = NULL;
    lars_close(client);
    client = NULL;
    proc_kill(&agent);
    snprintf(cmd, sizeof(cmd), "rm -rf %s %s", dir, shm);
    assert_int_equal(system(cmd), 0);
    mydb_sql("UPDATE RouteData SET zone = ''");
    return teardown(state);
}

static struct route_reader snap;      /* of 1/1 */

/* The settings of a module as they are now. */
static const struct module_table_settings *settings(uint32_t modid, uint32_t cmdid)
{
    static struct module_table_settings now;
    int64_t mid = module_table_find(seg, modid, cmdid);

    now = (struct module_table_settings){.rule = UINT32_MAX};
    if (mid >= 0)
        module_table_get(seg, (uint32_t)mid, &now);
    return &now;
}

static bool has_nodes(void)
{
    int64_t mid = module_table_find(seg, 1, 1);

    return mid >= 0 && route_reader_read(seg, (uint32_t)mid, &snap) == 0;
}

static void up(void)
{
    start_all();
    T_WAIT(segment_open(&seg, shm) == 0);
    T_WAIT(has_nodes());
}

static void t_a_policy_comes_by_name(void **state)
{
    (void)state;
    up();
    assert_int_equal(settings(1, 1)->rule, policies_find("scan"));
    assert_int_equal(settings(1, 1)->timeout_ms, 30000);
    mydb_sql("INSERT INTO ModulePolicy (modid, cmdid, rule, timeout_ms) VALUES "
             "(1, 1, 'hash', 1234), (1, 9, 'p2c', 5)");
    T_WAIT((int)settings(1, 1)->rule == policies_find("hash"));
    T_WAIT(settings(1, 1)->timeout_ms == 1234); /* is written a little later */
    mydb_sql("UPDATE ModulePolicy SET rule = 'of-tomorrow' WHERE cmdid = 1");
    /* this agent has no such rule: as without it */
    T_WAIT((int)settings(1, 1)->rule == policies_find("scan"));
    assert_int_equal(settings(1, 1)->timeout_ms, 1234);
    mydb_sql("DELETE FROM ModulePolicy");
    T_WAIT(settings(1, 1)->timeout_ms == 30000);
}

static void t_a_module_asked_for_later_has_it_too(void **state)
{
    (void)state;
    mydb_sql("INSERT INTO ModulePolicy (modid, cmdid, rule) VALUES (7, 7, 'hash'), "
             "(7, 8, 'hash'); INSERT INTO RouteData (modid, cmdid, serverip, serverport) "
             "VALUES (7, 7, 1, 1), (7, 8, 1, 1)");
    up();
    T_WAIT(lars_register(client, 7, 8) == 0);
    T_WAIT((int)settings(7, 8)->rule == policies_find("hash"));
    T_WAIT(lars_register(client, 7, 7) == 0);
    /* the configuration of this host has it */
    T_WAIT((int)settings(7, 7)->rule == policies_find("wrr"));
}

/* The load of a zone is the sum of the calls that its agents report. */
static void t_calls_become_the_load_of_a_zone(void **state)
{
    struct lars_host h;
    int i;

    (void)state;
    up();
    T_WAIT(lars_get_host(client, 1, 1, &h) == 0 && h.opaque[2] != 0);
    lars_report(client, &h, 0);
    for (i = 0; i < 100; i++) {
        assert_int_equal(lars_get_host(client, 1, 1, &h), 0);
        assert_int_equal(lars_report(client, &h, i == 7), 0);
    }
    T_WAIT(mydb_number("SELECT COALESCE(SUM(ok), 0) FROM ZoneLoad WHERE modid = 1 AND "
                       "cmdid = 1 AND zone = CRC32('A')") == 100);
    assert_int_equal(mydb_number("SELECT COALESCE(SUM(err), 0) FROM ZoneLoad"), 1);
    assert_int_equal(mydb_number("SELECT COUNT(*) FROM ZoneLoad WHERE zone <> "
                                 "CRC32('A')"),
                     0);
}

/* A third of the weight is ours; the rates are given, so that they can be known. */
static void calls_per_s(int a, int b)
{
    char sql[300];

    snprintf(sql, sizeof(sql),
             "REPLACE INTO ZoneLoad SELECT UNIX_TIMESTAMP() + seq, 1, 1, CRC32('A'), %d, "
             "0 FROM seq_0_to_20; REPLACE INTO ZoneLoad SELECT UNIX_TIMESTAMP() + seq, "
             "1, 1, CRC32('B'), %d, 0 FROM seq_0_to_20",
             a, b);
    mydb_sql(sql);
}

static void t_demand_follows_the_load(void **state)
{
    struct lars_host h;
    unsigned away = 0;
    int i;

    (void)state;
    up();
    assert_int_equal(settings(1, 1)->demand, PICK_DEMAND_PRESET);
    calls_per_s(100, 200);            /* as the weights: nothing to do */
    poll(NULL, 0, 0);
    calls_per_s(500, 500);            /* half of the calls, a third of the weight */
    T_WAIT(settings(1, 1)->demand == PICK_DEMAND_PRESET * 3 / 2);
    T_WAIT(lars_get_host(client, 1, 1, &h) == 0 && h.opaque[2] != 0);
    for (i = 0; i < 2000; i++) {
        assert_int_equal(lars_get_host(client, 1, 1, &h), 0);
        away += (h.opaque[3] & PICK_OTHER_ZONE) != 0;
        lars_report(client, &h, 0);
    }
    assert_in_range(away, 60, 250);   /* 1 - 1 / 1.0714: 6.7 % */
    mydb_sql("INSERT INTO ModulePolicy (modid, cmdid, node_rps) VALUES (1, 1, 1000)");
    T_WAIT(settings(1, 1)->demand == PICK_FULL / 2); /* of 1,000/s: there is room */
}

/* No client of this host calls the node; other hosts report that it fails. */
static void t_a_suspect_is_probed_and_ejected(void **state)
{
    uint32_t i, nid, out = 0;
    struct net_addr a;

    (void)state;
    up();
    mydb_sql("INSERT INTO NodeOut VALUES (1, 1, INET_ATON('127.0.1.2'), 80, 11, "
             "UNIX_TIMESTAMP() + 30)"); /* a single host does not make a suspect */
    mydb_sql("INSERT INTO ModulePolicy (modid, cmdid, timeout_ms) VALUES (1, 1, 77)");
    T_WAIT(settings(1, 1)->timeout_ms == 77);
    assert_true(has_nodes());
    for (i = 0; i < snap.n; i++)
        assert_true(node_table_costs(seg)[snap.member[i].nid] < NODE_EJECTED);
    mydb_sql("INSERT INTO NodeOut VALUES (1, 1, INET_ATON('127.0.1.2'), 80, 12, "
             "UNIX_TIMESTAMP() + 30)");
    for (i = 0; i < snap.n; i++) {
        nid = snap.member[i].nid;
        node_table_addr(seg, nid, &a);
        if (a.ip[0] == 127 && a.ip[3] == 2)
            T_WAIT((out = node_table_costs(seg)[nid]) >= NODE_EJECTED);
    }
    assert_int_equal(out & NODE_REASON, EJECT_FLEET);
    /* a node that stays ejected here is reported again, also without a call */
    T_WAIT(mydb_number("SELECT COUNT(*) FROM NodeOut WHERE modid = 1 AND ip = "
                       "INET_ATON('127.0.1.2') AND caller NOT IN (11, 12)") == 1);
}

static uint32_t cost_of(int port)
{
    uint32_t nid, n = node_table_count(seg);
    struct net_addr a;

    for (nid = 0; nid < n; nid++) {
        node_table_addr(seg, nid, &a);
        if (a.port == port)
            return node_table_costs(seg)[nid];
    }
    return 0;
}

/* The node accepts connections all the time; only its HTTP answer shows its state. */
static void t_a_probe_by_http(void **state)
{
    _Atomic int *status =
        mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    int port;
    pid_t pid;
    char sql[500];

    (void)state;
    assert_true(status != MAP_FAILED);
    *status = 503;
    pid = httppeer_serve(&port, status);
    snprintf(
        sql, sizeof(sql),
        "INSERT INTO RouteData (modid, cmdid, serverip, serverport) VALUES (1, 1, "
        "INET_ATON('127.0.0.1'), %d); INSERT INTO ModulePolicy (modid, cmdid, probe) "
        "VALUES (1, 1, '/well'); INSERT INTO NodeOut SELECT 1, 1, "
        "INET_ATON('127.0.0.1'), %d, 11 + seq, UNIX_TIMESTAMP() + 60 FROM seq_0_to_1",
        port, port);
    mydb_sql(sql);
    up();
    T_WAIT(cost_of(port) == NODE_EJECTED + EJECT_FLEET);
    mydb_sql("DELETE FROM NodeOut");
    *status = 200;
    T_WAIT(cost_of(port) > 0 && cost_of(port) < NODE_EJECTED);
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    munmap(status, 4096);
}

#define S(f) cmocka_unit_test_setup_teardown(f, info_setup, info_teardown)

MYDB_MAIN(S(t_a_policy_comes_by_name), S(t_a_module_asked_for_later_has_it_too),
          S(t_calls_become_the_load_of_a_zone), S(t_demand_follows_the_load),
          S(t_a_suspect_is_probed_and_ejected), S(t_a_probe_by_http))
