/* lars-dnsd -- DNSService: reads routes from MySQL or MariaDB, answers the questions of
 * agents and pushes changes to them.
 *     build/lars-dnsd -c conf/lars-dnsd.ini        -p PORT and -s DB_SOCKET override it
 *     build/lars-dnsd -m                           sample routes in memory, no database
 * Prints "listening on ADDR:PORT".  Ctrl-C and SIGTERM end the server, which first closes
 * all connections. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/conf.h"
#include "base/err.h"
#include "base/log.h"
#include "base/opts.h"
#include "base/sig.h"
#include "db/db_mem.h"
#include "db/db_mysql.h"
#include "db/dbconf.h"
#include "dns/dnspoll.h"
#include "dns/dnssrv.h"
#include "net/evsig.h"
#include "net/sock.h"

#define BACKLOG 1024

static struct settings {
    char address[48];
    uint32_t port, threads, max_connections, max_modules;
    uint32_t memory, interval_ms, full_s;
    struct dbconf db;
} set;

#define AT(field) offsetof(struct settings, field)
static const struct conf_key keys[] = {
    {"dnsd", "address", CONF_TEXT, AT(address), 0, sizeof(set.address), "127.0.0.1",
     "IPv4 or IPv6 address to listen on"},
    {"dnsd", "port", CONF_U32, AT(port), 0, 65535, "7778",
     "TCP port; 0 = the kernel chooses a free port"},
    {"dnsd", "threads", CONF_U32, AT(threads), 1, LOOPPOOL_MAX, "2",
     "threads that serve connections; each runs one loop"},
    {"dnsd", "max_connections", CONF_U32, AT(max_connections), 0, 1000000, "10000",
     "connections open at a time; 0 = limited by descriptors only"},
    {"dnsd", "max_modules", CONF_U32, AT(max_modules), 1, 1000000, "10000",
     "modules that one connection may ask for"},
    {"db", "memory", CONF_U32, AT(memory), 0, 1, "0",
     "1 = sample routes in memory instead of a database"},
    DBCONF_KEYS(AT(db)),
    {"poll", "interval_ms", CONF_U32, AT(interval_ms), 1, 60000, "5",
     "milliseconds between two reads of the version"},
    {"poll", "full_s", CONF_U32, AT(full_s), 1, 86400, "60",
     "seconds between two loads and compares of all routes"},
    {NULL, NULL, CONF_U32, 0, 0, 0, NULL, NULL}};

static void on_table(struct route_table *t, void *arg)
{
    dnssrv_publish(arg, t);
}

static void on_signal(int signo, void *arg)
{
    LOG_INFO("dnsd.stop", "signal=%d", signo);
    evloop_stop(arg);
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

/* Serve until SIGINT or SIGTERM.  Takes <lfd>.  Returns 0 or -errno. */
static int serve(int lfd)
{
    struct dnssrv_config cfg = {set.threads, set.max_connections, set.max_modules};
    struct dnspoll_config pc = {set.interval_ms, set.full_s * 1000, on_table, NULL};
    struct evloop *l = NULL;
    struct evsig *sig = NULL;
    struct dnssrv *s = NULL;
    struct dnspoll *p = NULL;
    struct db *db = NULL;
    int rc = evloop_create(&l);

    if (rc == 0)
        rc = evsig_create(&sig, l, on_signal, l); /* first: threads inherit the mask */
    if (rc < 0)
        close(lfd);
    else
        rc = dnssrv_create(&s, l, lfd, &cfg);
    if (rc == 0)
        rc = open_db(&db);
    pc.arg = s;
    if (rc == 0)
        rc = dnspoll_start(&p, db, &pc);
    if (rc == 0)
        rc = evloop_run(l);
    dnspoll_stop(p);
    dnssrv_destroy(s);
    evsig_destroy(sig);
    evloop_destroy(l);
    return rc;
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
    char text[NET_ADDR_STRLEN], err[CONF_ERR_MAX];
    int lfd, rc = opts_read(argc, argv, flags, keys, &set, err);

    if (rc != 0)
        return rc < 0 ? usage(err) : EXIT_SUCCESS;
    if (net_addr_set(&at, set.address, (uint16_t)set.port) < 0)
        return usage("[dnsd] address: not an address such as 127.0.0.1 or ::1");
    rc = sig_ignore_pipe_and_hup();
    if (rc == 0)
        rc = myconn_init();
    lfd = rc < 0 ? rc : sock_listen(&at, BACKLOG, SOCK_NONBLOCK);
    if (lfd < 0) {
        fprintf(stderr, "lars-dnsd: cannot listen on %s: %s (%s); see `ss -ltnp`\n",
                net_addr_str(&at, text), err_text(lfd), err_str(lfd));
        return EXIT_FAILURE;
    }
    sock_local_addr(lfd, &at);
    printf("listening on %s\n", net_addr_str(&at, text));
    fflush(stdout);
    rc = serve(lfd);
    if (rc < 0)
        fprintf(stderr, "lars-dnsd: %s (%s)\n", err_text(rc), err_str(rc));
    myconn_fini();
    return rc < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
