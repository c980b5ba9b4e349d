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

/* Room for <len> more bytes in one piece.  Returns 0 or -ENOMEM.  Pointers into the
 * buffer are invalid afterwards. */
int buf_reserve(struct buf *b, size_t len);

char *buf_tail(struct buf *b);            /* where reserved bytes begin */
void buf_added(struct buf *b, size_t len); /* <len> bytes were written there */

/* The waiting bytes, borrowed until the next call on <b>. */
const char *buf_bytes(const struct buf *b);

void buf_consume(struct buf *b, size_t len); /* at most b->len; keeps the memory */
void buf_free(struct buf *b);             /* empty, memory given back */

#endif
