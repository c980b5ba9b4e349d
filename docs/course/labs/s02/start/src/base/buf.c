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
    /* 1. Compute the room that is needed, waiting bytes and <len>; -ENOMEM when the
     *    sum overflows.
     * 2. When the allocation is large enough and the consumed part (head) is at least
     *    as long as the waiting part: move the waiting bytes to the front.
     * 3. Else allocate the next power-of-two size from MIN_CAP that is enough, copy
     *    the waiting bytes to its front, free the old one.  malloc() fails: -ENOMEM,
     *    nothing changed. */
    /* begin buf_grow */
    (void)b;
    (void)len;
    return -ENOSYS;
    /* end buf_grow */
}

int buf_append(struct buf *b, const void *p, size_t len)
{
    /* 1. Nothing to append: 0, and allocate nothing.
     * 2. buf_reserve() the room; return its error.  Copy behind the waiting bytes,
     *    count them. */
    /* begin buf_append */
    (void)b;
    (void)p;
    (void)len;
    return -ENOSYS;
    /* end buf_append */
}

void buf_consume(struct buf *b, size_t len)
{
    /* 1. <len> is at most b->len: assert it.
     * 2. Advance head.  An empty queue starts at 0 again.  No memory moves and none is
     *    freed. */
    /* begin buf_consume */
    (void)b;
    (void)len;
    /* end buf_consume */
}

void buf_free(struct buf *b)
{
    /* Free the memory and leave a zeroed struct, which may be used again. */
    /* begin buf_free */
    (void)b;
    /* end buf_free */
}
