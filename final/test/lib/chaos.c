/* The test keeps its own record of the nodes of module 1/1 and of when a node was
 * removed.  Callers compare each answer with that record: a node that was removed
 * more than STALE_MS before the question is a wrong answer.
 *
 * Rejected: to read the table at each answer, because the database itself is stopped and
 * killed by these tests. */
#include "chaos.h"

#include <fcntl.h>

#define STALE_MS 6000
#define CALLERS 2
#define NODES 64

struct chaos chaos;
struct chaos_load load;

static atomic_bool calling;
static int load_port;
static pthread_t caller[CALLERS];

/* --- the nodes that exist ----------------------------------------------------------- */

static struct {
    pthread_mutex_t lock;
    struct {
        uint32_t ip;
        uint64_t removed_ms; /* monotonic; 0 = it is in the table */
    } node[NODES];
    int n;
} record = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void record_add(uint32_t ip)
{
    int i;

    pthread_mutex_lock(&record.lock);
    for (i = 0; i < record.n && record.node[i].ip != ip; i++)
        continue;
    assert_in_range(i, 0, NODES - 1);
    record.node[i].ip = ip;
    record.node[i].removed_ms = 0;
    if (i == record.n)
        record.n++;
    pthread_mutex_unlock(&record.lock);
}

static void record_remove(uint32_t ip)
{
    int i;

    pthread_mutex_lock(&record.lock);
    for (i = 0; i < record.n; i++)
        if (record.node[i].ip == ip)
            record.node[i].removed_ms = t_now_ms();
    pthread_mutex_unlock(&record.lock);
}

static bool record_has(uint32_t ip, uint64_t asked_ms)
{
    bool has = false;
    int i;

    pthread_mutex_lock(&record.lock);
    for (i = 0; i < record.n; i++)
        if (record.node[i].ip == ip)
            has = record.node[i].removed_ms == 0 ||
                  asked_ms < record.node[i].removed_ms + STALE_MS;
    pthread_mutex_unlock(&record.lock);
    return has;
}

/* --- callers ------------------------------------------------------------------------ */

static uint32_t ip_of(const struct lars_host *h)
{
    return (uint32_t)h->addr.ip[0] << 24 | (uint32_t)h->addr.ip[1] << 16 |
           (uint32_t)h->addr.ip[2] << 8 | h->addr.ip[3];
}

static void one_call(struct lars_client *c)
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
    if (h.modid != 1 || h.cmdid != 1 || !record_has(ip_of(&h), now))
        load.wrong++;
    if (rc == 0 && lars_report(c, &h, 0) == 0)
        load.reported++;
}

static void *call_until_stopped(void *arg)
{
    struct lars_options opt = {.dir = sys.dir,
                               .timeout_ms = 500,
                               .port = (uint16_t)load_port};
    struct lars_client *c;

    (void)arg;
    if (lars_open(&c, &opt) < 0)
        return NULL;
    while (calling) {
        one_call(c);
        poll(NULL, 0, 1);
    }
    lars_close(c);
    return NULL;
}

void chaos_load_start(int port)
{
    int i;

    memset(&load, 0, sizeof(load));
    load_port = port;
    calling = true;
    for (i = 0; i < CALLERS; i++)
        assert_int_equal(pthread_create(&caller[i], NULL, call_until_stopped, NULL), 0);
    T_WAIT(load.n > 20);
}

void chaos_load_stop(void)
{
    int i;

    calling = false;
    for (i = 0; i < CALLERS; i++)
        if (caller[i])
            pthread_join(caller[i], NULL);
    memset(caller, 0, sizeof(caller));
}

void chaos_print(const char *what, uint64_t recovered_ms)
{
    uint64_t span = load.first_fail_ms ? load.last_fail_ms - load.first_fail_ms : 0;

    print_message(
        "chaos: %s: %llu answers, %llu failed within %llu ms, %llu wrong, %llu from the "
        "file; recovered in %llu ms\n",
        what, (unsigned long long)load.n, (unsigned long long)load.failed,
        (unsigned long long)span, (unsigned long long)load.wrong,
        (unsigned long long)load.from_file, (unsigned long long)recovered_ms);
    assert_int_equal(load.wrong, 0);
}

/* --- the system --------------------------------------------------------------------- */

/* The tests do not read the logs of these programs, which would block when the pipe is
 * full. */
static void wait_port(struct proc *p, const char *name)
{
    fcntl(p->err, F_SETPIPE_SZ, 1 << 20);
    system_wait_port(p, name);
}

void chaos_start_dnsd(struct proc *p, char port[16], const char *name)
{
    char file[60];

    snprintf(file, sizeof(file), "%s.ini", name);
    proc_start(
        p, "lars-dnsd", "-c",
        system_write_file(file,
                          "[dnsd]\nport = %s\n[db]\nsocket = %s\ntimeout_s = 1\n[poll]\n"
                          "full_s = 1\n[guard]\ndir = %s/%s\nwrite_ms = 0\n",
                          port, testdb_socket, testdb_dir, name),
        NULL);
    wait_port(p, "lars-dnsd");
    snprintf(port, 16, "%d", p->port);
}

void chaos_start_reportd(struct proc *p, char port[16])
{
    proc_start(p, "lars-reportd", "-p", port, "-s", testdb_socket, NULL);
    wait_port(p, "lars-reportd");
    snprintf(port, 16, "%d", p->port);
}

void chaos_start_agentd(void)
{
    char dnsd2[60], reportd2[60];
    const char *file;

    snprintf(dnsd2, sizeof(dnsd2), "others = 127.0.0.1:%s\n", chaos.dnsd2_port);
    snprintf(reportd2, sizeof(reportd2), "others = 127.0.0.1:%s\n", chaos.reportd2_port);
    if (chaos.no_others)
        dnsd2[0] = reportd2[0] = '\0';
    file = system_write_file(
        "agentd.ini",
        "[agent]\nport = %s\ndir = %s\nreport_ms = 20\n[dnsserver]\nport = %d\n%s"
        "[reporter]\nport = %d\n%s",
        sys.agentd_port, sys.dir,
        chaos.through_proxies ? chaos.dnsd_proxy.port : sys.dnsd.port, dnsd2,
        chaos.through_proxies ? chaos.reportd_proxy.port : sys.reportd.port, reportd2);
    proc_start(&sys.agentd, "lars-agentd", "-c", file, NULL);
    wait_port(&sys.agentd, "lars-agentd");
    snprintf(sys.agentd_port, sizeof(sys.agentd_port), "%d", sys.agentd.port);
}

int chaos_setup(void **state)
{
    int rc = system_setup(state);

    memset(&chaos, 0, sizeof(chaos));
    memset(&load, 0, sizeof(load));
    record.n = 0;
    record_add(0x7f000101); /* the rows of system_setup() */
    record_add(0x7f000102);
    record_add(0xe0010203);
    strcpy(chaos.dnsd2_port, "0");
    strcpy(chaos.reportd2_port, "0");
    return rc;
}

void chaos_start(void)
{
    chaos_start_dnsd(&sys.dnsd, sys.dnsd_port, "dnsd1");
    chaos_start_others();
}

void chaos_start_others(void)
{
    chaos_start_dnsd(&chaos.dnsd2, chaos.dnsd2_port, "dnsd2");
    chaos_start_reportd(&sys.reportd, sys.reportd_port);
    chaos_start_reportd(&chaos.reportd2, chaos.reportd2_port);
    if (chaos.through_proxies) {
        faultproxy_start(&chaos.dnsd_proxy, sys.dnsd.port, false);
        faultproxy_start(&chaos.reportd_proxy, sys.reportd.port, false);
    }
    chaos_start_agentd();
    system_open_client();
    T_WAIT(lars_register(sys.client, 1, 1) == 0);
}

int chaos_teardown(void **state)
{
    char folder[100];
    int i;

    chaos_load_stop();
    proc_kill(&sys.dnsd); /* before the folders that they write are deleted */
    proc_kill(&sys.reportd);
    proc_kill(&chaos.dnsd2);
    proc_kill(&chaos.reportd2);
    faultproxy_stop(&chaos.dnsd_proxy);
    faultproxy_stop(&chaos.reportd_proxy);
    faultproxy_stop(&chaos.udp_proxy);
    for (i = 1; i <= 2; i++) {
        snprintf(folder, sizeof(folder), "%s/dnsd%d", testdb_dir, i);
        system_remove(folder);
    }
    return system_teardown(state);
}

/* --- changes ------------------------------------------------------------------------ */

void chaos_add_node(int i)
{
    record_add(0x7f000300 + (uint32_t)i);
    testdb_sqlf("INSERT INTO RouteData (modid, cmdid, serverip, serverport) VALUES "
                "(1, 1, INET_ATON('127.0.3.%d'), 80)",
                i);
}

void chaos_remove_node(int i)
{
    testdb_sqlf("DELETE FROM RouteData WHERE serverip = INET_ATON('127.0.3.%d')", i);
    record_remove(0x7f000300 + (uint32_t)i);
}

uint64_t chaos_wait_nodes(int n, uint64_t since_ms)
{
    T_WAIT(system_n_nodes() == n);
    return t_now_ms() - since_ms;
}

uint64_t chaos_check_totals(void)
{
    uint64_t start = t_now_ms();

    chaos_load_stop();
    T_WAIT(system_total("succ_cnt") >= load.reported);
    assert_int_equal(system_total("succ_cnt"), load.reported);
    assert_int_equal(testdb_number("SELECT SUM(succ) FROM CallHistory"), load.reported);
    return t_now_ms() - start;
}

int chaos_rounds(void)
{
    const char *n = getenv("LARS_CHAOS");

    return n ? atoi(n) : 1;
}
