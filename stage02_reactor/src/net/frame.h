/* frame -- finds where a message begins and ends in a byte stream.
 *     int32 msgid | int32 msglen | msglen bytes of body       both little endian
 * TCP delivers bytes, not messages: one read may return half a frame or three frames.
 * Pure functions: no socket, no allocation, no state.  Thread: any. */
#ifndef LARS_NET_FRAME_H
#define LARS_NET_FRAME_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define FRAME_HEAD 8
#define FRAME_MAX_BODY 65527              /* a frame is at most 65,535 bytes long */

struct frame {
    int32_t msgid;
    uint32_t len;                         /* of the body, 0 to FRAME_MAX_BODY */
    const char *body;                     /* borrowed: points into the parsed bytes */
};

/* Parse the frame at the start of <bytes>, of which <len> have arrived.  Returns the size
 * of the whole frame, 8 or more, and fills <out>; 0 when it is not complete yet;
 * -EMSGSIZE when its length is negative or above <max_body>.  After -EMSGSIZE the start
 * of the next frame is unknown, so the caller must close the connection. */
ssize_t frame_parse(const void *bytes, size_t len, uint32_t max_body, struct frame *out);

/* Write the header of a frame with <len> bytes of body. */
void frame_put_head(uint8_t head[FRAME_HEAD], int32_t msgid, uint32_t len);

#endif
