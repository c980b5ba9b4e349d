/* table -- the result of a command as rows of text, printed for people, programs or
 * spreadsheets.
 *   TABLE_TEXT   aligned columns; a Chinese character is as wide as two others
 *   TABLE_JSON   an array of objects; numbers above 2^53 are quoted, because readers of
 *                JSON would round them
 *   TABLE_CSV    a line of names, then the rows, as in RFC 4180
 * Thread: one. */
#ifndef LARS_CTL_TABLE_H
#define LARS_CTL_TABLE_H

#include <stddef.h>
#include <stdio.h>

enum table_format { TABLE_TEXT, TABLE_JSON, TABLE_CSV };

#define TABLE_MAX_COLUMNS 16

struct table;

/* <columns>: names with blanks between them; a name that ends in '#' is a column of
 * numbers: JSON shows them bare, text to the right.  Returns 0; -ENOMEM. */
int table_create(struct table **out, const char *columns);
void table_destroy(struct table *t);  /* NULL is fine */

/* One cell for each column; NULL is an empty one.  Copies.  Returns 0 or -ENOMEM. */
int table_add(struct table *t, char *const *cell);

size_t table_n_rows(const struct table *t);

/* Borrowed until table_destroy(). */
const char *table_cell(const struct table *t, size_t row, size_t column);

/* Returns 0; -ENOMEM; -EIO when it could not be written. */
int table_print(const struct table *t, enum table_format f, FILE *to);

/* Print <s> with '?' for each control character, those of Latin-1 in UTF-8 included: a
 * name in the database cannot send codes to the terminal. */
void table_print_safe(const char *s, FILE *to);

#endif
