/* import_sheet -- the exhibits of a spreadsheet: finds the columns by their titles,
 * checks each field and each picture, and collects the faults.  Thread: one. */
#ifndef LARS_SITE_IMPORT_SHEET_H
#define LARS_SITE_IMPORT_SHEET_H

#include <stddef.h>
#include <stdint.h>

#include "site/import_fault.h"
#include "site/import_picture.h"

#define IMPORT_ITEMS_MAX 1000 /* exhibits of an edition */
#define IMPORT_PICTURES_MAX 16 /* of an exhibit */
#define IMPORT_BYTES_MAX (64u << 20) /* of all pictures of an edition */
#define IMPORT_ID_MAX 32
#define IMPORT_ALT_MAX 300 /* characters */

enum import_column {
#define COLUMN(name, title, zh, max, need, lines) IMPORT_##name,
#include "site/import_columns.inc"
#undef COLUMN
    IMPORT_N_COLUMNS
};

struct import_item_picture {
    const char *name, *alt_zh, *alt_en;
    char hash[IMPORT_PICTURE_HASH];
};

struct import_item {
    uint32_t row; /* of the spreadsheet */
    const char *category; /* static */
    const char *text[IMPORT_N_COLUMNS]; /* never NULL; CATEGORY as it was written */
    uint32_t n_picture;
    struct import_item_picture picture[IMPORT_PICTURES_MAX];
};

struct import_sheet {
    struct import_item *item; /* owned; in the order of the rows */
    uint32_t n;
    char separator; /* between the fields of a row */
};

/* Read the <len> bytes at <text>, whole UTF-8 with a NUL behind them, which are changed;
 * the items borrow from them.  <pictures> is the descriptor of the folder.  Faults go to
 * <f>; when there are any, the items are not complete.  Returns 0 or -ENOMEM; the caller
 * frees <out> in any case. */
int import_sheet_read(struct import_sheet *out, char *text, size_t len, int pictures,
                      struct import_faults *f);
void import_sheet_free(struct import_sheet *s);

const char *import_sheet_column(enum import_column c); /* its name; static */

#endif
