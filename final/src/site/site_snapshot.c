/* The file is a line with the version, then records: a letter for the kind of row, and
 * its columns, each as a length of four bytes and the bytes.  The last record has the
 * CRC-32 of all before it, so a file that was cut or changed is refused as a whole.
 * Reading uses the functions that add the rows of the database, with their checks.
 *
 * The file is written under another name, flushed to the disk and renamed: a reader sees
 * the old file or the new one.
 * Rejected: a dump of structures in memory, which a new version of the program could not
 * read, and which a damaged file would turn against it. */
#include "site/site_snapshot.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "base/buf.h"
#include "base/new_file.h"

#define MAGIC "lars-site 1\n"
#define SIZE_MAX_FILE (512u * 1024 * 1024)
#define COLUMNS_MAX ((size_t)EXHIBIT_COLUMNS)

/* --- writing ------------------------------------------------------------------------ */

static int put_field(struct buf *b, const void *bytes, size_t len)
{
    unsigned char size[4] = {(unsigned char)(len >> 24), (unsigned char)(len >> 16),
                             (unsigned char)(len >> 8), (unsigned char)len};
    int rc = buf_append(b, size, sizeof(size));

    return rc < 0 ? rc : buf_append(b, bytes, len);
}

static int put_row(struct buf *b, char kind, const char *const *text, size_t n)
{
    int rc = buf_append(b, &kind, 1);
    size_t i;

    for (i = 0; rc == 0 && i < n; i++)
        rc = put_field(b, text[i], strlen(text[i]));
    return rc;
}

static int put_edition(struct buf *b, const struct catalogue_edition *e)
{
    char year[12];
    const char *row[EDITION_COLUMNS] = {year, e->title[0], e->title[1], e->state,
                                        e->published_at};

    snprintf(year, sizeof(year), "%" PRIu32, e->year);
    return put_row(b, 'E', row, EDITION_COLUMNS);
}

static int put_picture(struct buf *b, const struct catalogue_picture *p)
{
    const char *row[] = {p->hash, p->mime};
    int rc = put_row(b, 'P', row, 2);

    return rc < 0 ? rc : put_field(b, p->bytes, p->len);
}

static int put_exhibit(struct buf *b, const struct catalogue_exhibit *x)
{
    char year[12];
    const char *row[EXHIBIT_COLUMNS] = {year,
                                        x->id,
                                        x->category,
                                        x->title[0],
                                        x->title[1],
                                        x->summary[0],
                                        x->summary[1],
                                        x->body[0],
                                        x->body[1],
                                        x->organisation[0],
                                        x->organisation[1],
                                        x->is_sample ? "1" : "0"};
    int rc;
    size_t i;

    snprintf(year, sizeof(year), "%" PRIu32, x->edition->year);
    rc = put_row(b, 'X', row, EXHIBIT_COLUMNS);
    for (i = 0; rc == 0 && i < x->n_view; i++) {
        const char *view[VIEW_COLUMNS] = {year, x->id, x->view[i].picture->hash,
                                          x->view[i].alt[0], x->view[i].alt[1]};

        rc = put_row(b, 'V', view, VIEW_COLUMNS);
    }
    return rc;
}

static int put_number(struct buf *b, char kind, uint64_t value)
{
    char text[24];
    const char *row = text;

    snprintf(text, sizeof(text), "%" PRIu64, value);
    return put_row(b, kind, &row, 1);
}

static uint32_t sum_of(const void *bytes, size_t len)
{
    return (uint32_t)crc32_z(0, bytes, len);
}

static int put_all(struct buf *b, const struct catalogue *c, uint64_t revision)
{
    int rc = buf_append(b, MAGIC, sizeof(MAGIC) - 1);
    size_t i;

    if (rc == 0)
        rc = put_number(b, 'R', revision);
    for (i = 0; rc == 0 && i < catalogue_n_editions(c); i++)
        rc = put_edition(b, catalogue_edition(c, i));
    for (i = 0; rc == 0 && i < catalogue_n_pictures(c); i++)
        rc = put_picture(b, catalogue_picture(c, i));
    for (i = 0; rc == 0 && i < catalogue_n_exhibits(c); i++)
        rc = put_exhibit(b, catalogue_exhibit(c, i));
    return rc < 0 ? rc : put_number(b, 'Z', sum_of(buf_bytes(b), b->len));
}

static int replace_file(const char *path, const struct buf *b)
{
    const struct new_file_part all = {buf_bytes(b), b->len};
    char beside[PATH_MAX];
    int rc = new_file_write(beside, path, 0644, &all, 1);

    return rc < 0 ? rc : new_file_use(beside, path);
}

int site_snapshot_write(const char *path, const struct catalogue *c, uint64_t revision)
{
    struct buf b = {0};
    int rc = put_all(&b, c, revision);

    if (rc == 0)
        rc = replace_file(path, &b);
    buf_free(&b);
    return rc;
}

/* --- reading ------------------------------------------------------------------------ */

struct cursor {
    char *at, *end;
};

/* The next field: borrowed, without a final 0. */
static int take_field(struct cursor *c, char **text, size_t *len)
{
    const unsigned char *p = (const unsigned char *)c->at;
    size_t n;

    if (c->end - c->at < 4)
        return -EBADMSG;
    n = (size_t)p[0] << 24 | (size_t)p[1] << 16 | (size_t)p[2] << 8 | p[3];
    if (n > (size_t)(c->end - c->at) - 4)
        return -EBADMSG;
    *text = c->at + 4;
    *len = n;
    c->at += 4 + n;
    return 0;
}

/* The columns of a row, moved one byte down, over the last byte of their length, so that
 * each has room for its final 0. */
static int take_row(struct cursor *c, char **at, size_t *len, size_t n)
{
    size_t i;
    int rc = 0;

    for (i = 0; rc == 0 && i < n; i++) {
        rc = take_field(c, &at[i], &len[i]);
        if (rc < 0)
            return rc;
        memmove(at[i] - 1, at[i], len[i]);
        at[i]--;
        at[i][len[i]] = '\0';
    }
    return rc;
}

static int add_row(struct catalogue *to, char kind, struct cursor *c, uint64_t *revision)
{
    static const struct {
        char kind;
        size_t columns;
    } kinds[] = {{'R', 1},
                 {'E', EDITION_COLUMNS},
                 {'P', 3},
                 {'X', EXHIBIT_COLUMNS},
                 {'V', VIEW_COLUMNS}};
    char *at[COLUMNS_MAX] = {NULL};
    size_t len[COLUMNS_MAX] = {0}, i = 0;
    int rc;

    while (i < sizeof(kinds) / sizeof(kinds[0]) && kinds[i].kind != kind)
        i++;
    if (i == sizeof(kinds) / sizeof(kinds[0]))
        return -EBADMSG;
    rc = take_row(c, at, len, kinds[i].columns);
    if (rc < 0)
        return rc;
    if (kind == 'R')
        *revision = strtoull(at[0], NULL, 10);
    else if (kind == 'E')
        rc = catalogue_add_edition(to, at);
    else if (kind == 'P')
        rc = catalogue_add_picture(to, at[0], at[1], at[2], len[2]);
    else
        rc = kind == 'X' ? catalogue_add_exhibit(to, at) : catalogue_add_view(to, at);
    return rc == -EINVAL ? -EBADMSG : rc; /* a catalogue has no bad rows to write */
}

/* The record at the end: <n> is the offset of its letter.  False: the file is damaged. */
static bool is_whole(const char *bytes, size_t len, size_t *n)
{
    char want[24];
    int digits;
    size_t at = len;

    while (at > 0 && len - at < 16 && bytes[at - 1] >= '0' && bytes[at - 1] <= '9')
        at--;
    if (at < sizeof(MAGIC) + 4 || bytes[at - 5] != 'Z' || bytes[at - 4] ||
        bytes[at - 3] || bytes[at - 2] || (size_t)bytes[at - 1] != len - at)
        return false;
    *n = at - 5;
    digits = snprintf(want, sizeof(want), "%" PRIu32, sum_of(bytes, *n));
    return (size_t)digits == len - at && memcmp(want, bytes + at, len - at) == 0 &&
           memcmp(bytes, MAGIC, sizeof(MAGIC) - 1) == 0;
}

static int parse(struct catalogue *to, char *bytes, size_t len, uint64_t *revision)
{
    struct cursor c = {bytes + sizeof(MAGIC) - 1, NULL};
    size_t end;
    int rc = 0;

    if (!is_whole(bytes, len, &end))
        return -EBADMSG;
    c.end = bytes + end;
    while (rc == 0 && c.at < c.end) {
        char kind = *c.at++;

        rc = add_row(to, kind, &c, revision);
    }
    return rc;
}

static int read_file(const char *path, char **out, size_t *len)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), rc = 0;
    struct stat st;
    size_t done = 0;
    ssize_t n = 1;

    if (fd < 0)
        return -errno;
    if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode))
        rc = -EBADMSG;
    else if (st.st_size > (off_t)SIZE_MAX_FILE)
        rc = -E2BIG;
    *len = rc == 0 ? (size_t)st.st_size : 0;
    *out = rc == 0 ? malloc(*len + 1) : NULL;
    if (rc == 0 && !*out)
        rc = -ENOMEM;
    while (rc == 0 && done < *len && n > 0) {
        n = read(fd, *out + done, *len - done);
        done += n > 0 ? (size_t)n : 0;
    }
    close(fd);
    return rc < 0 || done == *len ? rc : -EBADMSG;
}

int site_snapshot_read(const char *path, struct catalogue **out, uint64_t *revision)
{
    struct catalogue *c = NULL;
    char *bytes = NULL;
    size_t len = 0;
    int rc = read_file(path, &bytes, &len);

    if (rc == 0)
        rc = catalogue_create(&c);
    if (rc == 0)
        rc = parse(c, bytes, len, revision);
    free(bytes);
    if (rc < 0)
        catalogue_destroy(c);
    else
        *out = c;
    return rc;
}
