/* lars-dnsd -- DNSService: reads the routes from the database, answers the agents'
 * questions and pushes what changes.  `lars-dnsd --help` explains the options.
 *
 * This file is the configuration table and the order in which the parts start and stop:
 * every part is created before the event loop runs and destroyed in reverse order after
 * it. The program prints "listening on ADDRESS:PORT" when agents can connect, which is
 * before the database answers: agents then wait for routes instead of trying again. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/err.h"
#include "base/folder.h"
#include "base/opts.h"
#include "base/process_name.h"
#include "db/confirmdb.h"
#include "db/db_mem.h"
#include "db/db_mysql.h"
#include "db/dbconf.h"
#include "dns/dns_metrics.h"
#include "dns/dnspoll.h"
#include "dns/dnssrv.h"
#include "dns/module_meta_poll.h"
#include "dns/presence.h"
#include "dns/removal_guard.h"
#include "dns/slot_orders.h"
#include "net/sock.h"
#include "obs/daemon.h"
#include "obs/daemon_tls.h"
#include "obs/startcheck.h"
#include "proto/msg_roles.h"

#define GUARD_FILE "dnsd.routes" /* in [guard] dir */

static struct settings {
    char address[48], zone[33];
    uint32_t port, threads, max_connections, first_frame_ms, max_modules;
    uint32_t memory, interval_ms, full_s;
    char dir[100];
    uint32_t write_ms;
    char http[64], log[LOGLEVEL_MAX];
    struct dbconf db;
    struct tls_conf tls;
} set;

#define AT(field) offsetof(struct settings, field)
static const struct conf_key keys[] = {
    {"dnsd", "address", CONF_TEXT, AT(address), 0, sizeof(set.address), "127.0.0.1",
     "the IPv4 or IPv6 address to listen on"},
    {"dnsd", "port", CONF_U32, AT(port), 0, 65535, "7778",
     "the TCP port to listen on; 0 lets the system choose one"},
    {"dnsd", "zone", CONF_TEXT, AT(zone), 0, sizeof(set.zone), "",
     "the zone of this host: when it is lost, this service is part of the alarm "
     "zone_down; empty: none"},
    {"dnsd", "threads", CONF_U32, AT(threads), 1, LOOPPOOL_MAX, "2",
     "how many threads serve agents, each with an event loop"},
    {"dnsd", "max_connections", CONF_U32, AT(max_connections), 0, 1000000, "10000",
     "how many agents may be connected; 0 sets no limit but that of file descriptors"},
    {"dnsd", "first_frame_ms", CONF_U32, AT(first_frame_ms), 100, 3600000, "10000",
     "ms after which a connection is closed when no valid message has come; agents send "
     "one at once"},
    {"dnsd", "max_modules", CONF_U32, AT(max_modules), 1, 1000000, "10000",
     "how many modules one agent may ask for"},
    {"db", "memory", CONF_U32, AT(memory), 0, 1, "0",
     "1 serves three sample routes from memory and uses no database"},
    DBCONF_KEYS(AT(db)),
    {"poll", "interval_ms", CONF_U32, AT(interval_ms), 1, 60000, "5",
     "ms between two reads of the version of the routes"},
    {"poll", "full_s", CONF_U32, AT(full_s), 1, 86400, "60",
     "seconds between two loads of all routes, which find changes without a version"},
    {"guard", "dir", CONF_TEXT, AT(dir), 0, sizeof(set.dir), "",
     "the folder of the last known good routes; empty: none are kept, and no removal is "
     "held"},
    {"guard", "write_ms", CONF_U32, AT(write_ms), 0, 3600000, "1000",
     "the least ms between two writes of the last known good routes"},
    {"http", "listen", CONF_TEXT, AT(http), 0, sizeof(set.http), "",
     "ADDRESS:PORT of /metrics, /healthz and /log-level; empty: no such port"},
    TLS_CONF_KEYS(AT(tls)),
    LOGLEVEL_KEY(AT(log)),
    {NULL, NULL, CONF_U32, 0, 0, 0, NULL, NULL}};

static const struct opts_flag flags[] = {
    {'p', "port", "PORT", "dnsd", "port", NULL,
     "Listen on this TCP port; 0 lets the system choose one."},
    {'s', "socket", "PATH", "db", "socket", NULL,
     "Connect to the database through this Unix socket."},
    {'m', "memory", NULL, "db", "memory", "1",
     "Serve three sample routes from memory; no database is used."},
    {0}};

static int check_settings(const void *values, char err[CONF_ERR_MAX])
{
    const struct settings *s = values;
    struct net_addr at;
    const char *why = NULL;

    if (net_addr_set(&at, s->address, (uint16_t)s->port) < 0)
        why = "[dnsd] address must be an IPv4 or IPv6 address, such as 127.0.0.1 or ::1";
    else
        why = daemon_wrong_value(s->http, s->log, &at);
    if (!why && !s->memory)
        why = dbconf_wrong_value(&s->db);
    if (why)
        snprintf(err, CONF_ERR_MAX, "%s", why);
    return why ? -EINVAL
               : tls_conf_check(&s->tls, "[dnsd] address", &at, TLS_CONF_LISTENS, err);
}

static int try_start(const void *values, char err[CONF_ERR_MAX])
{
    static const char *const files[] = {GUARD_FILE, NULL};
    const struct settings *s = values;
    struct net_addr at;
    int rc;

    net_addr_set(&at, s->address, (uint16_t)s->port);
    rc = startcheck_tcp("[dnsd] address and port", &at, err);
    if (rc == 0)
        rc = startcheck_http(s->http, err);
    if (rc == 0)
        rc = tls_conf_try(&s->tls, err);
    if (rc == 0 && s->dir[0] && !s->memory)
        rc = startcheck_folder("[guard] dir", s->dir, files, err);
    return rc;
}

static const struct opts_program program = {
    .name = "lars-dnsd",
    .summary = "DNSService of Lars: gives agents the routes that the database holds, and "
               "pushes changes to them",
    .operands = "",
    .about =
        "The program prints \"listening on ADDRESS:PORT\" when agents can connect. "
        "SIGTERM and SIGINT (Ctrl-C) end it in order. SIGUSR1 makes its log more verbose "
        "by one level and SIGUSR2 less; SIGHUP makes it read the files of [tls] again; "
        "SIGPIPE is ignored.\n"
        "While the database is away the program serves the routes that it has, or those "
        "of [guard] dir when it was just started, and connects again by itself.",
    .flags = flags,
    .keys = keys,
    .files = opts_no_files,
    .exits = OPTS_EXITS,
    .check = check_settings,
    .try_start = try_start};

static void on_table(struct route_table *t, void *arg)
{
    dnssrv_publish(arg, t);
}

static void on_module_meta(struct module_meta_table *t, void *arg)
{
    dnssrv_publish_meta(arg, t);
}

static void on_orders(struct slot_order_table *t, void *arg)
{
    dnssrv_publish_orders(arg, t);
}

static bool orders_wanted(void *arg)
{
    return dnssrv_has_slotd(arg);
}

static int sample_routes(struct db **out)
{
    uint32_t i;
    int rc = db_mem_create(out);

    for (i = 1; rc == 0 && i <= 3; i++)
        rc = db_mem_add(*out, 1, 1, 0x7f000100 + i, 8001);
    return rc;
}

static int open_db(struct db **out)
{
    struct myconn_config c = dbconf_myconn(&set.db);

    return set.memory ? sample_routes(out) : db_mysql_create(out, &c);
}

static bool guarded(void)
{
    return set.dir[0] && !set.memory;
}

static struct {
    struct daemon d;
    struct dnssrv *srv;
    struct dnspoll *poll;
    struct module_meta_poll *meta;
    struct slot_orders *orders;
    struct presence *presence;
    struct httpd *http;
    struct daemon_tls *tls;
    int folder; /* the lock on [guard] dir; below 0 = none */
} me = {.folder = -1};

/* Takes *<db> and puts the guarded database in its place.  On failure *<db> is closed. */
static int guard_db(struct db **db)
{
    struct myconn_config mc = dbconf_myconn(&set.db);
    struct removal_guard_config c = {.write_ms = set.write_ms,
                                     .confirmed = confirmdb_ask,
                                     .close = confirmdb_close};
    struct confirmdb *ask = NULL;
    char file[128];
    int rc;

    if (!guarded())
        return 0;
    rc = folder_make(set.dir);
    if (rc == 0)
        rc = me.folder = folder_lock(set.dir);
    if (rc >= 0)
        rc = confirmdb_create(&ask, &mc);
    if (rc < 0) {
        db_close(*db);
        return rc;
    }
    snprintf(file, sizeof(file), "%s/" GUARD_FILE, set.dir);
    c.file = file;
    c.arg = ask;
    return removal_guard_create(db, *db, &c);
}

/* The rest of what agents get: policies, probes, loads of zones (module meta). */
static int start_module_meta(struct module_meta_poll **out, struct dnssrv *s)
{
    struct myconn_config mc = dbconf_myconn(&set.db);
    struct module_meta_db *db;
    int rc;

    *out = NULL;
    if (set.memory)
        return 0;
    rc = module_meta_db_create(&db, &mc);
    return rc < 0 ? rc : module_meta_poll_start(out, db, on_module_meta, s);
}

static int start_slot_orders(void)
{
    struct myconn_config mc = dbconf_myconn(&set.db);
    const struct slot_orders_config c = {orders_wanted, on_orders, me.srv};
    struct slot_order_db *db;
    int rc;

    if (set.memory)
        return 0;
    rc = slot_order_db_create(&db, &mc);
    return rc < 0 ? rc : slot_orders_start(&me.orders, db, &c);
}

static int start_presence(const struct net_addr *at, const struct db *guard)
{
    struct myconn_config mc = dbconf_myconn(&set.db);
    struct presence_config c = {.poll = me.poll, .guard = guard, .zone = set.zone};
    char name[PROCESS_NAME_MAX], address[NET_ADDR_STRLEN];
    struct service_db *db;
    int rc;

    if (set.memory)
        return 0;
    rc = service_db_create(&db, &mc);
    if (rc < 0)
        return rc;
    c.name = process_name_of(name, at);
    c.address = net_addr_str(at, address);
    return presence_start(&me.presence, db, &c);
}

/* <at>: the address that agents connect to.  Returns 0, or -errno with the part that
 * failed in <part>. */
static int start_poll(const char **part, const struct net_addr *at)
{
    struct dnspoll_config pc = {set.interval_ms, set.full_s * 1000, on_table, me.srv};
    struct db *db = NULL;
    int rc;

    *part = "cannot prepare the connection to the database";
    rc = open_db(&db);
    if (rc < 0)
        return rc;
    *part = "cannot use the folder of the last known good routes, [guard] dir";
    rc = guard_db(&db);
    if (rc < 0)
        return rc;
    *part = "cannot start the threads that read the database";
    rc = dnspoll_start(&me.poll, db, &pc);
    if (rc == 0)
        rc = start_module_meta(&me.meta, me.srv);
    if (rc == 0)
        rc = start_slot_orders();
    if (rc == 0)
        rc = start_presence(at, guarded() ? db : NULL);
    if (rc < 0)
        return rc;
    *part = "cannot open the HTTP port, [http] listen";
    return dns_metrics_serve(&me.http, me.d.loop, set.http,
                             &(struct dns_metrics){me.srv, me.poll, guarded() ? db : NULL,
                                                   me.orders, me.tls});
}

/* Returns 0, or -errno after a line on standard error. */
static int start(void)
{
    struct dnssrv_config cfg = {.n_threads = set.threads,
                                .max_conns = set.max_connections,
                                .max_subs = set.max_modules,
                                .first_frame_ms = set.first_frame_ms};
    const char *part = "cannot start the threads that serve agents";
    struct net_addr at;
    int rc = daemon_init(&me.d, "lars-dnsd", set.log), lfd;

    net_addr_set(&at, set.address, 0);
    if (rc == 0)
        rc = daemon_tls_serve(&me.tls, &me.d, &set.tls, &at, set.threads,
                              MSG_ROLES_CLIENTS, msg_roles_may_send);
    if (rc < 0)
        return rc;
    cfg.tls = daemon_tls_server(me.tls);
    daemon_need_fds(&me.d, set.max_connections + 300ull + /* HTTP, loops, database */
                               tls_conn_spare(daemon_tls_server(me.tls)));
    lfd = daemon_listen(&me.d, set.address, set.port);
    if (lfd < 0)
        return lfd;
    sock_local_addr(lfd, &at);
    rc = dnssrv_create(&me.srv, me.d.loop, lfd, &cfg);
    if (rc == 0)
        rc = start_poll(&part, &at);
    if (rc < 0)
        return daemon_failed(&me.d, rc, part);
    daemon_print_address(&at);
    return 0;
}

int main(int argc, char **argv)
{
    int rc = opts_main(&program, argc, argv, &set);

    if (rc != OPTS_RUN)
        return rc;
    if (myconn_init() < 0) {
        fputs("lars-dnsd: cannot initialize the client library of the database\n",
              stderr);
        return EXIT_FAILURE;
    }
    rc = start();
    if (rc == 0)
        rc = daemon_run(&me.d);
    httpd_destroy(me.http);
    presence_stop(me.presence);
    slot_orders_stop(me.orders);
    module_meta_poll_stop(me.meta);
    dnspoll_stop(me.poll);
    dnssrv_destroy(me.srv);
    daemon_tls_destroy(me.tls);
    daemon_fini(&me.d);
    if (me.folder >= 0)
        close(me.folder);
    myconn_fini();
    return rc < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
