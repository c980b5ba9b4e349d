/* Every pair of bytes that is a Chinese character in GBK is a valid character of UTF-8
 * only by chance, so valid and broken characters are counted: a file in UTF-8 with one
 * damaged byte stays UTF-8, and its fault has a place.  Taking GB18030 as soon as one
 * byte is broken would turn the whole file into other characters without any fault.
 *
 * Bytes of no character are replaced by '?', so what follows has whole text only.
 * Rejected: a library that guesses among dozens of encodings; these are what spreadsheet
 * programs of our users write. */
#include "site/import_text.h"

#include <errno.h>
#include <iconv.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

static const struct {
    const char *name, *iconv, *for_people;
} encodings[] = {
    [IMPORT_AUTO] = {"auto", NULL, ""},
    [IMPORT_UTF8] = {"utf-8", NULL, "UTF-8"},
    [IMPORT_GB18030] = {"gb18030", "GB18030", "GB18030 (GBK)"},
    [IMPORT_UTF16LE] = {"utf-16le", "UTF-16LE", "UTF-16, little endian"},
    [IMPORT_UTF16BE] = {"utf-16be", "UTF-16BE", "UTF-16, big endian"},
};

int import_text_encoding(const char *name, enum import_encoding *out)
{
    size_t i;

    if (strcmp(name, "gbk") == 0)
        name = "gb18030";
    for (i = 0; i < sizeof(encodings) / sizeof(encodings[0]); i++) {
        if (strcmp(encodings[i].name, name) != 0)
            continue;
        *out = (enum import_encoding)i;
        return 0;
    }
    return -EINVAL;
}

const char *import_text_name(const struct import_text *t)
{
    if (t->encoding == IMPORT_UTF8 && t->has_bom)
        return "UTF-8 with a byte order mark";
    return encodings[t->encoding].for_people;
}

/* The encoding that the first bytes name; 0 bytes and IMPORT_AUTO when they name none. */
static size_t read_bom(const unsigned char *raw, size_t len, enum import_encoding *out)
{
    *out = IMPORT_AUTO;
    if (len >= 3 && memcmp(raw, "\xef\xbb\xbf", 3) == 0)
        return *out = IMPORT_UTF8, 3;
    if (len >= 2 && memcmp(raw, "\xff\xfe", 2) == 0)
        return *out = IMPORT_UTF16LE, 2;
    if (len >= 2 && memcmp(raw, "\xfe\xff", 2) == 0)
        return *out = IMPORT_UTF16BE, 2;
    return 0;
}

/* <text> ends with NUL. */
static enum import_encoding guess(const char *text, size_t len)
{
    size_t i, n, good = 0, bad = 0;

    for (i = 0; i < len; i += n ? n : 1) {
        n = utf8_char(text + i);
        good += n > 1;
        bad += n == 0;
    }
    return good >= bad ? IMPORT_UTF8 : IMPORT_GB18030;
}

/* Where the next character of the text stands. */
static void advance(struct import_pos *at, const char *p, size_t n)
{
    for (; n > 0; n--, p++) {
        if (*p == '\n')
            *at = (struct import_pos){at->line + 1, 1};
        else if (((unsigned char)*p & 0xc0) != 0x80)
            at->column++;
    }
}

static void no_character(struct import_faults *f, struct import_pos at,
                         unsigned char byte, const struct import_text *t)
{
    import_fault_add(f, at,
                     "the byte 0x%02x is of no character of %s; save the file again, as "
                     "\"CSV UTF-8\"",
                     byte, import_text_name(t));
}

/* Make the text whole where it stands; a run of broken bytes is one fault. */
static void mend_utf8(struct import_text *t, struct import_faults *f)
{
    struct import_pos at = {1, 1};
    bool in_run = false;
    size_t i, n;

    for (i = 0; i < t->len; i += n) {
        n = utf8_char(t->text + i);
        if (n == 0 && !in_run)
            no_character(f, at, (unsigned char)t->text[i], t);
        in_run = n == 0;
        if (n == 0) {
            t->text[i] = '?';
            n = 1;
        }
        advance(&at, t->text + i, n);
    }
}

/* Convert by iconv; <unit> is the least number of bytes of a character. */
static int convert(struct import_text *t, char *raw, size_t len, size_t unit,
                   struct import_faults *f)
{
    iconv_t cd = iconv_open("UTF-8", encodings[t->encoding].iconv);
    size_t room = 2 * len + 4, had;
    struct import_pos at = {1, 1};
    char *to;

    if (cd == (iconv_t)-1)
        return -ENOSYS;
    t->text = malloc(room + 1);
    to = t->text;
    while (to && len > 0) {
        char *from = to;

        had = iconv(cd, &raw, &len, &to, &room);
        advance(&at, from, (size_t)(to - from));
        if (had != (size_t)-1)
            break;
        no_character(f, at, (unsigned char)*raw, t);
        *to++ = '?';
        at.column++;
        room--;
        raw += len < unit ? len : unit;
        len -= len < unit ? len : unit;
    }
    iconv_close(cd);
    if (!to)
        return -ENOMEM;
    *to = '\0';
    t->len = (size_t)(to - t->text);
    return 0;
}

/* A copy with a NUL behind it. */
static char *copy_of(const void *raw, size_t len)
{
    char *copy = malloc(len + 1);

    if (!copy)
        return NULL;
    memcpy(copy, raw, len);
    copy[len] = '\0';
    return copy;
}

int import_text_decode(struct import_text *out, const void *raw, size_t len,
                       enum import_encoding want, struct import_faults *f)
{
    struct import_text t = {0};
    enum import_encoding bom;
    size_t skip;
    char *copy;
    int rc = 0;

    if (len > IMPORT_TEXT_MAX)
        return -E2BIG;
    skip = read_bom(raw, len, &bom);
    if (want != IMPORT_AUTO && bom != want)
        skip = 0; /* they are bytes of the text */
    copy = copy_of((const char *)raw + skip, len - skip);
    if (!copy)
        return -ENOMEM;
    t.has_bom = skip > 0;
    t.encoding = want != IMPORT_AUTO  ? want
                 : bom != IMPORT_AUTO ? bom
                                      : guess(copy, len - skip);
    if (t.encoding == IMPORT_UTF8) {
        t.text = copy;
        t.len = len - skip;
        mend_utf8(&t, f);
    } else {
        rc = convert(&t, copy, len - skip, t.encoding == IMPORT_GB18030 ? 1 : 2, f);
        free(copy);
    }
    if (rc == 0)
        *out = t;
    return rc;
}

void import_text_free(struct import_text *t)
{
    free(t->text);
    *t = (struct import_text){0};
}
