#include "net/frame.h"

#include <endian.h>
#include <errno.h>
#include <string.h>

/* By memcpy: right at every alignment, and the compiler makes one instruction of it. */
static uint32_t get_u32(const uint8_t *p)
{
    uint32_t v;

    memcpy(&v, p, sizeof(v));
    return le32toh(v);
}

static void put_u32(uint8_t *p, uint32_t v)
{
    v = htole32(v);                       /* nothing to do on a little-endian machine */
    memcpy(p, &v, sizeof(v));
}

ssize_t frame_parse(const void *bytes, size_t len, uint32_t max_body, struct frame *out)
{
    const uint8_t *p = bytes;

    /* lab s02.frame: Read the head, check the length before using it, await the body. */
    /* stub: return -EMSGSIZE; */
    uint32_t body;

    if (len < FRAME_HEAD)
        return 0;
    body = get_u32(p + 4);                /* a negative int32 is above 2^31: too long */
    if (body > max_body)
        return -EMSGSIZE;
    if (len - FRAME_HEAD < body)
        return 0;
    out->msgid = (int32_t)get_u32(p);
    out->len = body;
    out->body = (const char *)p + FRAME_HEAD;
    return (ssize_t)(FRAME_HEAD + body);
    /* end lab */
}

void frame_put_head(uint8_t head[FRAME_HEAD], int32_t msgid, uint32_t len)
{
    put_u32(head, (uint32_t)msgid);
    put_u32(head + 4, len);
}
