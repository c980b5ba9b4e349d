/* larsctl -- routes, status and alarms from a terminal.
 *     larsctl [-c FILE] [-s SOCKET] [-o table|json|csv] [-y] NOUN [VERB] [ARGUMENTS]
 *     larsctl help | --man | completion
 * Reads $LARSCTL, build/run/larsctl.ini or /etc/lars/larsctl.ini, the first there is.
 * Exit: 0 done; 1 failed, not there; 2 usage; 3 no database; 4 it takes much: say -y. */
#include <getopt.h>
#include <locale.h>
#include <poll.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/conf.h"
#include "base/log.h"
#include "base/sig.h"
#include "ctl/cmd_db.h"
#include "ctl/cmd_plane.h"
#include "ctl/cmd_policy.h"
#include "ctl/cmd_route.h"
#include "ctl/cmd_status.h"
#include "db/dbconf.h"

#define WATCH_MS 1000

static struct settings {
    char agents[600], dnsd[300], reportd[300], sql[200];
    struct dbconf db;
} set;

#define AT(field) offsetof(struct settings, field)
static const struct conf_key keys[] = {
    {"larsctl", "agents", CONF_TEXT, AT(agents), 0, sizeof(set.agents), "127.0.0.1:8888",
     "agents that we can ask: ADDRESS:PORT ADDRESS:PORT"},
    {"larsctl", "dnsd", CONF_TEXT, AT(dnsd), 0, sizeof(set.dnsd), "127.0.0.1:7778",
     "DNSServices, for doctor"},
    {"larsctl", "reportd", CONF_TEXT, AT(reportd), 0, sizeof(set.reportd),
     "127.0.0.1:7779", "Report Services, for doctor"},
    {"larsctl", "sql", CONF_TEXT, AT(sql), 0, sizeof(set.sql), "common/sql",
     "folder of schema.sql and triggers.sql, for db migrate"},
    DBCONF_KEYS(AT(db)),
    {NULL, NULL, CONF_U32, 0, 0, 0, NULL, NULL}};

static const struct ctl_cmd *const tables[] = {cmd_route, cmd_policy, cmd_status,
                                               cmd_plane, cmd_db};
#define N_TABLES (sizeof(tables) / sizeof(tables[0]))

static void each_command(void (*fn)(const struct ctl_cmd *cmd))
{
    const struct ctl_cmd *cmd;
    size_t i;

    for (i = 0; i < N_TABLES; i++)
        for (cmd = tables[i]; cmd->noun; cmd++)
            fn(cmd);
}

static void print_help(const struct ctl_cmd *cmd)
{
    char line[120];

    snprintf(line, sizeof(line), "%s%s%s %s", cmd->noun, cmd->verb[0] ? " " : "",
             cmd->verb, cmd->args);
    if (strlen(line) > 40)
        printf("  %s\n  %-40s", line, "");
    else
        printf("  %-40s", line);
    printf(" %s\n", cmd->help);
}

static void help(void)
{
    puts("usage: larsctl [-c FILE] [-s SOCKET] [-o table|json|csv] [-y] COMMAND");
    each_command(print_help);
    printf("  %-40s %s\n", "watch COMMAND", "the same each second, until Ctrl-C");
    printf("  %-40s %s\n", "completion", "for bash: eval \"$(larsctl completion)\"");
    puts("exit: 0 done  1 failed or not there  2 usage  3 no database  4 say -y");
}

static void print_man(const struct ctl_cmd *cmd)
{
    printf(".TP\n.B %s %s\n.I %s\n%s.\n", cmd->noun, cmd->verb, cmd->args, cmd->help);
}

static void man(void)
{
    puts(".TH LARSCTL 1\n.SH NAME\nlarsctl \\- routes, status and alarms of Lars\n"
         ".SH SYNOPSIS\n.B larsctl\n[\\-c FILE] [\\-s SOCKET] [\\-o table|json|csv] "
         "[\\-y] "
         "COMMAND\n.SH COMMANDS");
    each_command(print_man);
    puts(".SH FILES\n$LARSCTL, build/run/larsctl.ini, /etc/lars/larsctl.ini: the first "
         "that is there.\n.SH EXIT STATUS\n0 done; 1 failed or not there; 2 usage; 3 the "
         "database cannot be reached; 4 it takes much away: say \\-y.");
}

static void print_word(const struct ctl_cmd *cmd)
{
    printf("    '%s %s'\n", cmd->noun, cmd->verb);
}

static void completion(void)
{
    puts("_larsctl() {\n  local w=${COMP_WORDS[COMP_CWORD]} n=${COMP_WORDS[1]} all=(");
    each_command(print_word);
    puts("  )\n  if [ $COMP_CWORD = 1 ]; then\n"
         "    COMPREPLY=($(compgen -W \"$(printf '%s\\n' \"${all[@]%% *}\" watch | sort "
         "-u)\" -- \"$w\"))\n"
         "  elif [ $COMP_CWORD = 2 ]; then\n"
         "    COMPREPLY=($(compgen -W \"$(printf '%s\\n' \"${all[@]}\" | sed -n \"s/^$n "
         "//p\")\" -- \"$w\"))\n  fi\n}\ncomplete -F _larsctl larsctl");
}

/* The command that <argv> begins with, and how many words name it. */
static const struct ctl_cmd *find(int argc, char **argv, int *words)
{
    const struct ctl_cmd *cmd;
    size_t i;

    for (i = 0; i < N_TABLES && argc > 0; i++) {
        for (cmd = tables[i]; cmd->noun; cmd++) {
            if (strcmp(cmd->noun, argv[0]) != 0)
                continue;
            *words = cmd->verb[0] ? 2 : 1;
            if (!cmd->verb[0] || (argc > 1 && strcmp(cmd->verb, argv[1]) == 0))
                return cmd;
        }
    }
    return NULL;
}

static int run(struct ctl *c, int argc, char **argv)
{
    bool again = argc > 0 && strcmp(argv[0], "watch") == 0;
    const struct ctl_cmd *cmd;
    int words = 0, code;

    if (again) {
        argc--;
        argv++;
    }
    cmd = find(argc, argv, &words);
    if (!cmd)
        return ctl_say(CTL_USAGE, "%s%s%s: no such command; see larsctl help",
                       argc > 0 ? argv[0] : "nothing", argc > 1 ? " " : "",
                       argc > 1 ? argv[1] : "");
    if (argc - words < cmd->min || argc - words > cmd->max)
        return ctl_say(CTL_USAGE, "usage: larsctl %s %s %s", cmd->noun, cmd->verb,
                       cmd->args);
    do {
        if (again && isatty(STDOUT_FILENO))
            fputs("\033[H\033[J", stdout);
        code = cmd->fn(c, argc - words, argv + words);
        if (again)
            poll(NULL, 0, WATCH_MS);
    } while (again && (code == CTL_OK || code == CTL_NO_DB));
    return code;
}

/* The first configuration there is; <file> when it was named.  An exit code. */
static int configure(const char *file)
{
    const char *const try[] = {file, getenv("LARSCTL"), "build/run/larsctl.ini",
                               "/etc/lars/larsctl.ini"};
    char err[CONF_ERR_MAX];
    size_t i;

    conf_preset(keys, &set);
    for (i = 0; i < 4; i++) {
        if (!try[i] || (i >= 2 && access(try[i], F_OK) == -1))
            continue;
        if (conf_load(keys, &set, try[i], err) < 0)
            return ctl_say(CTL_USAGE, "%s", err);
        break;
    }
    return CTL_OK;
}

static void split_agents(struct ctl *c)
{
    char *word, *save = NULL;

    for (word = strtok_r(set.agents, " ,", &save); word && c->n_agent < CTL_MAX_AGENTS;
         word = strtok_r(NULL, " ,", &save))
        c->agent[c->n_agent++] = word;
}

static int format_of(const char *name, enum table_format *out)
{
    if (strcmp(name, "table") == 0)
        *out = TABLE_TEXT;
    else if (strcmp(name, "json") == 0)
        *out = TABLE_JSON;
    else if (strcmp(name, "csv") == 0)
        *out = TABLE_CSV;
    else
        return ctl_say(CTL_USAGE, "-o wants table, json or csv, not \"%s\"", name);
    return CTL_OK;
}

/* Returns an exit code; -1 = run what is left of the arguments. */
static int options(int argc, char **argv, struct ctl *c)
{
    static const struct option names[] = {{"help", 0, NULL, 'h'},
                                          {"man", 0, NULL, 'M'},
                                          {"version", 0, NULL, 'V'},
                                          {"print-config", 0, NULL, 'P'},
                                          {0}};
    const char *file = NULL, *socket = NULL;
    int opt, code = CTL_OK;

    while (code == CTL_OK &&
           (opt = getopt_long(argc, argv, "+c:s:o:yh", names, 0)) != -1) {
        switch (opt) {
        case 'c':
            file = optarg;
            break;
        case 's':
            socket = optarg;
            break;
        case 'o':
            code = format_of(optarg, &c->format);
            break;
        case 'y':
            c->yes = true;
            break;
        case 'h':
            help();
            return CTL_OK;
        case 'M':
            man();
            return CTL_OK;
        case 'V':
            puts("larsctl 1");
            return CTL_OK;
        case 'P':
            conf_preset(keys, &set);
            conf_print(keys, &set, stdout);
            return CTL_OK;
        default:
            return CTL_USAGE;
        }
    }
    if (code == CTL_OK)
        code = configure(file);
    if (code == CTL_OK && socket)
        snprintf(set.db.socket, sizeof(set.db.socket), "%s", socket);
    return code == CTL_OK ? -1 : code;
}

static const char *user_name(void)
{
    const struct passwd *pw = getpwuid(getuid());

    return pw ? pw->pw_name : "unknown";
}

int main(int argc, char **argv)
{
    struct ctl c = {.sql_dir = set.sql, .dnsd = set.dnsd, .reportd = set.reportd};
    struct myconn_config mc;
    int code = options(argc, argv, &c);

    if (code >= 0)
        return code;
    if (!setlocale(LC_CTYPE, "") || MB_CUR_MAX == 1)
        setlocale(LC_CTYPE, "C.UTF-8");
    argc -= optind;
    argv += optind;
    if (argc > 0 && strcmp(argv[0], "help") == 0)
        return help(), CTL_OK;
    if (argc > 0 && strcmp(argv[0], "completion") == 0)
        return completion(), CTL_OK;
    if (sig_ignore_pipe_and_hup() < 0 || myconn_init() < 0)
        return ctl_say(CTL_FAILED, "cannot start");
    c.who = user_name();
    split_agents(&c);
    mc = dbconf_myconn(&set.db);
    code = ctldb_open(&c.db, &mc) < 0 ? ctl_say(CTL_FAILED, "out of memory")
                                      : run(&c, argc, argv);
    ctldb_close(c.db);
    myconn_fini();
    return code;
}
