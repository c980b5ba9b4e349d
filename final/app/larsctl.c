/* larsctl -- the operator's program: routes, policies, status and alarms from a terminal.
 *     larsctl [OPTION]... COMMAND [ARGUMENT]...        `larsctl --help` explains both
 *
 * This file reads the options and the configuration, and calls the command that the first
 * words name; the commands and their help are one list (ctl/commands).  The connection to
 * the database opens when a command first needs it, so that help, completion and log work
 * without one.  Exit codes are stable, because scripts test them (ctl/ctl.h). */
#include <errno.h>
#include <locale.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/net_addr.h"
#include "base/opts.h"
#include "base/sig.h"
#include "base/utf8.h"
#include "ctl/commands.h"
#include "ctl/ctl_gateways.h"
#include "db/dbconf.h"
#include "net/tls_conf.h"
#include "ops/audit.h"

#define WATCH_MS 1000
#define LIST_MAX 64 /* addresses of a list */

static struct settings {
    char agents[600], dnsd[300], reportd[300], http[600], sql[200], fleet[200], format[8];
    char gateways[1000], gateways_key[200], gateways_log[200];
    char reason[1021];
    char zone_databases[600], zone_hosts[1000], zone_user[33], zone_password[65];
    char zone_record[200];
    struct dbconf db;
    struct tls_conf tls;
} set;
static bool yes, dry_run;

#define AT(field) offsetof(struct settings, field)
static const struct conf_key keys[] = {
    {"larsctl", "agents", CONF_TEXT, AT(agents), 0, sizeof(set.agents), "127.0.0.1:8888",
     "the agents to ask: ADDRESS:PORT ADDRESS:PORT"},
    {"larsctl", "dnsd", CONF_TEXT, AT(dnsd), 0, sizeof(set.dnsd), "127.0.0.1:7778",
     "the DNSServices that doctor checks: ADDRESS:PORT ADDRESS:PORT"},
    {"larsctl", "reportd", CONF_TEXT, AT(reportd), 0, sizeof(set.reportd),
     "127.0.0.1:7779",
     "the Report Services that doctor checks: ADDRESS:PORT ADDRESS:PORT"},
    {"larsctl", "http", CONF_TEXT, AT(http), 0, sizeof(set.http),
     "127.0.0.1:9880 127.0.0.1:9881 127.0.0.1:9882 127.0.0.1:9883 127.0.0.1:9884 "
     "127.0.0.1:9886 127.0.0.1:9888",
     "the HTTP ports of the daemons of this host, for doctor and log: ADDRESS:PORT "
     "ADDRESS:PORT"},
    {"larsctl", "sql", CONF_TEXT, AT(sql), 0, sizeof(set.sql), "/usr/share/lars/sql",
     "the folder of schema.sql and triggers.sql, for db migrate"},
    {"larsctl", "fleet", CONF_TEXT, AT(fleet), 0, sizeof(set.fleet),
     "/usr/share/lars/fleet", "the folder of the templates of larsctl fleet render"},
    {"larsctl", "format", CONF_TEXT, AT(format), 0, sizeof(set.format), "table",
     "how results are printed: table, json or csv"},
    {"larsctl", "reason", CONF_TEXT, AT(reason), 0, sizeof(set.reason), "",
     "why changes are made, when -r does not say it; the audit keeps it"},
    {"gateways", "admin", CONF_TEXT, AT(gateways), 0, sizeof(set.gateways),
     "127.0.0.1:9890",
     "the admin ports of the gateways, [admin] listen of each: ADDRESS:PORT, "
     "ADDRESS:PORT"},
    {"gateways", "key_file", CONF_TEXT, AT(gateways_key), 0, sizeof(set.gateways_key), "",
     "the keys that sign commands to gateways: their [gateway] key_file; empty: none are "
     "sent"},
    {"gateways", "log", CONF_TEXT, AT(gateways_log), 0, sizeof(set.gateways_log),
     "/var/log/lars-gateway/access.log",
     "the access log of the gateway on this host, for larsctl gateway why"},
    TLS_CONF_KEYS(AT(tls)),
    {"zone", "databases", CONF_TEXT, AT(zone_databases), 0, sizeof(set.zone_databases),
     "",
     "the database server of each zone, for larsctl zone: ZONE=ADDRESS:PORT, or "
     "ZONE=/SOCKET for the one of this host, with spaces between them"},
    {"zone", "hosts", CONF_TEXT, AT(zone_hosts), 0, sizeof(set.zone_hosts), "",
     "hosts of the zones that are in no table, for larsctl zone promote: ZONE=ADDRESS "
     "ZONE=ADDRESS"},
    {"zone", "user", CONF_TEXT, AT(zone_user), 0, sizeof(set.zone_user), "lars_fence",
     "the user that may stop a database, for larsctl zone fence"},
    {"zone", "password", CONF_TEXT, AT(zone_password), 0, sizeof(set.zone_password), "",
     "the password of this user; empty: larsctl zone fence prints the command for the "
     "host"},
    {"zone", "record", CONF_TEXT, AT(zone_record), 0, sizeof(set.zone_record),
     "/var/lib/lars/zone-record",
     "the file in which larsctl zone promote records each attempt before it is made"},
    DBCONF_KEYS(AT(db)),
    {NULL, NULL, CONF_U32, 0, 0, 0, NULL, NULL}};

static const struct opts_flag flags[] = {
    {'s', "socket", "PATH", "db", "socket", NULL,
     "Connect to the database through this Unix socket.", NULL},
    {'o', "format", "FORMAT", "larsctl", "format", NULL,
     "Print results as table, json or csv.", NULL},
    {'y', "yes", NULL, NULL, NULL, NULL,
     "Do what removes or drains most nodes of a module.", &yes},
    {'n', "dry-run", NULL, NULL, NULL, NULL,
     "Print the effect of a change and change nothing.", &dry_run},
    {'r', "reason", "TEXT", "larsctl", "reason", NULL,
     "Why the change is made, for the audit.", NULL},
    {0}};

static const char *const files[] = {"$LARSCTL", "/etc/lars/larsctl.ini", NULL};

static int find_format(const char *name, enum table_format *out)
{
    static const char *const names[] = {"table", "json", "csv"};
    size_t i = 0;

    while (i < 3 && strcmp(names[i], name) != 0)
        i++;
    if (i < 3)
        *out = (enum table_format)i;
    return i < 3 ? 0 : -EINVAL;
}

/* Each word of <list> must be an address with a port.  Returns 0, or -EINVAL with a
 * sentence in <err>. */
static int check_list(const char *key, const char *list, unsigned max,
                      char err[CONF_ERR_MAX])
{
    char copy[sizeof(set.gateways)], *word, *save = NULL;
    struct net_addr at;
    unsigned n = 0;

    snprintf(copy, sizeof(copy), "%s", list);
    for (word = strtok_r(copy, " ,", &save); word; word = strtok_r(NULL, " ,", &save)) {
        if (net_addr_parse(&at, word) < 0) {
            snprintf(err, CONF_ERR_MAX,
                     "%s: \"%.60s\" is not ADDRESS:PORT, such as "
                     "127.0.0.1:8888",
                     key, word);
            return -EINVAL;
        }
        if (++n > max) {
            snprintf(err, CONF_ERR_MAX, "%s: there are more than %u addresses", key, max);
            return -EINVAL;
        }
    }
    return 0;
}

static int check_settings(const void *values, char err[CONF_ERR_MAX])
{
    const struct settings *s = values;
    const char *why = dbconf_wrong_value(&s->db);
    enum table_format f;
    int rc = 0;

    if (!why)
        why = tls_conf_wrong_value(&s->tls);
    if (find_format(s->format, &f) < 0) {
        snprintf(err, CONF_ERR_MAX, "-o must be table, json or csv, not \"%s\"",
                 s->format);
        return -EINVAL;
    }
    if (why) {
        snprintf(err, CONF_ERR_MAX, "%s", why);
        return -EINVAL;
    }
    rc = check_list("[larsctl] agents", s->agents, CTL_MAX_AGENTS, err);
    if (rc == 0)
        rc = check_list("[larsctl] dnsd", s->dnsd, LIST_MAX, err);
    if (rc == 0)
        rc = check_list("[larsctl] reportd", s->reportd, LIST_MAX, err);
    if (rc == 0)
        rc = check_list("[larsctl] http", s->http, LIST_MAX, err);
    return rc < 0 ? rc
                  : check_list("[gateways] admin", s->gateways, CTL_GATEWAYS_MAX, err);
}

static const struct opts_program program = {
    .name = "larsctl",
    .summary = "routes, policies, status and alarms of Lars from a terminal",
    .operands = "COMMAND [ARGUMENT]...",
    .max = -1,
    .stop_at_operand = true,
    .about =
        "A change of routes is in the database when larsctl returns, and it prints on "
        "how many agents the change is in force.",
    .flags = flags,
    .keys = keys,
    .files = files,
    .exits = "0 The command did what it was asked to.\n"
             "1 The command failed, or what it looked for is not there.\n"
             "2 An option, an argument or the configuration is wrong.\n"
             "3 The database cannot be reached.\n"
             "4 The change removes or drains most nodes of a module: give -y to do it.\n",
    .check = check_settings,
    .more = commands_print};

/* -n is known to changes of routes, names, policies, gateways and capacity; others would
 * be made. */
static bool has_preview(const struct ctl_cmd *cmd)
{
    static const char *const nouns[] = {"route",  "module", "node",    "zone",
                                        "policy", "import", "gateway", "capacity"};
    const size_t n = sizeof(nouns) / sizeof(nouns[0]);
    size_t i = 0;

    while (i < n && strcmp(nouns[i], cmd->noun) != 0)
        i++;
    return i < n;
}

static int run_command(struct ctl *c, int argc, char **argv)
{
    bool again = argc > 0 && strcmp(argv[0], "watch") == 0, is_noun;
    const struct ctl_cmd *cmd;
    int words = 0, code;

    if (again) {
        argc--;
        argv++;
    }
    cmd = commands_find(argc, argv, &words);
    is_noun = argc > 0 && commands_has_noun(argv[0]);
    if (!cmd)
        return ctl_say(CTL_USAGE, "%s%s%s: there is no such command; see larsctl %s%s",
                       argc > 0 ? argv[0] : "nothing given", argc > 1 ? " " : "",
                       argc > 1 ? argv[1] : "", is_noun ? "help " : "--help",
                       is_noun ? argv[0] : "");
    if (argc - words < cmd->min || argc - words > cmd->max)
        return ctl_say(CTL_USAGE,
                       "the arguments are: larsctl %s%s%s %s; see larsctl help %s",
                       cmd->noun, cmd->verb[0] ? " " : "", cmd->verb, cmd->args,
                       cmd->noun);
    if (c->dry_run && !has_preview(cmd))
        return ctl_say(
            CTL_USAGE,
            "%s %s: -n shows changes of routes, names, policies, gateways and capacity "
            "only; nothing was changed",
            cmd->noun, cmd->verb);
    do {
        if (again && isatty(STDOUT_FILENO))
            fputs("\033[H\033[J", stdout);
        code = cmd->fn(c, argc - words, argv + words);
        if (again)
            poll(NULL, 0, WATCH_MS);
    } while (again && !ferror(stdout) && (code == CTL_OK || code == CTL_NO_DB));
    return code;
}

static void split_agents(struct ctl *c)
{
    char *word, *save = NULL;

    for (word = strtok_r(set.agents, " ,", &save); word && c->n_agent < CTL_MAX_AGENTS;
         word = strtok_r(NULL, " ,", &save))
        c->agent[c->n_agent++] = word;
}

/* help and completion: they need no configuration but the options.  Returns an exit code;
 * -1 = it is another command. */
static int run_built_in(int argc, char **argv)
{
    char help[] = "--help", *words[] = {argv[-1], help, NULL};

    if (argc > 0 && strcmp(argv[0], "completion") == 0)
        return commands_completion(), CTL_OK;
    if (argc == 0 || strcmp(argv[0], "help") != 0)
        return -1;
    if (argc > 1)
        return commands_help(argv[1]);
    return opts_main(&program, 2, words, &set);
}

/* Texts of changes are shown to others and kept for years; the name of a file may be in
 * any character set.  Returns 0 or CTL_USAGE. */
static int check_texts(int argc, char **argv)
{
    bool is_file = argc > 0 && strcmp(argv[0], "import") == 0;
    int i;

    for (i = 0; i < argc && !is_file; i++)
        if (!utf8_is_whole(argv[i]))
            return ctl_say(CTL_USAGE,
                           "argument %d is not UTF-8; set the terminal to UTF-8", i + 1);
    return utf8_is_whole(set.reason)
               ? 0
               : ctl_say(CTL_USAGE, "the reason is not UTF-8; set the "
                                    "terminal to UTF-8");
}

/* The connection is made when it is used first.  Returns 0 or -ENOMEM. */
static int open_db(struct ctl *c)
{
    static struct myconn_config mc;

    mc = dbconf_myconn(&set.db);
    c->db_config = &mc;
    return sqldb_open(&c->db, &mc);
}

int main(int argc, char **argv)
{
    struct ctl c = {.sql_dir = set.sql,
                    .fleet_dir = set.fleet,
                    .dnsd = set.dnsd,
                    .reportd = set.reportd,
                    .tls = &set.tls,
                    .http = set.http,
                    .gateways = set.gateways,
                    .gateways_key = set.gateways_key,
                    .gateways_log = set.gateways_log,
                    .zone_databases = set.zone_databases,
                    .zone_hosts = set.zone_hosts,
                    .zone_user = set.zone_user,
                    .zone_password = set.zone_password,
                    .zone_record = set.zone_record};
    int code = opts_main(&program, argc, argv, &set);

    if (code != OPTS_RUN)
        return code;
    argc -= optind;
    argv += optind;
    code = run_built_in(argc, argv);
    if (code >= 0)
        return code;
    code = check_texts(argc, argv);
    if (code != 0)
        return code;
    if (!setlocale(LC_CTYPE, "") || MB_CUR_MAX == 1)
        setlocale(LC_CTYPE, "C.UTF-8");
    if (sig_ignore_pipe_and_hup() < 0 || myconn_init() < 0)
        return ctl_say(CTL_FAILED,
                       "cannot initialize the client library of the database");
    find_format(set.format, &c.format);
    c.yes = yes;
    c.dry_run = dry_run;
    c.reason = set.reason;
    c.who = audit_login_name();
    split_agents(&c);
    code = open_db(&c) < 0 ? ctl_say(CTL_FAILED, "out of memory")
                           : run_command(&c, argc, argv);
    sqldb_close(c.db);
    myconn_fini();
    return code;
}
