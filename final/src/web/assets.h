/* assets -- the files of the front end, read into memory at the start: a request never
 * opens a file.  Constant afterwards.  Thread: any. */
#ifndef LARS_WEB_ASSETS_H
#define LARS_WEB_ASSETS_H

#include <stdbool.h>
#include <stddef.h>

#define ASSETS_FILES 256
#define ASSETS_BYTES ((size_t)16 << 20) /* of all files */

struct assets;

struct assets_file {
    char path[128];                   /* "/", "/assets/index-1a2b.js" */
    const char *type;                 /* of the content; static */
    bool is_hashed;                   /* its name changes with its content */
    char *plain, *gzip;               /* owned; gzip: NULL = there is none */
    size_t n_plain, n_gzip;
};

/* Read index.html, favicon.svg and the folder assets of <dir>, and NAME.gz beside each
 * file.  Returns
 * 0; -ENOENT when <dir> has no index.html; -E2BIG; -EIO; -ENOMEM. */
int assets_load(struct assets **out, const char *dir);
void assets_free(struct assets *a);   /* NULL is fine */

/* The file of this path, byte for byte, or NULL. */
const struct assets_file *assets_find(const struct assets *a, const char *path);

#endif
