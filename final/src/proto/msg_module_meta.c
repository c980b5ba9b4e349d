/* The texts are checked here because they are used elsewhere without a check: a rule is
 * looked up by name, a probe's path is written into an HTTP request. */
#include "proto/msg_module_meta.h"

#include <errno.h>
#include <string.h>

#include "base/fnv.h"
#include "proto/budget.h"
#include "proto/lars.pb-c.h"

bool msg_module_meta_is_probe(const char *text)
{
    if (text[0] == '\0' || strcmp(text, "echo") == 0)
        return true;
    if (text[0] != '/')
        return false;
    while (*text > ' ' && *text < 127)
        text++;
    return *text == '\0';
}

uint32_t msg_module_meta_rate(uint64_t per_s)
{
    uint64_t unit = 1;

    while (per_s / unit >= 100)
        unit *= 10;
    per_s = (per_s + unit / 2) / unit * unit;
    return per_s > UINT32_MAX ? UINT32_MAX : (uint32_t)per_s;
}

uint64_t msg_module_meta_policy_sum(const struct msg_module_meta *m)
{
    uint64_t sum = fnv_add_text(fnv_add_text(FNV_START, m->rule), m->probe);

    sum = fnv_add_number(sum, m->timeout_ms, 4);
    sum = fnv_add_number(sum, m->slow_ms, 4);
    sum = fnv_add_number(sum, m->node_rps, 4);
    if (m->node_inflight || m->target_ms) {
        sum = fnv_add_number(sum, m->node_inflight, 4);
        sum = fnv_add_number(sum, m->target_ms, 4);
    }
    return sum ? sum : 1;
}

ssize_t msg_module_meta_pack(const struct msg_module_meta *m, void *body, size_t room)
{
    Lars__ModuleInfo meta = LARS__MODULE_INFO__INIT;
    Lars__ZoneCalls zone[MSG_MODULE_META_ZONES], *zone_at[MSG_MODULE_META_ZONES];
    Lars__HostInfo host[MSG_MODULE_META_SUSPECTS], *host_at[MSG_MODULE_META_SUSPECTS];
    uint32_t i;

    for (i = 0; i < m->n_zone; i++) {
        lars__zone_calls__init(&zone[i]);
        zone[i].zone = m->zone[i].zone;
        zone[i].per_s = m->zone[i].per_s;
        zone[i].failed_per_s = m->zone[i].failed_per_s;
        zone_at[i] = &zone[i];
    }
    for (i = 0; i < m->n_suspect; i++) {
        lars__host_info__init(&host[i]);
        host[i].ip = (int32_t)m->suspect[i].ip;
        host[i].port = (int32_t)m->suspect[i].port;
        host_at[i] = &host[i];
    }
    meta.modid = (int32_t)m->mod.modid;
    meta.cmdid = (int32_t)m->mod.cmdid;
    meta.rule = (char *)(uintptr_t)m->rule;
    meta.probe = (char *)(uintptr_t)m->probe;
    meta.timeout_ms = m->timeout_ms;
    meta.slow_ms = m->slow_ms;
    meta.node_rps = m->node_rps;
    meta.node_inflight = m->node_inflight;
    meta.target_ms = m->target_ms;
    meta.n_zone = m->n_zone;
    meta.zone = zone_at;
    meta.n_suspect = m->n_suspect;
    meta.suspect = host_at;
    if (lars__module_info__get_packed_size(&meta) > room)
        return -ENOBUFS;
    return (ssize_t)lars__module_info__pack(&meta, body);
}

static int convert_meta(struct msg_module_meta *out, const Lars__ModuleInfo *m)
{
    uint32_t i;

    if (m->n_zone > MSG_MODULE_META_ZONES || m->n_suspect > MSG_MODULE_META_SUSPECTS)
        return -E2BIG;
    if ((m->modid == 0 && m->cmdid == 0) || strlen(m->rule) >= MSG_MODULE_META_RULE ||
        strlen(m->probe) >= MSG_MODULE_META_PROBE || !msg_module_meta_is_probe(m->probe))
        return -EINVAL;
    *out = (struct msg_module_meta){.mod = {(uint32_t)m->modid, (uint32_t)m->cmdid},
                                    .timeout_ms = m->timeout_ms,
                                    .slow_ms = m->slow_ms,
                                    .node_rps = m->node_rps,
                                    .node_inflight = m->node_inflight,
                                    .target_ms = m->target_ms,
                                    .n_zone = (uint32_t)m->n_zone,
                                    .n_suspect = (uint32_t)m->n_suspect};
    memcpy(out->rule, m->rule, strlen(m->rule));
    memcpy(out->probe, m->probe, strlen(m->probe));
    for (i = 0; i < m->n_zone; i++)
        out->zone[i] = (struct msg_zone_calls){m->zone[i]->zone, m->zone[i]->per_s,
                                               m->zone[i]->failed_per_s};
    for (i = 0; i < m->n_suspect; i++) {
        if (m->suspect[i]->port < 1 || m->suspect[i]->port > UINT16_MAX)
            return -EINVAL;
        out->suspect[i] = (struct msg_host){(uint32_t)m->suspect[i]->ip,
                                            (uint32_t)m->suspect[i]->port, 0, 0};
    }
    return 0;
}

int msg_module_meta_unpack(struct msg_module_meta *out, const void *body, size_t len)
{
    struct budget b;
    ProtobufCAllocator a = budget_allocator(&b, len);
    Lars__ModuleInfo *m = lars__module_info__unpack(&a, len, body);
    int rc;

    if (!m)
        return -EBADMSG;
    rc = convert_meta(out, m);
    lars__module_info__free_unpacked(m, &a);
    return rc;
}
