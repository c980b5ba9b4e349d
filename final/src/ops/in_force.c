/* An agent that reports nothing is never counted as one that has the change, because what
 * it reported last may be true no longer.
 *
 * Rejected: comparing versions.  An agent that did not need an update keeps the version
 * that it had, and a version says nothing about a host that lost a message. */
#include "ops/in_force.h"

#include <errno.h>
#include <stdlib.h>

#include "base/crc32.h"
#include "route/routedelta.h"

uint64_t in_force_sum(const struct node_rows *rows, size_t from, size_t to)
{
    struct route_node *node = calloc(to - from + 1, sizeof(*node));
    uint64_t sum;
    size_t n = 0;

    if (!node)
        return 0;                     /* no agent reports it */
    for (; from < to; from++) {
        const struct node_row *r = &rows->at[from];
        uint32_t weight =
            r->weight > NODE_ROW_WEIGHT_MAX ? NODE_ROW_WEIGHT_MAX : r->weight;

        if (node_row_in_service(r) && r->ip != 0 && r->port > 0 && r->port <= UINT16_MAX)
            node[n++] = (struct route_node){r->ip, (uint16_t)r->port,
                                            weight == 100 ? 0 : (uint16_t)weight,
                                            crc32_of(r->zone)};
    }
    sum = routedelta_sum(node, n);
    free(node);
    return sum;
}

struct look {
    uint64_t sum;
    in_force_fn *fn;
    void *arg;
};

static int take_agent(char **at, void *arg)
{
    struct look *l = arg;
    uint64_t sum = at[1] ? strtoull(at[1], NULL, 10) : 0;
    uint32_t silent_s = at[2] ? (uint32_t)strtoul(at[2], NULL, 10) : 0;

    return l->fn(at[0],
                 silent_s >= IN_FORCE_SILENT_S ? IN_FORCE_SILENT
                 : sum == l->sum               ? IN_FORCE_YES
                                               : IN_FORCE_BEHIND,
                 silent_s, l->arg);
}

int in_force_look(struct sqldb *db, uint32_t modid, uint32_t cmdid, uint64_t sum,
                  in_force_fn *fn, void *arg)
{
    struct look l = {sum, fn, arg};

    return sqldb_each(
        db, take_agent, &l,
        "SELECT s.name, a.sum, GREATEST(0, TIMESTAMPDIFF(SECOND, s.seen_at, "
        "NOW(3))) FROM AgentRoute a JOIN Service s ON s.kind = 'agent' AND "
        "s.name = a.agent WHERE a.modid = %u AND a.cmdid = %u AND s.seen_at "
        "> NOW(3) - INTERVAL 1 DAY ORDER BY s.name",
        modid, cmdid);
}
