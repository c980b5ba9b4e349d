/* All members must be there and right: a part that is missing would look like visitors
 * that have gone, and nodes would be stopped. */
#include "scale/demand_answer.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

static bool read_number(const json_t *o, const char *name, uint64_t most, uint64_t *out)
{
    const json_t *n = json_object_get(o, name);

    if (!json_is_integer(n) || json_integer_value(n) < 0 ||
        (uint64_t)json_integer_value(n) > most)
        return false;
    *out = (uint64_t)json_integer_value(n);
    return true;
}

static bool read_small(const json_t *o, const char *name, uint32_t *out)
{
    uint64_t n;

    if (!read_number(o, name, UINT32_MAX, &n))
        return false;
    *out = (uint32_t)n;
    return true;
}

/* Without control characters: logs and pages show it. */
static bool read_text(const json_t *o, const char *name, char *out, size_t size)
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

static bool read_module(struct demand_answer_module *m, const json_t *o)
{
    uint64_t fresh, waiting, inside;

    if (!read_small(o, "modid", &m->modid) || !read_small(o, "cmdid", &m->cmdid) ||
        !read_number(o, "slot", UINT32_MAX, &m->slot) ||
        !read_number(o, "arrived", INT64_MAX, &m->arrived) ||
        !read_number(o, "cached", INT64_MAX, &m->cached) ||
        !read_number(o, "forwarded", INT64_MAX, &m->forwarded) ||
        !read_number(o, "refused_new", INT64_MAX / 4, &fresh) ||
        !read_number(o, "refused_waiting", INT64_MAX / 4, &waiting) ||
        !read_number(o, "refused_inside", INT64_MAX / 4, &inside) ||
        !read_number(o, "inflight_ms", INT64_MAX, &m->inflight_ms))
        return false;
    m->refused = fresh + waiting + inside;
    return true;
}

static bool read_modules(struct demand_answer *out, const json_t *list)
{
    size_t i, n = json_array_size(list);

    if (!json_is_array(list) || n > DEMAND_MODULES_MAX)
        return false;
    for (i = 0; i < n; i++)
        if (!read_module(&out->module[i], json_array_get(list, i)))
            return false;
    out->n = (unsigned)n;
    return true;
}

int demand_answer_read(struct demand_answer *out, const json_t *o)
{
    bool ok = read_text(o, "epoch", out->epoch, sizeof(out->epoch)) &&
              read_number(o, "ms", INT64_MAX, &out->ms) &&
              read_text(o, "zone", out->zone, sizeof(out->zone)) &&
              read_small(o, "loops", &out->loops) &&
              read_small(o, "loops_max", &out->loops_max) &&
              read_small(o, "loop_busy_permille", &out->loop_busy_permille) &&
              read_modules(out, json_object_get(o, "modules"));

    return ok ? 0 : -EPROTO;
}
