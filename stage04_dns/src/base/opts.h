/* opts -- reads the command line of a server.  An option counts as a line that follows
 * the configuration file: the same table describes it, the same checks apply, and the
 * same error messages result.  Every server also accepts -c FILE, --check-config and
 * --print-config.  Thread: init. */
#ifndef LARS_BASE_OPTS_H
#define LARS_BASE_OPTS_H

#include "base/conf.h"

struct opts_flag {
    char letter;                      /* 0 ends the list */
    const char *section, *name;       /* the key that the option sets */
    const char *value;                /* the value to set; NULL = its argument */
};

/* Set <values> to the presets, then to the values of the file, then to those of the
 * options; their order on the command line does not matter.  Returns 0 when the program
 * shall run; 1 when it shall exit, because --check-config or --print-config has printed
 * its result; -EINVAL, -ENOENT or another -errno, and then <err> holds a message. */
int opts_read(int argc, char **argv, const struct opts_flag *flags,
              const struct conf_key *keys, void *values, char err[CONF_ERR_MAX]);

#endif
