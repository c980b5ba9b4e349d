/* commands -- every command of larsctl in one list, made of the tables of cmd_*.h:
 * finding one, help, and the rows for manual page and completion. */
#ifndef LARS_CTL_COMMANDS_H
#define LARS_CTL_COMMANDS_H

#include <stdio.h>

#include "ctl/ctl.h"

/* The command that <argv> begins with, and in <words> how many words name it; NULL when
 * there is none. */
const struct ctl_cmd *commands_find(int argc, char **argv, int *words);

/* All of them, for --help (a line or two each) or for --describe (opts_help.h). */
void commands_print(FILE *to, bool as_table);

bool commands_has_noun(const char *noun);
/* Print the commands of <noun> with their details.  Returns an exit code. */
int commands_help(const char *noun);

void commands_completion(void);       /* a script for bash, on standard output */

#endif
