/* frame -- where a message begins and ends in the byte stream.
 *     int32 msgid | int32 msglen | msglen bytes of body       both little endian
 * TCP delivers bytes, not messages: half a frame and three frames at once are normal.
 * Pure functions: no socket, no memory, no state.  Thread: any. */
#ifndef LARS_NET_FRAME_H
#define LARS_NET_FRAME_H

#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#define FRAME_HEAD 8
#define FRAME_MAX_BODY 65527              /* 65,535 with its head */

struct frame {
    int32_t msgid;
    uint32_t len;                         /* of the body, 0 to FRAME_MAX_BODY */
    const char *body;                     /* borrowed: points into the parsed bytes */
};

/* Look for one frame at the start of <len> bytes.  Returns its size (8 and more) and
 * fills <out>; 0 when it is not complete yet; -EMSGSIZE when the length is negative or
 * above <max_body>: nothing in this stream can be trusted any more. */
ssize_t frame_parse(const void *bytes, size_t len, uint32_t max_body, struct frame *out);

void frame_put_head(uint8_t head[FRAME_HEAD], int32_t msgid, uint32_t len);

#endif
