/* lars-reportd -- the Report Service: receives call results from agents and writes them
 * to MySQL or MariaDB.
 *     build/lars-reportd -c conf/lars-reportd.ini  -p PORT and -s DB_SOCKET override it
 * Prints "listening on ADDR:PORT".  Ctrl-C and SIGTERM end the server, which first
 * closes all connections and writes the rows that wait. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "base/opts.h"
#include "base/sig.h"
#include "db/dbconf.h"
#include "db/statusdb_mysql.h"
#include "net/evsig.h"
#include "net/sock.h"
#include "report/reportsrv.h"

#define BACKLOG 1024
#define WRITERS_MAX 64

static struct settings {
    char address[48];
    uint32_t port, threads, max_connections;
    uint32_t writers, max_rows, batch, gather_ms;
    struct dbconf db;
} set;

#define AT(field) offsetof(struct settings, field)
static const struct conf_key keys[] = {
    {"reportd", "address", CONF_TEXT, AT(address), 0, sizeof(set.address), "127.0.0.1",
     "IPv4 or IPv6 address to listen on"},
    {"reportd", "port", CONF_U32, AT(port), 0, 65535, "7779",
     "TCP port; 0 = the kernel chooses a free port"},
    {"reportd", "threads", CONF_U32, AT(threads), 1, LOOPPOOL_MAX, "1",
     "threads that serve connections; each runs one loop"},
    {"reportd", "max_connections", CONF_U32, AT(max_connections), 0, 1000000, "10000",
     "connections open at a time; 0 = limited by descriptors only"},
    {"writer", "threads", CONF_U32, AT(writers), 1, WRITERS_MAX, "2",
     "threads that write; each has one connection to the database"},
    {"writer", "max_rows", CONF_U32, AT(max_rows), 1, 10000000, "100000",
     "rows that may wait in each thread; more are refused and counted"},
    {"writer", "batch", CONF_U32, AT(batch), 1, 5000, "500", "rows per statement"},
    {"writer", "gather_ms", CONF_U32, AT(gather_ms), 0, 60000, "100",
     "milliseconds from the first row to its statement"},
    DBCONF_KEYS(AT(db)),
    {NULL, NULL, CONF_U32, 0, 0, 0, NULL, NULL}};

static const struct opts_flag flags[] = {{'p', "reportd", "port", NULL},
                                         {'s', "db", "socket", NULL},
                                         {0}};

static struct writer *writers[WRITERS_MAX];

static void on_signal(int signo, void *arg)
{
    LOG_INFO("reportd.stop", "signal=%d", signo);
    evloop_stop(arg);
}

static int start_writers(void)
{
    struct myconn_config mc = dbconf_myconn(&set.db);
    struct writer_config wc = {set.max_rows, set.batch, set.gather_ms};
    struct statusdb *db;
    uint32_t i;
    int rc = 0;

    for (i = 0; i < set.writers && rc == 0; i++) {
        rc = statusdb_mysql_create(&db, &mc);
        if (rc == 0)
            rc = writer_start(&writers[i], db, &wc);
    }
    return rc;
}

static void stop_writers(void)
{
    struct writer_stat st, sum = {0};
    uint32_t i;

    for (i = 0; i < set.writers && writers[i]; i++) {
        writer_stat(writers[i], &st);
        sum.n_put += st.n_put;
        sum.n_merged += st.n_merged;
        sum.n_refused += st.n_refused;
        writer_stop(writers[i]);
    }
    LOG_INFO("reportd.end", "rows=%llu merged=%llu refused=%llu",
             (unsigned long long)sum.n_put, (unsigned long long)sum.n_merged,
             (unsigned long long)sum.n_refused);
}

/* Serve until SIGINT or SIGTERM.  Takes <lfd>.  Returns 0 or -errno. */
static int serve(int lfd)
{
    struct reportsrv_config cfg = {.n_threads = set.threads,
                                   .max_conns = set.max_connections,
                                   .writer = writers,
                                   .n_writers = set.writers};
    struct evloop *l = NULL;
    struct evsig *sig = NULL;
    struct reportsrv *s = NULL;
    int rc = evloop_create(&l);

    if (rc == 0)
        rc = evsig_create(&sig, l, on_signal, l); /* first: threads inherit the mask */
    if (rc == 0)
        rc = start_writers();
    if (rc < 0)
        close(lfd);
    else
        rc = reportsrv_create(&s, l, lfd, &cfg);
    if (rc == 0)
        rc = evloop_run(l);
    reportsrv_destroy(s);
    stop_writers();
    evsig_destroy(sig);
    evloop_destroy(l);
    return rc;
}

static int usage(const char *why)
{
    fprintf(stderr,
            "lars-reportd: %s\nusage: lars-reportd [-c FILE] [-p PORT] [-s DB_SOCKET]"
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
        return usage("[reportd] address: not an address such as 127.0.0.1 or ::1");
    rc = sig_ignore_pipe_and_hup();
    if (rc == 0)
        rc = myconn_init();
    lfd = rc < 0 ? rc : sock_listen(&at, BACKLOG, SOCK_NONBLOCK);
    if (lfd < 0) {
        fprintf(stderr, "lars-reportd: cannot listen on %s: %s (%s); see `ss -ltnp`\n",
                net_addr_str(&at, text), err_text(lfd), err_str(lfd));
        return EXIT_FAILURE;
    }
    sock_local_addr(lfd, &at);
    printf("listening on %s\n", net_addr_str(&at, text));
    fflush(stdout);
    rc = serve(lfd);
    if (rc < 0)
        fprintf(stderr, "lars-reportd: %s (%s)\n", err_text(rc), err_str(rc));
    myconn_fini();
    return rc < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
