/* A draft is what the file will be: a table and the bytes that it points to.  The file is
 * written beside the old one, read back as at the next start, and renamed.
 *
 * Invariant: the file under its name is whole at every moment.
 * Rejected: a folder with a file for each page.  Its names come from a node, a folder
 * cannot be replaced in one step, and a crash leaves half of it. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>

#include "base/buf.h"
#include "base/fnv.h"
#include "base/new_file.h"
#include "gateway/mirror_private.h"

#define GZIP_WINDOW (15 + 16) /* for zlib: the largest window, with a gzip head */
#define GZIP_LEVEL 6
#define GZIP_LEAST 256u /* bytes of a body that is worth it */

struct mirror_draft {
    struct mirror_row *row; /* <at> counts from the first byte of <bytes> */
    uint32_t n, room;
    struct buf bytes;
};

/* --- a draft ------------------------------------------------------------------------ */

int mirror_draft_create(struct mirror_draft **out)
{
    *out = calloc(1, sizeof(**out));
    return *out ? 0 : -ENOMEM;
}

static void empty(struct mirror_draft *d)
{
    free(d->row);
    buf_free(&d->bytes);
    *d = (struct mirror_draft){.row = NULL};
}

void mirror_draft_destroy(struct mirror_draft *d)
{
    if (d)
        empty(d);
    free(d);
}

static int put(struct mirror_draft *d, const char *p, size_t len, struct mirror_span *out)
{
    *out = (struct mirror_span){(uint32_t)d->bytes.len, (uint32_t)len};
    if (len > MIRROR_BYTES_MAX - d->bytes.len)
        return -E2BIG;
    return len ? buf_append(&d->bytes, p, len) : 0;
}

static bool is_text(struct http_text fields)
{
    if (fields.len == 0) /* then it may be NULL, which memmem() does not allow */
        return false;
    return memmem(fields.at, fields.len, "text/", 5) ||
           memmem(fields.at, fields.len, "+xml", 4) ||
           memmem(fields.at, fields.len, "json", 4);
}

/* Compress it, when that makes it a tenth smaller. */
static int put_gzip(struct mirror_draft *d, struct http_text plain,
                    struct mirror_span *out)
{
    z_stream z = {.next_in = (Bytef *)(uintptr_t)plain.at, .avail_in = plain.len};
    size_t room = plain.len - plain.len / 10;
    char *to = malloc(room);
    int rc = 0;

    if (!to || deflateInit2(&z, GZIP_LEVEL, Z_DEFLATED, GZIP_WINDOW, 8,
                            Z_DEFAULT_STRATEGY) != Z_OK) {
        free(to);
        return -ENOMEM;
    }
    z.next_out = (Bytef *)to;
    z.avail_out = (uInt)room;
    if (deflate(&z, Z_FINISH) == Z_STREAM_END)
        rc = put(d, to, room - z.avail_out, out);
    deflateEnd(&z);
    free(to);
    return rc;
}

static uint64_t sum_of(struct http_text t)
{
    uint64_t sum = FNV_START;
    uint32_t i;

    for (i = 0; i < t.len; i++)
        sum = fnv_add_byte(sum, (uint8_t)t.at[i]);
    return sum;
}

static int grow_table(struct mirror_draft *d)
{
    uint32_t room = d->room ? 2 * d->room : 64;
    struct mirror_row *more;

    if (d->n == MIRROR_PAGES_MAX)
        return -E2BIG;
    if (d->n < d->room)
        return 0;
    more = realloc(d->row, room * sizeof(*more));
    if (!more)
        return -ENOMEM;
    d->row = more;
    d->room = room;
    return 0;
}

int mirror_draft_add(struct mirror_draft *d, const struct mirror_page *p)
{
    struct mirror_row row = {.status = p->status, .language = (uint16_t)p->language};
    int rc =
        mirror_path_is_fine(p->path) && mirror_fields_are_fine(p->fields) ? 0 : -EINVAL;

    if (rc == 0)
        rc = grow_table(d);
    if (rc == 0)
        rc = put(d, p->path, strlen(p->path) + 1, &row.path);
    if (rc == 0)
        rc = put(d, p->fields.at, p->fields.len, &row.fields);
    if (rc == 0)
        rc = put(d, p->plain.at, p->plain.len, &row.plain);
    if (rc == 0 && p->plain.len >= GZIP_LEAST && is_text(p->fields))
        rc = put_gzip(d, p->plain, &row.gzip);
    if (rc < 0)
        return rc;
    row.path.len--;
    row.etag = sum_of(p->plain);
    d->row[d->n++] = row;
    return 0;
}

/* --- storing ------------------------------------------------------------------------ */

static int in_order(const void *a, const void *b, void *arg)
{
    const struct mirror_row *x = a, *y = b;
    const char *bytes = arg;

    return mirror_compare(bytes + x->path.at, x->language, bytes + y->path.at,
                          y->language);
}

/* Sort the table and make its spans those of the file. */
static int finish_table(struct mirror_draft *d)
{
    const char *bytes = buf_bytes(&d->bytes);
    uint32_t i,
        shift = (uint32_t)(sizeof(struct mirror_head) + d->n * sizeof(struct mirror_row));

    if (d->n == 0)
        return -ENOENT;
    if (d->bytes.len + shift > MIRROR_BYTES_MAX)
        return -E2BIG;
    qsort_r(d->row, d->n, sizeof(d->row[0]), in_order, (void *)(uintptr_t)bytes);
    for (i = 1; i < d->n; i++)
        if (in_order(&d->row[i - 1], &d->row[i], (void *)(uintptr_t)bytes) == 0)
            return -EEXIST;
    for (i = 0; i < d->n; i++) {
        d->row[i].path.at += shift;
        d->row[i].fields.at += shift;
        d->row[i].plain.at += shift;
        d->row[i].gzip.at += shift;
    }
    return 0;
}

static int write_draft(const struct mirror_draft *d, uint64_t taken_s, const char *path,
                       char beside[PATH_MAX])
{
    size_t table = d->n * sizeof(struct mirror_row);
    struct mirror_head h = {.magic = MIRROR_MAGIC, /* without the final 0 */
                            .taken_s = taken_s,
                            .size = sizeof(h) + table + d->bytes.len,
                            .n = d->n};
    const struct new_file_part part[] = {{&h, sizeof(h)},
                                         {d->row, table},
                                         {buf_bytes(&d->bytes), d->bytes.len}};

    h.sum = (uint32_t)crc32_z(0, part[1].bytes, part[1].len);
    h.sum = (uint32_t)crc32_z(h.sum, part[2].bytes, part[2].len);
    return new_file_write(beside, path, 0640, part, 3);
}

int mirror_draft_store(struct mirror_draft *d, const char *path, uint64_t taken_s,
                       struct mirror **out)
{
    struct mirror *m = NULL;
    char beside[PATH_MAX];
    int rc = finish_table(d);

    if (rc == 0)
        rc = write_draft(d, taken_s, path, beside);
    empty(d);
    if (rc < 0)
        return rc;
    rc = mirror_open(&m, beside);
    if (rc < 0) {
        unlink(beside);
        return rc;
    }
    rc = new_file_use(beside, path);
    if (rc < 0)
        mirror_unref(m);
    else
        *out = m;
    return rc;
}
