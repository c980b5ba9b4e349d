/* The complete system while parts of it are killed, stopped, or sent hostile data. */
#include <pthread.h>
#include <stdatomic.h>

#include "system.h"

static void t_killed_agent_costs_no_call(void **state)
{
    struct lars_host h;

    (void)state;
    start_all();
    T_WAIT(access(dir, F_OK) == 0);
    proc_end(&agent, SIGTERM);        /* it writes its file */
    start_agent();
    T_WAIT(lars_get_host(client, 1, 1, &h) == 0);
    proc_end(&agent, SIGKILL);
    make_calls(20);
    assert_int_equal(lars_get_host(client, 1, 1, &h), 1);
    start_agent();
    T_WAIT(lars_get_host(client, 1, 1, &h) == 0);
}

static void t_agent_starts_alone_from_its_file(void **state)
{
    struct lars_host h;

    (void)state;
    start_all();
    proc_end(&agent, SIGTERM);
    proc_end(&dns, SIGKILL);
    proc_end(&rep, SIGKILL);
    start_agent();
    assert_int_equal(lars_get_host(client, 1, 1, &h), 0); /* the first question */
    assert_int_equal(n_nodes(), 3);
    start_dns();
    mydb_sql("DELETE FROM RouteData WHERE serverip = INET_ATON('127.0.1.1')");
    T_WAIT(n_nodes() == 2);
}

static void t_dnsservice_restarted_while_a_module_is_unresolved(void **state)
{
    struct lars_host h;

    (void)state;
    start_all();
    proc_end(&dns, SIGKILL);
    assert_int_equal(lars_get_host(client, 7, 1, &h), -ENOENT); /* no route yet */
    mydb_sql("INSERT INTO RouteData (modid,cmdid,serverip,serverport) VALUES (7,1,9,9)");
    start_dns();
    T_WAIT(lars_get_host(client, 7, 1, &h) == 0);
}

static void t_second_dnsservice_and_report_service_take_over(void **state)
{
    struct proc dns2 = {0}, rep2 = {0};
    char conf[200];
    struct lars_host h;

    (void)state;
    proc_start(&dns2, "lars-dnsd", "-p", "0", "-s", mydb_socket, NULL);
    proc_wait_port(&dns2);
    proc_start(&rep2, "lars-reportd", "-p", "0", "-s", mydb_socket, NULL);
    proc_wait_port(&rep2);
    snprintf(conf, sizeof(conf),
             "others = 127.0.0.1:%d\n[dnsserver]\nothers = 127.0.0.1:%d\n", rep2.port,
             dns2.port);
    more_conf = conf;                 /* appended to the section [reporter] */
    start_all();
    proc_end(&dns, SIGKILL);
    proc_end(&rep, SIGKILL);
    mydb_sql("INSERT INTO RouteData (modid,cmdid,serverip,serverport) VALUES (7,1,9,9)");
    T_WAIT(lars_get_host(client, 7, 1, &h) == 0);
    make_calls(20);
    T_WAIT(total("succ_cnt") == 20);
    proc_kill(&dns2);
    proc_kill(&rep2);
}

static void t_report_service_killed_totals_are_complete(void **state)
{
    int calls;

    (void)state;
    start_all();
    calls = make_calls(50);
    T_WAIT(total("succ_cnt") == 50);
    proc_end(&rep, SIGKILL);
    calls += make_calls(50);
    proc_expect_line(agent.err, "server.down");
    start_rep();
    calls += make_calls(50);
    T_WAIT(total("succ_cnt") == (unsigned long long)calls);
}

static void t_database_down_calls_continue_and_are_counted(void **state)
{
    (void)state;
    start_all();
    make_calls(10);
    assert_int_equal(mydb_run("stop"), 0);
    make_calls(100);
    assert_int_equal(mydb_run("start"), 0);
    T_WAIT(total("succ_cnt") == 110);
}

static void t_hostile_datagrams_change_nothing(void **state)
{
    struct lars_host h;
    int fd, i;
    char junk[1400];

    (void)state;
    start_all();
    fd = udppeer_open(agent.port + 2);
    memset(junk, 0xff, sizeof(junk));
    for (i = 0; i < 200; i++) {
        assert_true(send(fd, junk, (size_t)i * 7, 0) >= 0);
        udppeer_send(fd, i % 12 - 2, junk, (size_t)i);
    }
    proc_expect_line(agent.err, "udp.bad");
    assert_int_equal(lars_get_host(client, 1, 1, &h), 0);
    close(fd);
}

static void t_thousands_of_unknown_modules_are_bounded(void **state)
{
    struct lars_host h;
    uint32_t i;

    (void)state;
    start_all();
    for (i = 0; i < 3000; i++)
        assert_int_equal(lars_get_host(client, 100 + i, 5, &h), -ENOENT);
    assert_int_equal(lars_get_host(client, 1, 1, &h), 0);
}

static atomic_bool calling;
static int n_failed_calls;

static void *caller(void *arg)
{
    (void)arg;
    while (calling) {
        struct lars_host h;
        int rc = lars_get_host(client, 1, 1, &h);

        n_failed_calls += rc < 0;
        if (rc >= 0)
            lars_report(client, &h, 0);
    }
    return NULL;
}

static void t_each_program_killed_under_load_fails_no_call(void **state)
{
    struct lars_host h;
    pthread_t t;
    unsigned long long before;

    (void)state;
    start_all();
    proc_end(&agent, SIGTERM);        /* it writes the file for the fallback */
    start_agent();
    T_WAIT(lars_get_host(client, 1, 1, &h) == 0);
    n_failed_calls = 0;
    calling = true;
    assert_int_equal(pthread_create(&t, NULL, caller, NULL), 0);
    T_WAIT(total("succ_cnt") > 0);
    proc_end(&dns, SIGKILL);
    start_dns();
    proc_end(&rep, SIGKILL);
    start_rep();
    before = total("succ_cnt");
    T_WAIT(total("succ_cnt") > before);
    proc_end(&agent, SIGKILL);
    mydb_sql("DELETE FROM ServerCallStatus");
    start_agent();
    T_WAIT(total("succ_cnt") > 0);    /* the totals of the new agent */
    mydb_sql("INSERT INTO RouteData (modid,cmdid,serverip,serverport) VALUES (1,1,9,9)");
    T_WAIT(n_nodes() == 4);
    calling = false;
    pthread_join(t, NULL);
    assert_int_equal(n_failed_calls, 0);
}

static void t_second_agent_and_taken_port_are_one_line(void **state)
{
    struct proc second = {0};
    char other[90];

    (void)state;
    start_all();
    proc_start(&second, "lars-agentd", "-p", "0", "-d", dir, NULL);
    proc_expect_line(second.err, "another process of this program uses it: stop that");
    assert_int_equal(proc_wait(&second), 1);
    snprintf(other, sizeof(other), "%s/other", mydb_dir);
    proc_start(&second, "lars-agentd", "-p", agent_port, "-d", other, NULL);
    proc_expect_line(second.err, "(EADDRINUSE); another program has the port: ");
    assert_int_equal(proc_wait(&second), 1);
    proc_start(&second, "lars-agentd", "-d", "/proc/no", NULL);
    proc_expect_line(second.err, "create the folder, or ");
    assert_int_equal(proc_wait(&second), 1);
}

#define E(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

MYDB_MAIN(E(t_killed_agent_costs_no_call), E(t_agent_starts_alone_from_its_file),
          E(t_dnsservice_restarted_while_a_module_is_unresolved),
          E(t_second_dnsservice_and_report_service_take_over),
          E(t_report_service_killed_totals_are_complete),
          E(t_database_down_calls_continue_and_are_counted),
          E(t_hostile_datagrams_change_nothing),
          E(t_thousands_of_unknown_modules_are_bounded),
          E(t_each_program_killed_under_load_fails_no_call),
          E(t_second_agent_and_taken_port_are_one_line))
