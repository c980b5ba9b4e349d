/* Everything that a fault touches has one owner here: a service has a number and a proxy,
 * so that a fault of the first or the second one is the same code with another number.
 *
 * Rejected: faults in the system of make run.  Its programs come from a script, so that
 * the clock, the disk and the links of one of them could not be changed alone. */
#include "faultset.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include "clockstep.h"
#include "faultproxy.h"

#define NODES 8 /* the first half in zone A */
#define CALLERS 2
#define CALL_MS 5000
#define RESTART_MS 1000
#define HOUR_S 3600
#define MARKS_MAX 1000 /* in a test; a soak of two hours has one each 30 s */

const char *const faultset_name[FAULTSET_N] = {"node",  "zone",    "agent",
                                               "dnsd",  "reportd", "database",
                                               "clock", "disk",    "link"};

struct faultset_seen faultset_seen;

enum { DNSD_A, DNSD_B, REPORTD_A, REPORTD_B, SERVICES };

static struct service {
    struct proc proc;
    struct faultproxy proxy; /* through which the agent uses it */
    char port[16];
} service[SERVICES];

static pthread_t caller[CALLERS];
static atomic_bool calling;
static atomic_ullong n_reported, n_by_udp;
static uint64_t restart_ms; /* monotonic; 0 = the agent runs */
static int n_marks; /* changes of module 2/1 */
static const char *no_disk; /* why there is none */
static char disk[100];

/* --- the program -------------------------------------------------------------------- */

static void open_disk(void)
{
    snprintf(disk, sizeof(disk), "%s/disk", testdb_dir);
    assert_int_equal(mkdir(disk, 0700), 0);
    if (unshare(CLONE_NEWNS) == -1 || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL))
        no_disk = "a name space of mounts needs root";
    else if (mount("none", disk, "tmpfs", 0, "size=64m") == -1)
        no_disk = "a tmpfs cannot be mounted here";
}

int faultset_group_setup(void **state)
{
    int rc;

    clockstep_open();
    clockstep_begin(false);
    rc = testdb_group_setup(state);
    clockstep_end();
    if (rc == 0)
        open_disk();
    return rc;
}

int faultset_group_teardown(void **state)
{
    int rc;

    if (!no_disk)
        umount2(disk, MNT_DETACH);
    rc = testdb_group_teardown(state);
    clockstep_close();
    return rc;
}

const char *faultset_missing(enum faultset_id id)
{
    if (id == FAULTSET_CLOCK && getenv("LARS_MODE"))
        return "valgrind and the sanitizers replace what steps the clock";
    return id == FAULTSET_DISK ? no_disk : NULL;
}

/* --- services ----------------------------------------------------------------------- */

/* The tests do not read these logs; a full pipe drops lines and stops nothing. */
static void wait_ready(struct proc *p, const char *name)
{
    fcntl(p->err, F_SETPIPE_SZ, 1 << 20);
    system_wait_port(p, name);
}

static void start_service(int i)
{
    struct service *s = &service[i];
    const char *name = i <= DNSD_B ? "lars-dnsd" : "lars-reportd";
    char file[40];

    snprintf(file, sizeof(file), "service%d.ini", i);
    clockstep_begin(false);
    if (i <= DNSD_B)
        proc_start(&s->proc, name, "-c",
                   system_write_file(
                       file,
                       "[dnsd]\nport = %s\n[db]\nsocket = %s\ntimeout_s = 1\n[guard]\n"
                       "dir = %s/dnsd%d\nwrite_ms = 0\n",
                       s->port, testdb_socket, disk, i),
                   NULL);
    else
        proc_start(&s->proc, name, "-p", s->port, "-s", testdb_socket, NULL);
    clockstep_end();
    wait_ready(&s->proc, name);
    snprintf(s->port, sizeof(s->port), "%d", s->proc.port);
    if (s->proxy.port == 0)
        faultproxy_start(&s->proxy, s->proc.port, false);
}

static void start_agent(void)
{
    clockstep_begin(false);
    system_start_agentd();
    clockstep_end();
    fcntl(sys.agentd.err, F_SETPIPE_SZ, 1 << 20);
    restart_ms = 0;
}

static void start_client(void)
{
    struct lars_host h;

    system_open_client();
    T_WAIT(lars_register(sys.client, 1, 1) == 0);
    T_WAIT(segment_open(&sys.seg, sys.shm) == 0);
    T_WAIT(lars_get_host(sys.client, 1, 1, &h) == 0 && system_is_by_shm(&h));
    /* The agent ends a call without a report after 30 s, as failed. */
    n_reported++;
    assert_int_equal(lars_report(sys.client, &h, 0), 0);
    T_WAIT(lars_register(sys.client, 2, 1) == 0);
}

int faultset_setup(void **state)
{
    int rc = chaosnodes_setup(state), i;

    memset(service, 0, sizeof(service));
    chaosnodes.call_ms = CALL_MS;
    n_marks = 0;
    n_reported = n_by_udp = 0;
    snprintf(sys.dir, sizeof(sys.dir), "%s/disk/run", testdb_dir);
    chaosnodes_start_all(NODES, true);
    testdb_sql("INSERT INTO RouteData (modid, cmdid, serverip, serverport) VALUES "
               "(2, 1, INET_ATON('127.0.9.100'), 80)");
    for (i = 0; i < SERVICES; i++) {
        strcpy(service[i].port, "0");
        start_service(i);
    }
    snprintf(sys.dnsd_port, sizeof(sys.dnsd_port), "%d", service[DNSD_A].proxy.port);
    snprintf(sys.reportd_port, sizeof(sys.reportd_port), "%d",
             service[REPORTD_A].proxy.port);
    system_agentd_conf(
        "[dnsserver]\nothers = 127.0.0.1:%d\n[reporter]\nothers = 127.0.0.1:%d\n",
        service[DNSD_B].proxy.port, service[REPORTD_B].proxy.port);
    start_agent();
    start_client();
    return rc;
}

static void stop_callers(void)
{
    int i;

    calling = false;
    for (i = 0; i < CALLERS; i++)
        if (caller[i])
            pthread_join(caller[i], NULL);
    memset(caller, 0, sizeof(caller));
}

int faultset_teardown(void **state)
{
    char path[140];
    int i;

    stop_callers();
    clockstep_set(0);
    kill(testdb_pid(), SIGCONT);
    proc_kill(&sys.agentd);
    for (i = 0; i < SERVICES; i++) {
        proc_kill(&service[i].proc);
        faultproxy_stop(&service[i].proxy);
    }
    for (i = 0; i < 2; i++) {
        snprintf(path, sizeof(path), "%s/dnsd%d", disk, i);
        system_remove(path);
    }
    snprintf(path, sizeof(path), "%s/fill", disk);
    unlink(path);
    return chaosnodes_teardown(state);
}

const struct faultset_program *faultset_programs(void)
{
    static struct faultset_program all[SERVICES + 2];
    static const char *const name[SERVICES] = {"lars-dnsd a", "lars-dnsd b",
                                               "lars-reportd a", "lars-reportd b"};
    int i;

    for (i = 0; i < SERVICES; i++)
        all[i] = (struct faultset_program){name[i], &service[i].proc};
    all[i] = (struct faultset_program){"lars-agentd", &sys.agentd};
    return all;
}

/* --- callers ------------------------------------------------------------------------ */

static void call_once(void)
{
    struct lars_host h;
    bool ok;

    faultset_seen.calls++;
    if (lars_get_host(sys.client, 1, 1, &h) < 0) {
        faultset_seen.no_host++;
        return;
    }
    ok = chaosnodes_ask(&h.addr);
    if (system_is_by_shm(&h))
        n_reported++;
    else
        n_by_udp++;
    lars_report(sys.client, &h, !ok);
    if (!ok) {
        faultset_seen.failed++;
        faultset_seen.last_fail_ms = t_now_ms();
    }
}

static void *call_until_stopped(void *arg)
{
    (void)arg;
    for (; calling; poll(NULL, 0, 1))
        call_once();
    return NULL;
}

void faultset_call(void)
{
    int i;

    calling = true;
    for (i = 0; i < CALLERS; i++)
        assert_int_equal(pthread_create(&caller[i], NULL, call_until_stopped, NULL), 0);
}

/* --- faults ------------------------------------------------------------------------- */

static void fill_disk(void)
{
    static char zero[65536];
    char path[140];
    int fd;

    snprintf(path, sizeof(path), "%s/fill", disk);
    fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    while (write(fd, zero, sizeof(zero)) > 0)
        continue;
    assert_int_equal(errno, ENOSPC);
    close(fd);
}

static bool has(unsigned set, enum faultset_id id)
{
    return (set & FAULTSET_BIT(id)) != 0;
}

void faultset_begin(unsigned set)
{
    int side = has(set, FAULTSET_ZONE) ? 1 : 0, i;

    if (has(set, FAULTSET_DATABASE))
        kill(testdb_pid(), SIGSTOP);
    if (has(set, FAULTSET_DISK))
        fill_disk();
    if (has(set, FAULTSET_CLOCK))
        clockstep_set(HOUR_S);
    if (has(set, FAULTSET_LINK))
        service[DNSD_A + side].proxy.stall = service[REPORTD_A + side].proxy.stall = true;
    for (i = 0; has(set, FAULTSET_ZONE) && i < NODES / 2; i++)
        proc_kill(&chaosnodes.node[i]);
    if (has(set, FAULTSET_ZONE)) {
        proc_kill(&service[DNSD_A].proc);
        proc_kill(&service[REPORTD_A].proc);
    }
    if (has(set, FAULTSET_DNSD))
        proc_kill(&service[DNSD_A + side].proc);
    if (has(set, FAULTSET_REPORTD))
        proc_kill(&service[REPORTD_A + side].proc);
    if (has(set, FAULTSET_NODE))
        proc_kill(&chaosnodes.node[side * NODES / 2]);
    if (has(set, FAULTSET_AGENT)) {
        proc_kill(&sys.agentd);
        restart_ms = t_now_ms() + RESTART_MS;
    }
}

void faultset_supervise(void)
{
    if (restart_ms > 0 && t_now_ms() >= restart_ms)
        start_agent();
}

void faultset_end(unsigned set)
{
    char path[140];
    int i;

    /* First the clock.  The timer thread of MariaDB compares with the time at which it
     * began until no timer is due; when the clock goes back by an hour meanwhile, that is
     * for an hour, and statements with a time-out wait for it.  It has most to do just
     * after SIGCONT. */
    if (has(set, FAULTSET_CLOCK))
        clockstep_set(0);
    if (has(set, FAULTSET_DATABASE))
        kill(testdb_pid(), SIGCONT);
    snprintf(path, sizeof(path), "%s/fill", disk);
    if (has(set, FAULTSET_DISK))
        assert_int_equal(unlink(path), 0);
    for (i = 0; i < SERVICES; i++) {
        service[i].proxy.stall = false;
        if (service[i].proc.pid == 0)
            start_service(i);
    }
    if (sys.agentd.pid == 0)
        start_agent();
    for (i = 0; i < NODES; i++)
        if (chaosnodes.node[i].pid == 0)
            chaosnodes_start(i);
}

/* --- in order again ----------------------------------------------------------------- */

static bool is_any_ejected(void)
{
    int i;

    for (i = 0; i < NODES; i++)
        if (chaosnodes_is_ejected(i))
            return true;
    return false;
}

static int n_marks_arrived(void)
{
    struct lars_addr a[MARKS_MAX];

    return lars_get_route(sys.client, 2, 1, a, MARKS_MAX) - 1;
}

uint64_t faultset_wait_order(void)
{
    uint64_t since = t_now_ms(), ms;
    unsigned long long total;

    n_marks++;
    assert_in_range(n_marks, 1, MARKS_MAX - 1);
    testdb_sqlf("INSERT INTO RouteData (modid, cmdid, serverip, serverport) VALUES "
                "(2, 1, INET_ATON('127.0.10.0') + %d, 80)",
                n_marks);
    T_WAIT(n_marks_arrived() == n_marks);
    T_WAIT(!is_any_ejected());
    ms = t_now_ms() - since;
    stop_callers();
    T_WAIT(system_total("succ_cnt + err_cnt") >= n_reported);
    total = system_total("succ_cnt + err_cnt");
    assert_in_range(total, n_reported, n_reported + n_by_udp);
    return ms;
}
