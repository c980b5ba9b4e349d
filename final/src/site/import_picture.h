/* import_picture -- reads a picture of an exhibit and checks that a web site can show
 * it: a whole PNG, JPEG, WebP or SVG file of the type that its name says.  Thread: one.
 * */
#ifndef LARS_SITE_IMPORT_PICTURE_H
#define LARS_SITE_IMPORT_PICTURE_H

#include <stddef.h>
#include <stdint.h>

#define IMPORT_PICTURE_MAX (1u << 20) /* bytes of a file */
#define IMPORT_PICTURE_SIDE 10000 /* pixels of a side */
#define IMPORT_PICTURE_HASH 65 /* SHA-256 in lower-case hex, with its end */
#define IMPORT_PICTURE_WHY 160

struct import_picture {
    const char *mime; /* "image/png"; static */
    char hash[IMPORT_PICTURE_HASH];
    uint8_t *bytes; /* owned; a NUL is behind them */
    size_t len;
};

/* Check the <len> bytes of the file <name>; a NUL is behind them.  Returns 0 and the
 * type; -EINVAL with half a sentence in <why>, that continues "the picture NAME ...". */
int import_picture_check(const char *name, const uint8_t *bytes, size_t len,
                         const char **mime, char why[IMPORT_PICTURE_WHY]);

/* Read and check the file <name> of the folder <dir>, a descriptor; a link is not
 * followed.  Returns 0; -ENOMEM; -EINVAL with <why> as above. */
int import_picture_read(struct import_picture *out, int dir, const char *name,
                        char why[IMPORT_PICTURE_WHY]);
void import_picture_free(struct import_picture *p);

#endif
