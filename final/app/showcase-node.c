/* showcase-node -- shows the exhibition of agricultural research.  `showcase-node --help`
 * explains the options.
 *
 * This file is the configuration table and the order in which the parts start and stop.
 * */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/opts.h"
#include "db/dbconf.h"
#include "net/sock.h"
#include "obs/daemon.h"
#include "obs/httpd.h"
#include "obs/startcheck.h"
#include "site/site_server.h"
#include "site/site_sync.h"

static struct settings {
    char listen[64], pages[200], snapshot[200], node[SITE_DB_NODE_MAX + 1];
    uint32_t inflight, accept_ms, drain_ms;
    struct dbconf db;
    char http[64], log[LOGLEVEL_MAX];
} set;

#define AT(field) offsetof(struct settings, field)
static const struct conf_key keys[] = {
    {"site", "listen", CONF_TEXT, AT(listen), 0, sizeof(set.listen), "127.0.0.1:8100",
     "ADDRESS:PORT for visitors; port 0 lets the system choose one"},
    {"site", "pages", CONF_TEXT, AT(pages), 0, sizeof(set.pages), "/usr/share/lars/site",
     "the folder of templates, texts and style sheet"},
    {"site", "snapshot", CONF_TEXT, AT(snapshot), 0, sizeof(set.snapshot), "",
     "the file that keeps the catalogue for a start without the database; empty: none"},
    {"site", "node", CONF_TEXT, AT(node), 0, sizeof(set.node), "",
     "the name that visits are counted under; each node has its own; empty: HOST:PORT"},
    {"site", "inflight", CONF_U32, AT(inflight), 1, 2000, "32",
     "requests at once that the node is meant for; it refuses at twice as many"},
    {"site", "accept_ms", CONF_U32, AT(accept_ms), 0, 60000, "5000",
     "ms after SIGTERM in which new connections are still accepted"},
    {"site", "drain_ms", CONF_U32, AT(drain_ms), 0, 600000, "30000",
     "ms after SIGTERM for requests in progress"},
    DBCONF_KEYS(AT(db)),
    {"http", "listen", CONF_TEXT, AT(http), 0, sizeof(set.http), "",
     "ADDRESS:PORT of /metrics, /healthz and /log-level; empty: no such port"},
    LOGLEVEL_KEY(AT(log)),
    {NULL, NULL, CONF_U32, 0, 0, 0, NULL, NULL}};

static const struct opts_flag flags[] = {
    {'l', "listen", "ADDRESS:PORT", "site", "listen", NULL,
     "Serve visitors here; port 0 lets the system choose one.", NULL},
    {'s', "socket", "PATH", "db", "socket", NULL,
     "Connect to the database through this Unix socket.", NULL},
    {0}};

static int check_settings(const void *values, char err[CONF_ERR_MAX])
{
    const struct settings *s = values;
    struct net_addr at;
    const char *why = NULL;

    if (net_addr_parse(&at, s->listen) < 0)
        why = "[site] listen must be ADDRESS:PORT, such as 0.0.0.0:8100 or [::]:8100";
    else if (s->drain_ms < s->accept_ms)
        why = "[site] drain_ms must not be less than accept_ms, which is a part of it";
    else if ((why = daemon_wrong_value(s->http, s->log, &at)) == NULL)
        why = dbconf_wrong_value(&s->db);
    if (why)
        snprintf(err, CONF_ERR_MAX, "%s", why);
    return why ? -EINVAL : 0;
}

static int load_pages(struct site_render **out, const struct settings *s,
                      char err[CONF_ERR_MAX])
{
    char words[SITE_TEXTS_ERROR_MAX] = "";
    int rc = site_render_create(out, s->pages, words);

    if (rc < 0)
        snprintf(err, CONF_ERR_MAX, "%.*s", CONF_ERR_MAX - 1, words);
    return rc;
}

static int try_start(const void *values, char err[CONF_ERR_MAX])
{
    const struct settings *s = values;
    struct site_render *render;
    struct net_addr at;
    int rc = load_pages(&render, s, err);

    if (rc < 0)
        return rc;
    site_render_destroy(render);
    net_addr_parse(&at, s->listen);
    rc = startcheck_tcp("[site] listen", &at, err);
    return rc < 0 ? rc : startcheck_http(s->http, err);
}

static const struct opts_program program = {
    .name = "showcase-node",
    .summary = "a node of the exhibition site: shows the catalogue from memory",
    .operands = "",
    .about =
        "The program prints \"listening on ADDRESS:PORT\" when visitors can connect.  It "
        "shows a new edition within two seconds of its publication, and keeps answering "
        "without the database.  SIGTERM and SIGINT (Ctrl-C) end it: requests in progress "
        "have "
        "[site] drain_ms; a second signal ends it at once.  SIGUSR1 makes its log more "
        "verbose by one level and SIGUSR2 less; SIGHUP and SIGPIPE are ignored.",
    .flags = flags,
    .keys = keys,
    .files = opts_no_files,
    .exits = OPTS_EXITS,
    .check = check_settings,
    .try_start = try_start};

static struct {
    struct daemon d;
    struct site_render *render;
    struct site_visits *visits;
    struct site_server *server;
    struct site_sync *sync;
    struct httpd *http;
    char *unavailable;
} me;

static void collect(struct metrics *m, const void *arg)
{
    (void)arg;
    site_server_collect(me.server, m);
    metrics_gauge(m, "lars_site_visits_waiting", "Visits that are not written so far.",
                  (double)site_visits_waiting(me.visits));
    metrics_gauge(m, "lars_site_bad_rows",
                  "Rows of the database that are left out of the content.",
                  (double)site_sync_n_bad(me.sync));
    metrics_gauge(m, "lars_site_database_age_seconds",
                  "Seconds since the revision was last read from the database.",
                  (double)site_sync_age_ms(me.sync) / 1000);
}

static const char *health(const void *arg)
{
    (void)arg;
    return site_server_health(me.server);
}

static void on_content(struct site_content *c, void *arg)
{
    (void)arg;
    site_server_set_content(me.server, c);
}

/* Takes <lfd>. */
static int start_site(int lfd, const struct net_addr *at)
{
    struct site_sync_config sync = {.db = dbconf_myconn(&set.db),
                                    .node = set.node,
                                    .snapshot = set.snapshot,
                                    .render = me.render,
                                    .visits = me.visits,
                                    .on_content = on_content};
    struct site_server_config server = {.render = me.render,
                                        .visits = me.visits,
                                        .unavailable = me.unavailable,
                                        .inflight = set.inflight};
    char host[SITE_DB_NODE_MAX - 7] = "";
    int rc = site_server_create(&me.server, me.d.loop, lfd, &server);

    gethostname(host, sizeof(host) - 1);
    if (!set.node[0])
        snprintf(set.node, sizeof(set.node), "%s:%u", host, at->port);
    return rc < 0 ? rc : site_sync_start(&me.sync, me.d.loop, &sync);
}

/* Returns 0, or -errno after a line on standard error. */
static int start_pages(void)
{
    char err[CONF_ERR_MAX] = "";
    size_t len;
    int rc = load_pages(&me.render, &set, err);

    if (rc == 0)
        rc = site_texts_read_file(set.pages, "unavailable.html", &me.unavailable, &len,
                                  err);
    if (rc < 0)
        fprintf(stderr, "showcase-node: %s\n", err);
    return rc;
}

static int start(void)
{
    struct net_addr at;
    int rc = daemon_init(&me.d, "showcase-node", set.log), lfd;

    if (rc == 0)
        rc = start_pages();
    if (rc < 0)
        return rc;
    daemon_need_fds(&me.d, 4200); /* visitors, the database, HTTP */
    net_addr_parse(&at, set.listen);
    lfd = sock_listen(&at, 1024, SOCK_NONBLOCK);
    if (lfd < 0)
        return daemon_failed(&me.d, lfd, "cannot listen on [site] listen");
    sock_local_addr(lfd, &at);
    rc = site_visits_create(&me.visits);
    if (rc < 0)
        close(lfd);
    else
        rc = start_site(lfd, &at);
    if (rc < 0)
        return daemon_failed(&me.d, rc,
                             "cannot start the site; [site] node may have letters, "
                             "digits and .:_-");
    rc = httpd_create(&me.http, me.d.loop, set.http,
                      &(struct httpd_config){.collect = collect, .health = health});
    if (rc < 0)
        return daemon_failed(&me.d, rc, "cannot open the HTTP port, [http] listen");
    daemon_print_address(&at);
    return 0;
}

int main(int argc, char **argv)
{
    int code = opts_main(&program, argc, argv, &set), rc;

    if (code != OPTS_RUN)
        return code;
    if (myconn_init() < 0) {
        fputs("showcase-node: cannot initialize the client library of the database\n",
              stderr);
        return 1;
    }
    rc = start();
    if (rc == 0)
        rc = daemon_run(&me.d);
    if (rc == 0) {
        site_server_drain(me.server, set.accept_ms, set.drain_ms);
        rc = daemon_run(&me.d);
    }
    httpd_destroy(me.http);
    site_sync_stop(me.sync);
    site_server_destroy(me.server);
    site_visits_destroy(me.visits);
    site_render_destroy(me.render);
    free(me.unavailable);
    daemon_fini(&me.d);
    myconn_fini();
    return rc < 0;
}
