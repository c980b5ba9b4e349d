/* lars-agentd -- the agent of a host: chooses nodes for the business code of this host.
 *     build/lars-agentd -c conf/lars-agentd.ini     -p, -d, -D and -R override it
 * Prints "listening on ADDR:PORT"; the agent uses this UDP port and the next two.  Ctrl-C
 * and SIGTERM end it, after it has sent the last totals and written the routes. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "agent/agent.h"
#include "api/fallback.h"
#include "base/err.h"
#include "base/heartbeat.h"
#include "base/log.h"
#include "base/mono.h"
#include "base/opts.h"
#include "base/sig.h"
#include "net/evsig.h"

static struct settings {
    char address[48], dir[96], caller[48], dns_ip[48], report_ip[48];
    char dns_others[256], report_others[256];
    uint32_t port, dns_port, report_port, report_ms, max_modules;
    uint32_t idle_s, overload_s, update_s;
    struct classic_config classic;
} set;

#define AT(field) offsetof(struct settings, field)
#define LB(field) offsetof(struct settings, classic.field)
#define TEXT(section, name, field, preset, help)                                         \
    {                                                                                    \
        section, name, CONF_TEXT, AT(field), 0, sizeof(set.field), preset, help          \
    }
static const struct conf_key keys[] = {
    TEXT("agent", "address", address, "127.0.0.1", "address to listen on; keep it local"),
    {"agent", "port", CONF_U32, AT(port), 0, 65533, "8888",
     "first UDP port, the next two are used too; 0 = the kernel chooses"},
    TEXT("agent", "dir", dir, "build/run", "folder of the files that the API reads"),
    TEXT("agent", "caller", caller, "",
         "IPv4 of this host in reports; empty = that of the connection"),
    {"agent", "report_ms", CONF_U32, AT(report_ms), 1, 3600000, "1000",
     "milliseconds between two reports of a module"},
    {"agent", "max_modules", CONF_U32, AT(max_modules), 1, 1000000, "10000",
     "modules for each port; more are answered 'does not exist'"},
    TEXT("dnsserver", "ip", dns_ip, "127.0.0.1", "address of DNSService"),
    {"dnsserver", "port", CONF_U32, AT(dns_port), 1, 65535, "7778", "TCP port"},
    TEXT("dnsserver", "others", dns_others, "",
         "more servers, tried in turn when it does not answer: IP:PORT IP:PORT"),
    TEXT("reporter", "ip", report_ip, "127.0.0.1", "address of the Report Service"),
    {"reporter", "port", CONF_U32, AT(report_port), 1, 65535, "7779", "TCP port"},
    TEXT("reporter", "others", report_others, "", "more servers: IP:PORT IP:PORT"),
    TEXT("repoter", "ip", report_ip, NULL, "spelling of the public Lars"),
    {"repoter", "port", CONF_U32, AT(report_port), 1, 65535, NULL, "likewise"},
    {"loadbalance", "probe_num", CONF_U32, LB(probe_num), 1, 1000000, "10",
     "picks between two probes of an overloaded node"},
    {"loadbalance", "init_succ_cnt", CONF_U32, LB(init_succ), 0, 1000000, "180",
     "virtual successes of a node that becomes idle"},
    {"loadbalance", "init_err_cnt", CONF_U32, LB(init_err), 0, 1000000, "5",
     "virtual errors of a node that becomes overloaded"},
    {"loadbalance", "err_rate", CONF_RATE, LB(err_rate), 1, 1000, "0.1",
     "above this error rate an idle node becomes overloaded"},
    {"loadbalance", "succ_rate", CONF_RATE, LB(succ_rate), 1, 1000, "0.95",
     "above this success rate an overloaded node becomes idle"},
    {"loadbalance", "contin_err_limit", CONF_U32, LB(contin_err), 1, 1000000, "15",
     "errors in a row that make a node overloaded"},
    {"loadbalance", "contin_succ_limit", CONF_U32, LB(contin_succ), 1, 1000000, "15",
     "successes in a row that make a node idle"},
    {"loadbalance", "idle_timeout", CONF_U32, AT(idle_s), 1, 86400, "15",
     "seconds in a window of an idle node"},
    {"loadbalance", "overload_timeout", CONF_U32, AT(overload_s), 1, 86400, "15",
     "seconds after which an overloaded node becomes idle"},
    {"loadbalance", "update_timeout", CONF_U32, AT(update_s), 1, 86400, "15",
     "seconds between two questions for a route"},
    {"loadbalance", "window_err_rate", CONF_RATE, LB(window_err_rate), 1, 1000, "0.7",
     "from this error rate on a window is bad"},
    {"loadbalance", "window_err_limit", CONF_U32, LB(window_limit), 1, 1000000, "2",
     "bad windows in a row that make a node overloaded"},
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

/* Append the addresses in <list> to the one in <at>.  Returns the number of all, or
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

/* Parse the addresses of one service.  Returns their number, or -EINVAL. */
static int servers(struct net_addr *at, const char *ip, uint32_t port, char *others)
{
    int rc = net_addr_set(at, ip, (uint16_t)port);

    return rc < 0 ? rc : add_others(at, others);
}

/* Parse all addresses.  Returns 0, or -EINVAL with an explanation in <why>. */
static int addresses(struct agent_config *cfg, const char **why)
{
    struct net_addr caller = {0};
    int n;

    *why = "[agent] address: not an address such as 127.0.0.1";
    if (net_addr_set(&cfg->at, set.address, (uint16_t)set.port) < 0)
        return -EINVAL;
    *why = "[dnsserver]: use ip = 127.0.0.1, others = 127.0.0.2:7778 ... (at most 7)";
    n = servers(cfg->dns, set.dns_ip, set.dns_port, set.dns_others);
    if (n < 0)
        return -EINVAL;
    cfg->n_dns = (size_t)n;
    *why = "[reporter]: use ip = 127.0.0.1, others = 127.0.0.2:7779 ... (at most 7)";
    n = servers(cfg->report, set.report_ip, set.report_port, set.report_others);
    if (n < 0)
        return -EINVAL;
    cfg->n_report = (size_t)n;
    *why = "[agent] caller: not an IPv4 address such as 10.0.0.1";
    if (set.caller[0] &&
        (net_addr_set(&caller, set.caller, 0) < 0 || caller.family != AF_INET))
        return -EINVAL;
    cfg->caller = (uint32_t)caller.ip[0] << 24 | (uint32_t)caller.ip[1] << 16 |
                  (uint32_t)caller.ip[2] << 8 | caller.ip[3];
    return 0;
}

/* Create the folder and lock its heartbeat file, so that no second agent uses it. */
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
                rc == -EBUSY
                    ? "; another process of this program uses it: stop that, or use -d"
                    : "; create the folder, or use another one with -d DIR");
    return rc;
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
                "lars-agentd: cannot serve %s and the next two UDP ports: %s (%s)%s\n",
                net_addr_str(&cfg->at, text), err_text(rc), err_str(rc),
                rc == -EADDRINUSE ? "; another program has the port: see `ss -lunp`"
                                  : "");
        return rc;
    }
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
    rc = sig_ignore_pipe_and_hup();
    if (rc == 0)
        rc = open_folder();
    if (rc == 0)
        rc = start(&cfg);
    if (rc == 0)
        rc = evloop_run(me.loop);
    heartbeat_close(me.heartbeat);    /* first: clients use the file from now on */
    agent_stop(me.agent);
    if (me.loop)
        evloop_clear_timer(me.loop, &me.beat);
    evsig_destroy(me.sig);
    evloop_destroy(me.loop);
    return rc < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
