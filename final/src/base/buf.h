/* buf -- a queue of bytes in one growable piece of memory: append at the end, consume at
 * the front.  Zeroed = empty, and an empty one owns no memory.  Thread: the owner's. */
#ifndef LARS_BASE_BUF_H
#define LARS_BASE_BUF_H

#include <stddef.h>

struct buf {
    char *data;                           /* allocated piece, NULL = none */
    size_t head;                          /* first byte that is not consumed yet */
    size_t len;                           /* bytes waiting */
    size_t cap;                           /* size of the piece */
};

/* Copies <len> bytes to the end.  Returns 0, or -ENOMEM (the buffer is unchanged). */
int buf_append(struct buf *b, const void *p, size_t len);

/* Make room for <len> more bytes in one piece.  Returns 0 or -ENOMEM.  Pointers into the
 * buffer are invalid afterwards. */
int buf_grow(struct buf *b, size_t len);

/* The same; no more than a comparison when there is room already. */
static inline int buf_reserve(struct buf *b, size_t len)
{
    return b->cap - b->head - b->len >= len ? 0 : buf_grow(b, len);
}

/* Where reserved bytes begin. */
static inline char *buf_tail(struct buf *b)
{
    return b->data + b->head + b->len;
}

/* <len> bytes were written there. */
static inline void buf_added(struct buf *b, size_t len)
{
    b->len += len;
}

/* The waiting bytes, borrowed until the next call on <b>. */
static inline const char *buf_bytes(const struct buf *b)
{
    return b->data ? b->data + b->head : ""; /* NULL + 0 is undefined in C */
}

void buf_consume(struct buf *b, size_t len); /* at most b->len; keeps the memory */
void buf_free(struct buf *b);             /* empty, memory given back */

#endif
