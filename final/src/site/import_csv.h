/* import_csv -- splits text into rows and fields: CSV as RFC 4180 has it and as
 * spreadsheet programs write it, with ',' ';' or TAB between the fields, and with line
 * ends of any kind.  Thread: one. */
#ifndef LARS_SITE_IMPORT_CSV_H
#define LARS_SITE_IMPORT_CSV_H

#include <stddef.h>

#include "site/import_fault.h"

#define IMPORT_CSV_FIELDS 64 /* of a row */

struct import_field {
    const char *text; /* without quotes; lines end with '\n' */
    struct import_pos at; /* of its first character in the file */
};

struct import_record {
    uint32_t row; /* as the spreadsheet numbers it, from 1 */
    uint32_t n; /* fields */
    struct import_field field[IMPORT_CSV_FIELDS];
};

struct import_csv {
    char *p, *end;
    char separator;
    uint32_t row;
    struct import_pos at;
    struct import_faults *f;
};

/* Begin with the <len> bytes at <text>, which are whole UTF-8 with a NUL behind them.
 * Borrows <text>, which it changes, and <f>, for the calls and the fields.  The first row
 * decides the separator; a first line "sep=;" is obeyed. */
void import_csv_init(struct import_csv *c, char *text, size_t len,
                     struct import_faults *f);

/* The next row that is not empty; the fields stay valid as long as the text.  Control
 * characters, which become '?', and misplaced quotes are faults.  Returns 1; 0 at the
 * end. */
int import_csv_next(struct import_csv *c, struct import_record *out);

#endif
