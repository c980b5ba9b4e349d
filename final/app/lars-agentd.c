/* lars-agentd -- the agent of this host: chooses nodes for business code.
 *     build/lars-agentd -c conf/lars-agentd.ini     -p, -d, -D, -R override it
 * Prints "listening on ADDR:PORT" (UDP, that port and the next two).  Ctrl-C and SIGTERM
 * end it in order: the last totals are sent, the routes written. */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "agent/agent.h"
#include "agent/agent_metrics.h"
#include "api/fallback.h"
#include "base/crc32.h"
#include "base/err.h"
#include "base/heartbeat.h"
#include "base/log.h"
#include "base/mono.h"
#include "base/opts.h"
#include "base/sig.h"
#include "lb/policies.h"
#include "net/evsig.h"
#include "shmem/layout.h"

static struct settings {
    char address[48], dir[96], caller[48], dns_ip[48], report_ip[48];
    char dns_others[256], report_others[256], http[64];
    uint32_t port, dns_port, report_port, report_ms, max_modules, unhealthy_s;
    uint32_t idle_s, overload_s, update_s;
    char shm[160], zone[33], rules[MODULE_POLICY_RULES];
    uint32_t max_nodes, timeout_ms;
    struct classic_config classic;
} set;

#define AT(field) offsetof(struct settings, field)
#define LB(field) offsetof(struct settings, classic.field)
#define TEXT(section, name, field, preset, help)                                         \
    {                                                                                    \
        section, name, CONF_TEXT, AT(field), 0, sizeof(set.field), preset, help          \
    }
static const struct conf_key keys[] = {
    TEXT("agent", "address", address, "127.0.0.1", "where to listen; keep it local"),
    {"agent", "port", CONF_U32, AT(port), 0, 65533, "8888",
     "UDP, this port and the next two; 0 = any"},
    TEXT("agent", "dir", dir, "build/run", "folder of the files that the API reads"),
    TEXT("agent", "caller", caller, "",
         "our IPv4 in reports; empty = that of the connection"),
    {"agent", "report_ms", CONF_U32, AT(report_ms), 1, 3600000, "1000",
     "ms between two reports of a module"},
    {"agent", "max_modules", CONF_U32, AT(max_modules), 1, 1000000, "10000",
     "modules of each port; more are not asked for"},
    TEXT("dnsserver", "ip", dns_ip, "127.0.0.1", "DNSService"),
    {"dnsserver", "port", CONF_U32, AT(dns_port), 1, 65535, "7778", "its TCP port"},
    TEXT("dnsserver", "others", dns_others, "",
         "more of them, tried in turn when it is away: IP:PORT IP:PORT"),
    TEXT("reporter", "ip", report_ip, "127.0.0.1", "Report Service"),
    {"reporter", "port", CONF_U32, AT(report_port), 1, 65535, "7779", "its TCP port"},
    TEXT("reporter", "others", report_others, "", "more of them, as above"),
    TEXT("http", "listen", http, "",
         "ADDRESS:PORT of /metrics and /healthz; empty = nowhere"),
    {"http", "unhealthy_s", CONF_U32, AT(unhealthy_s), 1, 86400, "60",
     "seconds without a Report Service until /healthz answers 503"},
    TEXT("shm", "dir", shm, "",
         "folder of the shared memory, best in /dev/shm; empty = UDP only"),
    {"shm", "max_nodes", CONF_U32, AT(max_nodes), 64, SEGMENT_MAX_NODES, "1048576",
     "nodes in it; a power of two"},
    {"shm", "timeout_ms", CONF_U32, AT(timeout_ms), 1, 3600000, "30000",
     "a call that nobody reports for so long has failed"},
    TEXT("choice", "zone", zone, "", "our zone, as RouteData.zone names it"),
    TEXT("choice", "rules", rules, "",
         "MODID/CMDID=RULE or *=RULE ...; `larsctl policy rules` lists them"),
    TEXT("repoter", "ip", report_ip, NULL, "as the public Lars spells it"),
    {"repoter", "port", CONF_U32, AT(report_port), 1, 65535, NULL, "as it spells it"},
    {"loadbalance", "probe_num", CONF_U32, LB(probe_num), 1, 1000000, "10",
     "picks between two probes of an overloaded node"},
    {"loadbalance", "init_succ_cnt", CONF_U32, LB(init_succ), 0, 1000000, "180",
     "virtual successes of a node that becomes idle"},
    {"loadbalance", "init_err_cnt", CONF_U32, LB(init_err), 0, 1000000, "5",
     "virtual errors of a node that becomes overloaded"},
    {"loadbalance", "err_rate", CONF_RATE, LB(err_rate), 1, 1000, "0.1",
     "an idle node above it becomes overloaded"},
    {"loadbalance", "succ_rate", CONF_RATE, LB(succ_rate), 1, 1000, "0.95",
     "an overloaded node above it becomes idle"},
    {"loadbalance", "contin_err_limit", CONF_U32, LB(contin_err), 1, 1000000, "15",
     "errors in a row: overloaded"},
    {"loadbalance", "contin_succ_limit", CONF_U32, LB(contin_succ), 1, 1000000, "15",
     "successes in a row: idle"},
    {"loadbalance", "idle_timeout", CONF_U32, AT(idle_s), 1, 86400, "15",
     "seconds of a window of an idle node"},
    {"loadbalance", "overload_timeout", CONF_U32, AT(overload_s), 1, 86400, "15",
     "seconds that a node is overloaded at most"},
    {"loadbalance", "update_timeout", CONF_U32, AT(update_s), 1, 86400, "15",
     "seconds between two questions for a route"},
    {"loadbalance", "window_err_rate", CONF_RATE, LB(window_err_rate), 1, 1000, "0.7",
     "a window with such a share of errors is bad"},
    {"loadbalance", "window_err_limit", CONF_U32, LB(window_limit), 1, 1000000, "2",
     "bad windows in a row: overloaded"},
    {NULL, NULL, CONF_U32, 0, 0, 0, NULL, NULL}};

static const struct opts_flag flags[] = {{'p', "agent", "port", NULL},
                                         {'d', "agent", "dir", NULL},
                                         {'D', "dnsserver", "port", NULL},
                                         {'R', "reporter", "port", NULL},
                                         {0}};

static struct {
    struct evloop *loop;
    struct evsig *sig;
    struct evtimer beat;
    struct heartbeat *heartbeat;
    struct agent *agent;
    struct httpd *http;
} me;

static void on_signal(int signo, void *arg)
{
    LOG_INFO("agentd.stop", "signal=%d", signo);
    evloop_stop(arg);
}

static void on_beat(void *arg)
{
    (void)arg;
    heartbeat_beat(me.heartbeat, mono_ms());
    evloop_set_timer(me.loop, &me.beat, HEARTBEAT_PERIOD_MS / 2, on_beat, NULL);
}

static int usage(const char *why)
{
    fprintf(stderr,
            "lars-agentd: %s\nusage: lars-agentd [-c FILE] [-p PORT] [-d DIR]"
            " [-D DNSD_PORT] [-R REPORTD_PORT] [--check-config] [--print-config]\n",
            why);
    return 2;
}

/* The addresses of <list> behind the one there is.  Returns how many in all, or
 * -EINVAL. */
static int add_others(struct net_addr *at, char *list)
{
    char *word, *save = NULL;
    int n = 1;

    for (word = strtok_r(list, " ,", &save); word; word = strtok_r(NULL, " ,", &save))
        if (n == TCPCLI_MAX_ADDRS || net_addr_parse(&at[n++], word) < 0)
            return -EINVAL;
    return n;
}

/* One service's addresses.  Returns how many, or -EINVAL. */
static int servers(struct net_addr *at, const char *ip, uint32_t port, char *others)
{
    int rc = net_addr_set(at, ip, (uint16_t)port);

    return rc < 0 ? rc : add_others(at, others);
}

/* Returns 0, or -EINVAL after <why> names the key that is no address. */
static int addresses(struct agent_config *cfg, const char **why)
{
    static char rules_why[300];
    char names[200];
    struct net_addr caller = {0};
    int n;

    *why = "[agent] address wants an address such as 127.0.0.1";
    if (net_addr_set(&cfg->at, set.address, (uint16_t)set.port) < 0)
        return -EINVAL;
    *why = "[dnsserver] wants ip = 127.0.0.1, others = 127.0.0.2:7778 ... (7 at most)";
    n = servers(cfg->dns, set.dns_ip, set.dns_port, set.dns_others);
    if (n < 0)
        return -EINVAL;
    cfg->n_dns = (size_t)n;
    *why = "[reporter] wants ip = 127.0.0.1, others = 127.0.0.2:7779 ... (7 at most)";
    n = servers(cfg->report, set.report_ip, set.report_port, set.report_others);
    if (n < 0)
        return -EINVAL;
    cfg->n_report = (size_t)n;
    snprintf(rules_why, sizeof(rules_why),
             "[choice] rules wants MODID/CMDID=RULE or *=RULE; the rules are %s",
             policies_names(names, sizeof(names)));
    *why = rules_why;
    if (module_policy_check_rules(set.rules) < 0)
        return -EINVAL;
    *why = "[agent] caller wants an IPv4 such as 10.0.0.1, or nothing";
    if (set.caller[0] &&
        (net_addr_set(&caller, set.caller, 0) < 0 || caller.family != AF_INET))
        return -EINVAL;
    cfg->caller = (uint32_t)caller.ip[0] << 24 | (uint32_t)caller.ip[1] << 16 |
                  (uint32_t)caller.ip[2] << 8 | caller.ip[3];
    return 0;
}

/* Our folder, ours alone: the lock on the heartbeat keeps a second agent out. */
static int open_folder(void)
{
    char path[128];
    int rc;

    if (mkdir(set.dir, 0755) == -1 && errno != EEXIST)
        rc = -errno;
    else
        rc = snprintf(path, sizeof(path), "%s/" FALLBACK_HEARTBEAT, set.dir);
    if (rc > 0)
        rc = heartbeat_create(&me.heartbeat, path);
    if (rc < 0)
        fprintf(stderr, "lars-agentd: folder %s: %s (%s)%s\n", set.dir, err_text(rc),
                err_str(rc),
                rc == -EBUSY ? "; another agent uses it: stop that one, or say -d DIR"
                             : "; mend: make it, or say -d DIR");
    return rc;
}

/* DIR/shm leads the API to the shared memory. */
static void link_shm(void)
{
    char path[128], to[PATH_MAX];

    snprintf(path, sizeof(path), "%s/" FALLBACK_SHM, set.dir);
    unlink(path);
    if (set.shm[0] && realpath(set.shm, to) && symlink(to, path) == -1)
        LOG_WARN("shm.link", "path=%s err=%s: clients use UDP", path, err_str(-errno));
}

static int start(struct agent_config *cfg)
{
    char file[128], text[NET_ADDR_STRLEN];
    int rc = evloop_create(&me.loop);

    if (rc == 0)
        rc = evsig_create(&me.sig, me.loop, on_signal, me.loop); /* before threads */
    snprintf(file, sizeof(file), "%s/" FALLBACK_ROUTES, set.dir);
    cfg->route_file = file;
    if (rc == 0)
        rc = agent_start(&me.agent, cfg);
    if (rc < 0) {
        fprintf(stderr,
                "lars-agentd: cannot serve %s and the next two: %s (%s); see "
                "`ss -lunp`\n",
                net_addr_str(&cfg->at, text), err_text(rc), err_str(rc));
        return rc;
    }
    link_shm();
    cfg->at.port = agent_port(me.agent);
    on_beat(NULL);
    printf("listening on %s\n", net_addr_str(&cfg->at, text));
    fflush(stdout);
    return 0;
}

int main(int argc, char **argv)
{
    struct agent_config cfg = {0};
    char err[CONF_ERR_MAX];
    const char *why;
    int rc = opts_read(argc, argv, flags, keys, &set, err);

    if (rc != 0)
        return rc < 0 ? usage(err) : EXIT_SUCCESS;
    if (addresses(&cfg, &why) < 0)
        return usage(why);
    cfg.classic = set.classic;
    cfg.classic.window_ms = set.idle_s * 1000;
    cfg.classic.overload_ms = set.overload_s * 1000;
    cfg.report_ms = set.report_ms;
    cfg.refresh_ms = set.update_s * 1000;
    cfg.file_ms = 60000;
    cfg.max_modules = set.max_modules;
    cfg.dataplane = (struct dataplane_config){.dir = set.shm,
                                              .max_nodes = set.max_nodes,
                                              .max_modules = SEGMENT_MAX_MODULES,
                                              .policy = {.zone = crc32_of(set.zone),
                                                         .timeout_ms = set.timeout_ms},
                                              .health = health_preset};
    memcpy(cfg.dataplane.policy.rules, set.rules, sizeof(set.rules));
    rc = sig_ignore_pipe_and_hup();
    if (rc == 0)
        rc = open_folder();
    if (rc == 0)
        rc = start(&cfg);
    if (rc == 0)
        rc = agent_metrics_serve(&me.http, me.loop, set.http,
                                 &(struct agent_metrics){me.agent,
                                                        set.unhealthy_s * 1000ull});
    if (rc == 0)
        rc = evloop_run(me.loop);
    httpd_destroy(me.http);
    heartbeat_close(me.heartbeat);    /* first: clients turn to the file from now on */
    agent_stop(me.agent);
    if (me.loop)
        evloop_clear_timer(me.loop, &me.beat);
    evsig_destroy(me.sig);
    evloop_destroy(me.loop);
    return rc < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
