/* lars-gateway -- forwards the requests of visitors over HTTP/1.1 to nodes, which it
 * picks by liblars.  `lars-gateway --help` explains the options.
 *
 * This file is the configuration table and the order in which the parts start and
 * stop. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/opts.h"
#include "fleet/fleet_keys.h"
#include "gateway/drain.h"
#include "gateway/gateway.h"
#include "gateway/gateway_admin.h"
#include "gateway/handover.h"
#include "gateway/upgrade.h"
#include "net/inherited.h"
#include "net/tls_context.h"
#include "obs/daemon.h"
#include "obs/httpd.h"
#include "obs/notify.h"
#include "obs/sig_watch.h"
#include "obs/startcheck.h"

#define AWAIT_ROUTES_MS 20000 /* for a successor: then it says why it is not ready */
#define OTHER_FDS 100 /* descriptors besides those of visitors and their nodes */

static struct settings {
    char listen[64], tls_listen[64], cert[200], key[200], rules[200], agent_dir[200],
        agent_address[48];
    uint32_t loops, loops_max, agent_port, drain_accept_ms, drain_ms;
    struct gate_limits limits;
    uint32_t body_kib, unmeasured, reserve_percent;
    char key_file[200], state_dir[200], zone[33];
    char log_path[200];
    uint32_t log_sample, cache_mb;
    char http[64], admin[64], admin_key_file[200], log[LOGLEVEL_MAX];
} set;

#define AT(field) offsetof(struct settings, field)
#define LIMIT(name, least, most, preset, help)                                           \
    {                                                                                    \
        "gateway", #name, CONF_U32, AT(limits.name), least, most, preset, help           \
    }
static const struct conf_key keys[] = {
    {"gateway", "listen", CONF_TEXT, AT(listen), 0, sizeof(set.listen), "127.0.0.1:8080",
     "ADDRESS:PORT for visitors; port 0 lets the system choose one"},
    {"gateway", "tls_listen", CONF_TEXT, AT(tls_listen), 0, sizeof(set.tls_listen), "",
     "ADDRESS:PORT for visitors by TLS 1.2 or 1.3; empty: no TLS"},
    {"gateway", "cert", CONF_TEXT, AT(cert), 0, sizeof(set.cert), "",
     "the file in PEM with the certificate for tls_listen, then those of its issuers"},
    {"gateway", "key", CONF_TEXT, AT(key), 0, sizeof(set.key), "",
     "the file in PEM with its private key, without a password"},
    LIMIT(https_redirect, 0, 65535, "0",
          "the port at which browsers reach tls_listen, such as 443: requests at listen "
          "are sent there by 308, when a rule names their host; 0: they are served"),
    {"gateway", "rules", CONF_TEXT, AT(rules), 0, sizeof(set.rules),
     "/etc/lars/gateway-rules.ini", "the file with the rules: which requests go where"},
    {"gateway", "loops", CONF_U32, AT(loops), 1, 64, "2",
     "how many threads accept visitors at the start"},
    {"gateway", "loops_max", CONF_U32, AT(loops_max), 0, 64, "0",
     "how many threads accept visitors when those at work use more than 60 % of a "
     "processor; 0: as many as there are processors"},
    LIMIT(max_clients, 1, 1000000, "20000", "connections of visitors at once"),
    LIMIT(idle_ms, 100, 3600000, "15000", "ms that a connection may wait for a request"),
    LIMIT(head_ms, 100, 600000, "5000", "ms for the head of a request to arrive"),
    LIMIT(body_ms, 100, 600000, "5000",
          "ms between two parts of a request's body; it has to come at 1 KiB/s"),
    LIMIT(connect_ms, 10, 60000, "500", "ms for a connection to a node"),
    LIMIT(try_ms, 10, 600000, "3000", "ms for a node to begin its response"),
    LIMIT(total_ms, 10, 3600000, "10000",
          "ms for all attempts of a request; less than timeout_ms of its module"),
    LIMIT(relay_ms, 100, 600000, "10000", "ms without progress within a response"),
    LIMIT(requests_max, 1, 1000000, "1000", "requests on one connection"),
    LIMIT(life_ms, 100, 86400000, "60000",
          "ms, +-20 %, after which a connection gets no further request"),
    {"gateway", "body_kib", CONF_U32, AT(body_kib), 0, 1048576, "1024",
     "KiB that the body of a request may have"},
    {"gateway", "drain_accept_ms", CONF_U32, AT(drain_accept_ms), 0, 600000, "5000",
     "ms in which new connections are still accepted after SIGTERM"},
    {"gateway", "drain_ms", CONF_U32, AT(drain_ms), 0, 600000, "30000",
     "ms for visitors to finish after SIGTERM"},
    {"gateway", "key_file", CONF_TEXT, AT(key_file), 0, sizeof(set.key_file), "",
     "the keys that sign visitors' cookies, one or two lines, the same at all gateways; "
     "empty: a random key of this process"},
    {"gateway", "state_dir", CONF_TEXT, AT(state_dir), 0, sizeof(set.state_dir), "",
     "the folder of the copy of the site, one for each gateway; empty: no copy is made"},
    {"gateway", "zone", CONF_TEXT, AT(zone), 0, sizeof(set.zone), "",
     "the zone of this host, as [choice] zone of lars-agentd; the autoscaler counts the "
     "visitors of each zone"},
    {"admission", "queue_new_ms", CONF_U32, AT(limits.queue_new_ms), 0, 60000, "200",
     "ms that the request of a new visitor may wait for its admission"},
    {"admission", "queue_inside_ms", CONF_U32, AT(limits.queue_inside_ms), 0, 60000,
     "1000", "ms that the request of a visitor who was admitted before may wait"},
    {"admission", "reserve_percent", CONF_U32, AT(reserve_percent), 0, 90, "10",
     "percent of the limit of requests in progress, kept for visitors inside"},
    {"admission", "unmeasured", CONF_U32, AT(unmeasured), 1, 100000, "32",
     "requests that a node can have in progress when its capacity is not measured"},
    {"agent", "dir", CONF_TEXT, AT(agent_dir), 0, sizeof(set.agent_dir), "/run/lars",
     "the folder of lars-agentd on this host"},
    {"agent", "address", CONF_TEXT, AT(agent_address), 0, sizeof(set.agent_address),
     "127.0.0.1", "the IP address of lars-agentd"},
    {"agent", "port", CONF_U32, AT(agent_port), 1, 65533, "8888",
     "the first of its three UDP ports"},
    {"cache", "mb", CONF_U32, AT(cache_mb), 0, 65536, "64",
     "MiB of responses that are kept in memory, up to 256 KiB each; 0: none are"},
    {"log", "path", CONF_TEXT, AT(log_path), 0, sizeof(set.log_path), "",
     "the access log; empty: none"},
    {"log", "sample", CONF_U32, AT(log_sample), 1, 1000000, "1",
     "one request of so many is logged; errors are always"},
    {"http", "listen", CONF_TEXT, AT(http), 0, sizeof(set.http), "",
     "ADDRESS:PORT of /metrics, /healthz and /log-level; empty: no such port"},
    {"admin", "listen", CONF_TEXT, AT(admin), 0, sizeof(set.admin), "",
     "ADDRESS:PORT of /ready, /gateway and the commands of larsctl gateway, and of "
     "what [http] listen has; empty: no such port"},
    {"admin", "key_file", CONF_TEXT, AT(admin_key_file), 0, sizeof(set.admin_key_file),
     "",
     "the keys that sign commands, as [gateway] key_file, which is used when this is "
     "empty; without both no command is obeyed"},
    LOGLEVEL_KEY(AT(log)),
    {NULL, NULL, CONF_U32, 0, 0, 0, NULL, NULL}};

static const struct opts_flag flags[] = {
    {'l', "listen", "ADDRESS:PORT", "gateway", "listen", NULL,
     "Serve visitors here; port 0 lets the system choose one.", NULL},
    {'r', "rules", "FILE", "gateway", "rules", NULL, "Read the rules from this file.",
     NULL},
    {0}};

/* Both ports could be opened at one address, and the system would mix their visitors. */
static const char *wrong_tls(const struct settings *s, const struct net_addr *at)
{
    struct net_addr tls;

    if (!s->tls_listen[0] && s->limits.https_redirect)
        return "[gateway] https_redirect has no use without tls_listen; set tls_listen, "
               "cert and key, or set https_redirect to 0";
    if (!s->tls_listen[0])
        return s->cert[0] || s->key[0] ? "[gateway] cert and key have no use without "
                                         "tls_listen; set it, such "
                                         "as 0.0.0.0:443 or [::]:443, or delete them"
                                       : NULL;
    if (net_addr_parse(&tls, s->tls_listen) < 0)
        return "[gateway] tls_listen must be ADDRESS:PORT, such as 0.0.0.0:443 or "
               "[::]:443";
    if (!s->cert[0] || !s->key[0])
        return "[gateway] tls_listen needs cert and key; name both files, in PEM";
    if (tls.port != 0 && tls.port == at->port)
        return "[gateway] tls_listen must have another port than listen";
    if (s->limits.https_redirect != 0 && s->limits.https_redirect == at->port)
        return "[gateway] https_redirect is the port of listen, so browsers would be "
               "sent "
               "in a circle; give the port at which they reach tls_listen";
    return NULL;
}

static int check_settings(const void *values, char err[CONF_ERR_MAX])
{
    const struct settings *s = values;
    struct net_addr at;
    const char *why = NULL;

    if (net_addr_parse(&at, s->listen) < 0)
        why = "[gateway] listen must be ADDRESS:PORT, such as 0.0.0.0:80 or [::]:80";
    else
        why = wrong_tls(s, &at);
    if (!why)
        why = daemon_wrong_value(s->http, s->log, &at);
    if (!why && s->admin[0] && net_addr_parse(&at, s->admin) < 0)
        why = "[admin] listen must be ADDRESS:PORT, such as 127.0.0.1:9890, or empty";
    if (why)
        snprintf(err, CONF_ERR_MAX, "%s", why);
    return why ? -EINVAL : 0;
}

static int try_tls(const struct settings *s, char err[CONF_ERR_MAX])
{
    struct tls_files f = {"[gateway]", s->cert, s->key};
    struct tls_context *t;
    struct net_addr at;
    int rc;

    if (!s->tls_listen[0])
        return 0;
    rc = tls_context_create(&t, &f, NULL, err);
    if (rc < 0)
        return rc;
    rc = tls_context_check_time(t, time(NULL), err);
    if (rc < 0) /* no reason not to start */
        fprintf(stderr, "lars-gateway: %s\n", err);
    tls_context_unref(t);
    net_addr_parse(&at, s->tls_listen);
    return startcheck_tcp("[gateway] tls_listen", &at, err);
}

static int try_start(const void *values, char err[CONF_ERR_MAX])
{
    const struct settings *s = values;
    struct fleet_keys *keys_of_file;
    struct rules *rules;
    struct net_addr at;
    int rc = rules_create(&rules, s->rules, err);

    if (rc < 0)
        return rc;
    rules_destroy(rules);
    rc = fleet_keys_create(&keys_of_file, s->key_file, "[gateway] key_file", err);
    if (rc < 0)
        return rc;
    fleet_keys_destroy(keys_of_file);
    net_addr_parse(&at, s->listen);
    rc = startcheck_tcp("[gateway] listen", &at, err);
    if (rc == 0)
        rc = try_tls(s, err);
    if (rc == 0)
        rc = startcheck_http(s->http, err);
    if (rc == 0 && net_addr_parse(&at, s->admin) == 0)
        rc = startcheck_tcp("[admin] listen", &at, err);
    return rc;
}

static const struct opts_program program = {
    .name = "lars-gateway",
    .summary = "HTTP gateway of Lars: forwards the requests of visitors to nodes",
    .operands = "",
    .about =
        "The program prints \"listening on ADDRESS:PORT\" when visitors can connect. "
        "SIGTERM and SIGINT (Ctrl-C) end it: /healthz says 503, each response closes its "
        "connection, new connections are accepted for [gateway] drain_accept_ms, and "
        "visitors have drain_ms in all; a second signal ends it at once.  SIGUSR1 makes "
        "its log more verbose by one level and SIGUSR2 less; SIGPIPE is ignored.\n"
        "SIGHUP makes it read the rules, the keys and the certificate again, and open "
        "the access log again, while visitors are served.  When a file is missing or "
        "wrong, what was in force stays, and a line of the log says what to mend.\n"
        "SIGRTMIN upgrades without a failed request: the program is started anew from "
        "its file, with the same arguments and the listeners; when it has routes and "
        "serves visitors, this process drains and ends.  When it fails, or is not ready "
        "within 30 s, this process serves on, and a line of the log says why.",
    .flags = flags,
    .keys = keys,
    .files = opts_no_files,
    .exits = OPTS_EXITS,
    .check = check_settings,
    .try_start = try_start};

static struct {
    char **argv;
    struct daemon d;
    struct gateway *gateway;
    struct drain drain;
    struct sig_watch *hup;
    struct handover *handover; /* NULL: started by itself, not to follow another one */
    struct upgrade *upgrade;
    struct evtimer retry;
    struct httpd *http;
    struct gateway_admin *admin;
} me;

static void collect(struct metrics *m, const void *arg)
{
    struct gateway *const *g = arg;

    gateway_metrics_collect(*g, m);
}

static void on_hup(int signo, void *arg)
{
    (void)signo;
    (void)arg;
    gateway_reload(me.gateway);
}

static const char *health(const void *arg)
{
    struct gateway *const *g = arg;

    return gateway_health(*g);
}

static uint32_t n_loops(void)
{
    long cpus = sysconf(_SC_NPROCESSORS_ONLN);
    uint32_t most = set.loops_max;

    if (most == 0)
        most = cpus < 1 ? 1 : cpus < 64 ? (uint32_t)cpus : 64;
    return most > set.loops ? most : set.loops;
}

/* Returns 0, or -errno after a line on standard error. */
static int start_gateway(void)
{
    struct gateway_config c = {.loop = me.d.loop,
                               .n_loops = n_loops(),
                               .n_accepting = set.loops,
                               .limits = set.limits,
                               .rules = set.rules,
                               .cert = set.cert,
                               .key = set.key,
                               .log = set.log_path,
                               .log_sample = set.log_sample,
                               .key_file = set.key_file,
                               .zone = set.zone,
                               .state_dir = set.state_dir,
                               .unmeasured = set.unmeasured,
                               .reserve_percent = set.reserve_percent,
                               .await_routes_ms = me.handover ? AWAIT_ROUTES_MS : 0,
                               .cache_bytes = (size_t)set.cache_mb << 20,
                               .lars = {.address = set.agent_address,
                                        .port = (uint16_t)set.agent_port,
                                        .dir = set.agent_dir}};
    char err[CONF_ERR_MAX];
    int rc;

    c.limits.body_max = (uint64_t)set.body_kib * 1024;
    net_addr_parse(&c.listen, set.listen);
    if (set.tls_listen[0])
        net_addr_parse(&c.tls_listen, set.tls_listen);
    rc = gateway_create(&me.gateway, &c, err);
    if (rc < 0)
        fprintf(stderr, "lars-gateway: %s\n", err);
    return rc;
}

/* Returns 0, or -errno after a line on standard error. */
static int start_admin(void)
{
    const char *file = set.admin_key_file[0] ? set.admin_key_file : set.key_file;
    char err[CONF_ERR_MAX];
    int rc = gateway_admin_create(&me.admin, me.d.loop, me.gateway, set.admin, file, err);

    if (rc < 0)
        fprintf(stderr, "lars-gateway: %s\n", err);
    return rc;
}

static void print_tls_address(void)
{
    char text[NET_ADDR_STRLEN];

    LOG_INFO("gateway.tls", "address=%s",
             net_addr_str(gateway_tls_address(me.gateway), text));
}

/* As many visitors as there are descriptors for, one for each and one for its node: then
 * a new visitor displaces one who waits, and is not refused for want of a descriptor. */
static void limit_clients(void)
{
    uint64_t most =
        me.d.fd_limit > 2 * OTHER_FDS ? (me.d.fd_limit - OTHER_FDS) / 2 : OTHER_FDS / 2;

    if (set.limits.max_clients > most)
        set.limits.max_clients = (uint32_t)most;
}

/* --- ports that only one process can have ------------------------------------------- */

/* Those that are not open yet. */
static int open_ports(void)
{
    int rc = 0;

    if (!me.http)
        rc = httpd_create(&me.http, me.d.loop, set.http,
                          &(struct httpd_config){.collect = collect,
                                                 .health = health,
                                                 .arg = &me.gateway,
                                                 .arg_size = sizeof(struct gateway *)});
    if (rc < 0)
        return daemon_failed(&me.d, rc, "cannot open the HTTP port, [http] listen");
    return me.admin ? 0 : start_admin();
}

static void close_ports(void)
{
    gateway_admin_destroy(me.admin);
    httpd_destroy(me.http);
    me.admin = NULL;
    me.http = NULL;
}

/* The process before this one has closed its ports. */
static void on_go(void *arg)
{
    if (open_ports() < 0)
        evloop_set_timer(me.d.loop, &me.retry, 1000, on_go, arg);
}

/* --- start -------------------------------------------------------------------------- */

static int watch_signals(void)
{
    int rc = sig_watch_create(&me.hup, me.d.loop, SIGHUP, on_hup, NULL);

    if (rc == 0)
        rc = upgrade_create(&me.upgrade,
                            &(struct upgrade_config){.loop = me.d.loop,
                                                     .gateway = &me.gateway,
                                                     .argv = me.argv,
                                                     .close_ports = close_ports});
    return rc < 0 ? daemon_failed(&me.d, rc, "cannot watch SIGHUP and SIGRTMIN") : 0;
}

static int receive_listeners(void)
{
    char err[CONF_ERR_MAX];
    int rc = handover_receive(&me.handover, err);

    if (rc < 0)
        fprintf(stderr, "lars-gateway: %s\n", err);
    return rc;
}

static int start(void)
{
    int rc = daemon_init(&me.d, "lars-gateway", set.log);

    if (rc == 0)
        rc = receive_listeners();
    if (rc < 0)
        return rc;
    daemon_need_fds(&me.d, 2ull * set.limits.max_clients + OTHER_FDS);
    limit_clients();
    rc = watch_signals();
    if (rc == 0)
        rc = start_gateway();
    if (rc < 0)
        return rc;
    inherited_close(); /* those of addresses that are no longer configured */
    rc = me.handover ? handover_ready(me.handover, me.d.loop, on_go, NULL) : open_ports();
    if (rc < 0)
        return rc;
    if (gateway_tls_address(me.gateway))
        print_tls_address();
    daemon_print_address(gateway_address(me.gateway));
    if (!me.handover)
        notify_send("READY=1");
    return 0;
}

int main(int argc, char **argv)
{
    int code = opts_main(&program, argc, argv, &set), rc;

    if (code != OPTS_RUN)
        return code;
    me.argv = argv;
    rc = start();
    if (rc == 0)
        rc = daemon_run(&me.d);
    if (rc == 0) {
        drain_start(&me.drain, me.d.loop, me.gateway,
                    upgrade_finish(me.upgrade) ? 0 : set.drain_accept_ms, set.drain_ms);
        rc = daemon_run(&me.d);
    }
    if (me.d.loop)
        evloop_clear_timer(me.d.loop, &me.retry);
    upgrade_destroy(me.upgrade);
    handover_destroy(me.handover);
    close_ports();
    gateway_destroy(me.gateway);
    sig_watch_destroy(me.hup);
    daemon_fini(&me.d);
    return rc < 0;
}
