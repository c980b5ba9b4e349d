/* The waiting bytes move to the front only when room is wanted and the consumed part is
 * at least as large as what waits: each byte is moved at most once for each byte
 * consumed. Rejected: a list of blocks (a frame across two blocks must be put together
 * again). */
#include "base/buf.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define MIN_CAP 256

int buf_grow(struct buf *b, size_t len)
{
    size_t want = b->len + len, cap = b->cap ? b->cap : MIN_CAP;
    char *data;

    if (want < len)
        return -ENOMEM;                   /* the sum ran over */
    if (b->data && b->cap >= want && b->head >= b->len) {
        memmove(b->data, b->data + b->head, b->len);
        b->head = 0;
        return 0;
    }
    while (cap < want)
        cap = cap > (size_t)-1 / 2 ? want : cap * 2;
    data = malloc(cap);
    if (!data)
        return -ENOMEM;
    if (b->len > 0)
        memcpy(data, b->data + b->head, b->len);
    free(b->data);
    *b = (struct buf){.data = data, .len = b->len, .cap = cap};
    return 0;
}

int buf_append(struct buf *b, const void *p, size_t len)
{
    int rc = len > 0 ? buf_reserve(b, len) : 0;

    if (rc < 0 || len == 0)
        return rc;
    memcpy(buf_tail(b), p, len);
    b->len += len;
    return 0;
}

void buf_consume(struct buf *b, size_t len)
{
    assert(len <= b->len);
    b->len -= len;
    b->head = b->len > 0 ? b->head + len : 0;
}

void buf_free(struct buf *b)
{
    free(b->data);
    *b = (struct buf){0};
}
