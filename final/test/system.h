/* system.h -- the complete system for a test: a database, lars-dnsd, lars-reportd and
 * lars-agentd as processes, and a client of the agent. */
#ifndef LARS_TEST_SYSTEM_H
#define LARS_TEST_SYSTEM_H

#include "t.h"

#include "api/lars.h"
#include "mydb.h"
#include "proc.h"
#include "udppeer.h"

static struct proc dns, rep, agent;
static struct lars_client *client;
static const char *more_conf;         /* appended to the configuration of the agent */
static char dir[80], dns_port[16], rep_port[16], agent_port[16];

static inline int setup(void **state)
{
    memset(&dns, 0, sizeof(dns));
    memset(&rep, 0, sizeof(rep));
    memset(&agent, 0, sizeof(agent));
    client = NULL;
    more_conf = "";
    (void)t_fds_save(state);
    mydb_reset();
    mydb_sql(
        "DELETE FROM ServerCallStatus; INSERT INTO RouteData (modid, cmdid, serverip,"
        " serverport) VALUES (1,1,INET_ATON('127.0.1.1'),80),"
        " (1,1,INET_ATON('127.0.1.2'),80), (1,1,INET_ATON('200.1.2.3'),80)");
    snprintf(dir, sizeof(dir), "%s/run", mydb_dir);
    strcpy(dns_port, "0");
    strcpy(rep_port, "0");
    strcpy(agent_port, "0");
    return 0;
}

static inline void wipe_folder(void)
{
    char path[100];

    snprintf(path, sizeof(path), "%s/routes", dir);
    unlink(path);
    snprintf(path, sizeof(path), "%s/heartbeat", dir);
    unlink(path);
    rmdir(dir);
}

static inline int teardown(void **state)
{
    lars_close(client);
    proc_kill(&agent);
    proc_kill(&dns);
    proc_kill(&rep);
    wipe_folder();
    return t_fds_check(state);
}

static inline void start_dns(void)    /* on the same port as before */
{
    proc_start(&dns, "lars-dnsd", "-p", dns_port, "-s", mydb_socket, NULL);
    proc_wait_port(&dns);
    snprintf(dns_port, sizeof(dns_port), "%d", dns.port);
}

static inline void start_rep(void)
{
    proc_start(&rep, "lars-reportd", "-p", rep_port, "-s", mydb_socket, NULL);
    proc_wait_port(&rep);
    snprintf(rep_port, sizeof(rep_port), "%d", rep.port);
}

static inline void start_agent(void)
{
    char file[100];
    FILE *f;

    snprintf(file, sizeof(file), "%s/agentd.ini", mydb_dir);
    f = fopen(file, "w");
    assert_non_null(f);
    fprintf(f,
            "[agent]\nport = %s\ndir = %s\nreport_ms = 20\n[dnsserver]\nport = %s\n"
            "[reporter]\nport = %s\n%s",
            agent_port, dir, dns_port, rep_port, more_conf);
    fclose(f);
    proc_start(&agent, "lars-agentd", "-c", file, NULL);
    proc_wait_port(&agent);
    snprintf(agent_port, sizeof(agent_port), "%d", agent.port);
}

static inline void start_all(void)
{
    struct lars_options opt = {.dir = dir, .timeout_ms = 5000};

    start_dns();
    start_rep();
    start_agent();
    opt.port = (uint16_t)agent.port;
    assert_int_equal(lars_open(&client, &opt), 0);
    T_WAIT(lars_register(client, 1, 1) == 0);
}

static inline int n_nodes(void)
{
    struct lars_addr a[16];

    return lars_get_route(client, 1, 1, a, 16);
}

/* Make <n> calls that succeed.  Returns how many nodes the client received. */
static inline int make_calls(int n)
{
    struct lars_host h;
    int i, given = 0;

    for (i = 0; i < n; i++) {
        int rc = lars_get_host(client, 1, 1, &h);

        assert_true(rc == 0 || rc == 1);
        given++;
        lars_report(client, &h, 0);
    }
    return given;
}

static inline unsigned long long total(const char *what)
{
    char sql[120];

    snprintf(sql, sizeof(sql), "SELECT COALESCE(SUM(%s), 0) FROM ServerCallStatus", what);
    return mydb_number(sql);
}

#endif
