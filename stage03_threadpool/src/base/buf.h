/* buf -- a queue of bytes in one growable allocation: append at the end, consume at the
 * front.  A zeroed struct is an empty queue that owns no memory; it needs no other
 * initialisation.  Thread: the owner's. */
#ifndef LARS_BASE_BUF_H
#define LARS_BASE_BUF_H

#include <stddef.h>

struct buf {
    char *data;                           /* the allocation; NULL = none */
    size_t head;                          /* index of the first waiting byte */
    size_t len;                           /* bytes waiting */
    size_t cap;                           /* size of the allocation */
};

/* Copy <len> bytes to the end.  Returns 0, or -ENOMEM and leaves the buffer unchanged. */
int buf_append(struct buf *b, const void *p, size_t len);

/* Make room for <len> more bytes at the end.  Returns 0, or -ENOMEM and leaves the buffer
 * unchanged.  Pointers into the buffer are invalid afterwards. */
int buf_grow(struct buf *b, size_t len);

/* As buf_grow(), but costs only a comparison when there is room already. */
static inline int buf_reserve(struct buf *b, size_t len)
{
    return b->cap - b->head - b->len >= len ? 0 : buf_grow(b, len);
}

/* The end of the waiting bytes, where the reserved room begins. */
static inline char *buf_tail(struct buf *b)
{
    return b->data + b->head + b->len;
}

/* Count <len> bytes, which the caller has written at buf_tail(), as waiting. */
static inline void buf_added(struct buf *b, size_t len)
{
    b->len += len;
}

/* The waiting bytes, borrowed until the next call on <b>. */
static inline const char *buf_bytes(const struct buf *b)
{
    return b->data ? b->data + b->head : ""; /* NULL + 0 is undefined in C */
}

/* Remove <len> bytes, at most b->len, from the front.  Keeps the memory. */
void buf_consume(struct buf *b, size_t len);

/* Empty the queue and free its memory.  It may be used again. */
void buf_free(struct buf *b);

#endif
