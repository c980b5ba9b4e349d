/* Cuts a byte stream into frames.  The functions keep no state: the caller passes all
 * bytes that it has, and a frame that is incomplete is parsed again from its start.
 *
 * Invariant: no byte beyond <len> is read, and a length is compared with its bound before
 * it is used.
 * Rejected: a struct cast onto the received bytes, which depends on alignment, padding
 * and byte order; a parser that keeps its place, because parsing a header again costs
 * less than keeping that state for each connection. */
#include "net/frame.h"

#include <endian.h>
#include <errno.h>
#include <string.h>

/* memcpy() is correct at every alignment, and the compiler turns it into one load. */
static uint32_t get_u32(const uint8_t *p)
{
    /* Four bytes, little endian, at any alignment: memcpy(), then le32toh(). */
    /* begin get_u32 */
    (void)p;
    return 0;
    /* end get_u32 */
}

static void put_u32(uint8_t *p, uint32_t v)
{
    /* The reverse of get_u32(). */
    /* begin put_u32 */
    (void)p;
    (void)v;
    /* end put_u32 */
}

ssize_t frame_parse(const void *bytes, size_t len, uint32_t max_body, struct frame *out)
{
    /* 1. Fewer than FRAME_HEAD bytes: 0, not complete.
     * 2. Read the length at offset 4 as an unsigned number, so that a negative one is
     *    huge.  Above <max_body>: -EMSGSIZE.  This comes before any use of the length.
     * 3. The body is not complete: 0.  <out> is written only on success.
     * 4. Fill <out>; its body points into <bytes>.  Return the size of the whole
     *    frame. */
    /* begin frame_parse */
    (void)bytes;
    (void)len;
    (void)max_body;
    (void)out;
    (void)get_u32;
    return -ENOSYS;
    /* end frame_parse */
}

void frame_put_head(uint8_t head[FRAME_HEAD], int32_t msgid, uint32_t len)
{
    /* The id at offset 0, the length at offset 4. */
    /* begin frame_put_head */
    (void)msgid;
    (void)len;
    (void)put_u32;
    memset(head, 0, FRAME_HEAD);
    /* end frame_put_head */
}
