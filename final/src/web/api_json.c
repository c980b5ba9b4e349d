/* Values are numbers and codes; the page has the words for them in the language of its
 * user. */
#include "web/api_json.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#define DEAD_MS 5000                  /* a source is missing after so long */

json_t *api_json_rate(double v)
{
    return isnan(v) ? json_null() : json_real(round(v * 1000) / 1000);
}

json_t *api_json_head(const struct snap *s, struct web *web)
{
    uint64_t age_ms = reader_age_ms(web->reader);
    bool db = age_ms < DEAD_MS;

    return json_pack("{s:I,s:I,s:{s:b,s:b,s:b}}", "at", (json_int_t)s->at_ms, "age_ms",
                     (json_int_t)age_ms, "sources", "db", db, "reports",
                     db && snap_has_alive(s, "reportd"), "dnsd",
                     db && snap_has_alive(s, "dnsd"));
}

const char *api_json_module_state(const struct snap_module *m)
{
    if (m->n_up == 0 && m->n_out > 0)
        return "down";
    if (m->is_held)
        return "held";
    if (m->n_up == 0)
        return "drained";
    if (isnan(m->calls))
        return "unknown";             /* nodes that are out are reported, too */
    return m->n_out > 0 ? "out" : "ok";
}

json_t *api_json_number(const char *text)
{
    return text ? json_integer(strtoll(text, NULL, 10)) : json_null();
}

json_t *api_json_module_id(uint32_t modid, uint32_t cmdid)
{
    return json_sprintf("%u/%u", modid, cmdid);
}

json_t *api_json_address(uint32_t ip, uint32_t port)
{
    return json_sprintf("%u.%u.%u.%u:%u", ip >> 24, ip >> 16 & 255, ip >> 8 & 255,
                        ip & 255, port);
}

json_t *api_json_sum(uint64_t sum)
{
    return json_sprintf("%016llx", (unsigned long long)sum);
}

bool api_json_read_sum(const char *text, uint64_t *sum)
{
    char *end;

    if (!text || strlen(text) != 16 || strspn(text, "0123456789abcdef") != 16)
        return false;
    *sum = strtoull(text, &end, 16);
    return true;
}

bool api_json_read_module(const char *text, uint32_t *modid, uint32_t *cmdid)
{
    unsigned long m, c;
    char *end;

    if (!text || text[0] < '0' || text[0] > '9')
        return false;
    errno = 0;
    m = strtoul(text, &end, 10);
    if (*end != '/' || end[1] < '0' || end[1] > '9')
        return false;
    c = strtoul(end + 1, &end, 10);
    *modid = (uint32_t)m;
    *cmdid = (uint32_t)c;
    return *end == '\0' && errno == 0 && m <= UINT32_MAX && c <= UINT32_MAX;
}

json_t *api_json_module(const struct snap *s, const struct snap_module *m)
{
    return json_pack("{s:o,s:s,s:s,s:s,s:I,s:I,s:I,s:I,s:o,s:o,s:o}", "module",
                     api_json_module_id(m->modid, m->cmdid), "name",
                     snap_mod_name(s, m->modid), "command", snap_cmd_name(s, m->cmdid),
                     "state", api_json_module_state(m), "nodes", (json_int_t)m->n, "up",
                     (json_int_t)m->n_up, "drained", (json_int_t)m->n_drained, "out",
                     (json_int_t)m->n_out, "calls", api_json_rate(m->calls), "failed",
                     api_json_rate(m->failed), "p99_ms",
                     m->p99_us ? api_json_rate(m->p99_us / 1000.0) : json_null());
}

json_t *api_json_alarm(const struct snap_alarm *a)
{
    return json_pack("{s:I,s:s,s:s,s:s,s:I,s:b,s:b}", "id", (json_int_t)a->id, "kind",
                     a->kind, "subject", a->subject, "detail", a->detail, "raised",
                     (json_int_t)a->raised_s, "acked", a->is_acked, "silenced",
                     a->is_silenced);
}

json_t *api_json_node(const struct node_row *r, const struct snap_node *v)
{
    return json_pack("{s:o,s:s,s:I,s:s,s:I,s:I,s:I,s:o,s:o}", "node",
                     api_json_address(r->ip, r->port), "zone", r->zone, "weight",
                     (json_int_t)r->weight, "state", r->state, "down",
                     (json_int_t)v->n_down, "ejected", (json_int_t)v->n_ejected, "trial",
                     (json_int_t)v->n_trial, "calls", api_json_rate((double)v->calls),
                     "failed", api_json_rate((double)v->failed));
}

bool api_json_has_snap(struct request *q, const struct request_env *env)
{
    if (env->snap)
        return true;
    reply_problem(&q->reply, 503, "db_down", NULL, NULL);
    return false;
}
