/* opts -- the command line of a server.  An option is one more line of the configuration
 * file, read after it: one table, one check, one kind of message.  Every server knows
 * -c FILE, --check-config and --print-config as well.  Thread: init. */
#ifndef LARS_BASE_OPTS_H
#define LARS_BASE_OPTS_H

#include "base/conf.h"

struct opts_flag {
    char letter;                      /* 0 ends the list */
    const char *section, *name;       /* the key that it sets */
    const char *value;                /* what it says; NULL = it takes an argument */
};

/* Set <values> to the presets, then to the file, then to the options, in whatever order
 * they stand.  Returns 0: run; 1: what was asked for has been printed; -EINVAL, -ENOENT
 * ...: <err> holds a sentence for people. */
int opts_read(int argc, char **argv, const struct opts_flag *flags,
              const struct conf_key *keys, void *values, char err[CONF_ERR_MAX]);

#endif
