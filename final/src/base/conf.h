/* conf -- a configuration file in INI form, checked against one table. The table is the
 * whole truth: it gives the parser, the defaults, the error messages and what
 * --print-config shows.  A key that is not in it is an error, never ignored: a section
 * misspelt [repoter] went unnoticed in the public Lars.  Thread: init. */
#ifndef LARS_BASE_CONF_H
#define LARS_BASE_CONF_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum conf_type {
    CONF_U32,                             /* uint32_t, in decimal, min to max */
    CONF_TEXT,                            /* char[], at most max bytes with its 0 */
    CONF_RATE,                            /* uint32_t, per mille, written as 0.1 */
};

struct conf_key {
    const char *section, *name;
    enum conf_type type;
    size_t offset;                        /* of the field in the program's struct */
    uint32_t min, max;                    /* inclusive; TEXT: max = size of the field */
    const char *preset;                   /* the value when the file does not say; NULL:
                                           * an old name, taken with a warning */
    const char *help;                     /* one line, with the unit */
};

#define CONF_ERR_MAX 400

/* Set every field to its preset.  <keys> ends with a NULL section. */
void conf_preset(const struct conf_key *keys, void *out);

/* Read <path> over what <out> holds.  Returns 0; -ENOENT, -EACCES ... when it cannot be
 * read; -EINVAL when something in it is wrong.  <err> then holds a sentence for people:
 * "conf/x.ini:3: [server] thread: unknown key; did you mean [server] threads?" */
int conf_load(const struct conf_key *keys, void *out, const char *path,
              char err[CONF_ERR_MAX]);

/* The same from a string; <name> stands for the file in messages. */
int conf_load_text(const struct conf_key *keys, void *out, const char *text,
                   const char *name, char err[CONF_ERR_MAX]);

/* Write a complete file with help texts that conf_load() reads back. */
void conf_print(const struct conf_key *keys, const void *values, FILE *to);

#endif
