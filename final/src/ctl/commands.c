/* A command is one row of one table, with its name, arguments, help and function: there
 * is no second list of names that could miss it.  The rows of <built_in> have no
 * function; they are understood by main(), and stand here so that help and completion
 * have them. */
#include "ctl/commands.h"

#include <string.h>

#include "base/opts_help.h"
#include "ctl/cmd_alarm.h"
#include "ctl/cmd_audit.h"
#include "ctl/cmd_capacity.h"
#include "ctl/cmd_demo.h"
#include "ctl/cmd_doctor.h"
#include "ctl/cmd_drill.h"
#include "ctl/cmd_files.h"
#include "ctl/cmd_fleet.h"
#include "ctl/cmd_fleet_run.h"
#include "ctl/cmd_front.h"
#include "ctl/cmd_gateway.h"
#include "ctl/cmd_log.h"
#include "ctl/cmd_plane.h"
#include "ctl/cmd_policy.h"
#include "ctl/cmd_route.h"
#include "ctl/cmd_scale.h"
#include "ctl/cmd_schema.h"
#include "ctl/cmd_site.h"
#include "ctl/cmd_status.h"
#include "ctl/cmd_user.h"
#include "ctl/cmd_zone.h"
#include "ctl/cmd_zone_db.h"

#define TEXT_AT 6

static const struct ctl_cmd built_in[] = {
    {"watch", "", "COMMAND", 1, -1, "Run a command each second, until Ctrl-C.", NULL,
     NULL},
    {"help", "", "[NOUN]", 0, 1, "Explain larsctl, or the commands of one noun.", NULL,
     NULL},
    {"completion", "", "", 0, 0, "Print a completion script for bash.", NULL,
     "Use it in a shell with: eval \"$(larsctl completion)\""},
    {NULL, NULL, NULL, 0, 0, NULL, NULL, NULL}};

static const struct ctl_cmd *const tables[] = {
    cmd_route,  cmd_policy, cmd_status, cmd_alarm, cmd_audit, cmd_plane,
    cmd_schema, cmd_files,  cmd_doctor, cmd_log,   cmd_user,
    cmd_site,   cmd_gateway, cmd_scale, cmd_front, cmd_capacity,
    cmd_drill,  cmd_demo,   cmd_fleet, cmd_fleet_run,
    cmd_zone,   cmd_zone_db, built_in};
#define N_TABLES (sizeof(tables) / sizeof(tables[0]))

static void each_command(void (*fn)(const struct ctl_cmd *cmd, void *arg), void *arg)
{
    const struct ctl_cmd *cmd;
    size_t i;

    for (i = 0; i < N_TABLES; i++)
        for (cmd = tables[i]; cmd->noun; cmd++)
            fn(cmd, arg);
}

const struct ctl_cmd *commands_find(int argc, char **argv, int *words)
{
    const struct ctl_cmd *cmd;
    size_t i;

    for (i = 0; i < N_TABLES && argc > 0; i++) {
        for (cmd = tables[i]; cmd->noun; cmd++) {
            if (!cmd->fn || strcmp(cmd->noun, argv[0]) != 0)
                continue;
            *words = cmd->verb[0] ? 2 : 1;
            if (!cmd->verb[0] || (argc > 1 && strcmp(cmd->verb, argv[1]) == 0))
                return cmd;
        }
    }
    return NULL;
}

static void print_command(const struct ctl_cmd *cmd, void *arg)
{
    FILE *to = arg;

    fprintf(to, "  %s%s%s%s%s\n", cmd->noun, cmd->verb[0] ? " " : "", cmd->verb,
            cmd->args[0] ? " " : "", cmd->args);
    opts_help_wrap(to, cmd->help, 0, TEXT_AT);
}

static void describe_command(const struct ctl_cmd *cmd, void *arg)
{
    fprintf(arg, "command\t%s%s%s\t%s\t%s%s%s\n", cmd->noun, cmd->verb[0] ? " " : "",
            cmd->verb, cmd->args, cmd->help, cmd->more ? " " : "",
            cmd->more ? cmd->more : "");
}

void commands_print(FILE *to, bool as_table)
{
    if (!as_table)
        fputs("\nCommands:\n", to);
    each_command(as_table ? describe_command : print_command, to);
}

struct wanted {
    const char *noun;
    unsigned n; /* commands that have it */
};

static void explain(const struct ctl_cmd *cmd, void *arg)
{
    struct wanted *w = arg;

    if (strcmp(cmd->noun, w->noun) != 0)
        return;
    w->n++;
    print_command(cmd, stdout);
    if (cmd->more)
        opts_help_wrap(stdout, cmd->more, 0, TEXT_AT);
}

static void count(const struct ctl_cmd *cmd, void *arg)
{
    struct wanted *w = arg;

    w->n += strcmp(cmd->noun, w->noun) == 0;
}

bool commands_has_noun(const char *noun)
{
    struct wanted w = {noun, 0};

    each_command(count, &w);
    return w.n > 0;
}

int commands_help(const char *noun)
{
    struct wanted w = {noun, 0};

    each_command(explain, &w);
    return w.n > 0 ? CTL_OK
                   : ctl_say(CTL_USAGE,
                             "%s: there is no such command; see larsctl --help", noun);
}

static void print_words(const struct ctl_cmd *cmd, void *arg)
{
    (void)arg;
    printf("    '%s %s'\n", cmd->noun, cmd->verb);
}

void commands_completion(void)
{
    puts("_larsctl() {\n"
         "  local w=${COMP_WORDS[COMP_CWORD]} i=1 n all=(");
    each_command(print_words, NULL);
    puts("  )\n"
         "  while [ $i -lt $COMP_CWORD ]; do\n"
         "    case ${COMP_WORDS[i]} in\n"
         "      -[csor]|--config|--socket|--format|--reason|--set) i=$((i + 2));;\n"
         "      -*) i=$((i + 1));;\n"
         "      *) break;;\n"
         "    esac\n"
         "  done\n"
         "  n=${COMP_WORDS[i]}\n"
         "  if [ $COMP_CWORD -le $i ]; then\n"
         "    COMPREPLY=($(compgen -W \"$(printf '%s\\n' \"${all[@]%% *}\" | sort -u)\" "
         "-- \"$w\"))\n"
         "  elif [ $COMP_CWORD = $((i + 1)) ]; then\n"
         "    COMPREPLY=($(compgen -W \"$(printf '%s\\n' \"${all[@]}\" | sed -n \"s/^$n "
         "//p\")\" -- \"$w\"))\n  fi\n}\ncomplete -F _larsctl larsctl");
}
