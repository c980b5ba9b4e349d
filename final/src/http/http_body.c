/* The body of a message: counted, chunked, or until the end of the connection.
 * Each call hands out at most one piece, without copying it.  The steps of a chunked body
 * are those of RFC 9112, 7.1, without chunk extensions: two programs that read them
 * differently disagree about the end of the body. */
#include "http/http_body.h"

#include <errno.h>

#define DIGITS_MAX 8 /* of a size: chunks of up to 4 GiB */
#define TRAILER_MAX 4096
#define PIECE_MAX 0x40000000u

enum step {
    SIZE, /* a digit, or the CR after them */
    SIZE_LF,
    DATA,
    DATA_CR,
    DATA_LF,
    TRAILER, /* at the beginning of a line */
    TRAILER_LINE,
    TRAILER_LINE_LF,
    LAST_LF
};

void http_body_init(struct http_body *b, enum http_framing framing, uint64_t length)
{
    *b = (struct http_body){.framing = (uint8_t)framing};
    b->left = framing == HTTP_LENGTH ? length : 0;
    b->done = framing == HTTP_NO_BODY || (framing == HTTP_LENGTH && length == 0);
}

static size_t take(struct http_body *b, const char *p, size_t len, struct http_text *data)
{
    if (len > PIECE_MAX)
        len = PIECE_MAX;
    if (len > b->left)
        len = (size_t)b->left;
    b->left -= len;
    *data = (struct http_text){p, (uint32_t)len};
    return len;
}

static int hex_of(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
        return (c | 0x20) - 'a' + 10;
    return -1;
}

static int read_size(struct http_body *b, char c)
{
    int digit = hex_of(c);

    if (digit < 0 && (c != '\r' || b->digits == 0))
        return -EBADMSG;
    if (digit < 0) {
        b->step = SIZE_LF;
    } else {
        if (b->digits++ == DIGITS_MAX)
            return -EBADMSG;
        b->left = b->left << 4 | (uint64_t)digit;
    }
    return 0;
}

static int expect(struct http_body *b, char c, char want, enum step next)
{
    b->step = (uint8_t)next;
    return c == want ? 0 : -EBADMSG;
}

static int read_trailer(struct http_body *b, char c)
{
    if (++b->n_trailer > TRAILER_MAX ||
        (c != '\r' && c != '\t' && (unsigned char)c < 0x20))
        return -EBADMSG;
    if (c == '\r')
        b->step = b->step == TRAILER ? LAST_LF : TRAILER_LINE_LF;
    else
        b->step = TRAILER_LINE;
    return 0;
}

/* Read one byte that is not data. */
static int read_byte(struct http_body *b, char c)
{
    switch ((enum step)b->step) {
    case SIZE:
        return read_size(b, c);
    case SIZE_LF:
        return expect(b, c, '\n', b->left > 0 ? DATA : TRAILER);
    case DATA_CR:
        return expect(b, c, '\r', DATA_LF);
    case DATA_LF:
        b->digits = 0;
        return expect(b, c, '\n', SIZE);
    case TRAILER_LINE_LF:
        return expect(b, c, '\n', TRAILER);
    case LAST_LF:
        b->done = c == '\n';
        return b->done ? 0 : -EBADMSG;
    case TRAILER:
    case TRAILER_LINE:
    default:
        return read_trailer(b, c);
    }
}

static ssize_t read_chunked(struct http_body *b, const char *p, size_t len,
                            struct http_text *data)
{
    size_t i;

    for (i = 0; i < len && !b->done; i++) {
        int rc;

        if (b->step == DATA) {
            size_t n = take(b, p + i, len - i, data);

            if (b->left == 0)
                b->step = DATA_CR;
            return (ssize_t)(i + n);
        }
        rc = read_byte(b, p[i]);
        if (rc < 0)
            return rc;
    }
    return (ssize_t)i;
}

ssize_t http_body_read(struct http_body *b, const char *p, size_t len,
                       struct http_text *data)
{
    size_t n;

    *data = (struct http_text){p, 0};
    if (b->done || b->framing == HTTP_NO_BODY)
        return 0;
    if (b->framing == HTTP_CHUNKED)
        return read_chunked(b, p, len, data);
    if (b->framing == HTTP_TO_END) {
        n = len < PIECE_MAX ? len : PIECE_MAX;
        *data = (struct http_text){p, (uint32_t)n};
        return (ssize_t)n;
    }
    n = take(b, p, len, data);
    b->done = b->left == 0;
    return (ssize_t)n;
}

int http_body_end(struct http_body *b)
{
    if (b->framing == HTTP_TO_END)
        b->done = true;
    return b->done ? 0 : -EPIPE;
}
