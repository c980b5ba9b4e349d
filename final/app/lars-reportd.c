/* lars-reportd -- Report Service: call results from agents to MySQL.
 *     build/lars-reportd -c conf/lars-reportd.ini      -p PORT and -s SOCKET override it
 * Prints "listening on ADDR:PORT".  Ctrl-C and SIGTERM end it in order: what came in is
 * written first. */
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/err.h"
#include "base/log.h"
#include "base/opts.h"
#include "base/sig.h"
#include "db/dbconf.h"
#include "db/statusdb_mysql.h"
#include "obs/daemon.h"
#include "report/batchsrv.h"
#include "report/report_metrics.h"
#include "report/reportsrv.h"

#define WRITERS_MAX 64
#define AGE_MAX 1000000000            /* seconds, 31 years */
#define BATCHES_MAX 1000              /* that wait in each writer; 60 KiB at most */

static struct settings {
    char address[48];
    uint32_t port, threads, max_connections;
    uint32_t writers, max_rows, batch, gather_ms;
    struct dbconf db;
    char http[64], exec[200], webhook[300];
    uint32_t unhealthy_s;
    uint32_t leader, error_percent;
    struct leader_db_ages ages;
} set;

#define AT(field) offsetof(struct settings, field)
static const struct conf_key keys[] = {
    {"reportd", "address", CONF_TEXT, AT(address), 0, sizeof(set.address), "127.0.0.1",
     "where to listen: an IPv4 or IPv6 address"},
    {"reportd", "port", CONF_U32, AT(port), 0, 65535, "7779", "TCP port; 0 = any"},
    {"reportd", "threads", CONF_U32, AT(threads), 1, LOOPPOOL_MAX, "1",
     "loops, one each"},
    {"reportd", "max_connections", CONF_U32, AT(max_connections), 0, 1000000, "10000",
     "agents; 0 = as many as there are descriptors"},
    {"writer", "threads", CONF_U32, AT(writers), 1, WRITERS_MAX, "2",
     "writers, each with a connection to the database"},
    {"writer", "max_rows", CONF_U32, AT(max_rows), 1, 10000000, "100000",
     "rows that may wait in each writer; more are refused and counted"},
    {"writer", "batch", CONF_U32, AT(batch), 1, 5000, "500", "rows of one statement"},
    {"writer", "gather_ms", CONF_U32, AT(gather_ms), 0, 60000, "100",
     "ms from the first row to its statement"},
    DBCONF_KEYS(AT(db)),
    {"http", "listen", CONF_TEXT, AT(http), 0, sizeof(set.http), "",
     "ADDRESS:PORT of /metrics and /healthz; empty = nowhere"},
    {"http", "unhealthy_s", CONF_U32, AT(unhealthy_s), 1, 86400, "10",
     "seconds that writing must have failed before /healthz answers 503"},
    {"leader", "enabled", CONF_U32, AT(leader), 0, 1, "1",
     "1 = may move history and raise alarms, while it has the lease"},
    {"leader", "error_percent", CONF_U32, AT(error_percent), 1, 100, "20",
     "an alarm is raised when more than this share of a module's calls fail"},
    {"keeper", "enabled", CONF_U32, AT(leader), 0, 1, NULL, "old name of [leader]"},
    {"keeper", "error_percent", CONF_U32, AT(error_percent), 1, 100, NULL,
     "old name of [leader]"},
    {"retention", "second_s", CONF_U32, AT(ages.second_s), 60, AGE_MAX, "600",
     "seconds that counts by the second stay, then they are added to minutes"},
    {"retention", "minute_s", CONF_U32, AT(ages.minute_s), 3600, AGE_MAX, "172800",
     "seconds that counts by the minute stay, then they are added to hours"},
    {"retention", "hour_s", CONF_U32, AT(ages.hour_s), 86400, AGE_MAX, "34560000",
     "seconds that counts by the hour stay, then they are deleted"},
    {"retention", "change_s", CONF_U32, AT(ages.change_s), 600, AGE_MAX, "3600",
     "seconds that rows of RouteChange stay"},
    {"retention", "seen_s", CONF_U32, AT(ages.seen_s), 86400, AGE_MAX, "2592000",
     "seconds that the last number of a silent report stream stays"},
    {"alarm", "exec", CONF_TEXT, AT(exec), 0, sizeof(set.exec), "",
     "program to run with KIND SUBJECT raised|cleared DETAIL; empty = none"},
    {"alarm", "webhook", CONF_TEXT, AT(webhook), 0, sizeof(set.webhook), "",
     "URL to post the same to, as JSON; empty = none"},
    {NULL, NULL, CONF_U32, 0, 0, 0, NULL, NULL}};

static const struct opts_flag flags[] = {{'p', "reportd", "port", NULL},
                                         {'s', "db", "socket", NULL},
                                         {0}};

static struct writer *writers[WRITERS_MAX];
static struct batchwriter *batchwriters[WRITERS_MAX];

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

static int start_batchwriters(struct batchsrv *b)
{
    struct myconn_config mc = dbconf_myconn(&set.db);
    struct batchdb *db;
    uint32_t i;
    int rc = 0;

    for (i = 0; i < set.writers && rc == 0; i++) {
        rc = batchdb_create(&db, &mc);
        if (rc == 0)
            rc = batchwriter_start(&batchwriters[i], db, BATCHES_MAX, batchsrv_on_applied,
                                   b);
    }
    return rc;
}

static int start_leader_tasks(struct leader_tasks **out)
{
    struct myconn_config mc = dbconf_myconn(&set.db);
    struct leader_tasks_config c = {.round_ms = 1000,
                                    .lease_s = 5,
                                    .error_percent = set.error_percent,
                                    .ages = set.ages,
                                    .notify = {set.exec, set.webhook}};
    struct leader_db *db;
    int rc = 0;

    if (set.leader)
        rc = leader_db_create(&db, &mc);
    return rc < 0 || !set.leader ? rc : leader_tasks_start(out, db, &c);
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

static struct {
    struct reportsrv *srv;
    struct batchsrv *batchsrv;
    struct leader_tasks *leader;
    struct httpd *http;
} me;

static int start_server(struct evloop *l, int lfd)
{
    struct reportsrv_config cfg = {.n_threads = set.threads,
                                   .max_conns = set.max_connections,
                                   .writer = writers,
                                   .n_writers = set.writers,
                                   .more = batchsrv_more,
                                   .on_start = batchsrv_on_start,
                                   .on_close = batchsrv_on_close,
                                   .arg = me.batchsrv};
    int rc = reportsrv_create(&me.srv, l, lfd, &cfg);

    return rc < 0 ? rc
                  : batchsrv_serve(me.batchsrv, reportsrv_server(me.srv), batchwriters,
                                   set.writers);
}

static int start(struct evloop *l, int lfd, void *arg)
{
    struct report_metrics mc = {.writer = writers,
                                .batchwriter = batchwriters,
                                .n_writers = set.writers,
                                .unhealthy_ms = set.unhealthy_s * 1000ull};
    int rc = batchsrv_create(&me.batchsrv, set.threads);

    (void)arg;
    if (rc == 0)
        rc = start_writers();
    if (rc == 0)
        rc = start_batchwriters(me.batchsrv);
    if (rc < 0)
        close(lfd);
    else
        rc = start_server(l, lfd);
    if (rc == 0)
        rc = start_leader_tasks(&me.leader);
    mc.srv = me.srv;
    mc.batchsrv = me.batchsrv;
    mc.leader = me.leader;
    if (rc == 0)
        rc = report_metrics_serve(&me.http, l, set.http, &mc);
    return rc;
}

/* The batchwriters stop before the server, to which they post acknowledgements, and are
 * freed after it, because its threads hand batches to them. */
static void stop(void *arg)
{
    uint32_t i;

    (void)arg;
    httpd_destroy(me.http);
    leader_tasks_stop(me.leader);
    for (i = 0; i < set.writers; i++)
        batchwriter_stop(batchwriters[i]);
    reportsrv_destroy(me.srv);
    for (i = 0; i < set.writers; i++)
        batchwriter_destroy(batchwriters[i]);
    batchsrv_destroy(me.batchsrv);
    stop_writers();
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
    const struct daemon_config dc = {.name = "lars-reportd",
                                     .stop_event = "reportd.stop",
                                     .at = &at,
                                     .start = start,
                                     .stop = stop};
    char err[CONF_ERR_MAX];
    int status, rc = opts_read(argc, argv, flags, keys, &set, err);

    if (rc != 0)
        return rc < 0 ? usage(err) : EXIT_SUCCESS;
    if (net_addr_set(&at, set.address, (uint16_t)set.port) < 0)
        return usage("[reportd] address wants an address such as 127.0.0.1 or ::1");
    rc = sig_ignore_pipe_and_hup();
    if (rc == 0)
        rc = notifier_init();
    if (rc == 0)
        rc = myconn_init();
    if (rc < 0) {
        fprintf(stderr, "lars-reportd: %s (%s)\n", err_text(rc), err_str(rc));
        return EXIT_FAILURE;
    }
    status = daemon_run(&dc);
    myconn_fini();
    notifier_fini();
    return status;
}
