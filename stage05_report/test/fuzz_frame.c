/* fuzz_frame -- checks two properties for any input: bytes that arrive in pieces give the
 * same frames as bytes that arrive at once, and no frame extends past the bytes that have
 * arrived. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "net/frame.h"

#define MAX_BODY 300

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void must(int holds)
{
    if (!holds)
        abort();
}

/* A hash over the frames in <data> and over how the parsing ended.  <data> is passed to
 * the parser in pieces of <step> bytes. */
static uint64_t digest(const uint8_t *data, size_t size, size_t step)
{
    struct buf b = {0};
    uint64_t h = 1469598103934665603u;
    ssize_t n = 0;
    size_t at = 0, i;

    while (at < size && n >= 0) {
        size_t piece = step < size - at ? step : size - at;
        struct frame f;

        must(buf_append(&b, data + at, piece) == 0);
        at += piece;
        while ((n = frame_parse(buf_bytes(&b), b.len, MAX_BODY, &f)) > 0) {
            must(f.len <= MAX_BODY && (size_t)n == FRAME_HEAD + f.len);
            must((size_t)n <= b.len);
            h = (h ^ (uint32_t)f.msgid) * 1099511628211u;
            for (i = 0; i < f.len; i++)
                h = (h ^ (uint8_t)f.body[i]) * 1099511628211u;
            buf_consume(&b, (size_t)n);
        }
    }
    h = (h ^ (uint64_t)(n < 0)) * 1099511628211u;
    buf_free(&b);
    return h;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint64_t whole = digest(data, size, size + 1);

    must(digest(data, size, 1) == whole);
    must(digest(data, size, 7) == whole);
    return 0;
}
