/* All members must be there and right: a part that is missing would look like visitors
 * that have gone, and nodes would be stopped. */
#include "scale/demand_answer.h"

#include <errno.h>
#include <stdbool.h>

#include "scale/json_member.h"

static bool read_module(struct demand_answer_module *m, const json_t *o)
{
    uint64_t fresh, waiting, inside;

    if (!json_member_u32(o, "modid", &m->modid) ||
        !json_member_u32(o, "cmdid", &m->cmdid) ||
        !json_member_u64(o, "slot", UINT32_MAX, &m->slot) ||
        !json_member_u64(o, "arrived", INT64_MAX, &m->arrived) ||
        !json_member_u64(o, "cached", INT64_MAX, &m->cached) ||
        !json_member_u64(o, "forwarded", INT64_MAX, &m->forwarded) ||
        !json_member_u64(o, "refused_new", INT64_MAX / 4, &fresh) ||
        !json_member_u64(o, "refused_waiting", INT64_MAX / 4, &waiting) ||
        !json_member_u64(o, "refused_inside", INT64_MAX / 4, &inside) ||
        !json_member_u64(o, "inflight_ms", INT64_MAX, &m->inflight_ms))
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
    bool ok = json_member_text(o, "epoch", out->epoch, sizeof(out->epoch)) &&
              json_member_u64(o, "ms", INT64_MAX, &out->ms) &&
              json_member_text(o, "zone", out->zone, sizeof(out->zone)) &&
              json_member_u32(o, "loops", &out->loops) &&
              json_member_u32(o, "loops_max", &out->loops_max) &&
              json_member_u32(o, "loop_busy_permille", &out->loop_busy_permille) &&
              read_modules(out, json_object_get(o, "modules"));

    return ok ? 0 : -EPROTO;
}
