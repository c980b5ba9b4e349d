/* A picture comes from anywhere and is sent to every visitor, so its structure is
 * followed to its end: a file that was cut during a copy, or is another one with a new
 * name, is refused here and not shown as a broken picture.
 *
 * Rejected: decoding the pixels.  It would need a library for each type, each with
 * faults of its own, to find what every browser survives: wrong pixels. */
#include "site/import_picture.h"

#include <errno.h>
#include <fcntl.h>
#include <openssl/evp.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include "site/import_svg.h"

static uint32_t be16(const uint8_t *p)
{
    return (uint32_t)p[0] << 8 | p[1];
}

static uint32_t be32(const uint8_t *p)
{
    return be16(p) << 16 | be16(p + 2);
}

static int refuse(char why[IMPORT_PICTURE_WHY], const char *text)
{
    snprintf(why, IMPORT_PICTURE_WHY, "%s", text);
    return -EINVAL;
}

static int cut(char why[IMPORT_PICTURE_WHY])
{
    return refuse(why, "is damaged or not whole; copy it again");
}

static int check_sides(uint32_t width, uint32_t height, char why[IMPORT_PICTURE_WHY])
{
    if (width > 0 && height > 0 && width <= IMPORT_PICTURE_SIDE &&
        height <= IMPORT_PICTURE_SIDE)
        return 0;
    snprintf(why, IMPORT_PICTURE_WHY,
             "has %u x %u pixels; each side must have 1 to %d of them", width, height,
             IMPORT_PICTURE_SIDE);
    return -EINVAL;
}

/* Chunks follow one another: length, type, data, checksum; the last is IEND. */
static int check_png(const uint8_t *p, size_t len, char why[IMPORT_PICTURE_WHY])
{
    size_t at = 8, size;
    bool has_data = false;
    int rc;

    if (len < 33 || memcmp(p + 12, "IHDR", 4) != 0)
        return cut(why);
    rc = check_sides(be32(p + 16), be32(p + 20), why);
    while (rc == 0 && len - at >= 12) {
        size = be32(p + at);
        if (size > len - at - 12)
            return cut(why);
        has_data |= memcmp(p + at + 4, "IDAT", 4) == 0;
        if (memcmp(p + at + 4, "IEND", 4) == 0)
            return has_data ? 0 : cut(why);
        at += 12 + size;
    }
    return rc < 0 ? rc : cut(why);
}

static bool is_frame_start(uint8_t marker)
{
    return marker >= 0xc0 && marker <= 0xcf && marker != 0xc4 && marker != 0xc8 &&
           marker != 0xcc;
}

/* Segments up to the scan, then the end marker; bytes behind it are not shown. */
static int check_jpeg(const uint8_t *p, size_t len, char why[IMPORT_PICTURE_WHY])
{
    size_t at = 2, size;
    bool has_frame = false;
    int rc = 0;

    while (rc == 0 && len - at >= 4 && p[at] == 0xff) {
        uint8_t marker = p[at + 1];

        size = be16(p + at + 2);
        if (marker == 0xff) { /* a byte of filling */
            at++;
            continue;
        }
        if (size < 2 || size > len - at - 2)
            return cut(why);
        if (is_frame_start(marker)) {
            has_frame = true;
            rc = size < 8 ? cut(why)
                          : check_sides(be16(p + at + 7), be16(p + at + 5), why);
        }
        if (marker == 0xda)
            break;
        at += 2 + size;
    }
    if (rc < 0)
        return rc;
    return has_frame && at < len && memmem(p + at, len - at, "\xff\xd9", 2) ? 0
                                                                            : cut(why);
}

static uint32_t le24(const uint8_t *p)
{
    return (uint32_t)p[2] << 16 | (uint32_t)p[1] << 8 | p[0];
}

static int check_webp(const uint8_t *p, size_t len, char why[IMPORT_PICTURE_WHY])
{
    uint32_t bits;

    if (len < 30 || (le24(p + 4) | (uint32_t)p[7] << 24) > len - 8)
        return cut(why);
    if (memcmp(p + 12, "VP8 ", 4) == 0)
        return check_sides((le24(p + 26) & 0x3fff), (le24(p + 28) & 0x3fff), why);
    if (memcmp(p + 12, "VP8X", 4) == 0)
        return check_sides(le24(p + 24) + 1, le24(p + 27) + 1, why);
    if (memcmp(p + 12, "VP8L", 4) != 0 || p[20] != 0x2f)
        return cut(why);
    bits = le24(p + 21) | (uint32_t)p[24] << 24;
    return check_sides((bits & 0x3fff) + 1, (bits >> 14 & 0x3fff) + 1, why);
}

static int check_svg(const uint8_t *p, size_t len, char why[IMPORT_PICTURE_WHY])
{
    return import_svg_check((const char *)p, len, why, IMPORT_PICTURE_WHY);
}

enum { PNG, JPEG, WEBP, SVG, N_KINDS };

static const struct {
    const char *mime, *name, *ending[2];
    int (*check)(const uint8_t *p, size_t len, char why[IMPORT_PICTURE_WHY]);
} kinds[N_KINDS] = {
    [PNG] = {"image/png", "PNG", {".png", NULL}, check_png},
    [JPEG] = {"image/jpeg", "JPEG", {".jpg", ".jpeg"}, check_jpeg},
    [WEBP] = {"image/webp", "WebP", {".webp", NULL}, check_webp},
    [SVG] = {"image/svg+xml", "SVG", {".svg", NULL}, check_svg},
};

static int kind_by_name(const char *name)
{
    const char *dot = strrchr(name, '.');
    int i, j;

    for (i = 0; dot && i < N_KINDS; i++)
        for (j = 0; j < 2 && kinds[i].ending[j]; j++)
            if (strcasecmp(dot, kinds[i].ending[j]) == 0)
                return i;
    return -1;
}

/* A text that begins as markup counts as SVG, and import_svg judges it. */
static int kind_by_bytes(const uint8_t *p, size_t len)
{
    if (len >= 8 && memcmp(p, "\x89PNG\r\n\x1a\n", 8) == 0)
        return PNG;
    if (len >= 3 && memcmp(p, "\xff\xd8\xff", 3) == 0)
        return JPEG;
    if (len >= 12 && memcmp(p, "RIFF", 4) == 0 && memcmp(p + 8, "WEBP", 4) == 0)
        return WEBP;
    if (len >= 3 && memcmp(p, "\xef\xbb\xbf", 3) == 0)
        p += 3;
    p += strspn((const char *)p, " \t\r\n");
    return *p == '<' ? SVG : -1;
}

int import_picture_check(const char *name, const uint8_t *bytes, size_t len,
                         const char **mime, char why[IMPORT_PICTURE_WHY])
{
    int said = kind_by_name(name), is;

    if (said < 0)
        return refuse(why, "must have a name that ends with .png, .jpg, .jpeg, .webp or "
                           ".svg");
    if (len == 0)
        return refuse(why, "is empty");
    if (len > IMPORT_PICTURE_MAX)
        return refuse(why, "has more than 1 MiB; save it smaller, for example as JPEG "
                           "with 1600 pixels");
    is = kind_by_bytes(bytes, len);
    if (is != said) {
        snprintf(why, IMPORT_PICTURE_WHY,
                 "is not %s as its name says but %s; save it as %s, or give it its right "
                 "ending",
                 kinds[said].name, is < 0 ? "another kind of file" : kinds[is].name,
                 kinds[said].name);
        return -EINVAL;
    }
    *mime = kinds[is].mime;
    return kinds[is].check(bytes, len, why);
}

static void hash_of(struct import_picture *p)
{
    unsigned char sum[EVP_MAX_MD_SIZE];
    unsigned n = 0, i;

    EVP_Digest(p->bytes, p->len, sum, &n, EVP_sha256(), NULL);
    for (i = 0; i < 32 && i < n; i++)
        snprintf(p->hash + 2 * i, 3, "%02x", sum[i]);
}

/* Read at most one byte more than a picture may have.  Returns 0 or -errno. */
static int read_bytes(struct import_picture *p, int fd)
{
    ssize_t n = 1;

    while (p->len <= IMPORT_PICTURE_MAX && n > 0) {
        do {
            n = read(fd, p->bytes + p->len, IMPORT_PICTURE_MAX + 1 - p->len);
        } while (n == -1 && errno == EINTR);
        if (n == -1)
            return -errno;
        p->len += (size_t)n;
    }
    p->bytes[p->len] = '\0';
    return 0;
}

static int cannot_read(int error, char why[IMPORT_PICTURE_WHY])
{
    if (error == ENOENT)
        return refuse(why, "is not in the folder of the pictures");
    if (error == ELOOP)
        return refuse(why, "is a symbolic link; copy the file itself into the folder");
    snprintf(why, IMPORT_PICTURE_WHY, "cannot be read: %s", strerror(error));
    return -EINVAL;
}

static int open_file(int dir, const char *name, char why[IMPORT_PICTURE_WHY])
{
    struct stat st;
    int fd;

    if (!name[0] || name[0] == '.' || strchr(name, '/') || strchr(name, '\\'))
        return refuse(why, "must be named without a folder, and not begin with a point");
    fd = openat(dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
    if (fd == -1)
        return cannot_read(errno, why);
    if (fstat(fd, &st) == 0 && S_ISREG(st.st_mode))
        return fd;
    close(fd);
    return refuse(why, "is no file");
}

int import_picture_read(struct import_picture *out, int dir, const char *name,
                        char why[IMPORT_PICTURE_WHY])
{
    struct import_picture p = {.bytes = malloc(IMPORT_PICTURE_MAX + 2)};
    int fd, rc;

    if (!p.bytes)
        return -ENOMEM;
    fd = rc = open_file(dir, name, why);
    if (fd >= 0) {
        rc = read_bytes(&p, fd);
        close(fd);
        rc = rc < 0 ? cannot_read(-rc, why)
                    : import_picture_check(name, p.bytes, p.len, &p.mime, why);
    }
    if (rc < 0) {
        free(p.bytes);
        return rc;
    }
    hash_of(&p);
    *out = p;
    return 0;
}

void import_picture_free(struct import_picture *p)
{
    free(p->bytes);
    *p = (struct import_picture){0};
}
