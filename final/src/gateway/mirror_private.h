/* mirror_private -- the file of a copy, as the two files that handle it see it:
 *     mirror.c         reads it and finds pages in it
 *     mirror_draft.c   makes it
 * Thread: any. */
#ifndef LARS_GATEWAY_MIRROR_PRIVATE_H
#define LARS_GATEWAY_MIRROR_PRIVATE_H

#include "gateway/mirror.h"

#define MIRROR_MAGIC "LARSCOP1" /* 8 bytes, without the final 0 */

struct mirror_head { /* of the file */
    char magic[8];
    uint64_t taken_s, size; /* size: of the file */
    uint32_t n, sum; /* pages; CRC-32 of what follows */
};

struct mirror_span { /* of the file */
    uint32_t at, len;
};

struct mirror_row { /* of the table */
    struct mirror_span path, fields, plain, gzip; /* path.len is without the final 0 */
    uint64_t etag;
    uint16_t status, language;
    uint32_t unused;
};

_Static_assert(sizeof(struct mirror_head) == 32 && sizeof(struct mirror_row) == 48,
               "the layout of the file");

/* Has the path only bytes that a path of the copy may have?  Are the fields lines of
 * printable bytes that end with CR LF, none of them empty? */
bool mirror_path_is_fine(const char *path);
bool mirror_fields_are_fine(struct http_text fields);

/* The order of the table: by path, then by language. */
int mirror_compare(const char *a, uint32_t lang_a, const char *b, uint32_t lang_b);

#endif
