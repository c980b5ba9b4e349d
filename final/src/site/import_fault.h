/* import_fault -- the faults of a spreadsheet, each with its place, so that all of them
 * can be mended at once.  Thread: one. */
#ifndef LARS_SITE_IMPORT_FAULT_H
#define LARS_SITE_IMPORT_FAULT_H

#include <stdint.h>
#include <stdio.h>

#define IMPORT_FAULT_MAX 50 /* that are kept; others are counted */
#define IMPORT_FAULT_TEXT 300 /* bytes of one, with its end */

struct import_pos {
    uint32_t line, column; /* from 1; a column is a character, not a byte */
};

struct import_fault {
    struct import_pos at;
    char text[IMPORT_FAULT_TEXT]; /* whole UTF-8 without control characters */
};

/* A zeroed struct has none. */
struct import_faults {
    uint32_t n; /* all, also those above IMPORT_FAULT_MAX */
    struct import_fault kept[IMPORT_FAULT_MAX];
};

/* Add a fault; <fmt> is one sentence without its place. */
void import_fault_add(struct import_faults *f, struct import_pos at, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Print FILE:LINE:COLUMN: TEXT for each that is kept, in the order of the file, and how
 * many more there are.  Sorts <f>. */
void import_fault_print(struct import_faults *f, const char *file, FILE *to);

#endif
