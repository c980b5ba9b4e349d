/* sheetfix -- for tests of showcase-import: reads the bytes of a spreadsheet with a
 * folder of pictures, and gives what came of it as text. */
#ifndef LARS_TEST_SHEETFIX_H
#define LARS_TEST_SHEETFIX_H

#include "site/import_sheet.h"
#include "site/import_text.h"

#define SHEETFIX_TITLES                                                                  \
    "id,category,title_zh,title_en,summary_zh,summary_en,body_zh,body_en,"               \
    "organisation_zh,organisation_en,pictures,alt_zh,alt_en\n"

struct sheetfix {
    struct import_faults f;
    struct import_text text;
    struct import_sheet sheet;
};

/* Read <len> bytes; the folder of the pictures is empty.  The caller frees by
 * sheetfix_free().  Returns 0 or -errno. */
int sheetfix_read(struct sheetfix *x, const void *bytes, size_t len);
/* The same with the titles before <rows>. */
int sheetfix_rows(struct sheetfix *x, const char *rows);
void sheetfix_free(struct sheetfix *x);

/* Does a fault stand at this place, with <part> in its text? */
int sheetfix_has(const struct sheetfix *x, uint32_t line, uint32_t column,
                 const char *part);

#endif
