/* chaos.h -- two of each service, an agent, callers that check every answer against what
 * was true, and a line of figures for each fault.
 *   LARS_CHAOS=N   every fault N times (make chaos); without it once, and shorter */
#ifndef LARS_TEST_CHAOS_H
#define LARS_TEST_CHAOS_H

#include <pthread.h>
#include <stdatomic.h>

#include "dnspeer.h"
#include "lib/faultproxy.h"
#include "system.h"

#define STALE_MS 6000                 /* a removed node may be given for so long */
#define CALLERS 2

static struct proc dns2, rep2;
static char dns2_port[16], rep2_port[16];
static struct faultproxy dns_proxy, rep_proxy, udp_proxy;
static bool through_proxies, no_others;

/* --- what is true ------------------------------------------------------------------- */

static struct {
    pthread_mutex_t lock;
    struct {
        uint32_t ip;
        uint64_t gone_ms;             /* 0 = it is there */
    } node[64];
    int n;
} truth = {.lock = PTHREAD_MUTEX_INITIALIZER};

static inline void truth_add(uint32_t ip)
{
    int i;

    pthread_mutex_lock(&truth.lock);
    for (i = 0; i < truth.n && truth.node[i].ip != ip; i++)
        continue;
    truth.node[i].ip = ip;
    truth.node[i].gone_ms = 0;
    if (i == truth.n)
        truth.n++;
    pthread_mutex_unlock(&truth.lock);
}

static inline void truth_remove(uint32_t ip)
{
    int i;

    pthread_mutex_lock(&truth.lock);
    for (i = 0; i < truth.n; i++)
        if (truth.node[i].ip == ip)
            truth.node[i].gone_ms = t_now_ms();
    pthread_mutex_unlock(&truth.lock);
}

static inline bool truth_has(uint32_t ip, uint64_t asked_ms)
{
    bool has = false;
    int i;

    pthread_mutex_lock(&truth.lock);
    for (i = 0; i < truth.n; i++)
        if (truth.node[i].ip == ip)
            has =
                truth.node[i].gone_ms == 0 || asked_ms < truth.node[i].gone_ms + STALE_MS;
    pthread_mutex_unlock(&truth.lock);
    return has;
}

/* --- callers ------------------------------------------------------------------------ */

static struct {
    pthread_t thread[CALLERS];
    atomic_bool go;
    atomic_ullong n, failed, wrong, from_file, reported;
    _Atomic uint64_t first_fail_ms, last_fail_ms;
    int port;
} load;

static inline uint32_t host_ip(const struct lars_host *h)
{
    return (uint32_t)h->addr.ip[0] << 24 | (uint32_t)h->addr.ip[1] << 16 |
           (uint32_t)h->addr.ip[2] << 8 | h->addr.ip[3];
}

static inline void one_answer(struct lars_client *c)
{
    struct lars_host h;
    uint64_t now = t_now_ms();
    int rc = lars_get_host(c, 1, 1, &h);

    load.n++;
    if (rc < 0) {
        load.failed++;
        if (load.first_fail_ms == 0)
            load.first_fail_ms = now;
        load.last_fail_ms = t_now_ms();
        return;
    }
    load.from_file += rc == 1;
    if (h.modid != 1 || h.cmdid != 1 || !truth_has(host_ip(&h), now))
        load.wrong++;
    if (rc == 0 && lars_report(c, &h, 0) == 0)
        load.reported++;
}

static inline void *call_on(void *arg)
{
    struct lars_options opt = {.dir = dir,
                               .timeout_ms = 500,
                               .port = (uint16_t)load.port};
    struct lars_client *c;

    (void)arg;
    if (lars_open(&c, &opt) < 0)
        return NULL;
    while (load.go) {
        one_answer(c);
        poll(NULL, 0, 1);
    }
    lars_close(c);
    return NULL;
}

static inline void load_start(int port)
{
    int i;

    memset(&load, 0, sizeof(load));
    load.port = port;
    load.go = true;
    for (i = 0; i < CALLERS; i++)
        assert_int_equal(pthread_create(&load.thread[i], NULL, call_on, NULL), 0);
    T_WAIT(load.n > 20);
}

static inline void load_stop(void)
{
    int i;

    load.go = false;
    for (i = 0; i < CALLERS; i++)
        if (load.thread[i])
            pthread_join(load.thread[i], NULL);
    memset(load.thread, 0, sizeof(load.thread));
}

/* "F2 what: N answers, F failed in M ms, W wrong, R from file; recovered in X ms" */
static inline void say(const char *what, uint64_t recovered_ms)
{
    uint64_t span = load.first_fail_ms ? load.last_fail_ms - load.first_fail_ms : 0;

    print_message(
        "chaos: %s: %llu answers, %llu failed in %llu ms, %llu wrong, %llu from "
        "the file; recovered in %llu ms\n",
        what, (unsigned long long)load.n, (unsigned long long)load.failed,
        (unsigned long long)span, (unsigned long long)load.wrong,
        (unsigned long long)load.from_file, (unsigned long long)recovered_ms);
    assert_int_equal(load.wrong, 0);
}

/* --- the system --------------------------------------------------------------------- */

/* No process reads its log, so the pipe must have room for all of it: a full pipe would
 * stop the program. */
static inline void roomy(const struct proc *p)
{
    fcntl(p->err, F_SETPIPE_SZ, 1 << 20);
}

static inline void start_dnsd(struct proc *p, char *port, const char *name)
{
    char file[120];
    FILE *f;

    snprintf(file, sizeof(file), "%s/%s.ini", mydb_dir, name);
    f = fopen(file, "w");
    assert_non_null(f);
    fprintf(f,
            "[dnsd]\nport = %s\n[db]\nsocket = %s\ntimeout_s = 1\n[poll]\nfull_s = 1\n"
            "[guard]\ndir = %s/%s\nwrite_ms = 0\n",
            port, mydb_socket, mydb_dir, name);
    fclose(f);
    proc_start(p, "lars-dnsd", "-c", file, NULL);
    roomy(p);
    proc_wait_port(p);
    snprintf(port, 16, "%d", p->port);
}

static inline void start_reportd(struct proc *p, char *port)
{
    proc_start(p, "lars-reportd", "-p", port, "-s", mydb_socket, NULL);
    roomy(p);
    proc_wait_port(p);
    snprintf(port, 16, "%d", p->port);
}

static inline void start_chaos_agent(void)
{
    char file[120], others[60], others2[60];
    FILE *f;

    snprintf(file, sizeof(file), "%s/agentd.ini", mydb_dir);
    f = fopen(file, "w");
    assert_non_null(f);
    snprintf(others, sizeof(others), "others = 127.0.0.1:%s\n", dns2_port);
    snprintf(others2, sizeof(others2), "others = 127.0.0.1:%s\n", rep2_port);
    if (no_others)
        others[0] = others2[0] = '\0';
    fprintf(f,
            "[agent]\nport = %s\ndir = %s\nreport_ms = 20\n[dnsserver]\nport = %d\n%s"
            "[reporter]\nport = %d\n%s",
            agent_port, dir, through_proxies ? dns_proxy.port : dns.port, others,
            through_proxies ? rep_proxy.port : rep.port, others2);
    fclose(f);
    proc_start(&agent, "lars-agentd", "-c", file, NULL);
    roomy(&agent);
    proc_wait_port(&agent);
    snprintf(agent_port, sizeof(agent_port), "%d", agent.port);
}

static inline int chaos_setup(void **state)
{
    int rc = setup(state);

    memset(&dns2, 0, sizeof(dns2));
    memset(&rep2, 0, sizeof(rep2));
    memset(&load, 0, sizeof(load));
    through_proxies = no_others = false;
    truth.n = 0;
    truth_add(0x7f000101);            /* the rows of setup() */
    truth_add(0x7f000102);
    truth_add(0xc8010203);
    strcpy(dns2_port, "0");
    strcpy(rep2_port, "0");
    mydb_sql("DELETE FROM ReportSeen; DELETE FROM CallSecond; DELETE FROM Lease");
    return rc;
}

static inline void start_everything(void)
{
    struct lars_options opt = {.dir = dir, .timeout_ms = 5000};

    start_dnsd(&dns, dns_port, "dnsd1");
    start_dnsd(&dns2, dns2_port, "dnsd2");
    start_reportd(&rep, rep_port);
    start_reportd(&rep2, rep2_port);
    if (through_proxies) {
        faultproxy_start(&dns_proxy, dns.port, false);
        faultproxy_start(&rep_proxy, rep.port, false);
    }
    start_chaos_agent();
    opt.port = (uint16_t)agent.port;
    assert_int_equal(lars_open(&client, &opt), 0);
    T_WAIT(lars_register(client, 1, 1) == 0);
}

static inline int chaos_teardown(void **state)
{
    char cmd[300];

    load_stop();
    proc_kill(&dns);                  /* all that write into the folders */
    proc_kill(&rep);
    proc_kill(&dns2);
    proc_kill(&rep2);
    faultproxy_stop(&dns_proxy);
    faultproxy_stop(&rep_proxy);
    faultproxy_stop(&udp_proxy);
    proc_kill(&agent);
    snprintf(cmd, sizeof(cmd), "rm -rf %s %s/dnsd1 %s/dnsd2", dir, mydb_dir, mydb_dir);
    assert_int_equal(system(cmd), 0);
    return teardown(state);
}

/* --- changes ------------------------------------------------------------------------ */

static inline void add_node(int i)    /* 127.0.3.i */
{
    char sql[160];

    truth_add(0x7f000300 + (uint32_t)i);
    snprintf(sql, sizeof(sql),
             "INSERT INTO RouteData (modid, cmdid, serverip, serverport) VALUES "
             "(1, 1, INET_ATON('127.0.3.%d'), 80)",
             i);
    mydb_sql(sql);
}

static inline void remove_node(int i)
{
    char sql[100];

    snprintf(sql, sizeof(sql),
             "DELETE FROM RouteData WHERE serverip = "
             "INET_ATON('127.0.3.%d')",
             i);
    mydb_sql(sql);
    truth_remove(0x7f000300 + (uint32_t)i);
}

/* Until the agent has <n> nodes.  Returns how many ms it took from <since>. */
static inline uint64_t in_force(int n, uint64_t since_ms)
{
    T_WAIT(n_nodes() == n);
    return t_now_ms() - since_ms;
}

/* Everything that was reported is in the database, each once. */
static inline uint64_t all_counted(void)
{
    uint64_t start = t_now_ms();

    load_stop();
    T_WAIT(total("succ_cnt") >= load.reported);
    assert_int_equal(total("succ_cnt"), load.reported);
    assert_int_equal(mydb_number("SELECT SUM(succ) FROM CallHistory"), load.reported);
    return t_now_ms() - start;
}

static inline int rounds(void)
{
    const char *n = getenv("LARS_CHAOS");

    return n ? atoi(n) : 1;
}

#endif
