/* opts -- the command line of a program.  Each program has one table of its options and
 * one of its configuration keys; parsing, --help, --version, the manual page and the
 * shell completion are all made from them, so they cannot disagree.
 *
 * An option sets a configuration key: it is checked as that key is, and it beats the
 * file. A tool without a configuration file has keys all the same (section ""), which
 * give its options their ranges and defaults.  Every program has as well -h, --help
 * explain the program on standard output; exit 0 -V, --version    print its name and
 * version; exit 0
 *     --describe       print the tables as lines of words with tabs between them, for the
 *                      generators of manual pages and completion (opts_help.h has the
 * form) and a program with a configuration file has -c, --config FILE, --check-config,
 * --print-config Thread: init. */
#ifndef LARS_BASE_OPTS_H
#define LARS_BASE_OPTS_H

#include <stdbool.h>

#include "base/conf.h"

struct opts_flag {
    char letter;                      /* 'p' is -p; 0 ends the list */
    const char *name;                 /* "port" is --port */
    const char *arg; /* the word for its argument; NULL = it takes none */
    const char *section, *key;        /* the configuration key that it sets; or NULL */
    const char *value;                /* what it sets when it takes no argument */
    const char *help;                 /* one sentence; NULL = the key's */
    bool *given;                      /* becomes true; for an option without a key */
};

struct opts_program {
    const char *name;                 /* "lars-dnsd" */
    const char *summary;              /* what it does: a clause without a full stop */
    const char *operands;             /* "MODID CMDID", as in the synopsis; "" = none */
    int min, max;                     /* how many operands; max -1 = any number */
    bool stop_at_operand;             /* what follows the first operand is no option */
    const char *about; /* more of --help; a line end separates paragraphs */
    const struct opts_flag *flags;
    const struct conf_key *keys;
    /* Files to try in turn when there is no -c, ended by NULL; "$X" is the file that the
     * environment variable X names.  NULL: the program has no configuration file. */
    const char *const *files;
    const char *exits;                /* lines "CODE MEANING", each with its line end */
    /* What the table cannot check, such as an address.  Returns 0, or -EINVAL with a
     * sentence in <err>.  NULL = nothing. */
    int (*check)(const void *values, char err[CONF_ERR_MAX]);
    /* For --check-config only: what the start would find in this system, such as a folder
     * that cannot be written.  Changes nothing that stays.  As <check>. */
    int (*try_start)(const void *values, char err[CONF_ERR_MAX]);
    /* More for --help (<as_table> false) and --describe (true); NULL = nothing. */
    void (*more)(FILE *to, bool as_table);
};

#define OPTS_RUN (-1)
#define OPTS_EXITS                                                                       \
    "0 The program ended as it was asked to.\n"                                          \
    "1 The program could not do its work; standard error has the reason.\n"              \
    "2 An option, an argument or the configuration is wrong.\n"
extern const char *const opts_no_files[]; /* -c, and no file without it */

/* Set <values> to the presets, then to the file, then to the options.  The operands are
 * then argv[optind] and after.  Returns 0: run; 1: what was asked for has been printed;
 * -EINVAL, -ENOENT ...: <err> holds one sentence without the program's name. */
int opts_read(const struct opts_program *p, int argc, char **argv, void *values,
              char err[CONF_ERR_MAX]);

/* The same for main(): prints the error.  Returns OPTS_RUN, or the code to exit with. */
int opts_main(const struct opts_program *p, int argc, char **argv, void *values);

/* The operand <text>, which the synopsis calls <name>, as a decimal number of at most
 * <max>.  Returns 0; 2, the code to exit with, after a line on standard error. */
int opts_operand_u32(const struct opts_program *p, const char *name, const char *text,
                     uint32_t max, uint32_t *out);

#endif
