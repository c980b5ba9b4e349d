/* Both sets are sorted, so each function is one merge.
 *
 * FNV-1a is enough: the checksum finds lost updates and programming errors, not an
 * attacker, who could change the nodes themselves.  It covers weights and zones only
 * where there are any, so that peers of before and after these fields agree on a set
 * without them. */
#include "route/routedelta.h"

#include <errno.h>
#include <stdbool.h>

#include "base/fnv.h"

uint64_t routedelta_sum(const struct route_node *node, size_t n)
{
    uint64_t sum = FNV_START;
    size_t i;

    for (i = 0; i < n; i++) {
        sum = fnv_add_number(sum, node[i].ip, 4);
        sum = fnv_add_number(sum, node[i].port, 2);
        if (node[i].weight == 0 && node[i].zone == 0)
            continue;
        sum = fnv_add_number(sum, node[i].weight, 2);
        sum = fnv_add_number(sum, node[i].zone, 4);
    }
    return sum ? sum : 1;
}

static int cmp_node(const struct route_node *a, const struct route_node *b)
{
    if (a->ip != b->ip)
        return a->ip < b->ip ? -1 : 1;
    return (int)a->port - (int)b->port;
}

static bool same_values(const struct route_node *a, const struct route_node *b)
{
    return a->weight == b->weight && a->zone == b->zone;
}

int routedelta_diff(const struct route_node *had, size_t n_had,
                    const struct route_node *has, size_t n_has, struct route_node *add,
                    size_t *n_add, struct route_node *gone, size_t *n_gone, size_t room)
{
    size_t i = 0, k = 0;

    *n_add = *n_gone = 0;
    while (i < n_had || k < n_has) {
        int c = i == n_had ? 1 : k == n_has ? -1 : cmp_node(&had[i], &has[k]);
        bool other = c == 0 && !same_values(&had[i], &has[k]); /* replaced */

        if (((c < 0 || other) && *n_gone == room) || ((c > 0 || other) && *n_add == room))
            return -E2BIG;
        if (c < 0 || other)
            gone[(*n_gone)++] = had[i];
        if (c > 0 || other)
            add[(*n_add)++] = has[k];
        i += c <= 0;
        k += c >= 0;
    }
    return 0;
}

int64_t routedelta_apply(const struct route_node *node, size_t n,
                         const struct route_node *add, size_t n_add,
                         const struct route_node *gone, size_t n_gone,
                         struct route_node *out)
{
    size_t i = 0, a = 0, g = 0, o = 0;

    while (i < n || a < n_add) {
        int c = i == n ? 1 : a == n_add ? -1 : cmp_node(&node[i], &add[a]);

        bool goes = i < n && c <= 0 && g < n_gone && cmp_node(&node[i], &gone[g]) == 0;

        if (c == 0 && !goes)
            return -EBADMSG; /* to be added, but it is there */
        if (goes) {
            g++;
            i++;
            continue;
        }
        out[o] = c < 0 ? node[i++] : add[a++];
        if (o > 0 && cmp_node(&out[o - 1], &out[o]) >= 0)
            return -EBADMSG;
        o++;
    }
    return g == n_gone ? (int64_t)o : -EBADMSG;
}
