/* Cuts a byte stream into frames.  The functions keep no state: the caller passes all
 * bytes that it has, and a frame that is incomplete is parsed again from its start.
 *
 * Invariant: no byte beyond <len> is read, and a length is compared with its bound before
 * it is used. */
#include "net/frame.h"

#include <endian.h>
#include <errno.h>
#include <string.h>

ssize_t frame_parse(const void *bytes, size_t len, uint32_t max_body, struct frame *out)
{
    /* Steps:
     * 1. Fewer bytes than a header: the frame is incomplete.
     * 2. Read the length at any alignment, and refuse what is above the bound.  A negative
     *    length, read as an unsigned number, is above every bound.
     * 3. Fewer bytes than the body needs: the frame is incomplete.
     * 4. Only now write <out>. */
    /* begin frame_parse */
    (void)bytes, (void)len, (void)max_body, (void)out;
    return -ENOSYS;
    /* end frame_parse */
}

void frame_put_head(uint8_t head[FRAME_HEAD], int32_t msgid, uint32_t len)
{
    /* Steps: both numbers in little-endian order, whatever the order of the machine is. */
    /* begin frame_put_head */
    (void)head, (void)msgid, (void)len;
    /* end frame_put_head */
}
