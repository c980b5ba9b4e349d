/* lars-dnsd -- DNSService: routes from MySQL to agents, answered and pushed.
 *     build/lars-dnsd -c conf/lars-dnsd.ini        -p PORT and -s SOCKET override it
 *     build/lars-dnsd -m                           a few sample routes, no database
 * Prints "listening on ADDR:PORT".  Ctrl-C and SIGTERM end it in order. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/conf.h"
#include "base/err.h"
#include "base/opts.h"
#include "base/sig.h"
#include "db/confirmdb.h"
#include "db/db_mem.h"
#include "db/db_mysql.h"
#include "db/dbconf.h"
#include "dns/dns_metrics.h"
#include "dns/dnspoll.h"
#include "dns/dnssrv.h"
#include "dns/module_meta_poll.h"
#include "dns/removal_guard.h"
#include "obs/daemon.h"

static struct settings {
    char address[48];
    uint32_t port, threads, max_connections, max_modules;
    uint32_t memory, interval_ms, full_s;
    char dir[100];
    uint32_t write_ms;
    char http[64];
    struct dbconf db;
} set;

#define AT(field) offsetof(struct settings, field)
static const struct conf_key keys[] = {
    {"dnsd", "address", CONF_TEXT, AT(address), 0, sizeof(set.address), "127.0.0.1",
     "where to listen: an IPv4 or IPv6 address"},
    {"dnsd", "port", CONF_U32, AT(port), 0, 65535, "7778", "TCP port; 0 = any"},
    {"dnsd", "threads", CONF_U32, AT(threads), 1, LOOPPOOL_MAX, "2", "loops, one each"},
    {"dnsd", "max_connections", CONF_U32, AT(max_connections), 0, 1000000, "10000",
     "agents; 0 = as many as there are descriptors"},
    {"dnsd", "max_modules", CONF_U32, AT(max_modules), 1, 1000000, "10000",
     "modules that one agent may ask for"},
    {"db", "memory", CONF_U32, AT(memory), 0, 1, "0",
     "1 = a few sample routes in memory, no database"},
    DBCONF_KEYS(AT(db)),
    {"poll", "interval_ms", CONF_U32, AT(interval_ms), 1, 60000, "5",
     "ms between two looks at the version"},
    {"poll", "full_s", CONF_U32, AT(full_s), 1, 86400, "60",
     "seconds between two compares of every route"},
    {"guard", "dir", CONF_TEXT, AT(dir), 0, sizeof(set.dir), "",
     "folder of the last known good routes; empty = none, and nothing is held"},
    {"guard", "write_ms", CONF_U32, AT(write_ms), 0, 3600000, "1000",
     "ms between two writes of them, at least"},
    {"http", "listen", CONF_TEXT, AT(http), 0, sizeof(set.http), "",
     "ADDRESS:PORT of /metrics and /healthz; empty = nowhere"},
    {NULL, NULL, CONF_U32, 0, 0, 0, NULL, NULL}};

static void on_table(struct route_table *t, void *arg)
{
    dnssrv_publish(arg, t);
}

static void on_module_meta(struct module_meta_table *t, void *arg)
{
    dnssrv_publish_meta(arg, t);
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

/* Takes *<db>, leaves the guarded one. */
static int guard_db(struct db **db)
{
    struct myconn_config mc = dbconf_myconn(&set.db);
    struct removal_guard_config c = {.write_ms = set.write_ms,
                                     .confirmed = confirmdb_ask,
                                     .close = confirmdb_close};
    struct confirmdb *ask = NULL;
    char file[128];
    int rc = 0;

    if (!guarded())
        return 0;
    if (mkdir(set.dir, 0755) == -1 && errno != EEXIST) {
        fprintf(stderr, "lars-dnsd: [guard] dir %s: %s; mend: make its parent\n", set.dir,
                err_text(-errno));
        rc = -errno;
    }
    if (rc == 0)
        rc = confirmdb_create(&ask, &mc);
    if (rc < 0) {
        db_close(*db);
        return rc;
    }
    snprintf(file, sizeof(file), "%s/dnsd.routes", set.dir);
    c.file = file;
    c.arg = ask;
    return removal_guard_create(db, *db, &c);
}

static int start_module_meta(struct module_meta_poll **out, struct dnssrv *s)
{
    struct myconn_config mc = dbconf_myconn(&set.db);
    struct module_meta_db *db;
    int rc;

    if (set.memory)
        return 0;
    rc = module_meta_db_create(&db, &mc);
    return rc < 0 ? rc : module_meta_poll_start(out, db, on_module_meta, s);
}

static struct {
    struct dnssrv *srv;
    struct dnspoll *poll;
    struct module_meta_poll *meta_poll;
    struct httpd *http;
} me;

static int start(struct evloop *l, int lfd, void *arg)
{
    struct dnssrv_config cfg = {set.threads, set.max_connections, set.max_modules};
    struct dnspoll_config pc = {set.interval_ms, set.full_s * 1000, on_table, NULL};
    struct dns_metrics mc = {NULL, NULL, NULL};
    struct db *db = NULL;
    int rc = dnssrv_create(&me.srv, l, lfd, &cfg);

    (void)arg;
    if (rc == 0)
        rc = open_db(&db);
    if (rc == 0)
        rc = guard_db(&db);
    pc.arg = me.srv;
    if (rc == 0)
        rc = dnspoll_start(&me.poll, db, &pc);
    if (rc == 0)
        rc = start_module_meta(&me.meta_poll, me.srv);
    mc = (struct dns_metrics){me.srv, me.poll, guarded() ? db : NULL};
    if (rc == 0)
        rc = dns_metrics_serve(&me.http, l, set.http, &mc);
    return rc;
}

static void stop(void *arg)
{
    (void)arg;
    httpd_destroy(me.http);
    module_meta_poll_stop(me.meta_poll);
    dnspoll_stop(me.poll);
    dnssrv_destroy(me.srv);
}

static const struct opts_flag flags[] = {{'p', "dnsd", "port", NULL},
                                         {'s', "db", "socket", NULL},
                                         {'m', "db", "memory", "1"},
                                         {0}};

static int usage(const char *why)
{
    fprintf(stderr,
            "lars-dnsd: %s\nusage: lars-dnsd [-c FILE] [-p PORT] [-s DB_SOCKET] [-m]"
            " [--check-config] [--print-config]\n",
            why);
    return 2;
}

int main(int argc, char **argv)
{
    struct net_addr at;
    const struct daemon_config dc = {.name = "lars-dnsd",
                                     .stop_event = "dnsd.stop",
                                     .at = &at,
                                     .start = start,
                                     .stop = stop};
    char err[CONF_ERR_MAX];
    int status, rc = opts_read(argc, argv, flags, keys, &set, err);

    if (rc != 0)
        return rc < 0 ? usage(err) : EXIT_SUCCESS;
    if (net_addr_set(&at, set.address, (uint16_t)set.port) < 0)
        return usage("[dnsd] address wants an address such as 127.0.0.1 or ::1");
    rc = sig_ignore_pipe_and_hup();
    if (rc == 0)
        rc = myconn_init();
    if (rc < 0) {
        fprintf(stderr, "lars-dnsd: %s (%s)\n", err_text(rc), err_str(rc));
        return EXIT_FAILURE;
    }
    status = daemon_run(&dc);
    myconn_fini();
    return status;
}
