/* lars-agentd -- the agent of a host: chooses nodes for the callers on this host, and
 * reports how their calls went.  `lars-agentd --help` explains the options.
 *
 * This file is the configuration table and the order in which the parts start and stop.
 * The folder comes first, because the lock on its heartbeat file keeps a second agent
 * out; the heartbeat ends first, because from then on callers read the routes from the
 * file there instead of waiting for an agent that is going away. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "agent/agent.h"
#include "agent/agent_metrics.h"
#include "agent/folder_watch.h"
#include "api/fallback.h"
#include "base/crc32.h"
#include "base/err.h"
#include "base/folder.h"
#include "base/heartbeat.h"
#include "base/mono.h"
#include "base/opts.h"
#include "lb/policies.h"
#include "net/server_list.h"
#include "obs/daemon.h"
#include "obs/daemon_tls.h"
#include "obs/startcheck.h"
#include "shmem/layout.h"
#include "shmem/segment.h"

#define DRAIN_MS 60000 /* for calls in shared memory that was lost */
#define N_PORTS 3 /* UDP ports in a row */
#define FILE_MS 60000 /* between two writes of the file of routes */

static struct settings {
    char address[48], dir[96], caller[48], dns_ip[48], report_ip[48];
    char dns_others[256], report_others[256], http[64], log[LOGLEVEL_MAX];
    uint32_t port, dns_port, report_port, report_ms, max_modules, unhealthy_s;
    uint32_t idle_s, overload_s, update_s;
    char shm[160], zone[33], rules[MODULE_POLICY_RULES];
    uint32_t max_nodes, timeout_ms;
    struct classic_config classic;
    struct tls_conf tls;
} set;

#define AT(field) offsetof(struct settings, field)
#define LB(field) offsetof(struct settings, classic.field)
#define TEXT(section, name, field, preset, help)                                         \
    {                                                                                    \
        section, name, CONF_TEXT, AT(field), 0, sizeof(set.field), preset, help          \
    }
static const struct conf_key keys[] = {
    TEXT("agent", "address", address, "127.0.0.1",
         "the address to listen on; callers on this host use it, so keep it local"),
    {"agent", "port", CONF_U32, AT(port), 0, 65533, "8888",
     "the first of three UDP ports in a row; 0 lets the system choose them"},
    TEXT("agent", "dir", dir, FALLBACK_DIR,
         "the folder of the files that callers read: heartbeat, routes, shm"),
    TEXT("agent", "caller", caller, "",
         "the IPv4 address of this host in reports; empty: that of the connection"),
    {"agent", "report_ms", CONF_U32, AT(report_ms), 1, 3600000, "1000",
     "ms between two reports of a module"},
    {"agent", "max_modules", CONF_U32, AT(max_modules), 1, 1000000, "10000",
     "how many modules each port serves; callers of more get no nodes"},
    TEXT("dnsserver", "ip", dns_ip, "127.0.0.1", "the address of the DNSService"),
    {"dnsserver", "port", CONF_U32, AT(dns_port), 1, 65535, "7778",
     "the TCP port of the DNSService"},
    TEXT("dnsserver", "others", dns_others, "",
         "more DNSServices, tried in turn when the first is away: IP:PORT IP:PORT"),
    TEXT("reporter", "ip", report_ip, "127.0.0.1", "the address of the Report Service"),
    {"reporter", "port", CONF_U32, AT(report_port), 1, 65535, "7779",
     "the TCP port of the Report Service"},
    TEXT("reporter", "others", report_others, "",
         "more Report Services, tried in turn when the first is away: IP:PORT IP:PORT"),
    TEXT("http", "listen", http, "",
         "ADDRESS:PORT of /metrics, /healthz and /log-level; empty: no such port"),
    {"http", "unhealthy_s", CONF_U32, AT(unhealthy_s), 1, 86400, "60",
     "seconds without a Report Service until /healthz answers 503"},
    TLS_CONF_KEYS(AT(tls)),
    LOGLEVEL_KEY(AT(log)),
    TEXT("shm", "dir", shm, "",
         "the folder of the shared memory, best below /dev/shm; empty: callers use UDP"),
    {"shm", "max_nodes", CONF_U32, AT(max_nodes), 64, SEGMENT_MAX_NODES, "1048576",
     "how many nodes the shared memory holds: a power of two"},
    {"shm", "timeout_ms", CONF_U32, AT(timeout_ms), 1, 3600000, "30000",
     "ms after which a call without a report counts as failed"},
    TEXT("choice", "zone", zone, "",
         "the zone of this host, as RouteData.zone spells it"),
    TEXT("choice", "rules", rules, "",
         "policies of modules: MODID/CMDID=RULE, or *=RULE for all; `larsctl policy "
         "rules` lists the rules"),
    TEXT("repoter", "ip", report_ip, NULL, "the spelling of the public Lars"),
    {"repoter", "port", CONF_U32, AT(report_port), 1, 65535, NULL,
     "the spelling of the public Lars"},
    {"loadbalance", "probe_num", CONF_U32, LB(probe_num), 1, 1000000, "10",
     "picks between two probes of an overloaded node"},
    {"loadbalance", "init_succ_cnt", CONF_U32, LB(init_succ), 0, 1000000, "180",
     "virtual successes with which a node becomes idle"},
    {"loadbalance", "init_err_cnt", CONF_U32, LB(init_err), 0, 1000000, "5",
     "virtual errors with which a node becomes overloaded"},
    {"loadbalance", "err_rate", CONF_RATE, LB(err_rate), 1, 1000, "0.1",
     "an idle node whose share of errors is above it becomes overloaded"},
    {"loadbalance", "succ_rate", CONF_RATE, LB(succ_rate), 1, 1000, "0.95",
     "an overloaded node whose share of successes is above it becomes idle"},
    {"loadbalance", "contin_err_limit", CONF_U32, LB(contin_err), 1, 1000000, "15",
     "errors in a row that make a node overloaded"},
    {"loadbalance", "contin_succ_limit", CONF_U32, LB(contin_succ), 1, 1000000, "15",
     "successes in a row that make a node idle"},
    {"loadbalance", "idle_timeout", CONF_U32, AT(idle_s), 1, 86400, "15",
     "seconds of one window of an idle node"},
    {"loadbalance", "overload_timeout", CONF_U32, AT(overload_s), 1, 86400, "15",
     "seconds after which an overloaded node becomes idle in any case"},
    {"loadbalance", "update_timeout", CONF_U32, AT(update_s), 1, 86400, "15",
     "seconds between two questions to the DNSService for a route"},
    {"loadbalance", "window_err_rate", CONF_RATE, LB(window_err_rate), 1, 1000, "0.7",
     "a window with this share of errors or more is bad"},
    {"loadbalance", "window_err_limit", CONF_U32, LB(window_limit), 1, 1000000, "2",
     "bad windows in a row that make a node overloaded"},
    {NULL, NULL, CONF_U32, 0, 0, 0, NULL, NULL}};

static const struct opts_flag flags[] = {
    {'p', "port", "PORT", "agent", "port", NULL,
     "Listen on this UDP port and the next two; 0 lets the system choose them."},
    {'d', "dir", "DIR", "agent", "dir", NULL,
     "Use this folder for the files that callers read."},
    {'D', "dnsd-port", "PORT", "dnsserver", "port", NULL,
     "Ask the DNSService at this TCP port."},
    {'R', "reportd-port", "PORT", "reporter", "port", NULL,
     "Report to the Report Service at this TCP port."},
    {0}};

static struct {
    struct daemon d;
    struct evtimer beat;
    struct heartbeat *heartbeat;
    struct agent *agent;
    struct daemon_tls *tls;
    struct httpd *http;
    struct folder_watch dir_watch, shm_watch;
    uint64_t lost_ms; /* monotonic; a folder was lost; 0 = none was */
    bool restart; /* the agent ends, to start again */
} me;

/* The files in the folders are mapped, so this agent works on without their names, but no
 * caller finds it.  A program that starts anew loses what is mapped; so the calls that
 * clients have open in the old shared memory are collected first. */
static void check_folders(void)
{
    const struct folder_watch *lost = &me.dir_watch;

    if (!folder_watch_is_lost(lost))
        lost = &me.shm_watch;
    if (me.lost_ms != 0 || !folder_watch_is_lost(lost))
        return;
    LOG_ERROR("folder.lost",
              "path=%s: the file was removed or replaced; the agent collects the calls "
              "that are open and starts again, which creates the folders and their "
              "files. Exclude [agent] dir and [shm] dir from cleaning",
              lost->path);
    me.lost_ms = mono_ms();
    agent_retire_shm(me.agent);
}

/* Starts again when no call is open in the old shared memory, at the latest after
 * DRAIN_MS. */
static void check_drained(void)
{
    bool is_late = mono_ms() - me.lost_ms >= DRAIN_MS;
    struct agent_stat st;

    if (me.lost_ms == 0)
        return;
    agent_stat(me.agent, &st);
    if (set.shm[0] && !st.dataplane.is_drained && !is_late)
        return;
    if (is_late)
        LOG_WARN("folder.late",
                 "clients have not reported all calls of the old shared "
                 "memory in %d s; these are not counted",
                 DRAIN_MS / 1000);
    me.restart = true;
    evloop_stop(me.d.loop);
}

static void on_beat(void *arg)
{
    (void)arg;
    check_folders();
    check_drained();
    heartbeat_beat(me.heartbeat, mono_ms());
    evloop_set_timer(me.d.loop, &me.beat, HEARTBEAT_PERIOD_MS / 2, on_beat, NULL);
}

/* The addresses of one service.  Returns how many, or -EINVAL. */
static int servers(struct net_addr *at, const char *ip, uint32_t port, const char *others)
{
    int rc = net_addr_set(at, ip, (uint16_t)port);

    return rc < 0 ? rc : server_list_add(at, 1, others);
}

/* Fill what <cfg> has of addresses from <s>.  Returns NULL, or the sentence that names
 * the key that is wrong. */
static const char *set_addresses(const struct settings *s, struct agent_config *cfg)
{
    struct net_addr caller = {0};
    int n;

    if (net_addr_set(&cfg->at, s->address, (uint16_t)s->port) < 0)
        return "[agent] address must be an IPv4 or IPv6 address, such as 127.0.0.1";
    n = servers(cfg->dns, s->dns_ip, s->dns_port, s->dns_others);
    if (n < 0)
        return "[dnsserver] ip must be an address such as 127.0.0.1, and others at most "
               "seven such as 127.0.0.2:7778";
    cfg->n_dns = (size_t)n;
    n = servers(cfg->report, s->report_ip, s->report_port, s->report_others);
    if (n < 0)
        return "[reporter] ip must be an address such as 127.0.0.1, and others at most "
               "seven such as 127.0.0.2:7779";
    cfg->n_report = (size_t)n;
    if (s->caller[0] &&
        (net_addr_set(&caller, s->caller, 0) < 0 || caller.family != AF_INET))
        return "[agent] caller must be an IPv4 address such as 10.0.0.1, or empty";
    cfg->caller = (uint32_t)caller.ip[0] << 24 | (uint32_t)caller.ip[1] << 16 |
                  (uint32_t)caller.ip[2] << 8 | caller.ip[3];
    return NULL;
}

static int check_settings(const void *values, char err[CONF_ERR_MAX])
{
    const struct settings *s = values;
    struct agent_config cfg = {0};
    const char *why = set_addresses(s, &cfg);
    char names[200];

    if (!why && module_policy_check_rules(s->rules) < 0) {
        snprintf(err, CONF_ERR_MAX,
                 "[choice] rules must be MODID/CMDID=RULE or *=RULE, with blanks between "
                 "them; RULE is one of %s",
                 policies_names(names, sizeof(names)));
        return -EINVAL;
    }
    if (!why && (s->max_nodes & (s->max_nodes - 1)) != 0)
        why = "[shm] max_nodes must be a power of two, such as 1048576";
    if (!why && !s->dir[0])
        why = "[agent] dir must not be empty";
    if (!why)
        why = daemon_wrong_value(s->http, s->log, NULL);
    if (why)
        snprintf(err, CONF_ERR_MAX, "%s", why);
    if (why || tls_conf_check_all(&s->tls, "[dnsserver] ip or others", cfg.dns, cfg.n_dns,
                                  err) < 0)
        return -EINVAL;
    return tls_conf_check_all(&s->tls, "[reporter] ip or others", cfg.report,
                              cfg.n_report, err);
}

/* Could the shared memory be created?  It is tried in a folder of its own, unless files
 * of an agent are there: the start adopts them. */
static int try_shm(const struct settings *s, char err[CONF_ERR_MAX])
{
    struct segment_config sc = {NULL, s->max_nodes, SEGMENT_MAX_MODULES};
    struct segment *seg = NULL;
    char path[200];
    int rc;

    snprintf(path, sizeof(path), "%s/meta", s->shm);
    if (access(path, F_OK) == 0)
        return 0;
    snprintf(path, sizeof(path), "%s%scheck.%d", s->shm,
             access(s->shm, F_OK) == 0 ? "/" : ".", (int)getpid());
    sc.dir = path;
    rc = segment_create(&seg, &sc);
    segment_close(seg);
    segment_remove(path);
    if (rc < 0)
        snprintf(err, CONF_ERR_MAX,
                 "[shm] dir, max_nodes: cannot create the shared memory for %u nodes in "
                 "%s: %s (%s); %.100s",
                 s->max_nodes, s->shm, err_text(rc), err_str(rc), daemon_mend(rc));
    return rc;
}

static int try_start(const void *values, char err[CONF_ERR_MAX])
{
    static const char *const of_agent[] = {FALLBACK_HEARTBEAT, FALLBACK_ROUTES, NULL};
    static const char *const of_shm[] = {"meta", "journal", "agent.lock", NULL};
    const struct settings *s = values;
    char routes[128];
    struct net_addr at;
    int rc;

    net_addr_set(&at, s->address, (uint16_t)s->port);
    rc = startcheck_udp("[agent] address and port", &at, N_PORTS, err);
    if (rc == 0)
        rc = startcheck_http(s->http, err);
    if (rc == 0)
        rc = tls_conf_try(&s->tls, err);
    if (rc == 0)
        rc = startcheck_folder("[agent] dir", s->dir, of_agent, err);
    snprintf(routes, sizeof(routes), "%s/" FALLBACK_ROUTES, s->dir);
    if (rc == 0)
        rc = startcheck_room("[agent] dir", s->dir, agent_missing_bytes(routes), err);
    if (rc == 0 && s->shm[0])
        rc = startcheck_folder("[shm] dir", s->shm, of_shm, err);
    return rc < 0 || !s->shm[0] ? rc : try_shm(s, err);
}

static const struct opts_program program = {
    .name = "lars-agentd",
    .summary =
        "the agent of a host: gives the callers on it nodes, and reports how their calls "
        "went",
    .operands = "",
    .about =
        "The program prints \"listening on ADDRESS:PORT\", the first of its three UDP "
        "ports, when callers can ask. With [shm] dir set, callers choose nodes from "
        "shared memory and use UDP only as a fallback. SIGTERM and SIGINT (Ctrl-C) end "
        "it in order: the last counts are sent and the routes written. SIGUSR1 makes its "
        "log more verbose by one level and SIGUSR2 less; SIGHUP makes it read the files "
        "of [tls] again; SIGPIPE is ignored.\n"
        "One agent runs for each folder. While it is away, callers use the routes in its "
        "folder.",
    .flags = flags,
    .keys = keys,
    .files = opts_no_files,
    .exits = OPTS_EXITS,
    .check = check_settings,
    .try_start = try_start};

/* Append to <what> how much the file system of <dir> has left, when that is why. */
static void add_room(char *what, size_t size, const char *dir, int rc)
{
    size_t n = strlen(what);
    struct statvfs v;

    if (rc == -ENOSPC && statvfs(dir, &v) == 0)
        snprintf(what + n, size - n, ", where %llu KiB are free",
                 (unsigned long long)v.f_bavail * v.f_frsize / 1024);
}

/* The folder belongs to one agent: the lock on the heartbeat keeps a second one out. */
static int open_folder(void)
{
    char path[128], what[300];
    int rc;

    snprintf(what, sizeof(what), "cannot use the folder %s ([agent] dir, -d)", set.dir);
    snprintf(path, sizeof(path), "%s/" FALLBACK_HEARTBEAT, set.dir);
    rc = folder_make(set.dir);
    if (rc == 0)
        rc = heartbeat_create(&me.heartbeat, path);
    add_room(what, sizeof(what), set.dir, rc);
    return rc < 0 ? daemon_failed(&me.d, rc, what) : 0;
}

/* Callers find the shared memory through the link <dir>/shm. */
static void link_shm(void)
{
    char path[128], to[PATH_MAX];

    snprintf(path, sizeof(path), "%s/" FALLBACK_SHM, set.dir);
    unlink(path);
    if (set.shm[0] && realpath(set.shm, to) && symlink(to, path) == -1)
        LOG_WARN("shm.link", "path=%s err=%s: callers use UDP", path, err_str(-errno));
}

static void configure_agent(struct agent_config *cfg)
{
    set_addresses(&set, cfg);
    cfg->classic = set.classic;
    cfg->classic.window_ms = set.idle_s * 1000;
    cfg->classic.overload_ms = set.overload_s * 1000;
    cfg->zone = set.zone;
    cfg->report_ms = set.report_ms;
    cfg->refresh_ms = set.update_s * 1000;
    cfg->file_ms = FILE_MS;
    cfg->max_modules = set.max_modules;
    cfg->dataplane = (struct dataplane_config){.dir = set.shm,
                                               .max_nodes = set.max_nodes,
                                               .max_modules = SEGMENT_MAX_MODULES,
                                               .policy = {.zone = crc32_of(set.zone),
                                                          .timeout_ms = set.timeout_ms},
                                               .health = health_preset};
    memcpy(cfg->dataplane.policy.rules, set.rules, sizeof(set.rules));
}

/* Returns <rc>, after a line on standard error that names the part of the agent. */
static int agent_failed(int rc, enum agent_part part, const struct net_addr *at)
{
    char what[400], text[NET_ADDR_STRLEN];

    switch (part) {
    case AGENT_PART_PORTS:
        snprintf(what, sizeof(what), "cannot listen on %s and the next two UDP ports",
                 net_addr_str(at, text));
        break;
    case AGENT_PART_OUTBOX:
        snprintf(what, sizeof(what),
                 "cannot open the outbox of reports in the folder %s ([agent] dir, -d)",
                 set.dir);
        add_room(what, sizeof(what), set.dir, rc);
        break;
    case AGENT_PART_SHM:
        snprintf(what, sizeof(what),
                 "cannot create the shared memory for %u nodes in %s ([shm] dir, "
                 "max_nodes)",
                 set.max_nodes, set.shm);
        add_room(what, sizeof(what), set.shm, rc);
        break;
    case AGENT_PART_CLIENTS:
        snprintf(what, sizeof(what),
                 "cannot create the clients of the DNSService and the Report Service");
        break;
    case AGENT_PART_THREADS:
        snprintf(what, sizeof(what), "cannot start the threads of the agent");
        break;
    }
    return daemon_failed(&me.d, rc, what);
}

/* Returns 0, or -errno after a line on standard error. */
static int start_tls(struct agent_config *cfg)
{
    int rc = daemon_tls_create(&me.tls, &me.d, &set.tls,
                               daemon_tls_is_exposed(cfg->dns, cfg->n_dns) ||
                                   daemon_tls_is_exposed(cfg->report, cfg->n_report),
                               DAEMON_TLS_WATCH_HUP);

    cfg->tls = rc < 0 ? NULL : daemon_tls_link(me.tls);
    return rc;
}

/* Descriptors at once, rounded up: checks of nodes 256, the HTTP port 64; the servers,
 * ports, loops and files take less than 50.  Clients take none. */
#define FDS 400

/* Returns 0, or -errno after a line on standard error. */
static int start(void)
{
    char file[128];
    struct agent_config cfg = {.route_file = file};
    enum agent_part part;
    int rc = daemon_init(&me.d, "lars-agentd", set.log);

    daemon_need_fds(&me.d, FDS);
    configure_agent(&cfg);
    snprintf(file, sizeof(file), "%s/" FALLBACK_ROUTES, set.dir);
    if (rc == 0)
        rc = start_tls(&cfg);
    if (rc == 0)
        rc = open_folder();
    if (rc < 0)
        return rc;
    rc = agent_start(&me.agent, &cfg, &part);
    if (rc < 0)
        return agent_failed(rc, part, &cfg.at);
    rc = agent_metrics_serve(&me.http, me.d.loop, set.http,
                             &(struct agent_metrics){me.agent, set.unhealthy_s * 1000ull,
                                                     me.tls});
    if (rc < 0)
        return daemon_failed(&me.d, rc, "cannot open the HTTP port, [http] listen");
    link_shm();
    folder_watch_init(&me.dir_watch, set.dir, FALLBACK_HEARTBEAT);
    folder_watch_init(&me.shm_watch, set.shm, "meta");
    cfg.at.port = agent_port(me.agent);
    on_beat(NULL);
    daemon_print_address(&cfg.at);
    return 0;
}

int main(int argc, char **argv)
{
    int rc = opts_main(&program, argc, argv, &set);

    if (rc != OPTS_RUN)
        return rc;
    rc = start();
    if (rc == 0)
        rc = daemon_run(&me.d);
    httpd_destroy(me.http);
    heartbeat_close(me.heartbeat); /* first: from now on callers read the file */
    agent_stop(me.agent);
    if (me.d.loop)
        evloop_clear_timer(me.d.loop, &me.beat);
    daemon_tls_destroy(me.tls);
    daemon_fini(&me.d);
    if (rc == 0 && me.restart) {
        execv("/proc/self/exe", argv);
        fprintf(stderr, "lars-agentd: cannot start again: %s; start it by hand\n",
                strerror(errno));
        rc = -1;
    }
    return rc < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
