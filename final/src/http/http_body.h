/* http_body -- finds the bytes of a body in what a connection delivers, and its end.  In
 * chunked bodies it accepts what leaves one reading: a size of 1 to 8 hexadecimal digits
 * without an extension, CR LF after it and after the bytes.  A trailer is read, bounded,
 * and dropped.  Thread: any. */
#ifndef LARS_HTTP_HTTP_BODY_H
#define LARS_HTTP_HTTP_BODY_H

#include <sys/types.h>

#include "http/http_head.h"

struct http_body {                        /* zeroed = no body, which is complete */
    uint64_t left;                        /* bytes of the body or of this chunk */
    uint32_t n_trailer;                   /* bytes of the trailer so far */
    uint8_t framing;                      /* enum http_framing */
    uint8_t step;                         /* of a chunked body; see http_body.c */
    uint8_t digits;                       /* of the size of this chunk */
    bool done;                            /* the end of the body was read */
};

void http_body_init(struct http_body *b, enum http_framing framing, uint64_t length);

/* Read on at <p>.  Returns how many of the <len> bytes were used; <data> is the part of
 * them that belongs to the body, which may be empty.  Call again while bytes are left and
 * b->done is false.  -EBADMSG when a chunk is not allowed. */
ssize_t http_body_read(struct http_body *b, const char *p, size_t len,
                       struct http_text *data);

/* The connection has ended.  Returns 0, and b->done, when the body ends with it; -EPIPE
 * when it is cut off. */
int http_body_end(struct http_body *b);

#endif
