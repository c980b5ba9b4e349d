/* The loss of a zone: DNSService, Report Service and all nodes of the agent's zone are
 * killed at once.  On one host a refusal takes some microseconds, so hundreds of calls
 * fail when the agent gets no processor for 10 ms.  So no other test runs beside this one
 * (ALONE of the Makefile). */
#include "lib/chaosnodes.h"

static struct proc dnsd2, reportd2; /* pid 0: not running */

static int setup(void **state)
{
    memset(&dnsd2, 0, sizeof(dnsd2));
    memset(&reportd2, 0, sizeof(reportd2));
    return chaosnodes_setup(state);
}

static int teardown(void **state)
{
    proc_kill(&dnsd2);
    proc_kill(&reportd2);
    return chaosnodes_teardown(state);
}

static void t_f12_loss_of_the_own_zone_costs_few_calls(void **state)
{
    unsigned long long all;
    int failed, i;

    (void)state;
    proc_start(&dnsd2, "lars-dnsd", "-p", "0", "-s", testdb_socket, NULL);
    system_wait_port(&dnsd2, "lars-dnsd");
    proc_start(&reportd2, "lars-reportd", "-p", "0", "-s", testdb_socket, NULL);
    system_wait_port(&reportd2, "lars-reportd");
    system_agentd_conf(
        "[dnsserver]\nothers = 127.0.0.1:%d\n[reporter]\nothers = 127.0.0.1:%d\n",
        dnsd2.port, reportd2.port);
    chaosnodes_up(8, true);
    assert_int_equal(chaosnodes_calls(400), 0);
    assert_int_equal(seen.to[4] + seen.to[5] + seen.to[6] + seen.to[7], 0);
    proc_kill(&sys.dnsd);
    proc_kill(&sys.reportd);
    for (i = 0; i < 4; i++)
        proc_kill(&chaosnodes.node[i]);
    failed = chaosnodes_calls(2000);
    print_message("chaos: F12 own zone lost: %d of 2,000 calls failed\n", failed);
    assert_in_range(failed, 1, 40); /* until four nodes are ejected; then 0.2 % */
    testdb_sql("INSERT INTO RouteData (modid, cmdid, serverip, serverport, zone) VALUES "
               "(1, 1, INET_ATON('127.0.3.99'), 9, 'B')");
    T_WAIT(system_n_nodes() == 9); /* from the second DNSService */
    all = chaosnodes.n_first + 400 + 2000;
    T_WAIT(system_total("succ_cnt + err_cnt") >= all); /* by the second */
    assert_int_equal(system_total("succ_cnt + err_cnt"), all);
    for (i = 0; i < 4; i++)
        chaosnodes_start(i);
    for (i = 0; i < 4; i++)
        chaosnodes_wait_called_again(i);
}

TESTDB_MAIN(cmocka_unit_test_setup_teardown(t_f12_loss_of_the_own_zone_costs_few_calls,
                                            setup, teardown))
