/* A copy is read into memory as a whole, because a loop that reads a mapped file waits
 * for the disk, and dies by SIGBUS when the file is cut short.
 *
 * Invariant: a mirror was read from a file whose checksum was right and whose table
 * points into it; so what mirror_find() returns needs no further check.
 * Rejected: mmap(2), for the two reasons above. */
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

#include "gateway/mirror_private.h"

struct mirror {
    atomic_uint refs;
    const struct mirror_head *head;
    const struct mirror_row *row;
    unsigned n_html;
    char bytes[]; /* the file */
};

/* --- what a file may have ----------------------------------------------------------- */

bool mirror_path_is_fine(const char *path)
{
    size_t i;

    if (path[0] != '/' && path[0] != '\0')
        return false;
    for (i = 0; path[i]; i++)
        if (path[i] <= ' ' || path[i] > '~' || path[i] == '?' || path[i] == '#' ||
            i + 2 > MIRROR_PATH_MAX)
            return false;
    return true;
}

bool mirror_fields_are_fine(struct http_text t)
{
    uint32_t i, line = 0;

    for (i = 0; i < t.len; i++) {
        if (t.at[i] == '\r' && i + 1 < t.len && t.at[i + 1] == '\n' && i > line) {
            line = ++i + 1;
            continue;
        }
        if ((unsigned char)t.at[i] < ' ' || t.at[i] == 127)
            return false;
    }
    return line == t.len && t.len <= MIRROR_FIELDS_MAX;
}

int mirror_compare(const char *a, uint32_t lang_a, const char *b, uint32_t lang_b)
{
    int c = strcmp(a, b);

    return c ? c : (int)lang_a - (int)lang_b;
}

/* --- reading ------------------------------------------------------------------------ */

static bool span_is_fine(const struct mirror *m, struct mirror_span s)
{
    return s.at <= m->head->size && s.len <= m->head->size - s.at;
}

static bool row_is_fine(const struct mirror *m, uint32_t i)
{
    const struct mirror_row *r = &m->row[i], *before = i ? r - 1 : NULL;

    if (!span_is_fine(m, r->path) || !span_is_fine(m, r->fields) ||
        !span_is_fine(m, r->plain) || !span_is_fine(m, r->gzip))
        return false;
    if (r->path.at + r->path.len == m->head->size || r->path.len >= MIRROR_PATH_MAX ||
        strnlen(m->bytes + r->path.at, r->path.len + 1) != r->path.len)
        return false;
    if (!mirror_path_is_fine(m->bytes + r->path.at) ||
        !mirror_fields_are_fine(
            (struct http_text){m->bytes + r->fields.at, r->fields.len}))
        return false;
    return !before || mirror_compare(m->bytes + before->path.at, before->language,
                                     m->bytes + r->path.at, r->language) < 0;
}

/* The <size> bytes of <m> are a file that mirror_draft_store() has written. */
static bool is_fine(const struct mirror *m, size_t size)
{
    const struct mirror_head *h = m->head;
    uint32_t i;

    if (size < sizeof(*h) || memcmp(h->magic, MIRROR_MAGIC, sizeof(h->magic)) != 0 ||
        h->size != size || h->n == 0 || h->n > MIRROR_PAGES_MAX ||
        size - sizeof(*h) < h->n * sizeof(struct mirror_row) ||
        h->sum != crc32_z(0, (const void *)(m->bytes + sizeof(*h)), size - sizeof(*h)))
        return false;
    for (i = 0; i < h->n; i++)
        if (!row_is_fine(m, i))
            return false;
    return true;
}

static int read_all(int fd, char *p, size_t len)
{
    while (len > 0) {
        ssize_t n = read(fd, p, len);

        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 ? -errno : -EBADMSG;
        p += n;
        len -= (size_t)n;
    }
    return 0;
}

static bool is_html(const char *p, uint32_t len)
{
    static const char name[] = "Content-Type:", type[] = "text/html";
    const char *end = p + len;

    for (; p < end; p = (const char *)memchr(p, '\n', (size_t)(end - p)) + 1) {
        if (strncasecmp(p, name, sizeof(name) - 1) != 0)
            continue;
        p += sizeof(name) - 1;
        return strncasecmp(p + strspn(p, " \t"), type, sizeof(type) - 1) == 0;
    }
    return false;
}

static void count_html(struct mirror *m)
{
    uint32_t i;

    for (i = 0, m->n_html = 0; i < m->head->n; i++)
        m->n_html += is_html(m->bytes + m->row[i].fields.at, m->row[i].fields.len);
}

static int read_file(int fd, struct mirror **out)
{
    struct stat st;
    struct mirror *m;
    int rc;

    if (fstat(fd, &st) < 0)
        return -errno;
    if (!S_ISREG(st.st_mode))
        return -EBADMSG;
    if (st.st_size > (off_t)MIRROR_BYTES_MAX)
        return -E2BIG;
    m = malloc(sizeof(*m) + (size_t)st.st_size);
    if (!m)
        return -ENOMEM;
    m->refs = 1;
    m->head = (const struct mirror_head *)(const void *)m->bytes;
    m->row = (const struct mirror_row *)(const void *)(m->bytes + sizeof(*m->head));
    rc = read_all(fd, m->bytes, (size_t)st.st_size);
    if (rc == 0 && !is_fine(m, (size_t)st.st_size))
        rc = -EBADMSG;
    if (rc < 0)
        free(m);
    else
        count_html(*out = m);
    return rc;
}

int mirror_open(struct mirror **out, const char *path)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK), rc;

    if (fd < 0)
        return -errno;
    rc = read_file(fd, out);
    close(fd);
    return rc;
}

struct mirror *mirror_ref(struct mirror *m)
{
    atomic_fetch_add_explicit(&m->refs, 1, memory_order_relaxed);
    return m;
}

void mirror_unref(struct mirror *m)
{
    if (m && atomic_fetch_sub_explicit(&m->refs, 1, memory_order_acq_rel) == 1)
        free(m);
}

/* --- finding ------------------------------------------------------------------------ */

/* The first row that is not before (<path>, <language>). */
static uint32_t lower_bound(const struct mirror *m, const char *path, uint32_t language)
{
    uint32_t from = 0, to = m->head->n;

    while (from < to) {
        uint32_t mid = from + (to - from) / 2;
        const struct mirror_row *r = &m->row[mid];

        if (mirror_compare(m->bytes + r->path.at, r->language, path, language) < 0)
            from = mid + 1;
        else
            to = mid;
    }
    return from;
}

static const struct mirror_row *row_of(const struct mirror *m, const char *path,
                                       enum cache_control_language language)
{
    uint32_t at = lower_bound(m, path, language);
    const struct mirror_row *end = m->row + m->head->n, *r = m->row + at;

    if (r < end && r->language == language && strcmp(m->bytes + r->path.at, path) == 0)
        return r;
    r = m->row + lower_bound(m, path, 0);
    return r < end && strcmp(m->bytes + r->path.at, path) == 0 ? r : NULL;
}

bool mirror_find(const struct mirror *m, struct http_text target,
                 enum cache_control_language language, struct mirror_page *out)
{
    char path[MIRROR_PATH_MAX] = MIRROR_MISSING;
    const struct mirror_row *r;
    uint32_t n = 0;

    while (n < target.len && target.at[n] != '?' && target.at[n] != '#')
        n++;
    if (n < sizeof(path))
        snprintf(path, sizeof(path), "%.*s", (int)n, target.at);
    r = row_of(m, path, language);
    if (!r)
        r = row_of(m, MIRROR_MISSING, language);
    if (!r)
        return false;
    *out = (struct mirror_page){.path = m->bytes + r->path.at,
                                .language = (enum cache_control_language)r->language,
                                .status = r->status,
                                .fields = {m->bytes + r->fields.at, r->fields.len},
                                .plain = {m->bytes + r->plain.at, r->plain.len},
                                .gzip = {m->bytes + r->gzip.at, r->gzip.len}};
    snprintf(out->etag, sizeof(out->etag), "%016llx", (unsigned long long)r->etag);
    return true;
}

unsigned mirror_n_pages(const struct mirror *m)
{
    return m->head->n;
}

unsigned mirror_n_html(const struct mirror *m)
{
    return m->n_html;
}

uint64_t mirror_bytes(const struct mirror *m)
{
    return m->head->size;
}

uint64_t mirror_taken_s(const struct mirror *m)
{
    return m->head->taken_s;
}
