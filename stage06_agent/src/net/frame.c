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
    uint32_t v;

    memcpy(&v, p, sizeof(v));
    return le32toh(v);
}

static void put_u32(uint8_t *p, uint32_t v)
{
    v = htole32(v);                       /* changes nothing on little-endian machines */
    memcpy(p, &v, sizeof(v));
}

ssize_t frame_parse(const void *bytes, size_t len, uint32_t max_body, struct frame *out)
{
    const uint8_t *p = bytes;

    uint32_t body;

    if (len < FRAME_HEAD)
        return 0;
    body = get_u32(p + 4);                /* a negative length is 2^31 or more here */
    if (body > max_body)
        return -EMSGSIZE;
    if (len - FRAME_HEAD < body)
        return 0;
    out->msgid = (int32_t)get_u32(p);
    out->len = body;
    out->body = (const char *)p + FRAME_HEAD;
    return (ssize_t)(FRAME_HEAD + body);
}

void frame_put_head(uint8_t head[FRAME_HEAD], int32_t msgid, uint32_t len)
{
    put_u32(head, (uint32_t)msgid);
    put_u32(head + 4, len);
}
