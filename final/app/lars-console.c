/* lars-console -- the web console: routes, call status and alarms in a browser, and the
 * same as an API.  `lars-console --help` explains the options.
 *
 * This file is the configuration table and the order in which the parts start and stop.
 * */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/opts.h"
#include "db/dbconf.h"
#include "net/sock.h"
#include "obs/daemon.h"
#include "obs/httpd.h"
#include "obs/startcheck.h"
#include "web/console.h"
#include "web/proxy.h"
#include "web/tls_pair.h"

static struct settings {
    char address[48], hosts[400], trusted[400], pages[200], cert[200], key[200];
    uint32_t port, workers;
    struct dbconf db;
    char read_user[33], read_password[65];
    char gateways[1000], gateway_key[200];
    char http[64], log[LOGLEVEL_MAX];
} set;

#define AT(field) offsetof(struct settings, field)
static const struct conf_key keys[] = {
    {"console", "address", CONF_TEXT, AT(address), 0, sizeof(set.address), "127.0.0.1",
     "the IPv4 or IPv6 address to listen on; without cert only a loopback address"},
    {"console", "port", CONF_U32, AT(port), 0, 65535, "8090",
     "the TCP port to listen on; 0 lets the system choose one"},
    {"console", "hosts", CONF_TEXT, AT(hosts), 0, sizeof(set.hosts),
     "localhost 127.0.0.1 [::1]",
     "the names and addresses of this host that browsers may use, without a port; others "
     "are refused"},
    {"console", "trusted", CONF_TEXT, AT(trusted), 0, sizeof(set.trusted), "",
     "the addresses of the reverse proxies whose X-Forwarded-For and X-Forwarded-Proto "
     "are believed; empty: none"},
    {"console", "pages", CONF_TEXT, AT(pages), 0, sizeof(set.pages),
     "/usr/share/lars/console", "the folder of the built front end"},
    {"console", "cert", CONF_TEXT, AT(cert), 0, sizeof(set.cert), "",
     "the file with the certificate in PEM; empty: no TLS"},
    {"console", "key", CONF_TEXT, AT(key), 0, sizeof(set.key), "",
     "the file with the private key in PEM"},
    {"console", "workers", CONF_U32, AT(workers), 1, 8, "2",
     "how many threads change, and as many read, each with a connection to the database"},
    DBCONF_KEYS(AT(db)),
    {"db_read", "user", CONF_TEXT, AT(read_user), 0, sizeof(set.read_user), "",
     "the user of the database for requests that change nothing; empty: that of [db]"},
    {"db_read", "password", CONF_TEXT, AT(read_password), 0, sizeof(set.read_password),
     "", "the password of that user"},
    {"gateways", "admin", CONF_TEXT, AT(gateways), 0, sizeof(set.gateways), "",
     "the admin ports of the gateways, [admin] listen of each, at most 32, such as "
     "10.0.0.1:9890, 10.0.0.2:9890; empty: none are shown"},
    {"gateways", "key_file", CONF_TEXT, AT(gateway_key), 0, sizeof(set.gateway_key), "",
     "the file with the key of the gateways, their [admin] key_file or [gateway] "
     "key_file, "
     "with which operators drain them; empty: gateways are only shown"},
    {"http", "listen", CONF_TEXT, AT(http), 0, sizeof(set.http), "",
     "ADDRESS:PORT of /metrics, /healthz and /log-level; empty: no such port"},
    LOGLEVEL_KEY(AT(log)),
    {NULL, NULL, CONF_U32, 0, 0, 0, NULL, NULL}};

static const struct opts_flag flags[] = {
    {'p', "port", "PORT", "console", "port", NULL,
     "Listen on this TCP port; 0 lets the system choose one.", NULL},
    {'s', "socket", "PATH", "db", "socket", NULL,
     "Connect to the database through this Unix socket.", NULL},
    {0}};

static bool is_loopback(const char *address)
{
    return strncmp(address, "127.", 4) == 0 || strcmp(address, "::1") == 0;
}

static int check_settings(const void *values, char err[CONF_ERR_MAX])
{
    const struct settings *s = values;
    struct proxy_list proxies;
    struct gateway_list gateways;
    struct net_addr at;
    const char *why = NULL;

    if (net_addr_set(&at, s->address, (uint16_t)s->port) < 0)
        why = "[console] address must be an IPv4 or IPv6 address, such as 127.0.0.1 or "
              "::1";
    else if (!s->cert[0] && !is_loopback(s->address))
        why = "[console] address must be a loopback address as long as cert and key are "
              "empty: passwords would pass the network in the clear";
    else if (!s->cert[0] != !s->key[0])
        why = "[console] cert and key must both be set, or both be empty";
    else if (proxy_list_parse(&proxies, s->trusted) < 0)
        why = "[console] trusted must be IPv4 or IPv6 addresses with blanks between, at "
              "most 16, such as 127.0.0.1 ::1";
    else if (gateway_list_parse(&gateways, s->gateways) < 0)
        why = "[gateways] admin must be up to 32 different entries ADDRESS:PORT with "
              "commas between, such as 10.0.0.1:9890, 10.0.0.2:9890";
    else if ((why = daemon_wrong_value(s->http, s->log, &at)) == NULL)
        why = dbconf_wrong_value(&s->db);
    if (why)
        snprintf(err, CONF_ERR_MAX, "%s", why);
    return why ? -EINVAL : 0;
}

static int try_tls(const struct settings *s, char err[CONF_ERR_MAX])
{
    struct tls_pair pair;
    int rc = tls_pair_read(&pair, s->cert, s->key, err);

    if (rc == 0)
        rc = tls_pair_check_time(&pair, s->cert, err);
    tls_pair_free(&pair);
    return rc;
}

static int try_gateway_key(const struct settings *s, char err[CONF_ERR_MAX])
{
    struct fleet_keys *k = NULL;
    int rc = s->gateway_key[0]
                 ? fleet_keys_create(&k, s->gateway_key, "[gateways] key_file", err)
                 : 0;

    fleet_keys_destroy(k);
    return rc;
}

static int try_start(const void *values, char err[CONF_ERR_MAX])
{
    const struct settings *s = values;
    struct net_addr at;
    int rc;

    net_addr_set(&at, s->address, (uint16_t)s->port);
    rc = startcheck_tcp("[console] address and port", &at, err);
    if (rc == 0 && s->cert[0])
        rc = try_tls(s, err);
    if (rc == 0)
        rc = try_gateway_key(s, err);
    return rc < 0 ? rc : startcheck_http(s->http, err);
}

static const struct opts_program program = {
    .name = "lars-console",
    .summary = "web console of Lars: routes, call status and alarms in a browser",
    .operands = "",
    .about =
        "The program prints \"listening on ADDRESS:PORT\" when browsers can connect. "
        "Users are added with larsctl user add.  SIGTERM and SIGINT (Ctrl-C) end "
        "it.  SIGUSR1 makes its log more verbose by one level and SIGUSR2 less; "
        "SIGHUP and SIGPIPE are ignored.",
    .flags = flags,
    .keys = keys,
    .files = opts_no_files,
    .exits = OPTS_EXITS,
    .check = check_settings,
    .try_start = try_start};

static struct {
    struct daemon d;
    struct console *console;
    struct httpd *http;
} me;

static void collect(struct metrics *m, const void *arg)
{
    struct console *const *c = arg;

    console_collect(*c, m);
}

static const char *health(const void *arg)
{
    struct console *const *c = arg;

    return console_health(*c);
}

/* Takes <lfd>. */
static int start_console(int lfd)
{
    struct console_config c = {.db = dbconf_myconn(&set.db),
                               .db_read = dbconf_myconn(&set.db),
                               .hosts = set.hosts,
                               .trusted = set.trusted,
                               .pages = set.pages,
                               .cert = set.cert,
                               .key = set.key,
                               .gateway_key_file = set.gateway_key,
                               .workers = set.workers};

    gateway_list_parse(&c.gateways, set.gateways);
    if (set.read_user[0]) {
        c.db_read.user = set.read_user;
        c.db_read.password = set.read_password;
    }
    return console_create(&me.console, me.d.loop, lfd, &c);
}

/* Returns 0, or -errno after a line on standard error. */
static int start(void)
{
    struct net_addr at;
    int rc = daemon_init(&me.d, "lars-console", set.log), lfd;

    if (rc < 0)
        return rc;
    daemon_need_fds(&me.d, 400); /* 256 browsers, the database, HTTP */
    lfd = daemon_listen(&me.d, set.address, set.port);
    if (lfd < 0)
        return lfd;
    sock_local_addr(lfd, &at);
    rc = start_console(lfd);
    if (rc < 0)
        return daemon_failed(&me.d, rc, "cannot start the console");
    rc = httpd_create(&me.http, me.d.loop, set.http,
                      &(struct httpd_config){.collect = collect,
                                             .health = health,
                                             .arg = &me.console,
                                             .arg_size = sizeof(struct console *)});
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
        fputs("lars-console: cannot initialize the client library of the database\n",
              stderr);
        return 1;
    }
    rc = start();
    if (rc == 0)
        rc = daemon_run(&me.d);
    httpd_destroy(me.http);
    console_destroy(me.console);
    daemon_fini(&me.d);
    myconn_fini();
    return rc < 0;
}
