/* ini_file -- splits a text in INI form into sections, names and values.
 *     ; or # begins a comment, at the start of a line or, for ; only, after a blank
 *     [section]
 *     name = value          or name: value
 * One line is one key: blanks before and after a section, a name and a value have no
 * meaning, so an indented line is a key like any other and never continues the line
 * before it.  A line may have INI_FILE_LINE_MAX bytes and may end with LF or CR LF.
 * Thread: any. */
#ifndef LARS_BASE_INI_FILE_H
#define LARS_BASE_INI_FILE_H

#include <stdbool.h>
#include <stdio.h>

#define INI_FILE_LINE_MAX 4000            /* bytes of a line without its line end */

/* Called for each key; <section> is "" before the first [section].  The three texts are
 * borrowed until it returns.  Returns false to end the reading: the line is wrong. */
typedef bool ini_file_key_fn(void *arg, const char *section, const char *name,
                             const char *value);

/* Read <f> to its end.  Returns 0; -EIO when it cannot be read; -EINVAL when a line is
 * wrong: then *line is its number, counted from 1, and *why is a static text, or NULL
 * when <fn> refused the key. */
int ini_file_read(FILE *f, ini_file_key_fn *fn, void *arg, int *line, const char **why);

/* What one line has.  The texts are borrowed until the function that gets it returns. */
struct ini_file_line {
    int n;                                /* counted from 1 */
    const char *section;                  /* "" before the first [section] */
    const char *name, *value;             /* NULL: the line is [section], or is wrong */
    const char *why;                      /* a static text: why it is wrong; or NULL */
};

/* Returns false to end the reading. */
typedef bool ini_file_line_fn(void *arg, const struct ini_file_line *line);

/* Read all of <f>, also what stands after a wrong line: for a program that reports every
 * fault of a file.  Calls <fn> for each key, each [section] and each wrong line.  Returns
 * 0, or -EIO when it cannot be read. */
int ini_file_each(FILE *f, ini_file_line_fn *fn, void *arg);

#endif
