/* opts_help -- what --help and --describe print, from the tables of a program.
 *
 * --describe prints a line for each row, its words separated by tabs; a tab or a line end
 * inside a word does not occur.  The generators of manual pages and completion read it:
 *     program  NAME  VERSION  SUMMARY  OPERANDS
 *     about    TEXT                                      one for each paragraph
 *     option   -L  --NAME  ARGUMENT  DEFAULT  TEXT       ARGUMENT empty: it takes none
 *     file     PATH                                      tried when there is no -c
 *     config   SECTION  KEY  TYPE  MIN  MAX  DEFAULT  UNIT  TEXT
 *     command  WORDS  ARGUMENTS  TEXT                    larsctl only
 *     exit     CODE  TEXT
 * TYPE is number, text or rate (a share, 0.000 to 1.000); for text MAX is the greatest
 * length in bytes.  UNIT is ms, s, percent or empty.  Thread: init. */
#ifndef LARS_BASE_OPTS_HELP_H
#define LARS_BASE_OPTS_HELP_H

#include "base/opts.h"

void opts_help_print(const struct opts_program *p, FILE *to);
void opts_help_describe(const struct opts_program *p, FILE *to);

/* <text> in lines of at most 80 columns.  The first continues a line that is at column
 * <at>; each begins at column <indent>.  Ends with a line end. */
void opts_help_wrap(FILE *to, const char *text, size_t at, size_t indent);

#endif
