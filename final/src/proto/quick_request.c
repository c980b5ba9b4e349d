/* A request is two small numbers.  The generated code allocates a struct for them and
 * frees it again, which costs more than everything else that happens to the request
 * between its frame and its reply.  Here the usual form is read in place: the tag and the
 * value of modid, then those of cmdid, each value in at most four bytes.
 *
 * Invariant: every other form goes to the generated code, so there is no second opinion
 * about what is valid.
 * Rejected: an allocator that gives memory from the stack, which saves only half. */
#include "proto/quick_request.h"

#include <stdint.h>

#include "proto/msg.h"

#define TAG_MODID 0x08                /* field 1 and field 2, both varints */
#define TAG_CMDID 0x10
#define MAX_SHIFT 28                  /* four bytes of seven bits */

/* The number behind <tag> at <p>.  Returns its end, or NULL: not in the usual form. */
static const uint8_t *field(const uint8_t *p, const uint8_t *end, uint8_t tag,
                            uint32_t *out)
{
    uint32_t v = 0, shift;

    if (p == end || *p++ != tag)
        return NULL;
    for (shift = 0; p < end && shift < MAX_SHIFT; shift += 7) {
        v |= (uint32_t)(*p & 0x7f) << shift;
        if (!(*p++ & 0x80)) {
            *out = v;
            return p;
        }
    }
    return NULL;
}

int quick_request_unpack(struct module_id *out, const void *body, size_t len)
{
    const uint8_t *p = body, *end = p + len;
    struct module_id m;

    p = field(p, end, TAG_MODID, &m.modid);
    if (p)
        p = field(p, end, TAG_CMDID, &m.cmdid);
    if (p != end || (m.modid == 0 && m.cmdid == 0))
        return msg_unpack_get_route(out, body, len);
    *out = m;
    return 0;
}
