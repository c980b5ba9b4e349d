/* An answer is right as a whole or refused: half of it would look like nodes that have
 * answered nothing. */
#include "scale/nodes_answer.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

#include "base/ipv4.h"
#include "scale/json_member.h"

static bool read_counters(struct nodes_answer_row *row, const json_t *list)
{
    const json_t *pair;
    size_t i;

    if (!json_is_array(list) || json_array_size(list) > LATENCY_BUCKETS)
        return false;
    json_array_foreach(list, i, pair)
    {
        const json_t *b = json_array_get(pair, 0), *n = json_array_get(pair, 1);

        if (json_array_size(pair) != 2 || !json_is_integer(b) || !json_is_integer(n) ||
            json_integer_value(b) < 1 || json_integer_value(b) > LATENCY_BUCKETS ||
            json_integer_value(n) < 0)
            return false;
        row->n[json_integer_value(b)] = (uint64_t)json_integer_value(n);
    }
    return true;
}

static bool read_row(struct nodes_answer_row *row, const json_t *o)
{
    char text[NET_ADDR_STRLEN];
    struct net_addr at;

    memset(row, 0, sizeof(*row));
    if (!json_member_u32(o, "modid", &row->id.modid) ||
        !json_member_u32(o, "cmdid", &row->id.cmdid) ||
        !json_member_text(o, "at", text, sizeof(text)) || net_addr_parse(&at, text) < 0 ||
        at.family != AF_INET)
        return false;
    row->ip = ipv4_of(&at);
    row->port = at.port;
    return read_counters(row, json_object_get(o, "us"));
}

int nodes_answer_read(struct nodes_answer *out, const json_t *o)
{
    const json_t *list = json_object_get(o, "nodes");
    size_t i;

    out->n = json_array_size(list);
    if (!json_is_array(list) || out->n > NODES_ANSWER_MAX ||
        !json_member_text(o, "epoch", out->epoch, sizeof(out->epoch)) ||
        !json_member_u64(o, "ms", INT64_MAX, &out->ms))
        return -EPROTO;
    for (i = 0; i < out->n; i++)
        if (!read_row(&out->at[i], json_array_get(list, i)))
            return -EPROTO;
    return 0;
}
