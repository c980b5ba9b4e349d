/* A queue of bytes in one allocation.  Consuming only advances the index <head>.  When
 * room is needed at the end, the waiting bytes are moved to the front, but only if the
 * consumed part before them is at least as large.  So at most one byte is moved for each
 * byte consumed, and a steady flow neither grows nor moves much.
 *
 * Invariant: head + len <= cap, and the waiting bytes are contiguous.
 * Rejected: a ring buffer and a list of blocks, because a frame that crosses the end of
 * the ring or of a block would have to be joined before it is parsed. */
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
        return -ENOMEM;                   /* the sum overflowed */
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
