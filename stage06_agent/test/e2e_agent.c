/* The complete system without failures: choosing, counting, changing routes. */
#include "system.h"

static void t_table_shows_exactly_the_calls_made(void **state)
{
    struct proc sim = {0};
    unsigned ok = 0, failed = 0;
    char line[200];

    (void)state;
    start_all();
    setenv("LARS_PORT", agent_port, 1);
    setenv("LARS_DIR", dir, 1);
    proc_start(&sim, "simulator", "1", "1", "20", "-n", "500", NULL);
    do
        assert_true(proc_line(sim.out, line, sizeof(line)));
    while (sscanf(line, "calls 500 ok %u failed %u", &ok, &failed) != 2);
    assert_int_equal(proc_wait(&sim), 0);
    unsetenv("LARS_PORT");
    unsetenv("LARS_DIR");
    assert_true(ok > 100 && failed > 50); /* 20 % fail until all are overloaded */
    T_WAIT(total("succ_cnt") == ok && total("err_cnt") == failed);
    assert_int_equal(mydb_number("SELECT COUNT(*) FROM ServerCallStatus WHERE modid = 1 "
                                 "AND cmdid = 1 AND port = 80 AND caller = "
                                 "INET_ATON('127.0.0.1')"),
                     3);
}

/* Get <n> nodes.  Returns how many of them are 127.0.1.1; -EAGAIN counts as none. */
static int picks_of_first(int n)
{
    struct lars_host h;
    int i, first = 0;

    for (i = 0; i < n; i++) {
        int rc = lars_get_host(client, 1, 1, &h);

        assert_true(rc == 0 || rc == -EAGAIN);
        first += rc == 0 && h.addr.ip[0] == 127 && h.addr.ip[3] == 1;
    }
    return first;
}

/* Make <n> calls of 127.0.1.1 with this result. */
static void report_first(int n, int retcode)
{
    struct lars_host h;

    do {
        assert_int_equal(lars_get_host(client, 1, 1, &h), 0);
    } while (h.addr.ip[0] != 127 || h.addr.ip[3] != 1);
    while (n-- > 0)
        assert_int_equal(lars_report(client, &h, retcode), 0);
}

static void t_overloaded_node_is_probed_until_it_succeeds(void **state)
{
    (void)state;
    start_all();
    assert_int_equal(picks_of_first(33), 11); /* each third */
    report_first(15, 1);
    assert_in_range(picks_of_first(110), 9, 10); /* each eleventh */
    report_first(15, 0);
    assert_int_equal(picks_of_first(33), 11);
}

static void t_overload_ends_by_itself(void **state)
{
    (void)state;
    more_conf = "[loadbalance]\noverload_timeout = 1\n";
    start_all();
    report_first(15, 1);
    assert_in_range(picks_of_first(22), 1, 2);
    T_WAIT(picks_of_first(9) == 3);   /* without any report */
}

static void t_route_change_reaches_business_code(void **state)
{
    (void)state;
    start_all();
    assert_int_equal(n_nodes(), 3);
    mydb_sql("INSERT INTO RouteData (modid,cmdid,serverip,serverport) VALUES (1,1,9,9)");
    T_WAIT(n_nodes() == 4);
    mydb_sql("DELETE FROM RouteData WHERE modid = 1");
    T_WAIT(n_nodes() == -ENOENT);
    mydb_sql("INSERT INTO RouteData (modid,cmdid,serverip,serverport) VALUES (1,1,9,9)");
    T_WAIT(n_nodes() == 1);
}

static void t_node_removed_while_its_report_is_on_the_way(void **state)
{
    struct lars_host h;

    (void)state;
    start_all();
    do {                              /* start a call to 127.0.1.1 */
        assert_int_equal(lars_get_host(client, 1, 1, &h), 0);
    } while (h.addr.ip[3] != 1);
    mydb_sql("DELETE FROM RouteData WHERE serverip = INET_ATON('127.0.1.1')");
    T_WAIT(n_nodes() == 2);
    assert_int_equal(lars_report(client, &h, 0), 0);
    T_WAIT(total("succ_cnt") == 1);
}

static void t_each_port_answers_for_every_module(void **state)
{
    struct lars_client *c;
    struct lars_options opt = {.dir = dir, .timeout_ms = 5000};
    struct lars_host h;
    int i;

    (void)state;
    start_all();
    make_calls(3);
    for (i = 0; i < 3; i++) {         /* module 1/1 uses the configured port + 2 */
        opt.port = (uint16_t)(agent.port - 2 + i);
        assert_int_equal(lars_open(&c, &opt), 0);
        assert_int_equal(lars_get_host(c, 1, 1, &h), 0);
        assert_int_equal(lars_report(c, &h, 0), 0);
        lars_close(c);
    }
    T_WAIT(total("succ_cnt") == 6);   /* one shard counts for all ports */
}

/* Start an agent with the default report_ms, and wait until it is connected. */
static void start_agent_that_reports_each_second(void)
{
    char reporter[64];

    snprintf(reporter, sizeof(reporter), "server=127.0.0.1:%s", rep_port);
    proc_start(&agent, "lars-agentd", "-p", "0", "-d", dir, "-D", dns_port, "-R",
               rep_port, NULL);
    proc_wait_port(&agent);
    proc_expect_line(agent.err, reporter); /* connected */
}

/* The agent of final/ waits for acknowledgements: while a batch is in flight, it
 * writes later counts to a file, which the next agent sends.  The agent of stage 06
 * sends all its totals before it ends. */
static void t_sigterm_sends_the_last_totals(void **state)
{
    struct lars_options opt = {.dir = dir, .timeout_ms = 5000};

    (void)state;
    start_dns();
    start_rep();
    start_agent_that_reports_each_second();
    opt.port = (uint16_t)agent.port;
    assert_int_equal(lars_open(&client, &opt), 0);
    T_WAIT(lars_register(client, 1, 1) == 0);
    make_calls(30);
    assert_int_equal(n_nodes(), 3);   /* answered, so every report before it was read */
    assert_int_equal(proc_end(&agent, SIGTERM), 0);
    start_agent_that_reports_each_second();
    T_WAIT(total("succ_cnt") == 30);
}

static void t_example_prints_its_call(void **state)
{
    struct proc ex = {0};

    (void)state;
    start_all();
    setenv("LARS_PORT", agent_port, 1);
    setenv("LARS_DIR", dir, 1);
    proc_start(&ex, "example", "1", "1", NULL);
    proc_expect_line(ex.out, "calling ");
    assert_int_equal(proc_wait(&ex), 0);
    unsetenv("LARS_PORT");
    unsetenv("LARS_DIR");
}

static void t_configuration_of_the_public_lars_loads(void **state)
{
    char file[100];
    FILE *f;

    (void)state;
    snprintf(file, sizeof(file), "%s/old.ini", mydb_dir);
    f = fopen(file, "w");
    assert_non_null(f);
    fprintf(f, "[repoter]\nip = 127.0.0.1\nport = 7779\n[dnsserver]\nip = 127.0.0.1\n"
               "port = 7778\n[loadbalance]\nprobe_num=10\ninit_succ_cnt=180\n"
               "init_err_cnt=5\nerr_rate=0.1\nsucc_rate=0.95\ncontin_err_limit=15\n"
               "contin_succ_limit=15\nidle_timeout=15\noverload_timeout=15\n"
               "update_timeout=15\n");
    fclose(f);
    proc_start(&agent, "lars-agentd", "-c", file, "--check-config", NULL);
    proc_expect_line(agent.err, "conf.old_name section=repoter");
    proc_expect_line(agent.out, ": ok");
    assert_int_equal(proc_wait(&agent), 0);
    proc_start(&agent, "lars-agentd", "-c", "conf/lars-agentd.ini", "--check-config",
               NULL);
    proc_expect_line(agent.out, "conf/lars-agentd.ini: ok");
    assert_int_equal(proc_wait(&agent), 0);
}

#define E(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

MYDB_MAIN(E(t_table_shows_exactly_the_calls_made),
          E(t_overloaded_node_is_probed_until_it_succeeds), E(t_overload_ends_by_itself),
          E(t_route_change_reaches_business_code),
          E(t_node_removed_while_its_report_is_on_the_way),
          E(t_each_port_answers_for_every_module), E(t_sigterm_sends_the_last_totals),
          E(t_example_prints_its_call), E(t_configuration_of_the_public_lars_loads))
