/* lars-reportd -- Report Service: writes the results of calls that agents send to the
 * database, and, while it has the lease, moves history to coarser tables and raises
 * alarms. `lars-reportd --help` explains the options.
 *
 * This file is the configuration table and the order in which the parts start and stop:
 * the writers start before the service that fills them, and stop after it, so that every
 * row that came in is written. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/opts.h"
#include "base/process_name.h"
#include "db/db_mysql.h"
#include "db/dbconf.h"
#include "db/lease.h"
#include "db/statusdb_mysql.h"
#include "net/looppool.h"
#include "net/sock.h"
#include "obs/daemon.h"
#include "obs/daemon_tls.h"
#include "obs/startcheck.h"
#include "proto/msg_roles.h"
#include "report/agent_states.h"
#include "report/batchsrv.h"
#include "report/report_metrics.h"
#include "report/reportsrv.h"
#include "report/slot_states.h"

#define WRITERS_MAX 64
#define AGE_MAX 1000000000 /* seconds, 31 years */
#define BATCHES_MAX 1000 /* that wait in each writer; 60 KiB at most */
#define STATES_MAX (64u << 20) /* bytes of the messages of agents that wait */
#define ROUND_MS 1000 /* between two rounds of the leader's tasks */
/* The database is away for so long: an alarm.  Longer than another node of a cluster
 * needs to take over (3.5 s). */
#define DATABASE_MS 4000
#define OTHER_MS 5000 /* the same without the lease: after the holder's round */

static struct settings {
    char address[48], zone[33];
    uint32_t port, threads, max_connections, first_frame_ms;
    uint32_t writers, max_rows, batch, gather_ms;
    struct dbconf db;
    char http[64], log[LOGLEVEL_MAX];
    struct notify_config notify;
    uint32_t repeat_s;
    uint32_t unhealthy_s, leader, error_percent, p99_ms;
    struct leader_db_ages ages;
    struct tls_conf tls;
} set;

#define AT(field) offsetof(struct settings, field)
static const struct conf_key keys[] = {
    {"reportd", "address", CONF_TEXT, AT(address), 0, sizeof(set.address), "127.0.0.1",
     "the IPv4 or IPv6 address to listen on"},
    {"reportd", "port", CONF_U32, AT(port), 0, 65535, "7779",
     "the TCP port to listen on; 0 lets the system choose one"},
    {"reportd", "zone", CONF_TEXT, AT(zone), 0, sizeof(set.zone), "",
     "the zone of this host: when it is lost, this service is part of the alarm "
     "zone_down; empty: none"},
    {"reportd", "threads", CONF_U32, AT(threads), 1, LOOPPOOL_MAX, "1",
     "how many threads serve agents, each with an event loop"},
    {"reportd", "max_connections", CONF_U32, AT(max_connections), 0, 1000000, "10000",
     "how many agents may be connected; 0 sets no limit but that of file descriptors"},
    {"reportd", "first_frame_ms", CONF_U32, AT(first_frame_ms), 100, 3600000, "10000",
     "ms after which a connection is closed when no valid message has come; agents send "
     "one at once"},
    {"writer", "threads", CONF_U32, AT(writers), 1, WRITERS_MAX, "2",
     "how many threads write, each with a connection to the database"},
    {"writer", "max_rows", CONF_U32, AT(max_rows), 1, 10000000, "100000",
     "how many rows may wait in each writer; more are refused and counted"},
    {"writer", "batch", CONF_U32, AT(batch), 1, 5000, "500",
     "how many rows one statement writes at most"},
    {"writer", "gather_ms", CONF_U32, AT(gather_ms), 0, 60000, "100",
     "ms that the first row waits for others before its statement is sent"},
    DBCONF_KEYS(AT(db)),
    {"http", "listen", CONF_TEXT, AT(http), 0, sizeof(set.http), "",
     "ADDRESS:PORT of /metrics, /healthz and /log-level; empty: no such port"},
    {"http", "unhealthy_s", CONF_U32, AT(unhealthy_s), 1, 86400, "10",
     "seconds that writing must have failed before /healthz answers 503"},
    TLS_CONF_KEYS(AT(tls)),
    LOGLEVEL_KEY(AT(log)),
    {"leader", "enabled", CONF_U32, AT(leader), 0, 1, "1",
     "1 lets this service take the lease, and then move history and raise alarms"},
    {"leader", "error_percent", CONF_U32, AT(error_percent), 1, 100, "20",
     "the percentage of failed calls above which a module raises an alarm"},
    {"leader", "latency_ms", CONF_U32, AT(p99_ms), 0, 3600000, "1000",
     "ms that 99 of 100 calls of a module must not exceed, or an alarm is raised; 0: "
     "none is"},
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
    {"retention", "audit_s", CONF_U32, AT(ages.audit_s), 86400, AGE_MAX, "34560000",
     "seconds that the records of changes (Audit, RouteLog) and of drills stay"},
    {"alarm", "repeat_s", CONF_U32, AT(repeat_s), 0, 604800, "1800",
     "seconds after which the message of an open alarm is sent again, until it is "
     "acknowledged or cleared; 0: never"},
    {"alarm", "exec", CONF_TEXT, AT(notify.exec), 0, sizeof(set.notify.exec), "",
     "the program to run with KIND SUBJECT raised|cleared|test DETAIL; empty: none"},
    {"alarm", "webhook", CONF_TEXT, AT(notify.webhook), 0, sizeof(set.notify.webhook), "",
     "the URL to send alarms to as JSON, by POST; empty: none"},
    {"alarm", "wecom", CONF_TEXT, AT(notify.wecom), 0, sizeof(set.notify.wecom), "",
     "the address of a WeCom robot, with its key; empty: none"},
    {"alarm", "dingtalk", CONF_TEXT, AT(notify.dingtalk), 0, sizeof(set.notify.dingtalk),
     "", "the address of a DingTalk robot, with its access_token; empty: none"},
    {"alarm", "dingtalk_secret", CONF_TEXT, AT(notify.dingtalk_secret), 0,
     sizeof(set.notify.dingtalk_secret), "",
     "the secret with which messages to that robot are signed; empty: they are not"},
    {NULL, NULL, CONF_U32, 0, 0, 0, NULL, NULL}};

static const struct opts_flag flags[] = {
    {'p', "port", "PORT", "reportd", "port", NULL,
     "Listen on this TCP port; 0 lets the system choose one."},
    {'s', "socket", "PATH", "db", "socket", NULL,
     "Connect to the database through this Unix socket."},
    {0}};

static bool is_url(const char *url)
{
    size_t n = strcspn(url, ":");

    return ((n == 4 && strncmp(url, "http", n) == 0) ||
            (n == 5 && strncmp(url, "https", n) == 0)) &&
           strncmp(url + n, "://", 3) == 0 && url[n + 3] && url[n + 3] != '/' &&
           !strchr(url, ' ');
}

static bool is_url_or_empty(const char *url)
{
    return url[0] == '\0' || is_url(url);
}

#define URL_FORM " that begins with http:// or https://, or empty"

static int check_settings(const void *values, char err[CONF_ERR_MAX])
{
    const struct settings *s = values;
    struct net_addr at;
    const char *why = NULL;

    if (net_addr_set(&at, s->address, (uint16_t)s->port) < 0)
        why = "[reportd] address must be an IPv4 or IPv6 address, such as 127.0.0.1 or "
              "::1";
    else if ((why = daemon_wrong_value(s->http, s->log, &at)) == NULL)
        why = dbconf_wrong_value(&s->db);
    if (!why && !is_url_or_empty(s->notify.webhook))
        why = "[alarm] webhook must be a URL" URL_FORM;
    if (!why && !is_url_or_empty(s->notify.wecom))
        why = "[alarm] wecom must be a URL" URL_FORM;
    if (!why && !is_url_or_empty(s->notify.dingtalk))
        why = "[alarm] dingtalk must be a URL" URL_FORM;
    if (!why &&
        (s->ages.second_s >= s->ages.minute_s || s->ages.minute_s >= s->ages.hour_s))
        why = "[retention] second_s must be less than minute_s, and minute_s less than "
              "hour_s";
    if (why)
        snprintf(err, CONF_ERR_MAX, "%s", why);
    return why ? -EINVAL
               : tls_conf_check(&s->tls, "[reportd] address", &at, TLS_CONF_LISTENS, err);
}

static int try_start(const void *values, char err[CONF_ERR_MAX])
{
    const struct settings *s = values;
    struct net_addr at;
    int rc;

    net_addr_set(&at, s->address, (uint16_t)s->port);
    rc = startcheck_tcp("[reportd] address and port", &at, err);
    if (rc == 0)
        rc = startcheck_http(s->http, err);
    if (rc == 0)
        rc = tls_conf_try(&s->tls, err);
    return rc < 0 ? rc : startcheck_program("[alarm] exec", s->notify.exec, err);
}

static const struct opts_program program = {
    .name = "lars-reportd",
    .summary = "Report Service of Lars: writes the results of calls that agents send to "
               "the database",
    .operands = "",
    .about = "The program prints \"listening on ADDRESS:PORT\" when agents can connect. "
             "SIGTERM and SIGINT (Ctrl-C) end it in order: what came in is written "
             "first. SIGUSR1 makes its log more verbose by one level and SIGUSR2 less; "
             "SIGHUP makes it read the files of [tls] again; SIGPIPE is ignored.\n"
             "Of all Report Services of a database one has the lease at a time: it moves "
             "counts to coarser tables, deletes what is too old, and raises and clears "
             "alarms.",
    .flags = flags,
    .keys = keys,
    .files = opts_no_files,
    .exits = OPTS_EXITS,
    .check = check_settings,
    .try_start = try_start};

static struct {
    struct daemon d;
    struct reportsrv *srv;
    struct batchsrv *batches;
    struct agent_states *states;
    struct slot_states *slots;
    char name[PROCESS_NAME_MAX]; /* in tables and alarms */
    struct leader_tasks *leader;
    struct alarm_watch *alarms;
    struct httpd *http;
    struct daemon_tls *tls;
} me;

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

static int start_leader_tasks(void)
{
    struct myconn_config mc = dbconf_myconn(&set.db);
    const struct leader_tasks_config c = {ROUND_MS, LEASE_S, set.ages};
    struct leader_db *db;
    int rc;

    if (!set.leader)
        return 0;
    rc = leader_db_create(&db, &mc);
    return rc < 0 ? rc : leader_tasks_start(&me.leader, db, &c);
}

/* The subject of the alarm "database"; a long one is cut there. */
static const char *database_name(char *out, size_t size)
{
    if (set.db.socket[0] || set.db.endpoints[0])
        snprintf(out, size, "%s", set.db.socket[0] ? set.db.socket : set.db.endpoints);
    else
        snprintf(out, size, "%s:%u", set.db.host, set.db.port);
    return out;
}

/* Takes <db>, on failure as well. */
static int start_alarm_watch_on(struct alarm_db *db, const char *name)
{
    struct myconn_config mc = dbconf_myconn(&set.db);
    char database[sizeof(set.db.endpoints)];
    const struct alarm_watch_config c = {
        .round_ms = ROUND_MS,
        .lease_s = LEASE_S,
        .rules = {set.error_percent, set.p99_ms, name},
        .database = database_name(database, sizeof(database)),
        .database_ms = DATABASE_MS,
        .other_ms = OTHER_MS,
        .notify = set.notify,
        .retry_ms = 1000,
        .repeat_s = set.repeat_s,
    };
    struct wanted_routes *wanted = NULL;
    struct db *routes;
    int rc = db_mysql_create(&routes, &mc);

    if (rc == 0)
        rc = wanted_routes_create(&wanted, routes);
    if (rc == 0)
        return alarm_watch_start(&me.alarms, db, wanted, &c);
    alarm_db_close(db);
    return rc;
}

static int start_alarm_watch(void)
{
    struct myconn_config mc = dbconf_myconn(&set.db);
    struct alarm_db *db;
    int rc;

    if (!set.leader)
        return 0;
    rc = alarm_db_create(&db, &mc);
    return rc < 0 ? rc : start_alarm_watch_on(db, me.name);
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

static int start_agent_states(int lfd)
{
    struct myconn_config mc = dbconf_myconn(&set.db);
    struct agent_states_config c = {.zone = set.zone,
                                    .max = STATES_MAX,
                                    .srv = me.batches};
    char address[NET_ADDR_STRLEN];
    struct service_db *db;
    struct net_addr at;
    int rc = sock_local_addr(lfd, &at);

    if (rc == 0)
        rc = service_db_create(&db, &mc);
    if (rc < 0)
        return rc;
    c.name = process_name_of(me.name, &at);
    c.address = net_addr_str(&at, address);
    return agent_states_start(&me.states, db, &c);
}

static int start_slot_states(void)
{
    struct myconn_config mc = dbconf_myconn(&set.db);
    struct slot_state_db *db;
    int rc = slot_state_db_create(&db, &mc);

    return rc < 0 ? rc : slot_states_start(&me.slots, db, me.batches);
}

static int add_messages(struct dispatch *d, void *arg)
{
    int rc = batchsrv_more(d, arg);

    if (rc == 0)
        rc = agent_states_more(d, me.states);
    return rc < 0 ? rc : slot_states_more(d, me.slots);
}

/* Takes <lfd>.  Returns 0 or -errno. */
static int start_service(int lfd)
{
    const struct reportsrv_config cfg = {.n_threads = set.threads,
                                         .max_conns = set.max_connections,
                                         .first_frame_ms = set.first_frame_ms,
                                         .tls = daemon_tls_server(me.tls),
                                         .writer = writers,
                                         .n_writers = set.writers,
                                         .more = add_messages,
                                         .on_start = batchsrv_on_start,
                                         .on_close = batchsrv_on_close,
                                         .arg = me.batches};
    int rc = reportsrv_create(&me.srv, me.d.loop, lfd, &cfg);

    return rc < 0
               ? rc
               : batchsrv_serve(me.batches, reportsrv_server(me.srv),
                                reportsrv_admission(me.srv), batchwriters, set.writers);
}

/* Returns 0, or -errno after a line on standard error. */
static int start(void)
{
    struct report_metrics mc = {.writer = writers,
                                .batchwriter = batchwriters,
                                .n_writers = set.writers,
                                .unhealthy_ms = set.unhealthy_s * 1000ull};
    const char *part = "cannot start the threads that write to the database";
    struct net_addr at;
    int rc = daemon_init(&me.d, "lars-reportd", set.log), lfd;

    net_addr_set(&at, set.address, 0);
    if (rc == 0)
        rc = daemon_tls_serve(&me.tls, &me.d, &set.tls, &at, set.threads,
                              MSG_ROLES_CLIENTS, msg_roles_may_send);
    if (rc < 0)
        return rc;
    daemon_need_fds(&me.d, set.max_connections + 300ull + /* HTTP, loops, database */
                               tls_conn_spare(daemon_tls_server(me.tls)));
    lfd = daemon_listen(&me.d, set.address, set.port);
    if (lfd < 0)
        return lfd;
    sock_local_addr(lfd, &at);
    rc = batchsrv_create(&me.batches, set.threads);
    if (rc == 0)
        rc = start_writers();
    if (rc == 0)
        rc = start_batchwriters(me.batches);
    if (rc == 0)
        rc = start_agent_states(lfd);
    if (rc == 0)
        rc = start_slot_states();
    if (rc < 0) {
        close(lfd);
        return daemon_failed(&me.d, rc, part);
    }
    part = "cannot start the threads that serve agents";
    rc = start_service(lfd);
    if (rc == 0) {
        part = "cannot start the thread of the leader's tasks";
        rc = start_leader_tasks();
    }
    if (rc == 0) {
        part = "cannot start the thread that evaluates alarms";
        rc = start_alarm_watch();
    }
    if (rc == 0) {
        part = "cannot open the HTTP port, [http] listen";
        mc.srv = me.srv;
        mc.batchsrv = me.batches;
        mc.slots = me.slots;
        mc.leader = me.leader;
        mc.alarms = me.alarms;
        mc.tls = me.tls;
        rc = report_metrics_serve(&me.http, me.d.loop, set.http, &mc);
    }
    if (rc < 0)
        return daemon_failed(&me.d, rc, part);
    daemon_print_address(&at);
    return 0;
}

static void stop(void)
{
    uint32_t i;

    httpd_destroy(me.http);
    alarm_watch_stop(me.alarms);
    leader_tasks_stop(me.leader);
    for (i = 0; i < set.writers; i++)
        batchwriter_stop(batchwriters[i]);
    agent_states_stop(me.states);
    slot_states_stop(me.slots);
    reportsrv_destroy(me.srv);
    for (i = 0; i < set.writers; i++)
        batchwriter_destroy(batchwriters[i]);
    agent_states_destroy(me.states);
    slot_states_destroy(me.slots);
    batchsrv_destroy(me.batches);
    stop_writers();
    daemon_tls_destroy(me.tls);
    daemon_fini(&me.d);
}

int main(int argc, char **argv)
{
    int rc = opts_main(&program, argc, argv, &set);

    if (rc != OPTS_RUN)
        return rc;
    if (notifier_init() < 0 || myconn_init() < 0) {
        fputs("lars-reportd: cannot initialize the client libraries of HTTP and of the "
              "database\n",
              stderr);
        return EXIT_FAILURE;
    }
    rc = start();
    if (rc == 0)
        rc = daemon_run(&me.d);
    stop();
    myconn_fini();
    notifier_fini();
    return rc < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
