/* lars-slotd -- keeps the nodes running that were ordered for the slots of this host.
 * `lars-slotd --help` explains the options.
 *
 * This file is the configuration table and the order in which the parts start and stop.
 * The nodes outlive this program: a stop leaves them running unless the configuration
 * says otherwise, and the next start finds them.
 * */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/folder.h"
#include "base/log.h"
#include "base/opts.h"
#include "base/process_name.h"
#include "net/server_list.h"
#include "obs/daemon.h"
#include "obs/daemon_tls.h"
#include "obs/httpd.h"
#include "obs/sig_watch.h"
#include "obs/startcheck.h"
#include "slot/slot_link.h"
#include "slot/slot_metrics.h"
#include "slot/slots.h"

#define FDS 1500 /* lock, process and check of each slot, the servers, the HTTP port */
#define LOCK_LOOKS 200 /* 10 ms apart, for the folder of one that was killed just now */

static struct settings {
    char host[64], zone[33], address[48], class[33], state_dir[160], modules[200];
    uint32_t n, first_port, start_ms, drain_ms, check_ms, stop_nodes;
    char dns[SERVER_LIST_LEN], report[SERVER_LIST_LEN], http[64], log[LOGLEVEL_MAX];
    struct tls_conf tls;
} set;

#define AT(field) offsetof(struct settings, field)
#define TEXT(section, name, field, preset, help)                                         \
    {                                                                                    \
        section, name, CONF_TEXT, AT(field), 0, sizeof(set.field), preset, help          \
    }
static const struct conf_key keys[] = {
    TEXT("slots", "host", host, "",
         "the name of this host in the tables, the same after a restart; empty: its host "
         "name"),
    TEXT("slots", "zone", zone, "", "the zone of this host, as RouteData.zone spells it"),
    TEXT("slots", "address", address, "127.0.0.1",
         "the IPv4 address of this host at which callers reach its nodes"),
    TEXT(
        "slots", "class", class, "",
        "hosts of one class are equally fast: capacity is measured once for all of them"),
    {"slots", "n", CONF_U32, AT(n), 1, SLOT_MAX, "4",
     "how many slots this host has, each for one node"},
    {"slots", "first_port", CONF_U32, AT(first_port), 1, 65535, "8001",
     "the TCP port of the node in slot 1; slot 2 has the next port, and so on"},
    TEXT("slots", "state_dir", state_dir, "/var/lib/lars-slotd",
         "the folder with a lock and a log for each slot, and the last orders; on a disk "
         "that keeps it at a restart of this program"),
    TEXT("slots", "modules", modules, "/etc/lars/slot-modules.ini",
         "the file that names program and check of each module"),
    {"slots", "start_ms", CONF_U32, AT(start_ms), 100, 3600000, "30000",
     "ms in which a node has to pass its check after its start"},
    {"slots", "drain_ms", CONF_U32, AT(drain_ms), 0, 3600000, "30000",
     "ms for a node to end after SIGTERM; then it gets SIGKILL"},
    {"slots", "check_ms", CONF_U32, AT(check_ms), 10, 60000, "500",
     "ms between two checks of a node; a connection may take twice as long"},
    {"slots", "stop_nodes", CONF_U32, AT(stop_nodes), 0, 1, "0",
     "1: SIGTERM ends the nodes as well; 0: they keep running, and the next start finds "
     "them"},
    TEXT("dns", "servers", dns, "127.0.0.1:7778",
         "the DNSServices, from which orders come, that of the own zone first: IP:PORT "
         "IP:PORT"),
    TEXT("report", "servers", report, "127.0.0.1:7779",
         "the Report Services, which write what runs, that of the own zone first: "
         "IP:PORT IP:PORT"),
    TEXT("http", "listen", http, "",
         "ADDRESS:PORT of /metrics, /healthz and /log-level; empty: no such port"),
    TLS_CONF_KEYS(AT(tls)),
    LOGLEVEL_KEY(AT(log)),
    {NULL, NULL, CONF_U32, 0, 0, 0, NULL, NULL}};

static const struct opts_flag flags[] = {
    {'d', "state-dir", "DIR", "slots", "state_dir", NULL,
     "Use this folder for the state of the slots."},
    {'m', "modules", "FILE", "slots", "modules", NULL,
     "Read programs and checks of the modules from this file."},
    {0}};

/* --- what is configured ------------------------------------------------------------- */

/* Fill <out> from <s>, which it borrows.  Returns NULL, or the sentence that names the
 * key that is wrong. */
static const char *set_link(const struct settings *s, struct slot_link_config *out)
{
    struct net_addr at;
    int n_dns = server_list_add(out->dns, 0, s->dns);
    int n_report = server_list_add(out->report, 0, s->report);

    if (s->host[0] && !process_name_is_valid(s->host))
        return "[slots] host may have letters, digits and .-_/:[] only";
    if (net_addr_set(&at, s->address, 0) < 0 || at.family != AF_INET)
        return "[slots] address must be an IPv4 address of this host, such as 10.0.1.7";
    if (s->first_port + s->n - 1 > 65535)
        return "[slots] first_port and n give ports above 65535; lower one of them";
    if (!s->state_dir[0])
        return "[slots] state_dir must not be empty";
    if (n_dns < 1)
        return "[dns] servers must be one to eight addresses such as 10.0.1.1:7778";
    if (n_report < 1)
        return "[report] servers must be one to eight addresses such as 10.0.1.1:7779";
    out->host = s->host;
    out->zone = s->zone;
    out->address = s->address;
    out->class = s->class;
    out->slots = s->n;
    out->n_dns = (size_t)n_dns;
    out->n_report = (size_t)n_report;
    return NULL;
}

static int check_settings(const void *values, char err[CONF_ERR_MAX])
{
    const struct settings *s = values;
    struct slot_link_config link;
    const char *why = set_link(s, &link);

    if (!why)
        why = daemon_wrong_value(s->http, s->log, NULL);
    if (why)
        snprintf(err, CONF_ERR_MAX, "%s", why);
    if (why ||
        tls_conf_check_all(&s->tls, "[dns] servers", link.dns, link.n_dns, err) < 0)
        return -EINVAL;
    return tls_conf_check_all(&s->tls, "[report] servers", link.report, link.n_report,
                              err);
}

static int try_start(const void *values, char err[CONF_ERR_MAX])
{
    static const char *const files[] = {"orders", "lock", NULL};
    const struct settings *s = values;
    struct slot_modules *m;
    struct net_addr at;
    int rc = slot_modules_create(&m, s->modules, err);

    if (rc < 0)
        return rc;
    slot_modules_destroy(m);
    rc = startcheck_folder("[slots] state_dir", s->state_dir, files, err);
    if (rc == 0)
        rc =
            startcheck_room("[slots] state_dir", s->state_dir, 4096 * (s->n + 4ull), err);
    net_addr_set(&at, s->address, 0);
    if (rc == 0)
        rc = startcheck_tcp("[slots] address", &at, err);
    if (rc == 0)
        rc = tls_conf_try(&s->tls, err);
    return rc < 0 ? rc : startcheck_http(s->http, err);
}

static const struct opts_program program = {
    .name = "lars-slotd",
    .summary = "runs nodes in the slots of a host, as the autoscaler orders",
    .operands = "",
    .about =
        "The program gets orders from DNSService, starts and checks the nodes that they "
        "name, and sends what runs to the Report Service.  With [http] listen it prints "
        "\"listening on ADDRESS:PORT\", that of /healthz, when it has started.\n"
        "SIGTERM and SIGINT (Ctrl-C) end it; the nodes keep running, and the next start "
        "finds them, also after SIGKILL.  With [slots] stop_nodes = 1 the nodes end "
        "first; a second signal ends the program at once.  SIGHUP makes it read the file "
        "with the modules and those of [tls] again; when one is wrong, what was in force "
        "stays.  SIGUSR1 "
        "makes its log more verbose by one level and SIGUSR2 less; SIGPIPE is ignored.\n"
        "One lars-slotd runs for each folder [slots] state_dir.",
    .flags = flags,
    .keys = keys,
    .files = opts_no_files,
    .exits = OPTS_EXITS,
    .check = check_settings,
    .try_start = try_start};

static struct {
    struct daemon d;
    int lock;
    struct slots *slots;
    struct slot_link *link;
    struct sig_watch *hup;
    struct daemon_tls *tls;
    struct httpd *http;
    bool is_stopping;
} me = {.lock = -1};

/* --- what happens ------------------------------------------------------------------- */

/* An operator may have to know it: larsctl host adopt. */
static void tell_fence(void)
{
    struct slots_stat st;

    slots_stat(me.slots, &st);
    if (me.link)
        slot_link_set_fence(me.link, st.fence);
}

static void on_orders(uint64_t fence, const struct slot_order *o, size_t n, void *arg)
{
    (void)arg;
    if (slots_order(me.slots, fence, o, n) == -EINVAL)
        LOG_EVERY(10000, LOG_LEVEL_ERROR, "slotd.orders",
                  "orders name a slot above [slots] n=%u, and none is obeyed; restart "
                  "the autoscaler when n was lowered",
                  set.n);
    tell_fence();
}

static void on_change(void *arg)
{
    static struct slot_status status[SLOT_MAX];
    size_t n = slots_status(me.slots, status, SLOT_MAX);

    (void)arg;
    tell_fence();
    if (me.link && slot_link_tell(me.link, status, n) < 0)
        LOG_EVERY(10000, LOG_LEVEL_ERROR, "slotd.state",
                  "the state of the slots cannot be sent");
    if (me.is_stopping && slots_n_running(me.slots) == 0)
        evloop_stop(me.d.loop);
}

static void on_hup(int signo, void *arg)
{
    struct slot_modules *m;
    char err[CONF_ERR_MAX];

    (void)signo;
    (void)arg;
    daemon_tls_reload(me.tls);
    if (slot_modules_create(&m, set.modules, err) < 0) {
        LOG_ERROR("slotd.reload", "failed: %s; what was in force stays", err);
        return;
    }
    LOG_INFO("slotd.reload", "modules=%u", slot_modules_n(m));
    slots_set_modules(me.slots, m);
}

/* --- the start ---------------------------------------------------------------------- */

/* Nodes get the descriptors 0 to 2 of this program replaced, so it needs to have them. */
static void open_standard_files(void)
{
    int fd;

    do {
        fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    } while (fd >= 0 && fd <= 2);
    if (fd > 2)
        close(fd);
}

/* A process that is about to become a node has the lock for a moment after this program
 * was killed.  Returns 0, or -errno after a line on standard error. */
static int lock_folder(void)
{
    char what[300];
    int i, rc = folder_make(set.state_dir);

    for (i = 0; rc == 0 && me.lock < 0 && i < LOCK_LOOKS; i++) {
        me.lock = folder_lock(set.state_dir);
        if (me.lock == -EBUSY)
            poll(NULL, 0, 10);
        else if (me.lock < 0)
            rc = me.lock;
    }
    if (rc == 0 && me.lock < 0)
        rc = -EBUSY;
    snprintf(what, sizeof(what), "cannot use the folder %s, [slots] state_dir%s",
             set.state_dir,
             rc == -EBUSY ? ": another lars-slotd has it; end that one first" : "");
    return rc < 0 ? daemon_failed(&me.d, rc, what) : 0;
}

/* Returns 0, or -errno after a line on standard error. */
static int start_slots(void)
{
    struct slots_config c = {.loop = me.d.loop,
                             .dir = set.state_dir,
                             .address = set.address,
                             .n = set.n,
                             .first_port = set.first_port,
                             .start_ms = set.start_ms,
                             .drain_ms = set.drain_ms,
                             .check_ms = set.check_ms,
                             .on_change = on_change};
    struct slot_modules *m;
    char err[CONF_ERR_MAX];
    int rc = slot_modules_create(&m, set.modules, err);

    if (rc < 0) {
        fprintf(stderr, "lars-slotd: %s\n", err);
        return rc;
    }
    rc = slots_create(&me.slots, &c, m, err);
    return rc < 0 ? daemon_failed(&me.d, rc, err) : 0;
}

static int start_link(void)
{
    struct slot_link_config c = {0};

    set_link(&set, &c);
    c.tls = daemon_tls_link(me.tls);
    return slot_link_create(&me.link, me.d.loop, &c, on_orders, NULL);
}

static void set_host(void)
{
    char *p;

    if (set.host[0])
        return;
    if (gethostname(set.host, sizeof(set.host) - 1) == -1 || !set.host[0])
        snprintf(set.host, sizeof(set.host), "localhost");
    for (p = set.host; *p; p++)
        if (!strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_",
                    *p))
            *p = '_';
}

static int start_http(void)
{
    struct net_addr at;
    int rc = slot_metrics_serve(&me.http, me.d.loop, set.http,
                                &(struct slot_metrics){me.slots, me.link, me.tls});

    if (rc < 0)
        return daemon_failed(&me.d, rc, "cannot open the HTTP port, [http] listen");
    if (me.http && net_addr_parse(&at, set.http) == 0) {
        at.port = httpd_port(me.http);
        daemon_print_address(&at);
    }
    return 0;
}

/* Returns 0, or -errno after a line on standard error. */
static int start_tls(void)
{
    struct slot_link_config c = {0};

    set_link(&set, &c);
    return daemon_tls_create(&me.tls, &me.d, &set.tls,
                             daemon_tls_is_exposed(c.dns, c.n_dns) ||
                                 daemon_tls_is_exposed(c.report, c.n_report),
                             DAEMON_TLS_OTHER_HUP);
}

/* Returns 0, or -errno after a line on standard error. */
static int start(void)
{
    int rc;

    open_standard_files();
    rc = daemon_init(&me.d, "lars-slotd", set.log);
    if (rc < 0)
        return rc;
    daemon_need_fds(&me.d, FDS);
    set_host();
    rc = sig_watch_create(&me.hup, me.d.loop, SIGHUP, on_hup, NULL);
    if (rc < 0)
        return daemon_failed(&me.d, rc, "cannot watch SIGHUP");
    rc = start_tls();
    if (rc == 0)
        rc = lock_folder();
    if (rc == 0)
        rc = start_slots();
    if (rc < 0)
        return rc;
    rc = start_link();
    if (rc < 0)
        return daemon_failed(&me.d, rc, "cannot create the clients of the services");
    on_change(NULL);
    return start_http();
}

/* The nodes are to end with this program. */
static int stop_nodes(void)
{
    slot_link_destroy(me.link);
    me.link = NULL;
    me.is_stopping = true;
    slots_stop_all(me.slots);
    return slots_n_running(me.slots) > 0 ? daemon_run(&me.d) : 0;
}

int main(int argc, char **argv)
{
    int rc = opts_main(&program, argc, argv, &set);

    if (rc != OPTS_RUN)
        return rc;
    rc = start();
    if (rc == 0)
        rc = daemon_run(&me.d);
    if (rc == 0 && set.stop_nodes)
        rc = stop_nodes();
    httpd_destroy(me.http);
    slot_link_destroy(me.link);
    slots_destroy(me.slots);
    sig_watch_destroy(me.hup);
    daemon_tls_destroy(me.tls);
    if (me.lock >= 0)
        close(me.lock);
    daemon_fini(&me.d);
    return rc < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
