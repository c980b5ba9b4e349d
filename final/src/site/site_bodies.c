/* Compression takes a hundred times as long as sending, so it is done when an edition is
 * published and not for each visitor.
 *
 * Invariant: a path is what a browser sends, byte for byte; nothing is decoded, so there
 * is one way to ask for a page.
 * Rejected: compressing at the first request, which makes the first visitors wait when
 * there are most of them. */
#include "site/site_bodies.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "base/fnv.h"

#define LEVEL 6
#define GZIP_WINDOW (15 + 16) /* 16: with the header of gzip */
#define LEAST 200u /* bytes that are worth it */

struct site_bodies {
    struct site_body *by_path;
};

int site_bodies_create(struct site_bodies **out)
{
    struct site_bodies *b = calloc(1, sizeof(*b));

    if (!b)
        return -ENOMEM;
    *out = b;
    return 0;
}

void site_bodies_destroy(struct site_bodies *b)
{
    struct site_body *x, *next;

    if (!b)
        return;
    HASH_ITER(hh, b->by_path, x, next)
    {
        HASH_DEL(b->by_path, x);
        free(x->gzip);
        free(x->owned);
        free(x);
    }
    free(b);
}

static bool is_text(const char *type)
{
    return strncmp(type, "text/", 5) == 0 || strcmp(type, "image/svg+xml") == 0;
}

/* Returns 0, also when it would not be smaller; -ENOMEM. */
static int compress_body(struct site_body *x)
{
    z_stream z = {.next_in = (Bytef *)(uintptr_t)x->plain, .avail_in = (uInt)x->n_plain};
    size_t room = x->n_plain - x->n_plain / 10;
    char *to;

    if (!is_text(x->type) || x->n_plain < LEAST)
        return 0;
    to = malloc(room);
    if (!to ||
        deflateInit2(&z, LEVEL, Z_DEFLATED, GZIP_WINDOW, 8, Z_DEFAULT_STRATEGY) != Z_OK) {
        free(to);
        return -ENOMEM;
    }
    z.next_out = (Bytef *)to;
    z.avail_out = (uInt)room;
    if (deflate(&z, Z_FINISH) == Z_STREAM_END) {
        x->gzip = to;
        x->n_gzip = room - z.avail_out;
        to = NULL;
    }
    deflateEnd(&z);
    free(to);
    return 0;
}

static void set_etag(struct site_body *x)
{
    uint64_t sum = FNV_START;
    size_t i;

    for (i = 0; i < x->n_plain; i++)
        sum = fnv_add_byte(sum, (uint8_t)x->plain[i]);
    snprintf(x->etag, sizeof(x->etag), "%016llx", (unsigned long long)sum);
}

int site_bodies_add(struct site_bodies *b, const char *path, const struct site_body *like)
{
    struct site_body *x = calloc(1, sizeof(*x));
    int rc = -ENOMEM;

    if (!x || strlen(path) >= sizeof(x->path))
        goto failed;
    *x = *like;
    memset(&x->hh, 0, sizeof(x->hh));
    x->gzip = NULL;
    snprintf(x->path, sizeof(x->path), "%s", path);
    rc = site_bodies_find(b, path) ? -EEXIST : compress_body(x);
    if (rc < 0)
        goto failed;
    set_etag(x);
    HASH_ADD_STR(b->by_path, path, x);
    return 0;
failed:
    free(like->owned);
    free(x);
    return rc;
}

const struct site_body *site_bodies_find(const struct site_bodies *b, const char *path)
{
    struct site_body *x;

    HASH_FIND_STR(b->by_path, path, x);
    return x;
}

const struct site_body *site_bodies_next(const struct site_bodies *b,
                                         const struct site_body *before)
{
    return before ? before->hh.next : b->by_path;
}
