/* import_text -- the bytes of a file as text in UTF-8, whatever program has written it.
 * Thread: one. */
#ifndef LARS_SITE_IMPORT_TEXT_H
#define LARS_SITE_IMPORT_TEXT_H

#include <stddef.h>

#include "site/import_fault.h"

#define IMPORT_TEXT_MAX (16u << 20) /* bytes of a file */

enum import_encoding {
    IMPORT_AUTO, /* find it out */
    IMPORT_UTF8, /* with or without a byte order mark */
    IMPORT_GB18030, /* GBK and GB2312 are parts of it */
    IMPORT_UTF16LE,
    IMPORT_UTF16BE,
};

struct import_text {
    char *text; /* owned; ends with NUL, and may have NUL within */
    size_t len;
    enum import_encoding encoding; /* that the file has, never IMPORT_AUTO */
    int has_bom; /* it began with a byte order mark */
};

/* The encoding called <name>: auto, utf-8, gb18030, gbk, utf-16le, utf-16be.  Returns 0
 * or -EINVAL. */
int import_text_encoding(const char *name, enum import_encoding *out);
const char *import_text_name(const struct import_text *t); /* for people; static */

/* The <len> bytes at <raw> as text without byte order mark.  A byte order mark decides,
 * unless <want> contradicts; else UTF-8 is taken when most of what is not ASCII is valid
 * UTF-8, and GB18030 otherwise.  A byte that is of no character is a fault in <f> and
 * becomes '?'.  Returns 0; -E2BIG above IMPORT_TEXT_MAX; -ENOSYS: this system cannot
 * convert from GB18030; -ENOMEM. */
int import_text_decode(struct import_text *out, const void *raw, size_t len,
                       enum import_encoding want, struct import_faults *f);
void import_text_free(struct import_text *t);

#endif
