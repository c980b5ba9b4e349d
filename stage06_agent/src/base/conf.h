/* conf -- reads a configuration file in INI form and checks it against one table.  The
 * table is the only description of the keys: the parser, the defaults, the error messages
 * and the output of --print-config all come from it.  A key that is not in the table is
 * an error and never ignored; in the public Lars a section misspelt [repoter] went
 * unnoticed.
 * Thread: init. */
#ifndef LARS_BASE_CONF_H
#define LARS_BASE_CONF_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum conf_type {
    CONF_U32,                             /* uint32_t, in decimal, min to max */
    CONF_TEXT,                            /* char[max]; the text ends with a 0 byte */
    CONF_RATE,                            /* uint32_t in per mille, written as 0.1 */
};

struct conf_key {
    const char *section, *name;
    enum conf_type type;
    size_t offset;                        /* of the field in the program's struct */
    uint32_t min, max;                    /* inclusive; CONF_TEXT: max = field size */
    const char *preset;                   /* used when the file has no value; NULL = an
                                           * old name, accepted with a warning */
    const char *help;                     /* one line, with the unit */
};

#define CONF_ERR_MAX 400

/* Set every field to its preset.  The last entry of <keys> has a NULL section. */
void conf_preset(const struct conf_key *keys, void *out);

/* Read the file <path>; each key in it overwrites its field of <out>.  Returns 0;
 * -ENOENT, -EACCES or another -errno when it cannot be read; -EINVAL when a line is
 * wrong.  On failure <err> holds a message such as
 * "conf/x.ini:3: [server] thread: unknown key; did you mean [server] threads?" */
int conf_load(const struct conf_key *keys, void *out, const char *path,
              char err[CONF_ERR_MAX]);

/* As conf_load(), but from a string; <name> replaces the file name in messages. */
int conf_load_text(const struct conf_key *keys, void *out, const char *text,
                   const char *name, char err[CONF_ERR_MAX]);

/* Write <values> as a complete file with help texts, which conf_load() can read. */
void conf_print(const struct conf_key *keys, const void *values, FILE *to);

#endif
