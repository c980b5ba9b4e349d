#include "scale/json_member.h"

#include <string.h>

bool json_member_u64(const json_t *o, const char *name, uint64_t most, uint64_t *out)
{
    const json_t *n = json_object_get(o, name);

    if (!json_is_integer(n) || json_integer_value(n) < 0 ||
        (uint64_t)json_integer_value(n) > most)
        return false;
    *out = (uint64_t)json_integer_value(n);
    return true;
}

bool json_member_u32(const json_t *o, const char *name, uint32_t *out)
{
    uint64_t n;

    if (!json_member_u64(o, name, UINT32_MAX, &n))
        return false;
    *out = (uint32_t)n;
    return true;
}

bool json_member_text(const json_t *o, const char *name, char *out, size_t size)
{
    const char *text = json_string_value(json_object_get(o, name)), *p;

    if (!text || strlen(text) >= size)
        return false;
    for (p = text; *p; p++)
        if ((unsigned char)*p < ' ' || *p == 127)
            return false;
    memcpy(out, text, strlen(text) + 1);
    return true;
}
